"""The transcriber of a session: one utterance after the other, so that items end in their order."""

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from contextlib import aclosing

from parley_kit.errors import ApiError, DeadlineExceeded, InternalError
from parley_kit.sockets import Gone
from parley_stt.audio.samples import Audio
from parley_stt.engine import Listening, Options, Segment, SttEngine
from parley_stt.realtime import events
from parley_stt.realtime.agreement import Agreement
from parley_stt.realtime.ear import Ear
from parley_stt.realtime.events import Event
from parley_stt.realtime.metrics import RealtimeMetrics
from parley_stt.realtime.pace import Pace
from parley_stt.realtime.utterance import Utterance

log = logging.getLogger("parley.stt.realtime")

Say = Callable[[Event], Awaitable[None]]


class Transcriber:
    """Runs beside the reader of a session; who cancels it stops the engine's work."""

    def __init__(
        self, engine: SttEngine, say: Say, metrics: RealtimeMetrics, patience_s: float
    ) -> None:
        """
        Args:
            say: sends an event to the client.
            patience_s: how long the engine may take for anything it is asked.
        """
        self._engine = engine
        self._say = say
        self._metrics = metrics
        self._patience_s = patience_s
        self._utterances: deque[Utterance] = deque()
        self._news = asyncio.Event()
        self._idle = asyncio.Event()
        self._idle.set()

    @property
    def pending(self) -> int:
        """Samples that the engine has not heard yet."""
        return sum(utterance.pending for utterance in self._utterances)

    @property
    def is_idle(self) -> bool:
        """Whether nothing is being said, and all that was said is transcribed."""
        return self._idle.is_set()

    async def idle(self) -> None:
        """Wait until it is idle."""
        await self._idle.wait()

    def submit(self, utterance: Utterance) -> None:
        """Transcribe it after those before it; it may still be growing."""
        self._utterances.append(utterance)
        self._news.set()
        self._idle.clear()

    async def run(self) -> None:
        """Transcribe until cancelled.

        Raises:
            Gone: the client is not there.
        """
        while True:
            await self._news.wait()
            while self._utterances:
                await self._serve(self._utterances[0])
                self._utterances.popleft()
            self._news.clear()
            self._idle.set()

    async def _serve(self, utterance: Utterance) -> None:
        try:
            await self._transcribe(utterance)
        except Gone:
            raise
        except ApiError as failure:
            await self._fail(utterance, failure)
        except TimeoutError:
            await self._fail(utterance, DeadlineExceeded(self._patience_s))
        except Exception as exc:
            log.error("an utterance was lost", exc_info=exc)
            await self._fail(utterance, InternalError())

    async def _transcribe(self, utterance: Utterance) -> None:
        match utterance.options:
            case None:
                await _drain(utterance)
                self._metrics.ended("unasked")
            case options if utterance.spoken:
                await self._listen(utterance, options)
            case options:
                await self._read(utterance, options)

    async def _listen(self, utterance: Utterance, options: Options) -> None:
        """What the VAD cut out: heard while it is being spoken."""
        agreement = Agreement()
        async with self._engine.listen(options) as listening:
            ear = Ear(utterance, listening, self._patience_s)
            await self._follow(utterance, ear, listening, agreement)
            if utterance.abandoned:
                return
            await ear.listen()
            async with asyncio.timeout(self._patience_s):
                segments = await listening.final()
            await self._complete(utterance, segments, agreement)

    async def _follow(
        self, utterance: Utterance, ear: Ear, listening: Listening, agreement: Agreement
    ) -> None:
        """Hear the utterance until it ends, and tell what is sure of it."""
        clock = asyncio.get_running_loop().time
        pace: Pace | None = None
        while utterance.ended_at is None:
            await ear.listen()
            pace = pace or Pace(ear.given_s)
            if utterance.ended_at is not None or not _is_time(utterance, ear, pace, clock()):
                continue
            given_s, started = ear.given_s, clock()
            delta = agreement.interim(await self._interim(listening))
            pace.took(given_s, started, clock(), said=bool(agreement.said))
            if not utterance.abandoned:
                await self._delta(utterance, delta)

    async def _interim(self, listening: Listening) -> str:
        """The transcript so far; empty when the engine has no time for one."""
        try:
            async with asyncio.timeout(self._patience_s):
                return await listening.interim()
        except (ApiError, TimeoutError) as exc:
            code = exc.code if isinstance(exc, ApiError) else DeadlineExceeded.default_code
            log.info("no interim transcript", extra={"data": {"code": code}})
            return ""

    async def _read(self, utterance: Utterance, options: Options) -> None:
        """What the client committed: transcribed like a file, without what is silent in it."""
        audio = Audio(await utterance.next())
        agreement = Agreement()
        segments: list[Segment] = []
        async with (
            asyncio.timeout(self._patience_s),
            aclosing(self._engine.transcribe(audio, options)) as transcribed,
        ):
            async for segment in transcribed:
                segments.append(segment)
                await self._delta(utterance, agreement.final(_text(segments)))
        await self._complete(utterance, segments, agreement)

    async def _complete(
        self, utterance: Utterance, segments: Sequence[Segment], agreement: Agreement
    ) -> None:
        transcript = _text(segments)
        await self._delta(utterance, agreement.final(transcript))
        await self._say(
            events.transcription_completed(
                utterance.item_id,
                transcript,
                segments,
                utterance.samples,
                logprobs=utterance.logprobs,
            )
        )
        assert utterance.ended_at is not None
        self._metrics.final(asyncio.get_running_loop().time() - utterance.ended_at)
        self._metrics.ended("completed")

    async def _delta(self, utterance: Utterance, delta: str) -> None:
        if delta:
            await self._say(events.transcription_delta(utterance.item_id, delta))

    async def _fail(self, utterance: Utterance, failure: ApiError) -> None:
        """Say so when the item is there to have failed."""
        await _drain(utterance)
        if not utterance.abandoned:
            await self._say(events.transcription_failed(utterance.item_id, failure))
            self._metrics.ended("failed")


def _is_time(utterance: Utterance, ear: Ear, pace: Pace, now: float) -> bool:
    """Whether to ask for an interim: once in a pause that may be the end, else at a pace.

    When a pause has just begun the engine had better be free for what comes next.
    """
    if ear.has_all:
        return ear.given_s > pace.heard_s
    return not utterance.pausing and pace.due(ear.given_s, now)


async def _drain(utterance: Utterance) -> None:
    while utterance.ended_at is None:
        await utterance.next()


def _text(segments: Sequence[Segment]) -> str:
    return "".join(segment.text for segment in segments).strip()
