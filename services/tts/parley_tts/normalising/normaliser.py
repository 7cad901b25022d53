"""All that is done to a clause, in order."""

from parley_tts.normalising import english, tongues
from parley_tts.normalising.addresses import spoken_addresses
from parley_tts.normalising.characters import cleaned, tidied
from parley_tts.normalising.markdown import without_blocks, without_emphasis
from parley_tts.normalising.pronunciations import PRONUNCIATION
from parley_tts.normalising.symbols import with_single_marks
from parley_tts.traced import Traced, joined


def normalised(text: Traced, language: str) -> Traced:
    """A clause as it is spoken, without white space around it; may be empty.

    Numbers, money, dates, times, units, addresses and signs become words, markup and emoji go.
    English is read in full. In other languages numbers stay, which their engines read, and what
    would only be guessed at stays too. Sounds that the caller gives, `[word](/wɜd/)` and
    `[word](+1)`, stay as they are.

    Args:
        language: a BCP 47 tag. Without one, or with an unknown one, only what has no language
            is changed.
    """
    between, given = text.split(PRONUNCIATION)
    spoken = [_spoken(part, language) for part in between]
    rest = [part for pair in zip(given, spoken[1:], strict=True) for part in pair]
    return joined([spoken[0], *rest]).strip()


def _spoken(text: Traced, language: str) -> Traced:
    text = without_blocks(cleaned(text))
    words = tongues.address_words(language)
    if words:
        text = spoken_addresses(text, words)
    text = with_single_marks(cleaned(without_emphasis(text)))
    if language.casefold().startswith("en"):
        text = english.spoken(text, language)
    else:
        text = tongues.spoken(text, language)
    return tidied(text)
