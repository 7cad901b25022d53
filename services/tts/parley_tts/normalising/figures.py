"""What numbers are left in English: ordinals, fractions, ranges, and those in names."""

import re

from parley_tts.normalising.numbers import (
    code,
    decimal,
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
    between = "out of" if two in _OUT_OF and float(one) <= int(two) else "over"
    return f"{decimal(one)} {between} {whole_number(two)}"


def _scientific(match: re.Match[str]) -> str:
    """2.5e-10."""
    minus = "minus " if match["sign"] == "-" else ""
    power = f"{minus}{whole_number(match['power'])}"
    return f"{decimal(match['number'])} times ten to the power of {power}"


def _decimal_in_name(match: re.Match[str]) -> str:
    return decimal(match["number"]) + (" " if match["after"] is not None else "")


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
    rule(
        r"""(?<! [\w.] ) (?P<number> \d{1,15}\.\d{1,15} | \d{1,15} (?= [eE][-+] ) )
        [eE] (?P<sign> [-+] )? (?P<power> \d{1,3} ) (?! \w )""",
        _scientific,
    ),
    rule(r"(?<= [A-Za-z]- ) \d{3,4} (?! [\w%] | [-.,/]\d )", lambda m: code(m[0])),
    rule(rf"{QUANTITY} (?! [\w/] | \.\d )", quantity),
    rule(
        r"""(?<! [\w.,/] ) (?P<one> \d{1,6} (?: \.\d{1,2} )? ) / (?P<two> \d{1,6} )
        (?! [\w/] | [.,]\d )""",
        _slash,
    ),
    rule(
        rf"""(?<! [\w.] ) (?P<number> \d++\.\d++ ) (?! \.?\d )
        (?P<after> (?= {_LETTER} ) )?""",
        _decimal_in_name,
    ),
    rule(
        rf"(?P<before> (?<= {_LETTER} ) )? (?P<digits> \d++ ) (?P<after> (?= {_LETTER} ) )?",
        _in_name,
    ),
)
