"""What numbers are left in English: ordinals, fractions, ranges, and those in names."""

import re

from parley_tts.normalising.numbers import (
    code,
    digit_by_digit,
    ordinal,
    whole_number,
)
from parley_tts.normalising.quantities import QUANTITY, quantity
from parley_tts.normalising.rules import Rule, rule

_LETTER = r"[^\W\d_]"
_DONE = r"(?! [\w%/] | [.,:]\d )"
_OUT_OF = frozenset({"10", "100", "5"})
_SUBSCRIPTS = str.maketrans("₀₁₂₃₄₅₆₇₈₉", "0123456789")


def _ordinal(match: re.Match[str]) -> str:
    digits = match["digits"].replace(",", "")
    return ordinal(int(digits)) if len(digits) < 10 else f"{digit_by_digit(digits)} {match['th']}"


def _slash(match: re.Match[str]) -> str:
    """8/10 is "eight out of ten", 9/11 "nine eleven", 7/3 "seven over three"."""
    one, two = match["one"], match["two"]
    if match[0] == "9/11":
        return "nine eleven"
    if two in _OUT_OF and int(one) <= int(two):
        return f"{whole_number(one)} out of {whole_number(two)}"
    return f"{whole_number(one)} over {whole_number(two)}"


def _in_name(match: re.Match[str]) -> str:
    """MP3, H2O, 3D: with a space between letters and digits."""
    before, after = match["before"] is not None, match["after"] is not None
    digits = match["digits"]
    words = code(digits) if before else whole_number(digits)
    return f"{' ' if before else ''}{words}{' ' if after else ''}"


RULES: tuple[Rule, ...] = (
    rule(r"[₀-₉]+", lambda match: match[0].translate(_SUBSCRIPTS)),
    rule(
        r"""(?<! [\w.] ) (?P<digits> \d{1,3} (?: ,\d{3} ){1,3} | \d++ )
        (?P<th> st | nd | rd | th ) \b""",
        _ordinal,
        re.IGNORECASE,
    ),
    rule(
        r"(?<= \d ) \s? : \s? (?= \d )",
        " to ",
    ),
    rule(rf"{QUANTITY} (?! [\w/] | \.\d )", quantity),
    rule(
        r"(?<! [\w.,/] ) (?P<one> \d{1,6} ) / (?P<two> \d{1,6} ) (?! [\w/] | [.,]\d )",
        _slash,
    ),
    rule(
        rf"(?P<before> (?<= {_LETTER} ) )? (?P<digits> \d++ ) (?P<after> (?= {_LETTER} ) )?",
        _in_name,
    ),
)
