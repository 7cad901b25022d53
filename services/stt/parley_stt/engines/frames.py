"""Frames on a pipe between a worker process and its parent: four bytes of length, then the rest."""

import struct
from typing import BinaryIO

HEADER = struct.Struct("<I")


def pack(payload: bytes) -> bytes:
    return HEADER.pack(len(payload)) + payload


def read(stream: BinaryIO) -> bytes | None:
    """The next frame; None at the end of the stream."""
    header = stream.read(HEADER.size)
    if len(header) < HEADER.size:
        return None
    (length,) = HEADER.unpack(header)
    payload = stream.read(length)
    return payload if len(payload) == length else None


def write(stream: BinaryIO, payload: bytes) -> None:
    stream.write(pack(payload))
    stream.flush()
