"""Readers that give the phonemes of a text as a whole: their words are aligned with the text's."""

import re
import unicodedata
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from parley_tts.engines.kokoro.alignment import aligned
from parley_tts.engines.kokoro.g2p.markup import Segment, segments
from parley_tts.engines.kokoro.phrases import KokoroPhrase, Spoken, appended
from parley_tts.traced import Traced

_WORD = re.compile(r"\S+")
# About how many phonemes it takes to say one.
_DIGIT, _SYMBOL, _SYLLABLE = 4.0, 5.0, 4.0


@dataclass(frozen=True, slots=True)
class PlainReader:
    """A `Reader` out of a function from text to phonemes, in words with spaces between them."""

    phonemise: Callable[[str], str]

    def __call__(self, clause: Traced) -> KokoroPhrase:
        """See `Reader`."""
        whole = KokoroPhrase(Traced("", ()), "")
        space = ""
        for segment in segments(clause.strip()):
            starts_apart = segment.text.text[:1].isspace()
            whole = appended(whole, self._read(segment), " " if starts_apart else space)
            space = " " if segment.text.text[-1:].isspace() else ""
        return whole

    def _read(self, segment: Segment) -> KokoroPhrase:
        text = segment.text.strip()
        phonemes = segment.phonemes or self.phonemise(text.text).strip()
        texts, sounds = list(_texts(text.text)), list(_sounds(phonemes))
        if not texts or not sounds:
            return KokoroPhrase(text, phonemes)
        firsts = aligned([w for _, w in texts], [float(end - start) for start, end in sounds])
        words = zip(firsts, sounds, strict=True)
        return KokoroPhrase(
            text, phonemes, tuple(Spoken(texts[at][0], start, end) for at, (start, end) in words)
        )


def _texts(text: str) -> Iterator[tuple[int, float]]:
    """Where each word begins, and about how long it takes to say it.

    In scripts that write no spaces every character is one.
    """
    for word in _WORD.finditer(text):
        at, weight = word.start(), 0.0
        for place, char in enumerate(word[0], word.start()):
            if _is_a_word(char):
                if weight:
                    yield at, weight
                yield place, _SYLLABLE
                at, weight = place + 1, 0.0
            else:
                weight += _weight(char)
        if weight:
            yield at, weight


def _is_a_word(char: str) -> bool:
    name = unicodedata.name(char, "")
    return name.startswith(("CJK UNIFIED", "CJK COMPAT", "HIRAGANA", "KATAKANA LETTER"))


def _weight(char: str) -> float:
    if char.isdigit():
        return _DIGIT
    if char.isalnum():
        return 1.0
    return _SYMBOL if unicodedata.category(char)[0] == "S" or char in "%&@#" else 0.0


def _sounds(phonemes: str) -> Iterator[tuple[int, int]]:
    """Where each word of phonemes begins and ends, without punctuation."""
    for word in _WORD.finditer(phonemes):
        letters = [at for at, char in enumerate(word[0], word.start()) if _sounds_like(char)]
        if letters:
            yield letters[0], letters[-1] + 1


def _sounds_like(char: str) -> bool:
    """Letters and marks, not punctuation; stress marks are letters in Unicode (Lm)."""
    return unicodedata.category(char)[0] in "LMNS"
