"""docs/operations.md names settings that exist, and its links lead to its sections."""

import re

from parley_llm.vllm.cards import CARDS
from tests.monitoring.files import OPERATIONS, ROOT

MANUAL = OPERATIONS.read_text("utf-8")
# Compose's own, and those of the example of a rotation.
OTHERS = {"COMPOSE_FILE", "NEW_KEY", "OLD_KEY"}


def test_every_setting_that_it_names_is_in_the_example() -> None:
    example = (ROOT / ".env.example").read_text("utf-8")
    listed = set(re.findall(r"^([A-Z0-9_]+)=", example, re.MULTILINE))
    named = set(re.findall(r"\b[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+\b", MANUAL))

    assert named - OTHERS <= listed


def test_every_link_to_a_section_has_one() -> None:
    titles = re.findall(r"^#+ (.+)$", MANUAL, re.MULTILINE)
    sections = {re.sub(r"[^\w\- ]", "", title).lower().replace(" ", "-") for title in titles}

    assert set(re.findall(r"\]\(#([^)]+)\)", MANUAL)) <= sections


def test_the_plan_of_the_cards_is_the_one_of_the_code() -> None:
    for gigabytes, card in CARDS.items():
        [row] = re.findall(rf"^\| {gigabytes} GB \|(.+)\|$", MANUAL, re.MULTILINE)
        model, kv_cache, _, context, stt, tts = (cell.strip() for cell in row.split("|"))
        assert model == card.model.removeprefix("Qwen/")
        assert (float(kv_cache), int(context)) == (card.kv_cache_gib, card.context_tokens)
        assert (float(stt), float(tts)) == (card.stt_gib, card.tts_gib)
