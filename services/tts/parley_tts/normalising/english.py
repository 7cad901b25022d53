"""English text as it is spoken."""

from parley_tts.normalising import (
    abbreviations,
    codes,
    dates,
    figures,
    money,
    symbols,
    times,
    units,
)
from parley_tts.normalising.addresses import AddressWords
from parley_tts.normalising.numbers import FRACTIONS, whole_number
from parley_tts.normalising.rules import Rule, spoken_by
from parley_tts.traced import Traced

ADDRESS_WORDS = AddressWords(
    {
        ".": "dot", "/": "slash", "@": "at", "-": "dash", "_": "underscore", "+": "plus",
        "?": "question mark", "=": "equals", "&": "and", "#": "hash", ":": "colon",
        "%": "percent", "~": "tilde",
    },
    whole_number,
)  # fmt: skip


def spoken(text: Traced, language: str) -> Traced:
    """Days come first in dates with numbers, but for American English."""
    text = spoken_by(text, (*symbols.NAMES, *abbreviations.RULES))
    if any(char.isdigit() or char in FRACTIONS for char in text.text):
        is_american = language.casefold() in {"en", "en-us"}
        ordered = dates.RULES_MONTH_FIRST if is_american else dates.RULES_DAY_FIRST
        text = spoken_by(text, _numbers(ordered))
    else:
        text = spoken_by(text, symbols.SIGNS)
    return spoken_by(text, symbols.REST)


def _numbers(ordered_dates: tuple[Rule, ...]) -> tuple[Rule, ...]:
    """What says most about a number reads it first."""
    return (
        *ordered_dates,
        *times.RULES,
        *codes.RULES,
        *money.RULES,
        *units.RULES,
        *symbols.SIGNS,
        *figures.RULES,
    )
