"""A worker process of the pocketsphinx engine: answers questions until stdin ends.

A process and not a thread, because the binding holds the GIL while it decodes.
"""

import os
import sys
from collections.abc import Sequence
from typing import BinaryIO

from parley_kit.confinement import confine
from parley_stt.engines import frames
from parley_stt.engines import pocketsphinx_protocol as protocol
from parley_stt.engines.pocketsphinx_decoding import CepstralMean, SpokenUtterance, decoder, words
from parley_stt.engines.pocketsphinx_protocol import Ask, Heard


class Ear:
    """Answers questions; at most one utterance at a time is being spoken."""

    def __init__(self) -> None:
        self._decoder = decoder()
        self._mean = CepstralMean()
        self._utterance = SpokenUtterance(self._decoder, self._mean)

    def answer(self, ask: Ask, pcm: bytes) -> Sequence[Heard] | str | None:
        match ask:
            case Ask.WHOLE:
                self._utterance.stop()
                return words(self._decoder, pcm)
            case Ask.BEGIN:
                self._utterance.stop()
                self._utterance = SpokenUtterance(self._decoder, self._mean)
            case Ask.MORE:
                self._utterance.more(pcm)
            case Ask.INTERIM:
                return self._utterance.interim()
            case Ask.FINAL:
                return self._utterance.final()
        return None


def serve(questions: BinaryIO, answers: BinaryIO) -> None:
    ear = Ear()
    frames.write(answers, b"ready")
    while (question := frames.read(questions)) is not None:
        frames.write(answers, protocol.answer(ear.answer(*protocol.parse(question))))


if __name__ == "__main__":
    confine()
    # Whatever a library prints must not get between the frames.
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    serve(sys.stdin.buffer, answers)
