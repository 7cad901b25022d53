"""Speaks utterances one after the other, and sends what there is to hear as it is made."""

import asyncio
import logging
import time
from collections import deque
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator
from contextlib import aclosing, closing, contextmanager
from dataclasses import dataclass, replace

from parley_kit.errors import ApiError, DeadlineExceeded, InternalError
from parley_kit.limits import Admission
from parley_kit.sockets import Gone
from parley_tts import replies
from parley_tts.encoding import Encoder, streamed
from parley_tts.engine import Chunk, TimedWord, TtsEngine
from parley_tts.measures import SynthesisMetrics
from parley_tts.settings import TtsSettings
from parley_tts.stream import events
from parley_tts.stream.events import Event
from parley_tts.stream.metrics import StreamMetrics
from parley_tts.stream.utterance import Beginning, Utterance
from parley_tts.streaming import Part, continued, finished
from parley_tts.traced import Span

log = logging.getLogger("parley.tts.stream")


@dataclass(frozen=True, slots=True)
class House:
    """What all sessions share."""

    engine: TtsEngine
    admission: Admission
    synthesis: SynthesisMetrics
    metrics: StreamMetrics
    settings: TtsSettings


class Speaker:
    """One session's voice."""

    def __init__(self, house: House, key_id: str, say: Callable[[Event], Awaitable[None]]) -> None:
        """
        Args:
            key_id: whose places of the engine these utterances take.
            say: sends an event.
        """
        self._house = house
        self._key_id = key_id
        self._say = say
        self._waiting: deque[Utterance] = deque()
        self._arrived = asyncio.Event()
        self._idle = asyncio.Event()
        self._idle.set()
        self._is_resting = False
        self._came_to_rest = asyncio.Event()
        self.is_speaking = False
        """Whether it holds a place of the engine."""

    @property
    def waiting(self) -> list[Utterance]:
        """Those that have not ended, the one that is being spoken first."""
        return list(self._waiting)

    def submit(self, utterance: Utterance) -> None:
        """Speak it after all others; its text may still be on its way."""
        self._waiting.append(utterance)
        self._arrived.set()
        self._idle.clear()

    async def idle(self) -> None:
        """Wait until all is spoken."""
        await self._idle.wait()

    async def quiet(self) -> None:
        """Wait until all text that has come is spoken; an utterance may still go on."""
        while not self._is_quiet():
            self._came_to_rest.clear()
            await self._came_to_rest.wait()

    def _is_quiet(self) -> bool:
        waiting = self._waiting
        return self._is_resting and not any(each.unread or each.has_ended for each in waiting)

    @contextmanager
    def _resting(self) -> Iterator[None]:
        """While it waits for text."""
        self._is_resting = True
        self._came_to_rest.set()
        try:
            yield
        finally:
            self._is_resting = False

    def forget(self) -> list[Utterance]:
        """Those that are not spoken any more; only while `run` does not run."""
        forgotten = list(self._waiting)
        self._waiting.clear()
        self._idle.set()
        for _ in forgotten:
            self._house.metrics.ended("cancelled")
        return forgotten

    async def run(self) -> None:
        """Speak whatever is submitted, until cancelled.

        Raises:
            Gone: the client is not there.
        """
        while True:
            while not self._waiting:
                self._idle.set()
                self._arrived.clear()
                with self._resting():
                    await self._arrived.wait()
            await self._end(self._waiting[0])
            self._waiting.popleft()

    async def _end(self, utterance: Utterance) -> None:
        """Speak one, or say why not."""
        try:
            await self._speak(utterance)
        except Gone:
            raise
        except ApiError as refusal:
            await self._fail(utterance, refusal)
        except Exception:
            log.exception("an utterance failed")
            await self._fail(utterance, InternalError())
        else:
            self._house.metrics.ended("done")

    async def _fail(self, utterance: Utterance, why: ApiError) -> None:
        utterance.fail()
        self._house.metrics.ended("failed")
        await self._say(events.error(why, None, utterance.id))

    async def _speak(self, utterance: Utterance) -> None:
        order, rate = utterance.order, self._house.engine.sample_rate
        with closing(streamed(order.form, order.rate, rate)) as encoder:
            voice = _Voice(self._house, utterance, encoder, self._say)
            while (beginning := await self._beginning(utterance)) is not Beginning.NOTHING:
                if beginning is Beginning.FLUSH:
                    await self._say(events.flushed(utterance.id))
                    continue
                async with self._house.admission.slot(self._key_id):
                    await self._within_deadline(voice)
            await voice.finish()

    async def _beginning(self, utterance: Utterance) -> Beginning:
        with self._resting():
            return await utterance.begin()

    async def _within_deadline(self, voice: "_Voice") -> None:
        limit = self._house.settings.request_timeout_s
        self.is_speaking = True
        try:
            async with asyncio.timeout(limit):
                await voice.speak()
        except TimeoutError:
            raise DeadlineExceeded(limit) from None
        finally:
            self.is_speaking = False


class _Voice:
    """The audio of one utterance, segment by segment."""

    def __init__(
        self,
        house: House,
        utterance: Utterance,
        encoder: Encoder,
        say: Callable[[Event], Awaitable[None]],
    ) -> None:
        self._house = house
        self._utterance = utterance
        self._encoder = encoder
        self._say = say
        self._samples = 0
        self._started: float | None = None
        self._is_heard = False

    async def speak(self) -> None:
        """Speak a segment."""
        self._started = self._started or time.perf_counter()
        manner = self._utterance.order.manner
        segment = self._house.engine.speak(manner, self._utterance.segment())
        chunks = self._placed(self._house.synthesis.watch(segment))
        async with aclosing(continued(chunks, self._encoder)) as parts:
            async for part in parts:
                await self._send(part)

    async def finish(self) -> None:
        """Send what the encoder holds back, if anything was said, and that it is all."""
        if self._samples:
            async for part in finished(self._encoder):
                await self._send(part)
        done = events.done(self._utterance.id, self._utterance.text, self._encoder.seconds)
        await self._say(done)

    async def _placed(self, chunks: AsyncGenerator[Chunk, None]) -> AsyncGenerator[Chunk, None]:
        """The chunks of a segment, with the places of their words in the whole utterance."""
        position = self._utterance.position
        started_s = self._samples / self._encoder.engine_rate
        async with aclosing(chunks):
            async for chunk in chunks:
                self._samples += len(chunk.samples)
                words = tuple(_moved(word, position, started_s) for word in chunk.words)
                yield replace(chunk, words=words)

    async def _send(self, part: Part) -> None:
        utterance = self._utterance
        if part.data:
            await self._say(events.delta(utterance.id, part.data))
            self._measure()
        if part.words and utterance.order.words:
            timed = replies.timed(utterance.text, part.words, self._encoder.delay_s)
            await self._say(events.words(utterance.id, timed))

    def _measure(self) -> None:
        if self._started is not None and not self._is_heard:
            self._house.metrics.first_audio(time.perf_counter() - self._started)
            self._is_heard = True


def _moved(word: TimedWord, by: int, by_s: float) -> TimedWord:
    span = Span(word.span.start + by, word.span.end + by)
    return TimedWord(span, word.start_s + by_s, word.end_s + by_s)
