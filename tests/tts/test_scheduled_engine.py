"""What any synthesiser is made of: order, threads, cancellation, failures."""

import asyncio
import itertools
import threading
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager

import numpy as np
import pytest

from parley_kit.errors import InvalidRequest
from parley_tts.cache import CachingEngine, PhraseCache
from parley_tts.engine import Chunk, EngineError, Manner, TtsEngine, Whole
from parley_tts.engines.scheduled import ScheduledEngine
from tests.serving import wait_until
from tests.tts.beeping import RATE, BeepingSynthesiser

pytestmark = pytest.mark.anyio

MANNER = Manner(voice=(("beep", 1.0),))
TEXT = "This is the first clause, and this is the second one. Here is another sentence. " * 6


@asynccontextmanager
async def started(synthesiser: BeepingSynthesiser) -> AsyncIterator[ScheduledEngine[object]]:
    engine = ScheduledEngine[object](synthesiser, ())  # type: ignore[arg-type] # any phrase
    await engine.start()
    synthesiser.spoken.clear()
    synthesiser.phonemised.clear()
    try:
        yield engine
    finally:
        await engine.close()


async def spoken(engine: TtsEngine, text: str) -> list[Chunk]:
    async with aclosing(engine.speak(MANNER, Whole(text))) as chunks:
        return [chunk async for chunk in chunks]


class Gate:
    """Lets the engine make one chunk for each `open`."""

    def __init__(self) -> None:
        self.waiting: list[str] = []
        self._permits = threading.Semaphore(0)
        self._is_shut = False

    def shut(self) -> None:
        self._is_shut = True

    def open(self, count: int = 1) -> None:
        self._permits.release(count)

    def __call__(self, text: str) -> None:
        if self._is_shut:
            self.waiting.append(text)
            assert self._permits.acquire(timeout=10)


async def until(condition: object, what: str) -> None:
    await asyncio.to_thread(wait_until, condition, 5, what)


async def test_the_first_chunk_is_the_first_clause_and_all_is_said_once_in_order() -> None:
    synthesiser = BeepingSynthesiser()
    async with started(synthesiser) as engine:
        chunks = await spoken(engine, TEXT)

    assert len(synthesiser.spoken[0]) <= 45
    assert " ".join(synthesiser.spoken).split() == TEXT.split()
    assert " ".join(synthesiser.phonemised).split() == TEXT.split()
    assert sum(len(chunk.samples) for chunk in chunks) == 80 * len("".join(TEXT.split()))


async def test_words_are_the_callers_and_their_times_count_from_the_beginning() -> None:
    async with started(BeepingSynthesiser()) as engine:
        chunks = await spoken(engine, TEXT)

    words = [word for chunk in chunks for word in chunk.words]
    assert [TEXT[word.span.start : word.span.end] for word in words] == TEXT.split()
    assert all(one.end_s == pytest.approx(next.start_s) for one, next in itertools.pairwise(words))
    assert words[-1].end_s == pytest.approx(sum(len(chunk.samples) for chunk in chunks) / RATE)


async def test_nothing_is_done_on_the_event_loop() -> None:
    synthesiser = BeepingSynthesiser()
    async with started(synthesiser) as engine:
        await spoken(engine, TEXT)

    assert threading.get_ident() not in synthesiser.threads


async def test_a_newcomer_is_heard_before_others_hear_their_third_chunk() -> None:
    gate = Gate()
    synthesiser = BeepingSynthesiser(gate)
    async with started(synthesiser) as engine:
        gate.shut()
        talks = [
            asyncio.create_task(spoken(engine, f"Caller {name} here, " + TEXT)) for name in "abcd"
        ]
        await until(lambda: greetings(synthesiser.phonemised) == 4, "all are waiting")
        gate.open(1_000)
        await asyncio.gather(*talks)

    assert greetings(synthesiser.spoken[:4]) == 4


def greetings(texts: list[str]) -> int:
    return sum(text.startswith("Caller") for text in texts)


async def test_who_hangs_up_costs_no_more_than_the_chunk_that_is_being_made() -> None:
    gate = Gate()
    synthesiser = BeepingSynthesiser(gate)
    async with started(synthesiser) as engine:
        gate.shut()
        talk = asyncio.create_task(spoken(engine, TEXT))
        await until(lambda: gate.waiting, "the first chunk is made")
        talk.cancel()
        await asyncio.wait([talk])
        gate.open(1_000)
        await spoken(engine, "Someone else.")

    assert len(synthesiser.spoken) == 2


async def test_who_does_not_read_is_not_spoken_to_without_end() -> None:
    synthesiser = BeepingSynthesiser()
    async with (
        started(synthesiser) as engine,
        aclosing(engine.speak(MANNER, Whole(TEXT * 5))) as chunks,
    ):
        await anext(chunks)
        await spoken(engine, "Someone else.")
        await spoken(engine, "And again.")
        held_back = len(synthesiser.spoken)
        rest = [chunk async for chunk in chunks]

    assert held_back <= 6
    assert rest
    assert " ".join(synthesiser.spoken).count("sentence") == 30


