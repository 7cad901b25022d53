"""The engine has a deadline; the speaker has none."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Any

import numpy as np
import pytest
from prometheus_client import CollectorRegistry

from parley_stt.audio import SAMPLE_RATE
from parley_stt.engine import Options, Segment
from parley_stt.realtime.events import Event
from parley_stt.realtime.metrics import RealtimeMetrics
from parley_stt.realtime.tape import Samples
from parley_stt.realtime.transcriber import Transcriber
from parley_stt.realtime.utterance import Utterance
from tests.stt.realtime.talking import COMPLETED, FAILED

pytestmark = pytest.mark.anyio

PATIENCE_S = 0.05


class Engine:
    """Hears one word, and hangs where a test says so."""

    def __init__(self, hangs_in: str = "") -> None:
        self._hangs_in = hangs_in

    @asynccontextmanager
    async def listen(self, options: Options) -> AsyncIterator["Engine"]:
        yield self

    async def hear(self, samples: Samples) -> None:
        await self._answer("hear")

    async def interim(self) -> str:
        await self._answer("interim")
        return "Hello"

    async def final(self) -> Sequence[Segment]:
        await self._answer("final")
        return [Segment(0.0, 1.0, " Hello", "en")]

    async def _answer(self, method: str) -> None:
        if method == self._hangs_in:
            await asyncio.Event().wait()


async def events_of(engine: Any, mute_s: float = 0.0) -> list[Event]:
    """What is said of an utterance in whose middle nothing comes for a while."""
    told: list[Event] = []

    async def say(event: Event) -> None:
        told.append(event)

    transcriber = Transcriber(engine, say, RealtimeMetrics(CollectorRegistry()), PATIENCE_S)
    utterance = Utterance("item", Options(), logprobs=False, spoken=True)
    transcriber.submit(utterance)
    task = asyncio.create_task(transcriber.run())
    utterance.add(np.zeros(SAMPLE_RATE, np.int16))
    await asyncio.wait([task], timeout=mute_s)
    utterance.add(np.zeros(SAMPLE_RATE, np.int16))
    await asyncio.wait([task], timeout=mute_s)
    utterance.end()
    async with asyncio.timeout(5):
        while not any(event["type"] in (COMPLETED, FAILED) for event in told):
            await asyncio.wait([task], timeout=0.005)
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task
    return told


async def test_a_speaker_may_think_for_longer_than_the_engine() -> None:
    told = await events_of(Engine(), mute_s=4 * PATIENCE_S)

    assert told[-1]["type"] == COMPLETED


async def test_an_interim_that_does_not_come_costs_nothing_but_itself() -> None:
    told = await events_of(Engine("interim"), mute_s=4 * PATIENCE_S)

    assert told[-1]["type"] == COMPLETED
    assert told[-1]["transcript"] == "Hello"


@pytest.mark.parametrize("method", ["hear", "final"])
async def test_an_engine_that_hangs_fails_the_item(method: str) -> None:
    told = await events_of(Engine(method))

    assert told[-1]["type"] == FAILED
    assert told[-1]["error"]["code"] == "deadline_exceeded"
