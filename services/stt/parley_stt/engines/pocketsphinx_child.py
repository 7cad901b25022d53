"""A worker process of the pocketsphinx engine: an utterance in, its words out, until stdin ends.

A process and not a thread, because the binding holds the GIL while it decodes. An utterance is
decoded in one call, because only then is the cepstral mean that of the utterance itself: in
pieces the decoder starts from a guess, and hears speech of other loudness and colour much worse.

In: s16le mono 16 kHz. Out: a JSON list of `[word, start_s, end_s, probability]`.
"""

import json
import os
import sys
from typing import Any, BinaryIO

from pocketsphinx import Decoder

from parley_stt.audio import SAMPLE_RATE
from parley_stt.confinement import confine
from parley_stt.engines import frames

# Half the time for the same words on the recordings of the tests; the default is 30000.
_MAX_ACTIVE_HMMS = 5000
_MIN_SAMPLES = SAMPLE_RATE // 10
_FRAME_S = 0.01


def words(decoder: Any, pcm: bytes) -> list[tuple[str, float, float, float]]:
    """What is said in one utterance; the same samples always give the same words."""
    if len(pcm) < 2 * _MIN_SAMPLES:
        return []
    decoder.reinit_feat()
    decoder.start_utt()
    decoder.process_raw(pcm, full_utt=True)
    decoder.end_utt()
    if decoder.hyp() is None:
        return []
    return [
        (
            # The dictionary numbers pronunciations: "read(2)".
            segment.word.partition("(")[0],
            round(segment.start_frame * _FRAME_S, 2),
            round((segment.end_frame + 1) * _FRAME_S, 2),
            min(1.0, segment.prob),
        )
        for segment in decoder.seg()
        if segment.word[0] not in "<["  # silence, noise and the ends of the sentence
    ]


def serve(requests: BinaryIO, replies: BinaryIO) -> None:
    decoder = Decoder(samprate=SAMPLE_RATE, loglevel="FATAL", maxhmmpf=_MAX_ACTIVE_HMMS)
    frames.write(replies, b"ready")
    while (pcm := frames.read(requests)) is not None:
        frames.write(replies, json.dumps(words(decoder, pcm)).encode())


if __name__ == "__main__":
    confine()
    # Whatever a library prints must not get between the frames.
    replies = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    serve(sys.stdin.buffer, replies)
