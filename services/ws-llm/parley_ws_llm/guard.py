"""Keeps the assistant's instructions from being recited, whatever the model was talked into. Pure.

The answer's words are followed through the instructions as they stream. While a few in a row are
the instructions' too, they are held back; they are let go when the row breaks, and the answer is
stopped when the row grows long, or when many short rows together amount to a recital.
"""

import re
from collections import defaultdict

_WORD = re.compile(r"[^\W_]+")
_LONGEST_WORD = 64
_HELD_FROM = 4
_RECITED_ROW = 9
_RECITED_WORDS = 32
"""Words of the instructions said in rows of at least `_HELD_FROM`."""


class Recited(Exception):
    """The answer is a recital of the instructions; what was held back must not be sent."""


class Instructions:
    """The text to keep, prepared once for all answers."""

    def __init__(self, text: str) -> None:
        words = _words(text)
        self.row = max(_HELD_FROM, min(_RECITED_ROW, len(words)))
        self.places: dict[str, list[int]] = defaultdict(list)
        for place, word in enumerate(words):
            self.places[word].append(place)


class Guard:
    """Follows one answer."""

    def __init__(self, instructions: Instructions) -> None:
        self._instructions = instructions
        self._rows: dict[int, int] = {}
        """For each place in the instructions that the answer may be at, the length of its row."""
        self._said: set[int] = set()
        self._word = ""
        self._held = ""

    def feed(self, text: str) -> str:
        """What of the answer so far may be sent now.

        Raises:
            Recited: see there.
        """
        self._held += text
        *whole, self._word = _split(self._word + text)
        for word in whole:
            self._follow(word)
        return self._release()

    def finish(self) -> str:
        """The rest of an answer that has ended.

        Raises:
            Recited: see there.
        """
        self._follow(self._word)
        held, self._held = self._held, ""
        return held

    def _follow(self, piece: str) -> None:
        for word in _words(piece):
            places = self._instructions.places.get(word, ())
            self._rows = {place: self._rows.get(place - 1, 0) + 1 for place in places}
            for place, row in self._rows.items():
                if row >= _HELD_FROM:
                    self._said.update(range(place - _HELD_FROM + 1, place + 1))
            if self._row >= self._instructions.row or len(self._said) >= _RECITED_WORDS:
                raise Recited

    @property
    def _row(self) -> int:
        return max(self._rows.values(), default=0)

    def _release(self) -> str:
        if self._row >= _HELD_FROM - 1:
            return ""
        held, self._held = self._held, ""
        return held


def _split(text: str) -> list[str]:
    """The text at its last end of a word: what is whole, and what may still grow."""
    end = len(text)
    while end and (text[end - 1].isalnum() or text[end - 1] == "_"):
        end -= 1
        if len(text) - end > _LONGEST_WORD:
            return [text, ""]
    return [text[:end], text[end:]]


def _words(text: str) -> list[str]:
    return _WORD.findall(text.lower())
