"""A misspelt word → the word of the rules that it is one slip away from."""

from collections.abc import Iterable, Iterator

_SHORTEST, _LONGEST = 5, 16


class Spelling:
    """Corrects one inserted, missing, wrong or swapped letter in words of five to sixteen letters.

    Args:
        known: the words that may be meant.
        real: words that are spelt as they were meant, however close they are to a known one.
    """

    def __init__(self, known: Iterable[str], real: Iterable[str]) -> None:
        self._known = frozenset(known)
        self._real = frozenset(real)
        self._shortened: dict[str, list[str]] = {}
        for word in sorted(self._known):
            if len(word) >= _SHORTEST and word.isalpha():
                for short in _shortened(word):
                    self._shortened.setdefault(short, []).append(word)

    def correct(self, word: str) -> str:
        """The known word that was meant, or `word` itself."""
        if not _SHORTEST <= len(word) <= _LONGEST or word in self._known or word in self._real:
            return word
        return next(self._meant(word), word)

    def _meant(self, word: str) -> Iterator[str]:
        yield from self._shortened.get(word, ())
        shorts = list(_shortened(word))
        yield from (s for s in shorts if len(s) >= _SHORTEST and s in self._known)
        for short in shorts:
            yield from (k for k in self._shortened.get(short, ()) if one_slip(word, k))


def one_slip(word: str, other: str) -> bool:
    """Whether words of the same length differ in one letter, or in two neighbours swapped."""
    if len(word) != len(other):
        return False
    different = [i for i in range(len(word)) if word[i] != other[i]]
    if len(different) == 2:
        i, j = different
        return j == i + 1 and word[i] == other[j] and word[j] == other[i]
    return len(different) <= 1


def _shortened(word: str) -> Iterator[str]:
    """The word with each one of its letters left out."""
    return (word[:i] + word[i + 1 :] for i in range(len(word)))
