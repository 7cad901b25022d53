"""`bench tts` measures both sides of what it compares; its figures are not judged here."""

from pathlib import Path

import pytest

from parley.bench import tts_alone
from parley.bench.bare_kokoro import BareRuntime, grouped
from parley.bench.figures import Report
from parley_tts.engines.kokoro.phrases import KokoroPhrase
from parley_tts.engines.kokoro.synthesiser import KokoroSynthesiser
from parley_tts.traced import Traced


def test_one_caller_is_measured_against_the_bare_model(
    folder: Path, on_onnx: KokoroSynthesiser, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tts_alone, "_ROUNDS", 1)
    report = Report("tts")

    tts_alone.measure(report, folder, lambda step: None)

    measured = {figure.name: figure.value for figure in report.figures}
    assert measured["first byte of 20 words with commas"] > 0
    assert measured["first byte of 20 words without a comma"] > 0
    assert measured["whole request over the bare runtime"] > 0
    assert measured["whole request over the bare pipeline"] > 0
    assert "the server's share of the first byte" in measured


def test_the_bare_runtime_says_less_in_less_time(folder: Path, on_onnx: KokoroSynthesiser) -> None:
    bare = BareRuntime(folder, "af_heart", "en-US")
    text = "Yes, this is a sentence of several clauses, all of which take their time to be said."
    bare.whole(text)

    clause = min(bare.first_clause(text) for _ in range(3))
    assert clause < min(bare.whole(text) for _ in range(3))
    assert bare.in_chunks(text, [4, len(text)]) > 0
    bare.close()


def test_phrases_are_grouped_as_the_server_spoke_them() -> None:
    text = Traced.of("one two three four")
    phrases = [KokoroPhrase(text[start:end], "x") for start, end in ((0, 3), (4, 7), (8, 18))]

    assert grouped(phrases, [3, 18]) == [phrases[:1], phrases[1:]]
    assert grouped(phrases, [7, 13, 18]) == [phrases[:2], phrases[2:]]
