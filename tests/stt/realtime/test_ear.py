"""The engine is given all that is said, in order, and is spared the silence that ends a turn."""

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from parley_stt.audio import SAMPLE_RATE
from parley_stt.engine import Options, Segment
from parley_stt.realtime.ear import PAUSE_S, Ear
from parley_stt.realtime.tape import Samples
from parley_stt.realtime.utterance import Utterance

STEP = SAMPLE_RATE // 20


class Engine:
    """Notes what it hears."""

    def __init__(self) -> None:
        self.heard: list[int] = []

    async def hear(self, samples: Samples) -> None:
        self.heard += samples.tolist()

    async def interim(self) -> str:
        return ""

    async def final(self) -> Sequence[Segment]:
        return []


class Speaker:
    """Speaks steps of 50 ms, each numbered by its samples, or is silent."""

    def __init__(self) -> None:
        self.utterance = Utterance("item", Options(), logprobs=False, spoken=True)
        self.engine = Engine()
        self.ear = Ear(self.utterance, self.engine, 10.0)
        self.silence = 0

    async def say(self, is_speech: bool) -> None:
        self.silence = 0 if is_speech else self.silence + STEP
        start = self.utterance.samples
        numbers = np.arange(start, start + STEP, dtype=np.int64).astype(np.int16)
        self.utterance.add(numbers, self.silence)
        await self.ear.listen()


@pytest.mark.anyio
@given(st.lists(st.booleans(), max_size=60))
async def test_all_that_is_said_is_heard_at_once_and_in_order(steps: list[bool]) -> None:
    speaker = Speaker()
    for is_speech in steps:
        await speaker.say(is_speech)
        assert speaker.ear.given >= speaker.utterance.speech_end

    numbers = np.arange(speaker.ear.given, dtype=np.int64).astype(np.int16)
    assert speaker.engine.heard == numbers.tolist()


@pytest.mark.anyio
async def test_the_silence_at_the_end_is_kept_from_the_engine_after_a_pause() -> None:
    speaker = Speaker()
    for is_speech in [True] * 4 + [False] * 20:
        await speaker.say(is_speech)

    assert speaker.ear.has_all
    assert speaker.ear.given == 4 * STEP + round(PAUSE_S * SAMPLE_RATE)


@pytest.mark.anyio
async def test_who_goes_on_after_a_pause_is_heard_with_the_pause() -> None:
    speaker = Speaker()
    for is_speech in [True] * 4 + [False] * 10 + [True]:
        await speaker.say(is_speech)

    assert not speaker.ear.has_all
    assert speaker.ear.given == speaker.utterance.samples
