"""One upload in on stdin, s16le mono 16 kHz out on stdout; a process of its own, once.

FFmpeg reads bytes that strangers wrote. So it runs here, where a crash, a hang or a bomb ends a
process that holds nothing, can open nothing and gets no more memory than it needs, with the
formats and decoders that are wanted and no others.

    python -m parley_stt.audio.decoder_child <max seconds of audio> <max seconds of CPU>

It may wait long for its upload, which begins with its length in `SIZE`.
"""

import os
import struct
import sys
from io import BytesIO

from parley_kit.confinement import bound_memory, confine, seal, yield_after
from parley_stt.audio.outcome import Outcome

SIZE = struct.Struct("<Q")

# Below the engines, and once this is no utterance any more, below everything: who uploads a bomb
# does not slow down who speaks.
_NICENESS = 10
_UTTERANCE_CPU_S = 0.05
# What decoding may take beside the interpreter, the libraries and the file.
_MEMORY_BYTES = 96 << 20
# A hundredth of a second of silence in Sun's format: 24 bytes of header, s16be, 8 kHz, mono.
_SILENCE = b".snd" + struct.pack(">5I", 24, 160, 3, 8_000, 1) + bytes(160)


def main() -> int:
    max_seconds, max_cpu_s = float(sys.argv[1]), int(sys.argv[2])
    confine(cpu_s=max_cpu_s, niceness=_NICENESS)
    from parley_stt.audio.containers import transcode

    # PyAV imports some of itself when it opens its first file; after the seal it could not.
    transcode(BytesIO(_SILENCE), BytesIO(), max_seconds)
    with open(0, "rb", closefd=False) as source, open(1, "wb", closefd=False) as sink:
        size = source.read(SIZE.size)
        if not size:
            return Outcome.DECODED  # the parent is gone, or needs no spare any more
        (length,) = SIZE.unpack(size)
        file = BytesIO(bytes(length))
        bound_memory(length + _MEMORY_BYTES)
        yield_after(_UTTERANCE_CPU_S)
        seal()
        with file.getbuffer() as view:
            source.readinto(view)
        return transcode(file, sink, max_seconds)


if __name__ == "__main__":
    os._exit(main())  # there is nothing to tidy up, and doing so takes longer than decoding does
