"""The faster-whisper engine: pieces of recordings into a shared model, segments out of it."""

import asyncio
import logging
import os
import sys
import threading
from collections import deque
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractAsyncContextManager, aclosing
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from parley_kit.downloads import Download
from parley_kit.errors import InternalError
from parley_stt.audio import SAMPLE_RATE
from parley_stt.audio.samples import Audio
from parley_stt.engine import Listening, Options, Segment
from parley_stt.engines.rehearing import rehearing
from parley_stt.engines.whisper import hardware, weights
from parley_stt.engines.whisper.device import Abandoned, Job
from parley_stt.engines.whisper.languages import NAMES
from parley_stt.engines.whisper.model import Model
from parley_stt.engines.whisper.pieces import Piece, cut
from parley_stt.settings import SttSettings
from parley_stt.voice import VoiceDetector

log = logging.getLogger("parley.stt.whisper")

_T = TypeVar("_T")
_NICENESS = 5


class FasterWhisperEngine:
    """See the module."""

    def __init__(self, settings: SttSettings) -> None:
        """
        Raises:
            SettingsError: the machine cannot do what is set.
        """
        self._settings = settings
        self._hardware = hardware.choose(settings, hardware.probe())
        self._download = Download()
        self._voice = VoiceDetector()
        self._loaded: Model | None = None
        # A piece has a thread of its own, which mostly waits for its turn on the device.
        callers = settings.max_concurrency * self._hardware.rows + settings.max_sessions
        self._threads = ThreadPoolExecutor(callers, "whisper piece", initializer=_yield_to_others)
        self.models: Sequence[str] = (*_names(settings.model), *settings.served_models)
        self.languages: Mapping[str, str] = NAMES
        self.translates = True

    async def start(self) -> None:
        directory = await weights.find(self._settings.model, self._download)
        await self._in_thread(self._load, directory)
        noise = np.random.default_rng(0).integers(-3000, 3000, SAMPLE_RATE, np.int16)
        async for _ in self.transcribe(Audio(noise), Options(words=True, endpointing=None)):
            pass

    async def close(self) -> None:
        await asyncio.to_thread(self._unload)

    def status(self) -> Mapping[str, object]:
        used = self._hardware
        return {
            "engine": "faster-whisper",
            "model": self.models[0],
            "device": used.device,
            "compute_type": used.compute_type,
            "parallel": used.workers,
            "batch_size": used.rows,
            "steps_waiting": self._loaded.device.waiting if self._loaded else 0,
            "download": self._download.status(),
        }

    def listen(self, options: Options) -> AbstractAsyncContextManager[Listening]:
        """See `SttEngine.listen`."""
        return rehearing(self, options)

    async def transcribe(self, audio: Audio, options: Options) -> AsyncGenerator[Segment, None]:
        """See `SttEngine.transcribe`."""
        assert self._loaded is not None, "requests come when the engine is ready"
        model = self._loaded
        job = Job(options.patience_s)
        try:
            pieces = await self._in_thread(cut, audio, options.endpointing, self._voice)
            async with aclosing(self._transcribed(model, pieces, job, options)) as transcribed:
                async for segments in transcribed:
                    for segment in segments:
                        yield segment
        except (Abandoned, RuntimeError, ValueError) as exc:
            log.error("an inference failed", exc_info=exc)
            raise InternalError from exc
        finally:
            model.device.abandon(job)

    async def _transcribed(
        self, model: Model, pieces: Sequence[Piece], job: Job, options: Options
    ) -> AsyncGenerator[list[Segment], None]:
        """The segments of each piece; where none is asked for, all have the language of the first.

        Where the device takes batches, as many pieces as it has rows for are under way at a time.
        """
        languages = options.languages
        if pieces and not languages:
            segments, language = await self._in_thread(
                model.transcribe, pieces[0], job, options, languages
            )
            yield segments
            pieces, languages = pieces[1:], (language,)
        under_way: deque[asyncio.Future[tuple[list[Segment], str]]] = deque()
        try:
            for piece in pieces:
                under_way.append(self._in_thread(model.transcribe, piece, job, options, languages))
                if len(under_way) == self._hardware.rows:
                    yield (await under_way.popleft())[0]
            while under_way:
                yield (await under_way.popleft())[0]
        finally:
            for transcribing in under_way:
                transcribing.cancel()

    def _load(self, directory: Path) -> None:
        self._loaded = Model(directory, self._hardware, self._settings.beam_size)
        self.languages = self._loaded.languages
        self.translates = self._loaded.translates

    def _unload(self) -> None:
        if self._loaded is not None:
            self._loaded.device.close()
        self._threads.shutdown(cancel_futures=True)
        if self._loaded is not None:
            self._loaded.close()

    def _in_thread(self, work: Callable[..., _T], *arguments: Any) -> asyncio.Future[_T]:
        loop = asyncio.get_running_loop()
        return loop.run_in_executor(self._threads, work, *arguments)


def _names(model: str) -> tuple[str, ...]:
    """What clients may call the model: never a path of this machine."""
    repository = weights.repository(model)
    if repository is None or Path(model).is_dir():
        return (Path(model).expanduser().resolve().name,)
    return tuple(dict.fromkeys((model, repository)))


def _yield_to_others() -> None:
    """The event loop first: what this thread starts, the model's own threads too, is as nice."""
    if sys.platform == "linux":
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), _NICENESS)
