"""Sentences are passed on as soon as they are whole, and nothing of the text is lost."""

import asyncio
import itertools
from collections.abc import AsyncIterator

from hypothesis import given
from hypothesis import strategies as st

from parley.client import sentences


def passed_on(*pieces: str) -> list[str]:
    async def stream() -> AsyncIterator[str]:
        for piece in pieces:
            yield piece

    async def collect() -> list[str]:
        return [sentence async for sentence in sentences(stream())]

    return asyncio.run(collect())


def test_a_sentence_is_passed_on_when_the_next_begins() -> None:
    text = "Rest well today. See a doctor if it lasts. Call Dr. Smith at 8.30."

    assert passed_on(*text.partition("it"), " ") == [
        "Rest well today.",
        "See a doctor if it lasts.",
        "Call Dr. Smith at 8.30.",
    ]


@given(st.text(alphabet="ab. !\n?", max_size=60), st.lists(st.integers(0, 60), max_size=8))
def test_however_a_text_is_cut_up_nothing_is_lost(text: str, cuts: list[int]) -> None:
    edges = sorted({0, len(text), *(cut for cut in cuts if cut < len(text))})
    pieces = [text[a:b] for a, b in itertools.pairwise(edges)]

    assert "".join("".join(passed_on(*pieces)).split()) == "".join(text.split())
