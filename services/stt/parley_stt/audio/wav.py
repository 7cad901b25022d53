"""PCM WAV by its header: what voice clients send, without the cost of a decoder process.

Pure and safe on any bytes: what is not plain PCM is `None` here, and is left to the decoder.
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

_PCM, _FLOAT, _EXTENSIBLE = 1, 3, 0xFFFE
# The last 14 bytes of the subformat GUIDs that wrap a classic format tag (RFC 2361).
_GUID_TAIL = bytes.fromhex("000000001000800000aa00389b71")
_BITS = {_PCM: (8, 16, 24, 32), _FLOAT: (32, 64)}
_MAX_CHANNELS = 8
_MIN_RATE, _MAX_RATE = 1_000, 192_000
_MAX_CHUNKS = 256
_BLOCK_SAMPLES = 1 << 18


@dataclass(frozen=True, slots=True)
class Pcm:
    """Samples as they lie in a WAV file, whole frames only."""

    data: memoryview
    rate: int
    channels: int
    bits: int
    is_float: bool

    def __len__(self) -> int:
        """The number of frames."""
        return len(self.data) // self._frame_bytes

    @property
    def seconds(self) -> float:
        return len(self) / self.rate

    def blocks(self) -> "Iterator[Pcm]":
        """The same in pieces of a few seconds, which convert in constant memory."""
        size = _BLOCK_SAMPLES // self.channels * self._frame_bytes
        for start in range(0, len(self.data), size):
            yield replace(self, data=self.data[start : start + size])

    def frames(self) -> NDArray[np.float32]:
        """Shape (frames, channels), nominally -1..1."""
        return self._samples().reshape(-1, self.channels)

    @property
    def _frame_bytes(self) -> int:
        return self.channels * self.bits // 8

    def _samples(self) -> NDArray[np.float32]:
        if self.is_float:
            with np.errstate(over="ignore", invalid="ignore"):
                return np.frombuffer(self.data, f"<f{self.bits // 8}").astype(np.float32)
        if self.bits == 8:
            return (np.frombuffer(self.data, np.uint8).astype(np.float32) - 128) / np.float32(128)
        if self.bits == 24:
            return _widened(self.data).astype(np.float32) / np.float32(2**31)
        samples = np.frombuffer(self.data, f"<i{self.bits // 8}")
        return samples.astype(np.float32) / np.float32(2 ** (self.bits - 1))


def parse(file: bytes) -> Pcm | None:
    """The samples of a PCM WAV file; None when it is anything else.

    The sizes in the header are not believed: streaming writers leave 0 or 0xFFFFFFFF there, and
    of a truncated file there is what is there.
    """
    if file[:4] != b"RIFF" or file[8:12] != b"WAVE":
        return None
    form = None
    for name, start, size in _chunks(file):
        if name == b"fmt ":
            form = _format(file[start : start + min(size, 40)])
        elif name == b"data":
            return _pcm(memoryview(file)[start : start + size], form) if form else None
    return None


def _chunks(file: bytes) -> Iterator[tuple[bytes, int, int]]:
    """Name, start and size of each chunk."""
    position = 12
    for _ in range(_MAX_CHUNKS):
        if position + 8 > len(file):
            return
        name, size = struct.unpack_from("<4sI", file, position)
        position += 8
        if name == b"data" and size == 0:
            size = len(file) - position
        yield name, position, min(size, len(file) - position)
        position += size + size % 2


def _format(chunk: bytes) -> tuple[int, int, int, int] | None:
    """Tag, channels, rate and bits of a `fmt ` chunk that this module reads."""
    if len(chunk) < 16:
        return None
    tag, channels, rate, _, block, bits = struct.unpack_from("<HHIIHH", chunk)
    if tag == _EXTENSIBLE:
        if len(chunk) < 40 or chunk[26:40] != _GUID_TAIL:
            return None
        tag = struct.unpack_from("<H", chunk, 24)[0]
    known = bits in _BITS.get(tag, ()) and 1 <= channels <= _MAX_CHANNELS
    if not (known and _MIN_RATE <= rate <= _MAX_RATE and block == channels * bits // 8):
        return None
    return tag, channels, rate, bits


def _pcm(data: memoryview, form: tuple[int, int, int, int]) -> Pcm:
    tag, channels, rate, bits = form
    whole = len(data) - len(data) % (channels * bits // 8)
    return Pcm(data[:whole], rate, channels, bits, tag == _FLOAT)


def _widened(data: memoryview) -> NDArray[np.int32]:
    """24-bit samples in the upper three bytes of 32."""
    wide = np.zeros((len(data) // 3, 4), np.uint8)
    wide[:, 1:] = np.frombuffer(data, np.uint8).reshape(-1, 3)
    return wide.view("<i4")[:, 0]
