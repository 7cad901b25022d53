"""The faster-whisper engine: the same words as alone whoever else asks, and no work for nobody."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from parley.bench import random_whisper
from parley.bench.random_whisper import Manner
from parley_kit.errors import InternalError
from parley_stt.audio import SAMPLE_RATE
from parley_stt.audio.samples import Audio
from parley_stt.engine import Options, Segment
from parley_stt.engines.whisper.engine import FasterWhisperEngine
from parley_stt.settings import SttSettings
from tests.stt.recordings import long_speech

EVERYTHING = Options(languages=("en",), endpointing=None)


@asynccontextmanager
async def engine_on(folder: Path, **settings: Any) -> AsyncIterator[FasterWhisperEngine]:
    engine = FasterWhisperEngine(
        SttSettings(engine="faster-whisper", model=str(folder), device="cpu", **settings)
    )
    try:
        await engine.start()
        yield engine
    finally:
        await engine.close()


async def heard(
    engine: FasterWhisperEngine, audio: Audio, options: Options = EVERYTHING
) -> list[Segment]:
    async with aclosing(engine.transcribe(audio, options)) as segments:
        return [segment async for segment in segments]


async def text(engine: FasterWhisperEngine, audio: Audio, options: Options = EVERYTHING) -> str:
    return "".join(segment.text for segment in await heard(engine, audio, options))


def noise(seed: int, seconds: float = 2.0) -> Audio:
    """Sounds that differ from one another as recordings do."""
    rng = np.random.default_rng(seed)
    time = np.arange(int(seconds * SAMPLE_RATE)) / SAMPLE_RATE
    tones = sum(np.sin(2 * np.pi * hertz * time) for hertz in rng.uniform(100, 4000, 4))
    return Audio((3000 * np.asarray(tones)).astype(np.int16))


def speech() -> Audio:
    return Audio(np.frombuffer(long_speech()[44:], "<i2"))


def hour_long(seconds: float = 150) -> Audio:
    return Audio(np.tile(speech().samples, 20)[: int(seconds * SAMPLE_RATE)])


@pytest.mark.anyio
@pytest.mark.parametrize("settings", [{"workers": 2}, {"workers": 1, "batch_size": 4}])
async def test_many_callers_at_once_get_what_each_would_get_alone(
    whisper_folder: Path, settings: dict[str, int]
) -> None:
    recordings = [noise(seed) for seed in range(8)]
    async with engine_on(whisper_folder, max_concurrency=8, **settings) as engine:
        alone = [await text(engine, recording) for recording in recordings]
        together = await asyncio.gather(*(text(engine, recording) for recording in recordings))

    assert together == alone
    assert len(set(alone)) > 1


@pytest.mark.anyio
async def test_prompts_of_different_length_are_served_together(whisper_folder: Path) -> None:
    prompts = ["", "one", "one two three", "one " * 300]
    async with engine_on(whisper_folder, workers=1, batch_size=4) as engine:
        asked = [replace(EVERYTHING, prompt=prompt) for prompt in prompts]
        alone = [await text(engine, noise(1), options) for options in asked]
        together = await asyncio.gather(*(text(engine, noise(1), options) for options in asked))

    assert together == alone
    assert all(alone)


@pytest.mark.anyio
@pytest.mark.parametrize("batch_size", [1, 4])
async def test_a_long_recording_has_its_segments_in_order_at_the_right_times(
    whisper_folder: Path, batch_size: int
) -> None:
    audio = hour_long()
    async with engine_on(whisper_folder, batch_size=batch_size) as engine:
        segments = await heard(engine, audio)
        windows = [segment.start for segment in segments if segment.start >= 30]

    times = [time for segment in segments for time in (segment.start, segment.end)]
    assert times == sorted(times)
    assert times[-1] <= audio.seconds
    assert len(windows) >= 4


@pytest.mark.anyio
async def test_the_first_segments_of_a_long_recording_come_before_its_last_is_decoded(
    whisper_folder: Path,
) -> None:
    async with engine_on(whisper_folder, workers=1) as engine:
        async with aclosing(engine.transcribe(hour_long(), EVERYTHING)) as segments:
            first = await anext(segments)
            assert first.start < 30
        assert engine.status()["steps_waiting"] == 0


@pytest.mark.anyio
async def test_a_short_utterance_overtakes_a_long_recording(whisper_folder: Path) -> None:
    async with engine_on(whisper_folder, workers=1) as engine:
        long = asyncio.ensure_future(heard(engine, hour_long(600)))
        await asyncio.sleep(0)
        assert await text(engine, noise(1))
        assert not long.done()
        assert len(await long) > 20


@pytest.mark.anyio
async def test_who_is_cancelled_leaves_no_work_behind(whisper_folder: Path) -> None:
    async with engine_on(whisper_folder, workers=1) as engine:
        callers = [asyncio.ensure_future(heard(engine, hour_long(600))) for _ in range(4)]
        async with aclosing(engine.transcribe(hour_long(), EVERYTHING)) as segments:
            await anext(segments)  # they are all under way
        for caller in callers:
            caller.cancel()
        await asyncio.wait(callers, timeout=1)

        assert all(caller.cancelled() for caller in callers)
        assert engine.status()["steps_waiting"] == 0
        assert await text(engine, noise(1))


@pytest.mark.anyio
async def test_the_language_that_is_heard_is_one_of_those_that_may_be_spoken(
    whisper_folder: Path,
) -> None:
    async with engine_on(whisper_folder) as engine:
        any_, *_ = await heard(engine, noise(1), Options(endpointing=None))
        among, *_ = await heard(engine, noise(1), Options(languages=("sw", "cy"), endpointing=None))

    assert any_.language in engine.languages
    assert among.language in ("sw", "cy")


@pytest.mark.anyio
async def test_language_task_prompt_and_keywords_reach_the_model(whisper_folder: Path) -> None:
    asked = [
        EVERYTHING,
        replace(EVERYTHING, languages=("de",)),
        replace(EVERYTHING, task="translate"),
        replace(EVERYTHING, prompt="Parley"),
        replace(EVERYTHING, keywords=("Parley", "Qwen")),
    ]
    async with engine_on(whisper_folder) as engine:
        texts = [await text(engine, noise(3), options) for options in asked]

    assert len(set(texts)) == len(asked)


@pytest.mark.anyio
async def test_words_lie_inside_their_segments_and_make_up_the_text(whisper_folder: Path) -> None:
    async with engine_on(whisper_folder) as engine:
        segments = await heard(engine, noise(1), replace(EVERYTHING, words=True))

    for segment in segments:
        assert "".join(word.text for word in segment.words) == segment.text.replace(" ", "")
        times = [time for word in segment.words for time in (word.start, word.end)]
        assert times == sorted(times)
        assert segment.start <= times[0] <= times[-1] <= segment.end


@pytest.mark.anyio
async def test_a_model_that_repeats_itself_is_sampled_at_rising_temperatures(
    tmp_path: Path,
) -> None:
    folder = random_whisper.write(tmp_path, manner=Manner.REPEATING)
    async with engine_on(folder) as engine:
        ladder = await heard(engine, noise(1))
        fixed = await heard(engine, noise(1), replace(EVERYTHING, temperature=0.2))

    assert {segment.temperature for segment in ladder} != {0.0}
    assert {segment.temperature for segment in fixed} == {0.2}


@pytest.mark.anyio
@pytest.mark.parametrize("seconds", [0, 0.01, 0.05, 1, 35])
async def test_silence_is_no_text(whisper_folder: Path, seconds: float) -> None:
    silence = Audio(np.zeros(int(seconds * SAMPLE_RATE), np.int16))
    async with engine_on(whisper_folder) as engine:
        assert await heard(engine, silence, Options()) == []


@pytest.mark.anyio
async def test_a_fault_in_the_model_is_an_internal_error_and_the_next_caller_is_served(
    whisper_folder: Path,
) -> None:
    async with engine_on(whisper_folder) as engine:
        with pytest.raises(InternalError):
            await heard(engine, noise(1), replace(EVERYTHING, languages=("xx",)))
        assert await text(engine, noise(1))


@pytest.mark.anyio
async def test_an_english_model_hears_english_only_and_does_not_translate(tmp_path: Path) -> None:
    folder = random_whisper.write(tmp_path, multilingual=False)
    async with engine_on(folder) as engine:
        assert engine.languages == {"en": "english"}
        assert not engine.translates
        assert await text(engine, noise(1), Options(endpointing=None))


@pytest.mark.anyio
async def test_an_utterance_is_heard_while_it_grows(whisper_folder: Path) -> None:
    samples = noise(1).samples
    async with engine_on(whisper_folder) as engine, engine.listen(EVERYTHING) as listening:
        await listening.hear(samples[:8000])
        assert await listening.interim()
        await listening.hear(samples[8000:])
        final = await listening.final()
        assert "".join(segment.text for segment in final) == await text(engine, noise(1))


@pytest.mark.anyio
async def test_the_status_says_what_it_runs_on(whisper_folder: Path) -> None:
    async with engine_on(whisper_folder, workers=2, cpu_threads=1) as engine:
        status = engine.status()

    assert status["engine"] == "faster-whisper"
    assert status["model"] == "made-up-whisper"
    assert (status["device"], status["parallel"], status["batch_size"]) == ("cpu", 2, 1)


@pytest.mark.anyio
async def test_a_long_prompt_and_many_keywords_leave_room_for_the_transcript(
    whisper_folder: Path,
) -> None:
    talkative = replace(EVERYTHING, prompt="one two " * 400, keywords=("Parley",) * 400)
    async with engine_on(whisper_folder) as engine:
        assert await text(engine, noise(1), talkative)


@pytest.mark.anyio
async def test_no_segment_reaches_into_the_piece_after_it(whisper_folder: Path) -> None:
    short, pause = noise(1, 0.6).samples, np.zeros(int(0.62 * SAMPLE_RATE), np.int16)
    audio = Audio(np.concatenate((short, pause, hour_long(29).samples)))
    async with engine_on(whisper_folder) as engine:
        segments = await heard(engine, audio, Options(languages=("en",)))

    times = [time for segment in segments for time in (segment.start, segment.end)]
    assert times == sorted(times)
