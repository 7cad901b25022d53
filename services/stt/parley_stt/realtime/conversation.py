"""What a session does as its client says: audio becomes turns, and turns become items."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterator
from concurrent.futures import Executor
from dataclasses import dataclass
from typing import TypeVar

from parley_kit.errors import InvalidRequest
from parley_stt.audio import SAMPLE_RATE
from parley_stt.endpointing import Endpointing
from parley_stt.engine import SttEngine
from parley_stt.realtime import events
from parley_stt.realtime.buffer import Heard, InputBuffer, Started, Stopped
from parley_stt.realtime.config import SessionConfig, default_config, options, updated
from parley_stt.realtime.events import Event, Identity, new_id
from parley_stt.realtime.hearing import Hearing, Probabilities
from parley_stt.realtime.metrics import RealtimeMetrics
from parley_stt.realtime.protocol import Append, Clear, ClientEvent, Commit, Dialect, Update
from parley_stt.realtime.tape import Samples
from parley_stt.realtime.transcriber import Transcriber
from parley_stt.realtime.utterance import Utterance
from parley_stt.settings import SttSettings
from parley_stt.voice import VoiceDetector

MIN_COMMIT_S = 0.1

T = TypeVar("T")
R = TypeVar("R")
A = TypeVar("A", bytes, Samples)


@dataclass(frozen=True, slots=True)
class House:
    """What all sessions share; `ears` is where their audio is resampled and judged."""

    engine: SttEngine
    detector: VoiceDetector
    ears: Executor
    metrics: RealtimeMetrics
    settings: SttSettings


class Conversation:
    """See the module. One task tells it what to do."""

    def __init__(
        self,
        house: House,
        transcriber: Transcriber,
        say: Callable[[Event], Awaitable[None]],
        model: str,
        dialect: Dialect,
    ) -> None:
        """
        Args:
            transcriber: is given what is said.
            say: sends an event to the client.
            model: transcribes until the client names another.
            dialect: in which the client is greeted.
        """
        self._house = house
        self._transcriber = transcriber
        self._say = say
        self._dialect = dialect
        self._config = default_config(model)
        self._options = options(self._config, house.engine)
        self._hearing = Hearing(house.detector, self._config.encoding)
        self._buffer = InputBuffer()
        self._identity = Identity(new_id("sess"), int(time.time() + house.settings.max_session_s))
        self._last_item: str | None = None
        self.turn: Utterance | None = None
        """The one that is being spoken."""
        self.heard_at = 0.0
        """When the last audio came, on the clock of the event loop."""
        self.items = 0
        """How many items there have been."""

    async def greet(self) -> None:
        """Begin to listen."""
        endpointing = self._config.endpointing
        assert endpointing is not None
        self._hearing.attend()
        self._buffer.attend(endpointing)
        await self._say(events.session_created(self._identity, self._config, self._dialect))

    async def obey(self, event: ClientEvent) -> None:
        """
        Raises:
            ApiError: it cannot be done, and nothing has changed.
        """
        match event:
            case Append():
                await self._append(event.audio)
            case Commit():
                await self._commit()
            case Clear():
                await self._clear()
            case Update():
                await self._update(event)

    async def end_turn(self, turn: Utterance) -> None:
        """As if its speaker had stopped now."""
        turn.add(self._buffer.cut())
        await self._stop_turn(turn, self._buffer.end)

    async def _append(self, audio: bytes) -> None:
        limit = self._house.settings.max_buffer_s
        per_second = self._config.encoding.bytes_per_second
        pending = (len(self._buffer) + self._transcriber.pending) / SAMPLE_RATE
        if pending + len(audio) / per_second > limit:
            raise InvalidRequest(
                f"The input audio buffer is full: it holds {limit:g} s, and this audio is dropped.",
                param="audio",
                code="input_audio_buffer_full",
            )
        for piece in _pieces(audio, per_second):
            samples, speech = await self._in_thread(self._hearing.feed, piece)
            await self._follow(samples, speech)
        if audio:
            self.heard_at = asyncio.get_running_loop().time()

    async def _commit(self) -> None:
        if self.turn is not None:
            await self.end_turn(self.turn)
            return
        self._rest()
        if len(self._buffer) < MIN_COMMIT_S * SAMPLE_RATE:
            raise InvalidRequest(
                f"The input audio buffer has less than {MIN_COMMIT_S * 1000:g} ms of audio.",
                code="input_audio_buffer_commit_empty",
            )
        utterance = self._utterance(spoken=False)
        utterance.add(self._buffer.cut())
        await self._make_item(utterance)
        self._transcriber.submit(utterance)

    async def _clear(self) -> None:
        if self.turn is not None:
            self.turn.abandon()
            self.turn = None
        self._rest()
        self._buffer.cut()
        await self._say(events.buffer_cleared())

    async def _update(self, update: Update) -> None:
        config = updated(self._config, update.patch)
        asked = options(config, self._house.engine)
        before, self._config, self._options = self._config, config, asked
        self._dialect = update.dialect
        if config.encoding != before.encoding:
            self._rest()
            self._hearing.encode(config.encoding)
        await self._detect_turns_by(config, before)
        await self._say(events.session_updated(self._identity, config, self._dialect))

    async def _detect_turns_by(self, config: SessionConfig, before: SessionConfig) -> None:
        now, detected = config.endpointing, before.endpointing is not None
        if now is None:
            if self.turn is not None:
                await self.end_turn(self.turn)
            self._hearing.ignore()
            self._buffer.ignore()
        elif detected:
            self._buffer.attend(now)
        else:
            await self._attend(now)

    async def _attend(self, endpointing: Endpointing) -> None:
        """Detect turns, also in what is in the buffer already."""
        self._hearing.attend()
        self._buffer.attend(endpointing)
        self.heard_at = asyncio.get_running_loop().time()
        for piece in _pieces(self._buffer.kept, SAMPLE_RATE):
            await self._follow(piece[:0], await self._in_thread(self._hearing.judge, piece))

    async def _follow(self, samples: Samples, speech: Probabilities) -> None:
        """Tell the client and the transcriber what happens with this audio."""
        for step in self._buffer.hear(samples, speech.tolist()):
            match step, self.turn:
                case Started(position), None:
                    await self._start_turn(position)
                case Heard(heard, silence), Utterance() as turn:
                    turn.add(heard, silence)
                case Stopped(position), Utterance() as turn:
                    await self._stop_turn(turn, position)

    async def _start_turn(self, position: int) -> None:
        self.turn = self._utterance(spoken=True)
        await self._say(events.speech_started(self.turn.item_id, position))
        self._transcriber.submit(self.turn)

    async def _stop_turn(self, turn: Utterance, position: int) -> None:
        self.turn = None
        await self._say(events.speech_stopped(turn.item_id, position))
        await self._make_item(turn)

    def _utterance(self, *, spoken: bool) -> Utterance:
        return Utterance(new_id("item"), self._options, self._config.wants_logprobs, spoken)

    async def _make_item(self, utterance: Utterance) -> None:
        """The utterance is complete, and one more item of the session."""
        item_id = utterance.item_id
        previous, self._last_item = self._last_item, item_id
        self.items += 1
        for event in events.item_committed(item_id, previous, self._dialect):
            await self._say(event)
        utterance.end()

    def _rest(self) -> None:
        """Have in the buffer what the resampler holds back, where no frames are counted in it."""
        if not self._hearing.attentive:
            self._buffer.hear(self._hearing.rest(), [])

    async def _in_thread(self, work: Callable[[T], R], given: T) -> R:
        return await asyncio.get_running_loop().run_in_executor(self._house.ears, work, given)


def _pieces(audio: A, size: int) -> Iterator[A]:
    """A second at a time: nobody waits long for who sends minutes at once."""
    for start in range(0, len(audio), size):
        yield audio[start : start + size]
