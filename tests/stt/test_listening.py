"""The embedded engine while somebody is speaking: real speech, worker processes, no HTTP."""

import asyncio
import os
import signal
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from functools import cache
from itertools import cycle, pairwise
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from parley.bench.figures import word_errors
from parley_kit.errors import InternalError, Overloaded
from parley_stt.audio.samples import Audio
from parley_stt.engine import Listening, Options, Segment
from parley_stt.engines.pocketsphinx import PocketsphinxEngine
from parley_stt.settings import SttSettings
from tests.serving import wait_until
from tests.stt.breakable import FREED_WITHIN_S, is_gone
from tests.stt.realtime.talking import pcm_of
from tests.stt.recordings import JFK, WEATHER, WEATHER_TEXT

pytestmark = pytest.mark.anyio

QUESTION = Path(__file__).parents[2] / "examples" / "question.wav"
QUESTION_TEXT = "how long does it take to get better from the flu"
JFK_TEXT = (
    "and so my fellow americans ask not what your country can do for you "
    "ask what you can do for your country"
)
PIECE = 800  # samples: 50 ms


@cache
def samples(recording: Path) -> NDArray[np.int16]:
    return np.frombuffer(pcm_of(recording, 16_000), np.int16)


@asynccontextmanager
async def running(patience_s: float = 20.0) -> AsyncIterator[PocketsphinxEngine]:
    """An engine of one worker."""
    engine = PocketsphinxEngine(SttSettings(workers=1), patience_s)
    try:
        await engine.start()
        yield engine
    finally:
        await engine.close()


@pytest.fixture(scope="module")
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="module")
async def engine(anyio_backend: str) -> AsyncIterator[PocketsphinxEngine]:
    async with running() as engine:
        yield engine


async def say(listening: Listening, speech: NDArray[np.int16]) -> None:
    for start in range(0, len(speech), PIECE):
        await listening.hear(speech[start : start + PIECE])


async def heard(engine: PocketsphinxEngine, speech: NDArray[np.int16]) -> Sequence[Segment]:
    async with engine.listen(Options()) as listening:
        await say(listening, speech)
        return await listening.final()


async def read(engine: PocketsphinxEngine, speech: NDArray[np.int16]) -> Sequence[Segment]:
    """The same speech as a file."""
    options = Options(endpointing=None)
    return [segment async for segment in engine.transcribe(Audio(speech), options)]


def text(segments: Sequence[Segment]) -> str:
    return "".join(segment.text for segment in segments).strip()


