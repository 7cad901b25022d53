"""Times of day in English."""

import re

from parley_tts.normalising.numbers import cardinal, pairs
from parley_tts.normalising.rules import Rule, rule


def _time(which: str) -> str:
    return rf"""(?P<hour{which}> 2[0-4] | [01]?\d )
    (?: : (?P<minute{which}> [0-5]\d ) (?: : (?P<second{which}> [0-5]\d ) (?: [.,]\d++ )?+ )? )?
    (?: \s? (?P<half{which}> [AaPp] ) (?: \.\s?[Mm]\b\.? | [Mm]\b\.? (?!\w) ) )?"""


_START = r"(?<! [\w:.,/$€£+-] )"
_END = r"(?! [\w%:/] | [.,]\d )"
_TO = r"\s? (?: [-\u2010-\u2015] | to ) \s?"
_ZONE = r"(?: (?P<zulu> Z ) \b | (?P<sign> [-+] ) (?P<off> \d\d ) : ?(?P<minutes> \d\d ) \b )?"


def _span(match: re.Match[str]) -> str:
    """9am-5pm, 10:00-12:30, 5-10pm; 3-2 is no time."""
    if not ((_is_time(match, "1") and _is_time(match, "2")) or match["half2"]):
        return match[0]
    return f"{_said(match, '1')} to {_said(match, '2')}"


def _single(match: re.Match[str]) -> str:
    if not _is_time(match, "1"):
        return match[0]
    words = _said(match, "1")
    if match["zulu"]:
        return f"{words} UTC"
    if not match["sign"]:
        return words
    sign = "plus" if match["sign"] == "+" else "minus"
    minutes = f" {cardinal(int(match['minutes']))}" if int(match["minutes"]) else ""
    return f"{words} UTC {sign} {cardinal(int(match['off']))}{minutes}"


def _is_time(match: re.Match[str], which: str) -> bool:
    return bool(match[f"minute{which}"] or match[f"half{which}"])


def _said(match: re.Match[str], which: str) -> str:
    hour, minute = int(match[f"hour{which}"]), int(match[f"minute{which}"] or 0)
    second, half = match[f"second{which}"], match[f"half{which}"]
    words = (
        pairs(hour, minute) if minute else _exactly(hour, match[f"minute{which}"], half or second)
    )
    if second:
        words += f" and {cardinal(int(second))} seconds"
    return f"{words} {half.lower()}.m." if half else words


def _exactly(hour: int, minute: str | None, more: str | None) -> str:
    if more or not minute:
        return cardinal(hour)
    return f"{cardinal(hour)} o'clock" if 0 < hour <= 12 else f"{cardinal(hour)} hundred hours"


RULES: tuple[Rule, ...] = (
    rule(rf"{_START} {_time('1')} {_TO} {_time('2')} {_END}", _span),
    rule(rf"(?: {_START} | (?<=\sT) ) {_time('1')} {_ZONE} {_END}", _single),
)
