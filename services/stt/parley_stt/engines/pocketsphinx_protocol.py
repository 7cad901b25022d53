"""What a worker of the pocketsphinx engine is asked, and what it answers. Pure.

    WHOLE + audio   the words of an utterance that is over
    BEGIN           nothing; an utterance begins, and whatever was begun before is forgotten
    MORE + audio    nothing, once it has been decoded; what was said since the last question
    INTERIM         the transcript so far
    FINAL           the words of the utterance that was begun

Audio is s16le mono at 16 kHz. Every question has one answer, in JSON.
"""

import json
from collections.abc import Sequence
from enum import IntEnum

Heard = tuple[str, float, float, float]
"""A word: text, start and end in seconds from the beginning of the utterance, probability."""


class Ask(IntEnum):
    """The kinds of questions; the first byte of each says which."""

    WHOLE = 1
    BEGIN = 2
    MORE = 3
    INTERIM = 4
    FINAL = 5


def question(ask: Ask, pcm: bytes = b"") -> bytes:
    return bytes([ask]) + pcm


def parse(question: bytes) -> tuple[Ask, bytes]:
    return Ask(question[0]), question[1:]


def answer(of: Sequence[Heard] | str | None) -> bytes:
    return json.dumps(of).encode()


def words(answer: bytes) -> list[Heard]:
    """The answer to `WHOLE` and `FINAL`."""
    return [(text, start, end, prob) for text, start, end, prob in json.loads(answer)]


def transcript(answer: bytes) -> str:
    """The answer to `INTERIM`."""
    return str(json.loads(answer))
