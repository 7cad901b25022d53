"""Dates in English."""

import re
from collections.abc import Callable

from parley_tts.normalising.numbers import (
    cardinal,
    digit_by_digit,
    ordinal,
    plural,
    year,
)
from parley_tts.normalising.rules import Rule, one_of, rule

_MONTHS = (
    "January", "February", "March", "April", "May", "June", "July", "August", "September",
    "October", "November", "December",
)  # fmt: skip
_SHORT_MONTHS = {month[:3]: month for month in _MONTHS} | {"Sept": "September"}
_DAYS = {
    "Mon": "Monday", "Tue": "Tuesday", "Tues": "Tuesday", "Wed": "Wednesday", "Thu": "Thursday",
    "Thur": "Thursday", "Thurs": "Thursday", "Fri": "Friday", "Sat": "Saturday", "Sun": "Sunday",
}  # fmt: skip

_MONTH = rf"(?P<month> \b (?: {one_of(_MONTHS)} | (?: {one_of(_SHORT_MONTHS)} ) \b \.? ) )"
_DAY = r"(?P<day> 0?[1-9] | [12]\d | 3[01] )"
_TH = r"(?: st | nd | rd | th )?"
_YEAR = r"(?P<year> [12]\d{3} ) (?! [\d%] | [.,/:-]\d )"
_TO = r"\s? (?: [-\u2010-\u2015] | to ) \s?"
_RANGE = rf"(?: {_TO} (?P<last> 0?[1-9] | [12]\d | 3[01] ) {_TH} )?"
_END = r"(?! [\w%] | [.,/:-]\d | \s? (?: [ap]\.?m\b | : ) )"
_NUMERIC = r"""(?<! [\w./-] ) (?P<one> \d{1,2} ) (?P<by> [/.-] ) (?P<two> \d{1,2} ) (?P=by)
    (?P<year> \d{4} | \d\d ) (?! \w | [./:-]\d )"""
_ISO = r"""(?<! [\w.-] ) (?P<year> [12]\d{3} ) (?P<by> [-/.] ) (?P<month> 0[1-9] | 1[0-2] )
    (?P=by) (?P<day> 0[1-9] | [12]\d | 3[01] )"""
_BEFORE_YEAR = (
    "in", "since", "by", "from", "until", "till", "year", "early", "late", "mid", "circa", "before",
    "after", "during", "spring", "summer", "autumn", "fall", "winter",
    "Christmas", "class of", "the", "our", "this",
    "Q1", "Q2", "Q3", "Q4",
    "back in", *_MONTHS,
)  # fmt: skip
_AFTER_YEAR = (
    "a", "an", "and", "as", "at", "but", "by", "for", "from", "had", "has", "he", "her", "his", "I",
    "in", "is", "it", "its", "of", "on", "or", "she", "so", "that", "the", "their", "then", "they",
    "this", "through", "to", "until", "was", "we", "were", "when", "which", "while", "will",
    "with", "would", "you", "election", "edition", "model", "season", "report",
)  # fmt: skip

_Say = Callable[[int, int, int | None], str]


def _month_first(month: int, day: int, in_year: int | None) -> str:
    return f"{_MONTHS[month - 1]} {ordinal(day)}" + (f", {_year(in_year)}" if in_year else "")


def _day_first(month: int, day: int, in_year: int | None) -> str:
    words = f"the {ordinal(day)} of {_MONTHS[month - 1]}"
    return words + (f", {_year(in_year)}" if in_year else "")


def _year(number: int) -> str:
    return year(number) if number > 99 else year(2000 + number if number < 50 else 1900 + number)


def _numeric(match: re.Match[str], order: tuple[str, str], say: _Say) -> str:
    """Day and month in the order given, or in the other one if only that makes a date."""
    for month, day in (order, order[::-1]):
        if 1 <= int(match[month]) <= 12 and 1 <= int(match[day]) <= 31:
            return say(int(match[month]), int(match[day]), int(match["year"]))
    return match[0]


def _iso(match: re.Match[str], say: _Say) -> str:
    return say(int(match["month"]), int(match["day"]), int(match["year"]))


def _named_month(match: re.Match[str]) -> str:
    """March 5th."""
    words = f"{_month(match)} {_days(match)}"
    return f"{words}, {year(int(match['year']))}" if match["year"] else words


def _named_month_after(match: re.Match[str]) -> str:
    """5 March: "the fifth of March", without a second "the"."""
    words = f"{_days(match)} of {_month(match)}"
    words = words if match["the"] else f"the {words}"
    return f"{match['the'] or ''}{words}" + (
        f" {year(int(match['year']))}" if match["year"] else ""
    )


def _month_and_year(match: re.Match[str]) -> str:
    return f"{_month(match)}{match['of'] or ''} {year(int(match['year']))}"


def _month_number_and_year(match: re.Match[str]) -> str:
    return f"{_MONTHS[int(match['month']) - 1]} {year(int(match['year']))}"


