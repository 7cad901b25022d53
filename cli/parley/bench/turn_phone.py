"""A caller's side of LiveKit's TCP console: the wire, a microphone and a loudspeaker.

The worker connects to us and both speak length-prefixed protobuf. The microphone never stops: what
is not speech is silence, in real time. A frame leaves when its last sample has been captured, as
with a real microphone.
"""

import asyncio
import struct
import time
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np
from livekit.protocol.agent_pb.agent_session import AgentSessionMessage, AgentState
from numpy.typing import NDArray

from parley.errors import ServiceFailed

RATE = 48_000
AUDIBLE = 300
_FRAME_S = 0.02
_FRAME = int(RATE * _FRAME_S)
_WITHIN_S = 20.0

Samples = NDArray[np.int16]
Audio = AgentSessionMessage.ConsoleIO.AudioFrame


@dataclass(frozen=True, slots=True)
class Frame:
    """Sound that came; times are of `time.monotonic`.

    Args:
        plays: when a loudspeaker gets to it that is still busy with what came before.
    """

    came: float
    plays: float
    samples: Samples
    peak: int

    @property
    def seconds(self) -> float:
        return len(self.samples) / RATE

    @property
    def ends(self) -> float:
        return self.plays + self.seconds


@dataclass(slots=True)
class Loudspeaker:
    """What came, and when it is heard."""

    frames: list[Frame] = field(default_factory=list)
    busy_until: float = 0.0

    def play(self, samples: Samples) -> None:
        came = time.monotonic()
        frame = Frame(came, max(came, self.busy_until), samples, _peak(samples))
        self.busy_until = frame.ends
        self.frames.append(frame)

    def hush(self) -> None:
        """What is left to play counts as played."""
        self.busy_until = 0.0

    def clear(self) -> None:
        """What is left to play is never heard."""
        now = time.monotonic()
        self.frames = [frame for frame in self.frames if frame.plays < now]
        self.busy_until = min(self.busy_until, now)

    def heard(self, since: float) -> Samples:
        """What was heard, or will be, from then on; without the pauses."""
        pieces = [frame.samples for frame in self.frames if frame.ends > since]
        return np.concatenate(pieces) if pieces else np.zeros(0, np.int16)

    def longest_gap_s(self, since: float) -> float:
        """Of silence, between two pieces of what came since then."""
        came = [frame for frame in self.frames if frame.came > since]
        return max((after.plays - before.ends for before, after in pairwise(came)), default=0.0)

    def first(self, since: float, peak: int = AUDIBLE) -> Frame | None:
        """The first frame since then that is as loud, and so is the next.

        One alone is what a resampler had kept of the sound before.
        """
        pairs = pairwise(frame for frame in self.frames if frame.came > since)
        return next((one for one, next_one in pairs if min(one.peak, next_one.peak) > peak), None)

    def seconds(self, since: float, peak: int) -> float:
        """How much came since then that is as loud."""
        loud = (frame for frame in self.frames if frame.came > since and frame.peak > peak)
        return sum(frame.seconds for frame in loud)


