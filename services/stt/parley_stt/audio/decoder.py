"""Decoding of an upload: PCM WAV here in a thread, all else in a confined child process."""

import asyncio
import logging
import os
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from typing import Self

from parley_kit.errors import ApiError, InternalError, InvalidRequest, Overloaded
from parley_stt.audio import SAMPLE_RATE, wav
from parley_stt.audio.decoder_processes import DecoderProcesses
from parley_stt.audio.outcome import Outcome
from parley_stt.audio.samples import Audio, Conversion

log = logging.getLogger("parley.stt.decoder")

FORMATS = ("flac", "m4a", "mp3", "mp4", "mpeg", "mpga", "oga", "ogg", "wav", "webm")
"""What the message of a refusal names: OpenAI's list. AAC, AMR, AIFF, CAF and others do too."""

_RETRY_AFTER_S = 5


class Decoder:
    """Decodes uploads, at most `parallel` in threads and as many in processes at a time.

    Use it as an async context manager: it has a process in reserve, and threads.

    Args:
        max_audio_s: longer audio is refused.
        max_decode_s: wall time and CPU time that decoding may take; as long is a place waited for.
        parallel: 0 is the number of cores.
    """

    def __init__(self, max_audio_s: float, max_decode_s: float, parallel: int = 0) -> None:
        parallel = parallel or os.cpu_count() or 1
        max_bytes = (int(max_audio_s * SAMPLE_RATE) + 1) * 2
        self._max_audio_s = max_audio_s
        self._max_decode_s = max_decode_s
        self._threads = ThreadPoolExecutor(parallel, "decode")
        self._processes = DecoderProcesses(max_audio_s, max_decode_s, max_bytes)
        self._places = asyncio.Semaphore(parallel)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._processes.close()
        self._threads.shutdown(wait=False, cancel_futures=True)

    async def decode(self, file: bytes) -> Audio:
        """
        Raises:
            InvalidRequest: the file is no audio of a known format, or there is too much of it.
            Overloaded: no place became free.
        """
        pcm = wav.parse(file)
        if pcm is None:
            return await self._in_process(file)
        if pcm.seconds > self._max_audio_s:
            raise self._refusal(Outcome.TOO_LONG)
        return await self._in_threads(pcm)

    async def _in_threads(self, pcm: wav.Pcm) -> Audio:
        """Block by block, in turn with others: a long file does not keep a short one waiting."""
        conversion = Conversion(len(pcm), pcm.rate)
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(self._max_decode_s):
                for block in pcm.blocks():
                    await loop.run_in_executor(self._threads, _convert, block, conversion)
        except TimeoutError:
            raise _no_place() from None
        return conversion.audio()

    async def _in_process(self, file: bytes) -> Audio:
        async with self._place():
            try:
                async with asyncio.timeout(self._max_decode_s):
                    status, samples = await self._processes.decode(file)
            except TimeoutError:
                raise InvalidRequest(
                    f"The file could not be decoded in {self._max_decode_s:g} s.", param="file"
                ) from None
        if status != Outcome.DECODED:
            raise self._refusal(status)
        return Audio.from_pcm(samples)

    @asynccontextmanager
    async def _place(self) -> AsyncIterator[None]:
        try:
            async with asyncio.timeout(self._max_decode_s):
                await self._places.acquire()
        except TimeoutError:
            raise _no_place() from None
        try:
            yield
        finally:
            self._places.release()

    def _refusal(self, status: int) -> ApiError:
        match status:
            case Outcome.TOO_LONG:
                return InvalidRequest(
                    f"The audio is too long: at most {self._max_audio_s:g} s are transcribed.",
                    param="file",
                    code="audio_too_long",
                )
            case Outcome.TOO_LARGE:
                return InvalidRequest(
                    "The audio takes too much memory or too many bytes to decode.",
                    param="file",
                    code="audio_too_large",
                )
            case Outcome.OUT_OF_RANGE:
                return InvalidRequest(
                    "The audio has more than 8 channels, or a rate that is not 1 to 192 kHz.",
                    param="file",
                )
            case Outcome.UNDECODABLE:
                return undecodable()
        log.warning("the decoder ended", extra={"data": {"status": status}})
        # A signal (limits, a crash) is the file's doing; any other status is a fault of ours.
        return undecodable() if status < 0 else InternalError()


def undecodable() -> InvalidRequest:
    """The file is no audio of a known format."""
    return InvalidRequest(f"Invalid file format. Supported formats: {list(FORMATS)}", param="file")


def _no_place() -> Overloaded:
    return Overloaded(
        "The server is overloaded: it decodes as many files as it can.",
        retry_after_s=_RETRY_AFTER_S,
    )


def _convert(block: wav.Pcm, conversion: Conversion) -> None:
    conversion.feed(block.frames())
