"""A caller's side of LiveKit's TCP console: a microphone, a loudspeaker, and the worker's process.

The worker connects to us and both speak length-prefixed protobuf. The microphone never stops:
what is not speech is silence, in real time. The loudspeaker plays in real time too, so that it
knows what a caller would have heard when it is told to be silent.
"""

import asyncio
import os
import struct
import sys
import time
import wave
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

import numpy as np
import soxr
from livekit.protocol.agent_pb.agent_session import AgentSessionMessage, AgentState
from numpy.typing import NDArray

RATE = 48_000
_FRAME_S = 0.02
_FRAME = int(RATE * _FRAME_S)
_STARTS_WITHIN_S = 40.0
_STOPS_WITHIN_S = 20.0
_GREETS_WITHIN_S = 20.0
_ANSWERS_WITHIN_S = 20.0

_AUDIBLE = 600

Samples = NDArray[np.int16]


def onset_s(speech: Samples) -> float:
    """Where the speech in a recording begins."""
    loud = np.abs(speech.astype(np.int32)) > _AUDIBLE
    return float(np.argmax(loud)) / RATE


Audio = AgentSessionMessage.ConsoleIO.AudioFrame


def recording(file: Path | BinaryIO) -> Samples:
    """A WAV file at the console's rate."""
    with wave.open(str(file) if isinstance(file, Path) else file) as reader:
        rate, frames = reader.getframerate(), reader.readframes(reader.getnframes())
    samples = np.frombuffer(frames, np.int16).astype(np.float32)
    resampled: Samples = soxr.resample(samples, rate, RATE).astype(np.int16)
    return resampled


@dataclass(slots=True)
class Heard:
    """A stretch of the loudspeaker's sound, with when it began, on `time.monotonic`."""

    begun: float
    samples: list[Samples] = field(default_factory=list)

    @property
    def ends(self) -> float:
        return self.begun + sum(len(piece) for piece in self.samples) / RATE

    def cut(self, at: float) -> None:
        whole = np.concatenate(self.samples)
        self.samples = [whole[: max(0, int((at - self.begun) * RATE))]]


@dataclass(frozen=True, slots=True)
class Answer:
    """
    Args:
        after_s: from the end of the question to the first sound.
    """

    after_s: float
    samples: Samples


class Phone:
    """All times are of `time.monotonic`."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self._speech: asyncio.Queue[Samples] = asyncio.Queue(4)
        self._changed = asyncio.Event()
        self._hung_up = asyncio.Event()
        self.heard: list[Heard] = []
        self.transcripts: list[str] = []
        self.states: list[tuple[float, str]] = []
        self.silenced: list[float] = []
        self.flushed: list[float] = []
        self.played: list[float] = []
        self.said_until = 0.0

    async def run(self) -> None:
        async with asyncio.TaskGroup() as tasks:
            microphone = tasks.create_task(self._transmit())
            await self._receive(tasks)
            microphone.cancel()

    async def say(self, samples: Samples) -> float:
        """Speak into the microphone; returns when the last of it was sent, that time."""
        await self._speech.put(samples)
        await self._speech.join()
        self.said_until = time.monotonic()
        return self.said_until

    async def until(self, condition: Callable[[], object], within_s: float, what: str) -> None:
        """Wait until `condition()` holds; it is asked whenever something has happened."""
        try:
            async with asyncio.timeout(within_s):
                while not condition():
                    self._changed.clear()
                    await self._changed.wait()
        except TimeoutError:
            raise AssertionError(f"in {within_s} s: {what}; {self.states[-4:]}") from None

    def heard_since(self, when: float) -> Samples:
        """What the caller heard from then on, without the pauses."""
        pieces = [piece for one in self.heard if one.ends > when for piece in one.samples]
        return np.concatenate(pieces) if pieces else np.zeros(0, np.int16)

    @property
    def state(self) -> str:
        """The agent's."""
        return self.states[-1][1] if self.states else "initializing"

    def hang_up(self) -> None:
        """Nobody listens any more: what is left to play counts as played."""
        self._hung_up.set()

    async def greeted(self) -> None:
        await self.until(lambda: self.played, _GREETS_WITHIN_S, "the agent greets")
        await self.until(lambda: self.state == "listening", _GREETS_WITHIN_S, "it listens")

    async def answered(self, question: Samples) -> Answer:
        """Ask, and get what is said next; it is not waited for until it is played."""
        return await self.said_next(await self.say(question))

    async def said_next(self, since: float) -> Answer:
        """The next thing that is said in one go."""
        await self.until(
            lambda: self.flushed and self.flushed[-1] > since, _ANSWERS_WITHIN_S, "an answer"
        )
        begun = next(one.begun for one in self.heard if one.ends > since)
        return Answer(begun - since, self.heard_since(since))

    @property
    def is_silent(self) -> bool:
        return not self.heard or self.heard[-1].ends <= time.monotonic()

    async def _transmit(self) -> None:
        due = time.monotonic()
        while True:
            await self._one(np.zeros(_FRAME, np.int16), due := due + _FRAME_S)
            if self._speech.empty():
                continue
            speech = self._speech.get_nowait()
            for start in range(0, len(speech), _FRAME):
                await self._one(speech[start : start + _FRAME], due := due + _FRAME_S)
            self._speech.task_done()

    async def _one(self, samples: Samples, due: float) -> None:
        frame = Audio(
            data=samples.tobytes(),
            sample_rate=RATE,
            num_channels=1,
            samples_per_channel=len(samples),
        )
        self._send(AgentSessionMessage(audio_input=frame))
        await asyncio.sleep(max(0.0, due - time.monotonic()))
        self._changed.set()

    def _send(self, message: AgentSessionMessage) -> None:
        data = message.SerializeToString()
        self._writer.write(struct.pack(">I", len(data)) + data)

    async def _receive(self, tasks: asyncio.TaskGroup) -> None:
        while True:
            try:
                (length,) = struct.unpack(">I", await self._reader.readexactly(4))
                message = AgentSessionMessage.FromString(await self._reader.readexactly(length))
            except (asyncio.IncompleteReadError, ConnectionError):
                return
            match message.WhichOneof("message"):
                case "audio_output":
                    self._play(np.frombuffer(message.audio_output.data, np.int16))
                case "audio_playback_flush":
                    self.flushed.append(time.monotonic())
                    tasks.create_task(self._played())
                case "audio_playback_clear":
                    self._silence()
                case "event":
                    self._note(message)
            self._changed.set()

    def _play(self, samples: Samples) -> None:
        now = time.monotonic()
        if self.is_silent:
            self.heard.append(Heard(now))
        self.heard[-1].samples.append(samples)

    async def _played(self) -> None:
        ends = self.heard[-1].ends if self.heard else 0.0
        with suppress(TimeoutError):
            await asyncio.wait_for(self._hung_up.wait(), max(0.0, ends - time.monotonic()))
        self.played.append(time.monotonic())
        finished = AgentSessionMessage.ConsoleIO.AudioPlaybackFinished()
        self._send(AgentSessionMessage(audio_playback_finished=finished))

    def _silence(self) -> None:
        now = time.monotonic()
        self.silenced.append(now)
        if not self.is_silent:
            self.heard[-1].cut(now)

    def _note(self, message: AgentSessionMessage) -> None:
        event = message.event
        match event.WhichOneof("event"):
            case "agent_state_changed":
                state = AgentState.Name(event.agent_state_changed.new_state)
                self.states.append((time.monotonic(), state.removeprefix("AS_").lower()))
            case "user_input_transcribed" if event.user_input_transcribed.is_final:
                self.transcripts.append(event.user_input_transcribed.transcript)