async def test_a_long_text_is_not_phonemised_long_before_it_is_spoken() -> None:
    synthesiser = BeepingSynthesiser()
    async with (
        started(synthesiser) as engine,
        aclosing(engine.speak(MANNER, Whole(TEXT * 50))) as chunks,
    ):
        await anext(chunks)
        await spoken(engine, "Someone else.")
        ahead = sum(map(len, synthesiser.phonemised))

    assert ahead < 12 * synthesiser.max_size


async def test_a_script_is_spoken_as_it_comes() -> None:
    more = asyncio.Event()

    async def script() -> AsyncIterator[str]:
        yield "This much is already known, and th"
        await more.wait()
        yield "is was added. "
        yield "The end"

    synthesiser = BeepingSynthesiser()
    async with started(synthesiser) as engine, aclosing(engine.speak(MANNER, script())) as chunks:
        first = await anext(chunks)
        assert synthesiser.spoken == ["This much is already known,"]
        more.set()
        rest = [chunk async for chunk in chunks]

    text = "This much is already known, and this was added. The end"
    words = [word for chunk in (first, *rest) for word in chunk.words]
    assert " ".join(text[word.span.start : word.span.end] for word in words).split()[-2:] == [
        "The",
        "end",
    ]


async def test_a_pause_is_silence_of_its_length() -> None:
    async with started(BeepingSynthesiser()) as engine:
        chunks = await spoken(engine, "Wait. [pause:0.5s] Go on now.")

    assert [len(chunk.samples) for chunk in chunks if not np.any(chunk.samples)] == [RATE // 2]
    assert chunks[-1].words[0].start_s == pytest.approx(0.5 + 0.05)


async def test_what_has_no_sound_is_a_short_silence() -> None:
    async with started(BeepingSynthesiser()) as engine:
        (chunk,) = await spoken(engine, "...")

    assert len(chunk.samples) == RATE // 5
    assert not np.any(chunk.samples)


@pytest.mark.parametrize("text", ["This is broken.", "This is unreadable."])
async def test_a_failure_reaches_its_caller_and_nobody_else(text: str) -> None:
    synthesiser = BeepingSynthesiser()
    async with started(synthesiser) as engine:
        other = asyncio.create_task(spoken(engine, TEXT))
        with pytest.raises(EngineError):
            await spoken(engine, text)
        await other
        assert await spoken(engine, "Still here.")


async def test_a_pause_beyond_the_limit_is_refused() -> None:
    async with started(BeepingSynthesiser()) as engine:
        with pytest.raises(InvalidRequest):
            await spoken(engine, "[pause:99s] Hello.")


async def test_closing_ends_whoever_is_being_spoken_to() -> None:
    synthesiser = BeepingSynthesiser()
    async with started(synthesiser) as engine:
        chunks = engine.speak(MANNER, Whole(TEXT * 5))
        await anext(chunks)
        await engine.close()
        with pytest.raises(EngineError):
            async for _ in chunks:
                pass
        await chunks.aclose()

    assert synthesiser.is_closed


async def test_a_repeated_phrase_is_not_made_again() -> None:
    synthesiser = BeepingSynthesiser()
    async with started(synthesiser) as engine:
        caching = CachingEngine(engine, PhraseCache(1 << 20), 40)
        first = await spoken(caching, "Welcome to the clinic.")
        again = await spoken(caching, "Welcome to the clinic.")
        await spoken(caching, TEXT)
        made = len(synthesiser.spoken)
        await spoken(caching, TEXT)

        assert caching.status()["cache"] == {
            "phrases": 1, "bytes": caching.status()["cache"]["bytes"], "hits": 1, "misses": 1
        }  # fmt: skip
    assert [chunk.words for chunk in again] == [chunk.words for chunk in first]
    assert np.array_equal(again[0].samples, first[0].samples)
    assert len(synthesiser.spoken) > made


async def test_a_phrase_that_was_broken_off_is_not_kept() -> None:
    synthesiser = BeepingSynthesiser()
    async with started(synthesiser) as engine:
        caching = CachingEngine(engine, PhraseCache(1 << 20), 100)
        async with aclosing(
            caching.speak(MANNER, Whole("Welcome to the clinic. Hello."))
        ) as chunks:
            await anext(chunks)

        assert caching.status()["cache"]["phrases"] == 0


async def test_a_clause_that_cannot_be_read_is_left_out_of_the_others(
    caplog: pytest.LogCaptureFixture,
) -> None:
    synthesiser = BeepingSynthesiser()
    async with started(synthesiser) as engine:
        await spoken(engine, "This can be read.\nforeign words\nThis as well.")

    assert synthesiser.spoken == ["This can be read.", "This as well."]
    assert "foreign" not in caplog.text


async def test_a_text_of_which_nothing_can_be_read_is_refused() -> None:
    async with started(BeepingSynthesiser()) as engine:
        with pytest.raises(InvalidRequest):
            await spoken(engine, "...\nforeign words\nforeign again")


async def test_nobody_is_spoken_to_after_closing() -> None:
    async with started(BeepingSynthesiser()) as engine:
        await engine.close()
        with pytest.raises(EngineError):
            await spoken(engine, "Hello.")
