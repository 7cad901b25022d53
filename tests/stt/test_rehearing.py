"""An utterance for engines that take whole audio only: heard again as it grows, never twice."""

from collections.abc import AsyncGenerator

import numpy as np
import pytest

from parley_stt.audio.samples import Audio
from parley_stt.engine import Options, Segment
from parley_stt.engines.rehearing import rehearing


class Counter:
    """Transcribes audio as the number of its samples."""

    def __init__(self) -> None:
        self.asked: list[Options] = []

    async def transcribe(self, audio: Audio, options: Options) -> AsyncGenerator[Segment, None]:
        self.asked.append(options)
        yield Segment(0, audio.seconds, f" {len(audio.samples)}", "en")


def samples(count: int) -> np.ndarray[tuple[int], np.dtype[np.int16]]:
    return np.zeros(count, np.int16)


@pytest.mark.anyio
async def test_each_transcript_is_of_all_that_was_heard() -> None:
    async with rehearing(Counter(), Options()) as listening:
        await listening.hear(samples(100))
        assert await listening.interim() == "100"
        await listening.hear(samples(20))
        assert [segment.text for segment in await listening.final()] == [" 120"]


@pytest.mark.anyio
async def test_what_was_transcribed_in_a_pause_is_the_final_transcript_if_no_more_was_said() -> (
    None
):
    engine = Counter()
    async with rehearing(engine, Options()) as listening:
        await listening.hear(samples(100))
        await listening.interim()
        assert [segment.text for segment in await listening.final()] == [" 100"]

    assert len(engine.asked) == 1


@pytest.mark.anyio
async def test_interims_let_others_go_first_and_nothing_is_taken_for_silence() -> None:
    engine = Counter()
    async with rehearing(engine, Options(prompt="Parley")) as listening:
        await listening.interim()
        await listening.hear(samples(1))
        await listening.final()

    interim, final = engine.asked
    assert interim.patience_s > final.patience_s
    assert (interim.prompt, interim.endpointing) == ("Parley", None)
