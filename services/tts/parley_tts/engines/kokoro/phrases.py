"""Phonemes, and where in the caller's text each of their words came from. Pure."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from parley_tts.traced import Traced, joined


@dataclass(frozen=True, slots=True)
class Spoken:
    """Phonemes `start` up to, and without, `end` say what begins at character `at` of a text."""

    at: int
    start: int
    end: int

    def shifted(self, chars: int, phonemes: int) -> "Spoken":
        return Spoken(self.at + chars, self.start + phonemes, self.end + phonemes)


@dataclass(frozen=True, slots=True)
class KokoroPhrase:
    """A `Phrase`: a text, its phonemes (one a character), and which of them say what."""

    text: Traced
    phonemes: str
    spoken: tuple[Spoken, ...] = ()

    @property
    def size(self) -> int:
        return len(self.phonemes)

    def between(self, start: int, end: int) -> "KokoroPhrase":
        """The part that phonemes `start` to `end` say; a word that is cut belongs to its start."""
        inside = [word for word in self.spoken if start <= word.start < end]
        until = next((word.at for word in self.spoken if word.start >= end), len(self.text))
        first = (inside[0].at if inside else until) if start else 0
        text = self.text[first:until]
        words = (Spoken(word.at, word.start, min(word.end, end)) for word in inside)
        return KokoroPhrase(
            text, self.phonemes[start:end], tuple(word.shifted(-first, -start) for word in words)
        )


def together(phrases: Sequence[KokoroPhrase]) -> KokoroPhrase:
    """The phrases as one, a space between them."""
    whole = phrases[0]
    for phrase in phrases[1:]:
        whole = appended(whole, phrase, " ")
    return whole


def appended(one: KokoroPhrase, other: KokoroPhrase, space: str) -> KokoroPhrase:
    """Both as one, with `space` (or nothing) between their phonemes and between their texts."""
    if not one.phonemes or not other.phonemes:
        space = ""
    gap = Traced(space, one.text.origins[-1:] * len(space)) if one.text.text else Traced("", ())
    chars, phonemes = len(one.text) + len(gap), len(one.phonemes) + len(space)
    return KokoroPhrase(
        joined([one.text, gap, other.text]),
        one.phonemes + space + other.phonemes,
        one.spoken + tuple(word.shifted(chars, phonemes) for word in other.spoken),
    )


def pieces(phrase: KokoroPhrase, most: int) -> Iterator[KokoroPhrase]:
    """`phrase` in parts of at most `most` phonemes, cut between words where there are spaces."""
    start = 0
    while len(phrase.phonemes) - start > most:
        end = _cut(phrase.phonemes, start, start + most)
        yield phrase.between(start, end)
        start = end + (phrase.phonemes[end] == " ")
    yield phrase.between(start, len(phrase.phonemes))


def _cut(phonemes: str, start: int, most: int) -> int:
    """Where to end a part that starts at `start`: at the last space, if it has one."""
    space = phonemes.rfind(" ", start + 1, most + 1)
    return space if space > 0 else most
