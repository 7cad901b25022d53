"""Decoding of an upload: PCM WAV here in a thread, all else in a confined child process."""

import asyncio
import logging
import math
from asyncio.subprocess import Process
from dataclasses import dataclass

from parley_kit.errors import InternalError, InvalidRequest
from parley_stt import processes
from parley_stt.audio import SAMPLE_RATE, wav
from parley_stt.audio.outcome import Outcome
from parley_stt.audio.samples import Audio, to_audio

log = logging.getLogger("parley.stt.decoder")

FORMATS = ("flac", "m4a", "mp3", "mp4", "mpeg", "mpga", "oga", "ogg", "wav", "webm")
"""What the message of a refusal names: OpenAI's list. AAC, AMR, AIFF, CAF and others do too."""

_READ_BYTES = 1 << 16


@dataclass(frozen=True, slots=True)
class Decoder:
    """Decodes uploads.

    Args:
        max_audio_s: longer audio is refused.
        max_decode_s: wall time and CPU time that decoding may take.
    """

    max_audio_s: float
    max_decode_s: float

    async def decode(self, file: bytes) -> Audio:
        """
        Raises:
            InvalidRequest: the file is no audio of a known format, or there is too much of it.
        """
        pcm = wav.parse(file)
        if pcm is None:
            return await self._in_child(file)
        if pcm.seconds > self.max_audio_s:
            raise self._refusal(Outcome.TOO_LONG)
        return await asyncio.to_thread(lambda: to_audio(pcm.frames(), pcm.rate))

    async def _in_child(self, file: bytes) -> Audio:
        module = "parley_stt.audio.decoder_child"
        process = await processes.spawn(module, self.max_audio_s, math.ceil(self.max_decode_s))
        try:
            async with asyncio.timeout(self.max_decode_s):
                pcm = await _exchange(process, file, self._max_bytes)
                status = await process.wait()
        except TimeoutError:
            raise InvalidRequest(
                f"The file could not be decoded in {self.max_decode_s:g} s.", param="file"
            ) from None
        finally:
            await processes.end(process)
        if status != Outcome.DECODED:
            raise self._refusal(status)
        return Audio.from_pcm(pcm)

    @property
    def _max_bytes(self) -> int:
        return (int(self.max_audio_s * SAMPLE_RATE) + 1) * 2

    def _refusal(self, status: int) -> Exception:
        match status:
            case Outcome.TOO_LONG:
                return InvalidRequest(
                    f"The audio is too long: at most {self.max_audio_s:g} s are transcribed.",
                    param="file",
                    code="audio_too_long",
                )
            case Outcome.OUT_OF_RANGE:
                return InvalidRequest(
                    "The audio has more than 8 channels or a rate above 192 kHz.", param="file"
                )
            case Outcome.UNDECODABLE:
                return undecodable()
        log.warning("the decoder ended", extra={"data": {"status": status}})
        # A signal (limits, a crash) is the file's doing; any other status is a fault of ours.
        return undecodable() if status < 0 else InternalError()


def undecodable() -> InvalidRequest:
    """The file is no audio of a known format."""
    return InvalidRequest(f"Invalid file format. Supported formats: {list(FORMATS)}", param="file")


async def _exchange(process: Process, file: bytes, max_bytes: int) -> bytearray:
    """Feed the file while reading what comes of it."""
    assert process.stdin is not None
    assert process.stdout is not None
    feeding = asyncio.create_task(_feed(process.stdin, file), name="feed the decoder")
    try:
        pcm = bytearray()
        while piece := await process.stdout.read(_READ_BYTES):
            pcm += piece
            if len(pcm) > max_bytes:
                processes.kill(process)
        return pcm
    finally:
        feeding.cancel()
        await asyncio.wait([feeding])


async def _feed(stdin: asyncio.StreamWriter, file: bytes) -> None:
    try:
        stdin.write(file)
        await stdin.drain()
    except ConnectionError:
        return  # the child has ended; its status says why
    finally:
        stdin.close()
