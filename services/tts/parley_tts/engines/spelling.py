"""Clauses for engines that read letters: what they can read, in pieces that are not too long."""

import re
import unicodedata
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain

from parley_kit.errors import InvalidRequest
from parley_tts.normalising import without_pronunciations
from parley_tts.traced import Traced, joined

_SAID_MARKS = frozenset("%&@#+=$€£¥₹°№")
_JOINERS = frozenset("\u200c\u200d")  # some scripts spell with them
_SPACE = re.compile(r"\s+")


@dataclass(frozen=True, slots=True)
class Spelling:
    """A `Phrase` of letters, with a sound in it."""

    text: Traced

    @property
    def size(self) -> int:
        return len(self.text)


def mapped(text: Traced, spelled: Callable[[str], str]) -> Traced:
    """Every character of `text` replaced by what `spelled` makes of it."""
    new = [spelled(char) for char in text.text]
    origins = ((origin,) * len(part) for part, origin in zip(new, text.origins, strict=True))
    return Traced("".join(new), tuple(chain.from_iterable(origins)))


def readable(clause: Traced) -> Traced:
    """`clause` without what would upset a C library: NULs, controls, broken code points.

    A pronunciation in the manner of misaki, `[word](/ipa/)`, becomes the word.
    """
    return mapped(without_pronunciations(clause), _printable)


def has_sound(text: str) -> bool:
    """Whether anything in `text` is said."""
    return any(char.isalnum() or char in _SAID_MARKS for char in text)


def spellings(spelled: Traced, clause: Traced, engine: str, max_size: int) -> Sequence[Spelling]:
    """Phrases that say `spelled`, which is what `engine` can read of `clause`.

    Raises:
        InvalidRequest: the clause has words, and none is left.
    """
    pieces = [piece.strip() for piece in _pieces(spelled.strip(), max_size)]
    found = [Spelling(piece) for piece in pieces if has_sound(piece.text)]
    if not found and has_sound(clause.text):
        raise InvalidRequest(f"The {engine} engine cannot read this script.", param="input")
    return found


def together(phrases: Sequence[Spelling]) -> Traced:
    """The phrases as one text, a space between them."""
    first, *rest = (phrase.text for phrase in phrases)
    spaced = [first]
    for text in rest:
        spaced += [Traced(" ", text.origins[:1]), text]
    return joined(spaced)


def _printable(char: str) -> str:
    category = unicodedata.category(char)
    if category[0] != "C" or char in _JOINERS:
        return char
    return "" if category == "Cf" else " "


def _pieces(text: Traced, max_size: int) -> Iterator[Traced]:
    while len(text) >= max_size:
        end = _cut(text.text, max_size - 1)
        yield text[:end]
        text = text[end:].strip()
    yield text


def _cut(text: str, most: int) -> int:
    """Where to end a piece: between words, if that is possible in the second half."""
    spaces = [match.start() for match in _SPACE.finditer(text, most // 2, most + 1)]
    return spaces[-1] if spaces else most
