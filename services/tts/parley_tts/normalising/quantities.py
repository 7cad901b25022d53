"""How many: the numbers that stand before a unit, a currency or "percent", and ranges of them."""

import re

from parley_tts.normalising.numbers import (
    FRACTIONS,
    cardinal,
    decimal,
    fraction,
)

_VULGAR = "".join(FRACTIONS)
NUMBER = r"""(?:
    (?: \d{1,3} (?: ,\d{3} ){1,6}+ (?!\d) | \d{1,2} (?: ,\d\d ){1,4} ,\d{3} (?!\d) | \d++ )
    (?: \.\d++ )?+
    | \.\d++
)"""
"""As it is written in English, also in India, without a sign; for verbose patterns."""

_VALUE = rf"""(?:
    (?: \d{{1,4}} \s )? (?: 1/[2-9] | 2/[35] | 3/[458] | [457]/8 | 4/5 | 5/6 ) (?! [\d/] | \.\d )
    | \d{{0,4}} \s? [{_VULGAR}]
    | {NUMBER}
)"""
_TO = r"(?: \s? [-\u2010-\u2015] \s? | \s to \s )"
SIGN = r"(?: (?<! [^\s(\[=:<>~\u2248,;/\u2010-\u2015] ) (?P<sign> [-\u2212+\u00b1] ) )"
START = r"(?: (?<! [\w.] ) (?<! \d[,/:] ) )"
QUANTITY = rf"""(?: {SIGN} | {START} )
    (?P<low> {_VALUE} ) (?: {_TO} (?P<sign2> [-\u2212] )? (?P<high> {_VALUE} ) )?
    (?: \s (?P<scale> hundred | thousand | million | billion | trillion ) \b )?"""
"""Groups sign, low, sign2, high, scale; what `quantity` reads."""

SIGNS = {"-": "minus ", "\u2212": "minus ", "+": "plus ", "\u00b1": "plus or minus "}
_MIXED = re.compile(rf"(\d*)\s?(?:(\d)/(\d)|([{_VULGAR}]))")


def quantity(match: re.Match[str]) -> str:
    """What a match of `QUANTITY` says: "minus five", "one and a half", "five to ten million"."""
    words = SIGNS.get(match["sign"] or "", "") + value(match["low"])
    if match["high"]:
        words += f" to {SIGNS.get(match['sign2'] or '', '')}{value(match['high'])}"
    return f"{words} {match['scale']}" if match["scale"] else words


def value(text: str) -> str:
    """A number or fraction, as it is written."""
    match = _MIXED.fullmatch(text)
    if not match:
        return decimal(text)
    parts = FRACTIONS[match[4]] if match[4] else (int(match[2]), int(match[3]))
    words = fraction(*parts)
    if not match[1]:
        return words
    return f"{cardinal(int(match[1]))} and {'a' + words[3:] if parts[0] == 1 else words}"


def is_one(match: re.Match[str]) -> bool:
    """Whether what is counted by a match of `QUANTITY` stands in the singular."""
    if match["high"] or match["scale"]:
        return False
    return match["low"] == "1" or "/" in match["low"] or match["low"] in FRACTIONS
