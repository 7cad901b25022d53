"""A caller of `bench turn`, at the other end of LiveKit's TCP console.

The worker connects to us and both speak length-prefixed protobuf. The microphone never stops: what
is not speech is silence, in real time. A frame leaves when its last sample has been captured, as
with a real microphone. What is heard counts as played at once, so that the next turn can begin.
"""

import asyncio
import struct
import time
from collections.abc import Callable
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
    seconds: float
    peak: int


@dataclass(slots=True)
class Loudspeaker:
    """What came, and when it would be heard."""

    frames: list[Frame] = field(default_factory=list)
    _busy_until: float = 0.0

    def play(self, samples: Samples) -> None:
        came = time.monotonic()
        plays = max(came, self._busy_until)
        seconds = len(samples) / RATE
        self._busy_until = plays + seconds
        peak = int(np.abs(samples.astype(np.int32)).max(initial=0))
        self.frames.append(Frame(came, plays, seconds, peak))

    def hush(self) -> None:
        """What is left to play counts as played."""
        self._busy_until = 0.0

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
    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self._speech: asyncio.Queue[tuple[Samples, asyncio.Future[float]]] = asyncio.Queue(1)
        self._changed = asyncio.Event()
        self._state = ""
        self._flushed = 0.0
        self.loudspeaker = Loudspeaker()

    async def run(self) -> None:
        """Until the worker hangs up."""
        microphone = asyncio.create_task(self._transmit())
        try:
            await self._receive()
        finally:
            microphone.cancel()
            await asyncio.gather(microphone, return_exceptions=True)
            self._writer.close()

    async def say(self, speech: Samples) -> float:
        """Speak; returns when the last voiced sample was spoken, once it has been sent."""
        ended: asyncio.Future[float] = asyncio.get_running_loop().create_future()
        self.loudspeaker.hush()
        await self._speech.put((speech, ended))
        return await ended

    def hang_up(self) -> None:
        self._writer.close()

    async def hears(self, since: float, peak: int = AUDIBLE) -> Frame:
        """The first sound since then that is as loud."""
        await self._until(lambda: self.loudspeaker.first(since, peak), "no answer came")
        frame = self.loudspeaker.first(since, peak)
        assert frame
        return frame

    async def listened_to(self, since: float) -> None:
        """Wait until the agent has said all that it began since then, and listens."""
        await self._until(lambda: self._flushed > since, "the answer had no end")
        await self._until(lambda: self._state == "listening", "the agent did not listen")

    async def _until(self, condition: Callable[[], object], otherwise: str) -> None:
        try:
            async with asyncio.timeout(_WITHIN_S):
                while not condition():
                    self._changed.clear()
                    await self._changed.wait()
        except TimeoutError:
            raise ServiceFailed(f"In a call of the benchmark {otherwise} in time.") from None

    async def _transmit(self) -> None:
        silence = np.zeros(_FRAME, np.int16)
        due = time.monotonic()
        while True:
            if self._speech.empty():
                due = await self._send_frame(silence, due)
                continue
            speech, ended = self._speech.get_nowait()
            voiced = int(np.flatnonzero(np.abs(speech.astype(np.int32)) > AUDIBLE)[-1])
            begun = due
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
            match message.WhichOneof("message"):
                case "audio_output":
                    self.loudspeaker.play(np.frombuffer(message.audio_output.data, np.int16))
                case "audio_playback_flush":
                    self._flushed = time.monotonic()
                    finished = AgentSessionMessage.ConsoleIO.AudioPlaybackFinished()
                    self._send(AgentSessionMessage(audio_playback_finished=finished))
                case "event" if message.event.WhichOneof("event") == "agent_state_changed":
                    state = AgentState.Name(message.event.agent_state_changed.new_state)
                    self._state = state.removeprefix("AS_").lower()
            self._changed.set()