class Phone:
    """What is heard counts as played at once, so that the next turn can begin.

    All times are of `time.monotonic`.

    Attributes:
        state: the agent's.
        transcripts: of what was said here.
        spoke_at: when the latest speech began.
        flushed_at: when the agent had last sent all that it said.
        silenced_at: when the loudspeaker was told to be silent.
    """

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self._speech: asyncio.Queue[tuple[Samples, asyncio.Future[float]]] = asyncio.Queue(1)
        self._changed = asyncio.Event()
        self._tasks: set[asyncio.Task[None]] = set()
        self.loudspeaker = Loudspeaker()
        self.state = "initializing"
        self.transcripts: list[str] = []
        self.spoke_at = 0.0
        self.flushed_at = 0.0
        self.silenced_at: list[float] = []

    async def run(self) -> None:
        """Until the worker hangs up."""
        self._spawn(self._transmit())
        try:
            await self._receive()
        finally:
            for task in self._tasks:
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)
            self._writer.close()

    async def say(self, speech: Samples) -> float:
        """Speak; returns when the last voiced sample was spoken, once all has been sent."""
        ended: asyncio.Future[float] = asyncio.get_running_loop().create_future()
        await self._speech.put((speech, ended))
        return await ended

    def hang_up(self) -> None:
        self._writer.close()

    async def hears(self, since: float, peak: int = AUDIBLE) -> Frame:
        """The first sound since then that is as loud."""
        await self.until(lambda: self.loudspeaker.first(since, peak), _WITHIN_S, "an answer comes")
        frame = self.loudspeaker.first(since, peak)
        assert frame
        return frame

    async def greeted(self) -> None:
        await self.listened_to(0.0)

    async def listened_to(self, since: float) -> None:
        """Wait until the agent has said all that it began since then, and listens."""
        await self.flushed(since)
        await self.until(lambda: self.state == "listening", _WITHIN_S, "the agent listens")

    async def flushed(self, since: float) -> None:
        """Wait until the agent has sent all that it began since then."""
        await self.until(lambda: self.flushed_at > since, _WITHIN_S, "what is said has an end")

    async def played(self) -> None:
        """Wait until what came has been heard."""

    async def until(self, condition: Callable[[], object], within_s: float, what: str) -> None:
        """Wait until `condition()` holds; it is asked for every frame and whenever something came.

        Raises:
            ServiceFailed: it does not in time.
        """
        try:
            async with asyncio.timeout(within_s):
                while not condition():
                    self._changed.clear()
                    await self._changed.wait()
        except TimeoutError:
            raise ServiceFailed(
                f"A call waited {within_s:g} s for this: {what}. The agent was {self.state}."
            ) from None

    async def _transmit(self) -> None:
        silence = np.zeros(_FRAME, np.int16)
        due = time.monotonic()
        while True:
            if self._speech.empty():
                due = await self._send_frame(silence, due)
                continue
            speech, ended = self._speech.get_nowait()
            voiced = int(np.flatnonzero(np.abs(speech.astype(np.int32)) > AUDIBLE)[-1])
            self.spoke_at = begun = due
            for start in range(0, len(speech), _FRAME):
                due = await self._send_frame(speech[start : start + _FRAME], due)
            ended.set_result(begun + voiced / RATE)

    async def _send_frame(self, samples: Samples, begins: float) -> float:
        """Send it when it has been captured; returns when that was due."""
        due = begins + len(samples) / RATE
        await asyncio.sleep(max(0.0, due - time.monotonic()))
        frame = Audio(
            data=samples.tobytes(),
            sample_rate=RATE,
            num_channels=1,
            samples_per_channel=len(samples),
        )
        self._send(AgentSessionMessage(audio_input=frame))
        self._changed.set()
        return due

    def _send(self, message: AgentSessionMessage) -> None:
        data = message.SerializeToString()
        self._writer.write(struct.pack(">I", len(data)) + data)

    async def _receive(self) -> None:
        while True:
            try:
                (length,) = struct.unpack(">I", await self._reader.readexactly(4))
                message = AgentSessionMessage.FromString(await self._reader.readexactly(length))
            except (asyncio.IncompleteReadError, ConnectionError):
                return
            self._take(message)
            self._changed.set()

    def _take(self, message: AgentSessionMessage) -> None:
        match message.WhichOneof("message"):
            case "audio_output":
                self.loudspeaker.play(np.frombuffer(message.audio_output.data, np.int16))
            case "audio_playback_flush":
                self.flushed_at = time.monotonic()
                self._spawn(self._finish())
            case "audio_playback_clear":
                self.silenced_at.append(time.monotonic())
                self.loudspeaker.clear()
            case "event":
                self._note(message)

    async def _finish(self) -> None:
        await self.played()
        finished = AgentSessionMessage.ConsoleIO.AudioPlaybackFinished()
        self._send(AgentSessionMessage(audio_playback_finished=finished))

    def _note(self, message: AgentSessionMessage) -> None:
        event = message.event
        match event.WhichOneof("event"):
            case "agent_state_changed":
                state = AgentState.Name(event.agent_state_changed.new_state)
                self.state = state.removeprefix("AS_").lower()
            case "user_input_transcribed" if event.user_input_transcribed.is_final:
                self.transcripts.append(event.user_input_transcribed.transcript)

    def _spawn(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


def _peak(samples: Samples) -> int:
    return int(np.abs(samples.astype(np.int32)).max(initial=0))
