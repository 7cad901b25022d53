"""Realtime sessions of the embedded engine, spoken to at the speed of speech."""

import asyncio
import base64
import json
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any

import numpy as np
import soxr
from numpy.typing import NDArray
from websockets.asyncio.client import ClientConnection, connect

from parley.bench.figures import Report
from parley.bench.process import cpu_seconds, descendants
from parley.bench.served import Served, served
from parley.bench.sound import RATE, silence, speech

_RATE = 24_000
_CHUNK_S = 0.05
_UTTERANCE_S = 5.0
_PAUSE_S = 1.5
_UTTERANCES = 6
_SESSIONS = 20
_SILENCE_S = 15.0
_WITHIN_S = 20.0
_TRANSCRIPTION = "conversation.item.input_audio_transcription"


def measure(report: Report, step: Callable[[str], None]) -> None:
    settings = {"engine": "pocketsphinx", "max_sessions": _SESSIONS}
    with served("stt", settings) as service:
        asyncio.run(_latency(report, service, step))
        asyncio.run(_idle_cost(report, service, step))


async def _latency(report: Report, service: Served, step: Callable[[str], None]) -> None:
    finals, interims = [], []
    async with _session(service) as socket:
        for number in range(_UTTERANCES):
            step(f"a spoken utterance, {number + 1} of {_UTTERANCES}")
            interim, final = await _speak(socket)
            interims.append(interim)
            finals.append(final)
    spoken = f"{_UTTERANCES} utterances of {_UTTERANCE_S:.0f} s in real time, the slowest"
    report.add("realtime: final after speech_stopped", max(finals) * 1e3, "ms", 300, spoken)
    report.add("realtime: first interim after speech starts", max(interims), "s", 1.0, spoken)


async def _speak(socket: ClientConnection) -> tuple[float, float]:
    """Seconds from the start of speech to the first delta, and from its end to the transcript."""
    sound = np.concatenate((silence(0.5), speech(_UTTERANCE_S), silence(_PAUSE_S)))
    started = time.perf_counter()
    sending = asyncio.create_task(_send(socket, _chunks(sound)))
    times: dict[str, float] = {}
    async with asyncio.timeout(_WITHIN_S):
        while f"{_TRANSCRIPTION}.completed" not in times:
            event = json.loads(await socket.recv())
            times.setdefault(event["type"], time.perf_counter())
    await sending
    return (
        times[f"{_TRANSCRIPTION}.delta"] - started - 0.5,
        times[f"{_TRANSCRIPTION}.completed"] - times["input_audio_buffer.speech_stopped"],
    )


async def _idle_cost(report: Report, service: Served, step: Callable[[str], None]) -> None:
    step(f"{_SESSIONS} sessions in silence for {_SILENCE_S:.0f} s")

    async def be_silent() -> None:
        async with _session(service) as socket:
            await _send(socket, _chunks(silence(_SILENCE_S)))

    before = _cpu_s(service.pid)
    started = time.perf_counter()
    await asyncio.gather(*(be_silent() for _ in range(_SESSIONS)))
    share = (_cpu_s(service.pid) - before) / (time.perf_counter() - started)
    how = (
        f"CPU of the service's processes, {_SESSIONS} sessions that send 50 ms of 24 kHz at a time"
    )
    report.add("realtime: sessions in silence", 100 * share, "% of a core", 50, how)


@asynccontextmanager
async def _session(service: Served) -> AsyncIterator[ClientConnection]:
    url = service.url.replace("http", "ws", 1) + "/stt/v1/realtime?intent=transcription"
    async with connect(url) as socket:
        await socket.send(json.dumps(_UPDATE))
        while json.loads(await socket.recv())["type"] != "session.updated":
            pass
        yield socket


async def _send(socket: ClientConnection, chunks: Sequence[str]) -> None:
    """At the speed of speech."""
    due = time.perf_counter()
    for chunk in chunks:
        await socket.send(chunk)
        due += _CHUNK_S
        await asyncio.sleep(max(0.0, due - time.perf_counter()))


def _chunks(samples: NDArray[np.int16]) -> list[str]:
    """Append events."""
    pcm = soxr.resample(samples, RATE, _RATE).astype("<i2").tobytes()
    size = 2 * round(_CHUNK_S * _RATE)
    pieces = [pcm[start : start + size] for start in range(0, len(pcm), size)]
    return [
        json.dumps({"type": "input_audio_buffer.append", "audio": base64.b64encode(p).decode()})
        for p in pieces
    ]


_UPDATE: dict[str, Any] = {
    "type": "session.update",
    "session": {
        "type": "transcription",
        "audio": {
            "input": {
                "format": {"type": "audio/pcm", "rate": _RATE},
                "transcription": {"model": "whisper-1", "language": "en"},
                "turn_detection": {"type": "server_vad", "silence_duration_ms": 500},
            }
        },
    },
}


def _cpu_s(pid: int) -> float:
    return sum(cpu_seconds(one) for one in (pid, *descendants(pid)))
