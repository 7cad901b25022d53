"""Speech on its way through an encoder, and what is left of one that nobody hears to its end."""

import gc
import threading
from collections.abc import AsyncGenerator, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

from parley_tts.encoding import streamed
from parley_tts.engine import Chunk, TimedWord
from parley_tts.formats import FORMATS, FormatName
from parley_tts.streaming import encoded, gathered
from parley_tts.traced import Span
from tests.tts.sounds import RATE, decoded_at

pytestmark = pytest.mark.anyio

WORDS = tuple(TimedWord(Span(at, at + 1), at, at + 1) for at in range(3))
MOST_GROWTH_MIB = 60


async def chunks(*seconds: float) -> AsyncGenerator[Chunk, None]:
    for number, length in enumerate(seconds):
        samples = np.random.default_rng(number).normal(0, 3_000, round(length * RATE))
        yield Chunk(samples.astype(np.int16), 0.1, (WORDS[number],))


async def test_words_come_with_the_first_bytes_of_their_chunk() -> None:
    speech = encoded(chunks(3, 3), streamed(FORMATS["pcm"], RATE, RATE))
    words = [part.words for part in [part async for part in speech]]

    assert [word for word in words if word] == [(WORDS[0],), (WORDS[1],)]
    assert words[0] == (WORDS[0],)


async def test_words_come_without_bytes_when_the_codec_holds_those_back() -> None:
    parts = [
        part async for part in encoded(chunks(0.02, 0.02), streamed(FORMATS["aac"], RATE, RATE))
    ]

    assert [(part.data, part.words) for part in parts[:2]] == [(b"", (word,)) for word in WORDS[:2]]
    assert parts[-1].data


async def test_the_first_bytes_are_of_the_beginning_of_the_first_chunk_alone() -> None:
    speech = encoded(chunks(5), streamed(FORMATS["pcm"], RATE, RATE))
    sizes = [len(part.data) / 2 / RATE async for part in speech]

    assert sizes[0] == pytest.approx(0.15, abs=0.01)
    assert max(sizes) <= 0.5
    assert sum(sizes) == 5


async def test_what_is_gathered_is_all() -> None:
    parts = await gathered(encoded(chunks(0.5, 0.5), streamed(FORMATS["wav"], RATE, RATE)))

    assert len(decoded_at(b"".join(part.data for part in parts), "wav", RATE)) == RATE
    assert [word for part in parts for word in part.words] == list(WORDS[:2])


@pytest.mark.parametrize("name", ["mp3", "opus", "aac", "flac"])
async def test_a_speech_that_is_broken_off_gives_its_memory_back_at_once(name: FormatName) -> None:
    form = FORMATS[name]
    before = resident_mib()
    with without_garbage_collector():
        for _ in range(150):
            speech = encoded(chunks(0.3, 0.3), streamed(form, form.rate, RATE))
            assert (await anext(speech)).data
            await speech.aclose()

        assert resident_mib() - before < MOST_GROWTH_MIB


def test_an_encoder_can_be_closed_while_a_thread_is_at_work_and_again() -> None:
    encoder = streamed(FORMATS["mp3"], RATE, RATE)
    noise = np.random.default_rng(0).normal(0, 3_000, 20 * RATE).astype(np.int16)
    thread = threading.Thread(target=encoder.encode, args=(noise,))
    thread.start()
    encoder.close()
    thread.join()
    encoder.close()


@contextmanager
def without_garbage_collector() -> Iterator[None]:
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def resident_mib() -> float:
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * 4_096 / (1 << 20)
