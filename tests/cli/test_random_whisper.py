"""Made-up Whisper models: real faster-whisper loads them, and they behave as they say."""

import hashlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from faster_whisper import WhisperModel

from parley.bench import random_whisper
from parley.bench.random_whisper import Manner

RATE = 16_000
TONE = (0.3 * np.sin(2 * np.pi * 440 / RATE * np.arange(3 * RATE))).astype(np.float32)


def load(folder: Path) -> Any:
    return WhisperModel(str(folder), device="cpu", compute_type="float32", cpu_threads=1)


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Any:
    return load(random_whisper.write(tmp_path_factory.mktemp("clear")))


def transcribe(model: Any, audio: Any = TONE, **options: Any) -> list[Any]:
    segments, _ = model.transcribe(audio, **{"beam_size": 1, "language": "en", **options})
    return list(segments)


def said(model: Any, audio: Any = TONE, **options: Any) -> str:
    return "".join(segment.text for segment in transcribe(model, audio, **options))


@pytest.mark.parametrize("multilingual", [True, False])
@pytest.mark.parametrize(
    "options",
    [{}, {"initial_prompt": "x"}, {"initial_prompt": "x" * 500}, {"beam_size": 5}],
    ids=str,
)
def test_a_transcript_has_two_segments_and_ends(
    tmp_path: Path, multilingual: bool, options: Any
) -> None:
    model = load(random_whisper.write(tmp_path, multilingual=multilingual, stop_after=24))
    first, second = transcribe(model, **options)

    assert model.model.is_multilingual == multilingual
    assert len(first.tokens) + len(second.tokens) == 24
    assert [first.start, first.end, second.start, second.end] == [0, 1, 1.02, 2]
    assert first.temperature == 0
    assert first.avg_logprob > -0.5
    assert first.compression_ratio < 2


def test_without_timestamps_it_is_one_segment_of_as_many_words(model: Any) -> None:
    (whole,) = transcribe(model, without_timestamps=True)

    assert len(whole.text.split()) == 16


def test_words_depend_on_all_that_is_asked_and_on_nothing_else(model: Any) -> None:
    asked: list[dict[str, Any]] = [
        {}, {"language": "de"}, {"task": "translate"}, {"initial_prompt": "a"}, {"hotwords": "b"},
        {"audio": TONE[::2]},
    ]  # fmt: skip

    assert len({said(model, **options) for options in asked}) == len(asked)
    assert [said(model, **options) for options in asked] == [
        said(model, **options) for options in asked
    ]


def test_words_are_spread_over_the_time_that_they_take(model: Any) -> None:
    words = [word for part in transcribe(model, word_timestamps=True) for word in part.words]

    starts = [word.start for word in words]
    assert len(set(starts)) == len(words) == 16
    assert starts == sorted(starts)
    assert 1.5 < starts[-1] < 2.5


def test_the_same_seed_is_the_same_model(tmp_path: Path) -> None:
    def digest(folder: str, seed: int) -> str:
        random_whisper.write(tmp_path / folder, seed=seed)
        return hashlib.sha256((tmp_path / folder / "model.bin").read_bytes()).hexdigest()

    assert digest("a", 1) == digest("b", 1) != digest("c", 2)


def test_one_that_repeats_itself_does_so_until_it_is_sampled(tmp_path: Path) -> None:
    model = load(random_whisper.write(tmp_path, manner=Manner.REPEATING))
    (greedy,) = transcribe(model, temperature=[0.0])
    sampled = transcribe(model)

    assert greedy.compression_ratio > 2.4
    assert greedy.avg_logprob > -1
    assert sampled[0].temperature > 0
    assert sampled[0].compression_ratio < 2.4


def test_one_that_is_unsure_is_so_at_every_temperature(tmp_path: Path) -> None:
    model = load(random_whisper.write(tmp_path, manner=Manner.UNSURE))
    segments = transcribe(model)

    assert segments[0].temperature == 1
    assert segments[0].avg_logprob < -1


def test_a_model_has_no_room_for_any_length(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="wider"):
        random_whisper.write(tmp_path, stop_after=60)