@dataclass(slots=True)
class Call:
    """A call that is on: the phone, and the process at the other end."""

    phone: Phone
    process: asyncio.subprocess.Process
    log: Path


@asynccontextmanager
async def calling(log: Path, **environment: str) -> AsyncGenerator[Call, None]:
    """A worker in console mode with these settings, connected to a phone."""
    connected: asyncio.Future[Phone] = asyncio.get_running_loop().create_future()
    ended = asyncio.Event()

    async def pick_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        phone = Phone(reader, writer)
        connected.set_result(phone)
        try:
            await phone.run()
        finally:
            writer.close()
            ended.set()

    server = await asyncio.start_server(pick_up, "127.0.0.1", 0, limit=1 << 21)
    async with server:
        port = server.sockets[0].getsockname()[1]
        process = await _worker(log, f"127.0.0.1:{port}", environment)
        try:
            async with asyncio.timeout(_STARTS_WITHIN_S):
                phone = await _first(connected, process, log)
            yield Call(phone, process, log)
            phone.hang_up()
        finally:
            await _stopped(process)
            if connected.done():
                await asyncio.wait_for(ended.wait(), _STOPS_WITHIN_S)


async def _worker(
    log: Path, address: str, environment: dict[str, str]
) -> asyncio.subprocess.Process:
    with log.open("wb") as output:
        return await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "parley_orchestrator", "console", "--connect-addr", address),
            env={**os.environ, **environment},
            stdin=asyncio.subprocess.DEVNULL,
            stdout=output,
            stderr=asyncio.subprocess.STDOUT,
            start_new_session=True,
        )


async def _first(
    connected: Awaitable[Phone], process: asyncio.subprocess.Process, log: Path
) -> Phone:
    phone = asyncio.ensure_future(connected)
    died = asyncio.create_task(process.wait())
    try:
        await asyncio.wait({phone, died}, return_when=asyncio.FIRST_COMPLETED)
        assert not died.done(), _end_of(log)
        return await phone
    finally:
        died.cancel()


def _end_of(log: Path) -> str:
    return log.read_text(errors="replace")[-4000:]


async def _stopped(process: asyncio.subprocess.Process) -> None:
    if process.returncode is not None:
        return
    process.terminate()
    try:
        async with asyncio.timeout(_STOPS_WITHIN_S):
            await process.wait()
    except TimeoutError:
        process.kill()
        await process.wait()