def _season(match: re.Match[str]) -> str:
    """2024/25."""
    first, last = int(match["first"]), int(match["last"])
    if (first + 1) % 100 != last:
        return match[0]
    return f"{year(first)} slash {_two_digits(match['last'])}"


def _month(match: re.Match[str]) -> str:
    return _SHORT_MONTHS.get(match["month"].rstrip("."), match["month"])


def _days(match: re.Match[str]) -> str:
    days = ordinal(int(match["day"]))
    return f"{days} to {ordinal(int(match['last']))}" if match["last"] else days


def _decade(match: re.Match[str]) -> str:
    """1990s, '90s, 90s."""
    digits = match["digits"]
    return plural(year(int(digits)) if len(digits) == 4 else cardinal(int(digits)))


def _years(match: re.Match[str]) -> str:
    """1990-1995, 1990-95; what goes down or too far up is no range of years."""
    first, last = match["first"], match["last"]
    full_last = int(last) if len(last) == 4 else int(first[:2] + last)
    if not 0 < full_last - int(first) < 600:
        return match[0]
    said = year(int(last)) if len(last) == 4 else _two_digits(last)
    return f"{year(int(first))} to {said}"


def _two_digits(digits: str) -> str:
    return f"oh {digit_by_digit(digits[1])}" if digits[0] == "0" else cardinal(int(digits))


def _single_year(match: re.Match[str]) -> str:
    return year(int(match["year"]))


_RULES = (
    rule(
        rf"\b (?P<day> {one_of(_DAYS)} ) \b \.? (?= ,?\s (?: {_MONTH} | \d{{1,2}}[/.\s-] ) )",
        lambda match: _DAYS[match["day"]],
    ),
    rule(rf"{_MONTH} \s? {_DAY} {_TH} {_RANGE} (?: ,?\s {_YEAR} | {_END} )", _named_month),
    rule(
        rf"""(?P<the> \b [Tt]he \s )? (?<! [\w.,/:$€£-] ) {_DAY} {_TH} {_RANGE}
        (?: \s | \s of \s | - ) {_MONTH} (?: (?: ,?\s | - ) {_YEAR} | (?! \s? \d ) )""",
        _named_month_after,
    ),
    rule(
        r"(?<! [\w.,/-] ) (?P<month> 0?[1-9] | 1[0-2] ) / (?P<year> (?:19|20)\d\d ) (?! [\w/] )",
        _month_number_and_year,
    ),
    rule(
        r"(?<! [\w.,/-] ) (?P<first> (?:19|20)\d\d ) / (?P<last> \d\d ) (?! [\w/] )",
        _season,
    ),
    rule(rf"{_MONTH} (?P<of> ,? | \s of ) \s {_YEAR}", _month_and_year),
    rule(r"(?<! [\w.,] ) (?P<digits> [12]\d\d0 ) ['\u2019]? s \b", _decade),
    rule(r"(?<! [\w.,$€£] ) ['\u2018\u2019]? (?P<digits> [1-9]0 ) ['\u2019]? s \b", _decade),
    rule(
        r"""(?<! [\w.,/:$€£-] ) (?P<first> 1[1-9]\d\d | 20\d\d ) \s? [-\u2010-\u2015] \s?
        (?P<last> 1[1-9]\d\d | 20\d\d | \d\d ) (?! [\w%/:-] | [.,]\d )""",
        _years,
    ),
    rule(
        r"(?<= ['\u2018\u2019] ) (?<! \d['\u2019] ) (?P<year> \d\d ) (?! \w )",
        lambda match: _two_digits(match[0]),
    ),
    rule(
        rf"\b (?P<before> (?i: {one_of(_BEFORE_YEAR)} ) \s ) (?P<year> 1[1-9]\d\d | 20\d\d )"
        r" (?! [\w%/:-] | [.,]\d | \s (?: [a-z]+s | people | men | women ) \b )",
        lambda match: match["before"] + _single_year(match),
    ),
    rule(
        rf"""(?<! [\w.,/:$€£#-] ) (?P<year> 19\d\d | 20\d\d ) (?! [\w%/:] | [.,]\d )
        (?! \s (?! (?: {one_of(_AFTER_YEAR)} ) \b ) [a-z] )""",
        _single_year,
    ),
)


def _ordered(order: tuple[str, str], say: _Say) -> tuple[Rule, ...]:
    return (
        rule(
            rf"{_ISO} (?: T (?=\d\d:) | (?! \w | [./-]\d ) )", lambda match: _with_time(match, say)
        ),
        rule(_NUMERIC, lambda match: _numeric(match, order, say)),
        *_RULES,
    )


def _with_time(match: re.Match[str], say: _Say) -> str:
    return _iso(match, say) + (" at " if match[0].endswith("T") else "")


RULES_MONTH_FIRST = _ordered(("one", "two"), _month_first)
RULES_DAY_FIRST = _ordered(("two", "one"), _day_first)