async def test_words_are_known_while_the_next_are_being_spoken(engine: PocketsphinxEngine) -> None:
    speech = samples(QUESTION)
    interims = []
    async with engine.listen(Options()) as listening:
        for start in range(0, len(speech), 4 * PIECE):
            await say(listening, speech[start : start + 4 * PIECE])
            interims.append(await listening.interim())
        final = text(await listening.final())

    lengths = [len(interim.split()) for interim in interims]
    assert lengths[0] == 0
    assert 0 < lengths[len(lengths) // 2] < lengths[-1]
    assert all(after >= before - 1 for before, after in pairwise(lengths))
    assert final == QUESTION_TEXT


async def test_speech_is_heard_as_well_bit_by_bit_as_in_a_file(engine: PocketsphinxEngine) -> None:
    errors = {"live": 0, "file": 0}
    for recording, said in ((JFK, JFK_TEXT), (QUESTION, QUESTION_TEXT)):
        live = await heard(engine, samples(recording))
        file = await read(engine, samples(recording))
        errors["live"] += word_errors(said.split(), text(live).split())
        errors["file"] += word_errors(said.split(), text(file).split())

    assert errors["live"] <= errors["file"] + 2


async def test_a_short_utterance_is_heard_exactly_as_in_a_file(engine: PocketsphinxEngine) -> None:
    speech = samples(WEATHER)[:24_000]
    live = await heard(engine, speech)
    file = await read(engine, speech)

    assert live[0].words == file[0].words
    assert 0 <= live[0].start < live[0].end <= 1.5


@pytest.mark.parametrize("length", [0, 1, 1000, 16_000, 48_000])
async def test_silence_is_no_segment(engine: PocketsphinxEngine, length: int) -> None:
    assert await heard(engine, np.zeros(length, np.int16)) == []


async def test_pieces_may_have_any_size_and_none(engine: PocketsphinxEngine) -> None:
    speech = samples(QUESTION)
    sizes = cycle((0, 1, 50, 256, 512, 800, 1600, 10_000))
    async with engine.listen(Options()) as listening:
        start = 0
        while start < len(speech):
            end = start + next(sizes)
            await listening.hear(speech[start:end])
            await listening.interim()
            start = end
        await listening.hear(speech[:0])
        final = await listening.final()

    assert "".join(segment.text for segment in final).split()[:4] == QUESTION_TEXT.split()[:4]


async def test_one_utterance_after_the_other_is_heard_the_same(engine: PocketsphinxEngine) -> None:
    first = await heard(engine, samples(WEATHER))
    await heard(engine, samples(QUESTION))
    again = await heard(engine, samples(WEATHER))

    assert first == again
    assert text(first) == WEATHER_TEXT


async def test_more_utterances_than_workers_are_all_heard(engine: PocketsphinxEngine) -> None:
    all_heard = await asyncio.gather(*(heard(engine, samples(WEATHER)) for _ in range(3)))

    assert [text(segments) for segments in all_heard] == [WEATHER_TEXT] * 3


async def test_files_and_utterances_share_the_workers(engine: PocketsphinxEngine) -> None:
    speech = samples(WEATHER)
    async with engine.listen(Options()) as listening:
        await say(listening, speech[:16_000])
        reading = asyncio.create_task(read(engine, speech))
        await say(listening, speech[16_000:])
        assert text(await listening.final()) == WEATHER_TEXT
        assert not reading.done()

    assert text(await reading) == WEATHER_TEXT


async def test_who_finds_every_worker_busy_is_told_to_come_again() -> None:
    async with running(patience_s=2) as engine, engine.listen(Options()):
        with pytest.raises(Overloaded):
            await read(engine, samples(WEATHER))


async def test_a_worker_that_dies_costs_one_utterance(engine: PocketsphinxEngine) -> None:
    async with engine.listen(Options()) as listening:
        await say(listening, samples(WEATHER)[:16_000])
        (worker,) = workers(engine)
        os.kill(worker, signal.SIGKILL)
        with pytest.raises(InternalError):
            await say(listening, samples(WEATHER)[16_000:])

    assert text(await heard(engine, samples(WEATHER))) == WEATHER_TEXT


async def test_an_utterance_that_is_given_up_leaves_its_worker_to_the_next(
    engine: PocketsphinxEngine,
) -> None:
    before = workers(engine)
    async with engine.listen(Options()) as listening:
        await say(listening, samples(JFK)[:48_000])
    started = time.monotonic()
    async with engine.listen(Options()) as listening:
        waited = time.monotonic() - started
        await say(listening, samples(WEATHER))
        assert text(await listening.final()) == WEATHER_TEXT

    assert waited < FREED_WITHIN_S
    assert workers(engine) == before


async def test_who_leaves_while_a_worker_decodes_has_it_stopped(engine: PocketsphinxEngine) -> None:
    (worker,) = workers(engine)
    hearing = asyncio.create_task(heard_at_once(engine, np.tile(samples(JFK), 4)))
    await asyncio.to_thread(wait_until, lambda: is_decoding(worker), 5, "it decodes")
    hearing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await hearing

    await asyncio.to_thread(wait_until, lambda: is_gone(worker), FREED_WITHIN_S, "it stops")
    assert text(await heard(engine, samples(WEATHER))) == WEATHER_TEXT


async def heard_at_once(engine: PocketsphinxEngine, speech: NDArray[np.int16]) -> None:
    async with engine.listen(Options()) as listening:
        await listening.hear(speech)


def workers(engine: PocketsphinxEngine) -> list[int]:
    found = engine.status()["workers"]
    assert isinstance(found, list)
    return found


def is_decoding(pid: int) -> bool:
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "R"
