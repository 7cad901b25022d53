"""Other languages than English: signs, money, units and times in their words.

Their numbers stay digits, which their engines read, each with its own grammar.
"""

import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from parley_tts.normalising import english
from parley_tts.normalising.addresses import AddressWords
from parley_tts.normalising.rules import Rule, one_of, rule, spoken_by
from parley_tts.traced import Traced

_NUMBER = r"""(?P<number> (?:
    \d{1,3} (?: [.,\u00a0\u202f']\d{3} ){1,5}+ (?!\d)
    | \d{1,2} (?: ,\d\d ){1,4} ,\d{3} (?!\d)
    | \d++
) (?: [.,]\d++ )?+ ) (?! [.,]?\d )"""
_START = r"(?<! [\d.,:] )"
_MINUS = r"(?P<minus> (?<! [^\s(] ) [-\u2212] (?=\d) )"
_CENTS = r"""(?P<whole> \d{1,3} (?: [.,]\d{3} ){1,4}+ | \d{1,9}+ )
    [.,] (?P<cents> \d\d ) (?! [.,]?\d )"""


@dataclass(frozen=True, slots=True)
class Tongue:
    """A table of `tongues.toml`, which says what its entries are."""

    address: Mapping[str, str]
    units: Mapping[str, Sequence[str]]
    money: Mapping[str, Sequence[str]]
    signs: Mapping[str, str]
    minus: str
    percent: str
    clock: str
    full_hour: str
    hours: Sequence[str] = ("", "")
    cents: str = ""
    space: str = " "
    one: Sequence[str] = ("1",)

    def form(self, number: str, forms: Sequence[str]) -> str:
        """French and Portuguese have the singular up to two: 1,5 litre."""
        whole = re.split("[.,]", number)[0] if "0" in self.one else number
        is_thousands = re.search(r"[.,]\d{3}\Z", number)
        return forms[0] if whole in self.one and not is_thousands else forms[1]


def address_words(language: str) -> AddressWords | None:
    """None for a language whose words are not known here."""
    key = _key(language)
    if key == "en":
        return english.ADDRESS_WORDS
    return AddressWords(_tongues()[key].address) if key in _tongues() else None


def spoken(text: Traced, language: str) -> Traced:
    """As it is, in a language whose words are not known here."""
    key = _key(language)
    return spoken_by(text, _rules(key)) if key in _tongues() else text


def _key(language: str) -> str:
    return re.split("[-_]", language.casefold(), maxsplit=1)[0]


@cache
def _tongues() -> Mapping[str, Tongue]:
    tables = tomllib.loads((files(__package__) / "tongues.toml").read_text(encoding="utf-8"))
    return {key: Tongue(**table) for key, table in tables.items()}


@cache
def _rules(key: str) -> tuple[Rule, ...]:
    tongue = _tongues()[key]
    colon = r"(?: \s? [:hH] \s? )" if key == "fr" else ":"
    return (
        _clock(tongue, colon),
        *_money(tongue),
        _units(tongue),
        _percent(tongue),
        *_signs(tongue),
    )


def _clock(tongue: Tongue, colon: str) -> Rule:
    def said(match: re.Match[str]) -> str:
        hour, minute = str(int(match["hour"])), str(int(match["minute"]))
        form = tongue.full_hour if minute == "0" else tongue.clock
        return form.format(hour=hour, minute=minute, hours=tongue.form(hour, tongue.hours))

    return rule(
        rf"""(?<! [A-Za-z\d:.,] ) (?P<hour> [01]?\d | 2[0-3] ) {colon} (?P<minute> [0-5]\d )
        (?! [\d:] | [.,]\d )""",
        said,
    )


def _money(tongue: Tongue) -> tuple[Rule, ...]:
    def amount(match: re.Match[str]) -> str:
        return named(match, match["number"])

    def with_cents(match: re.Match[str]) -> str:
        whole, cents = named(match, match["whole"]), int(match["cents"])
        return tongue.cents.format(whole=whole, cents=cents) if cents else whole

    def named(match: re.Match[str], number: str) -> str:
        return f"{number}{tongue.space}{tongue.form(number, tongue.money[match['unit']])}"

    unit = rf"(?P<unit> (?<! [A-Za-z] ) (?: {one_of(tongue.money)} ) )"
    sums = [(_CENTS, with_cents)] if tongue.cents else []
    return tuple(
        rule(pattern, said)
        for number, said in (*sums, (_NUMBER, amount))
        for pattern in (rf"{unit} \s? {number}", rf"{_START} {number} \s? {unit}")
    )


def _units(tongue: Tongue) -> Rule:
    def measure(match: re.Match[str]) -> str:
        sign = f"{tongue.minus}{tongue.space}" if match["minus"] else ""
        unit = tongue.form(match["number"], tongue.units[match["unit"]])
        return f"{sign}{match['number']}{tongue.space}{unit}"

    return rule(
        rf"""{_MINUS}? {_START} {_NUMBER} \s? (?P<unit> {one_of(tongue.units)} )
        (?! [A-Za-z\d/\u00b2\u00b3] )""",
        measure,
    )


def _percent(tongue: Tongue) -> Rule:
    return rule(
        rf"{_START} {_NUMBER} \s? [%\uff05]",
        lambda match: tongue.percent.format(number=match["number"]),
    )


def _signs(tongue: Tongue) -> tuple[Rule, ...]:
    gap = tongue.space
    words = {sign: f"{gap}{word}{gap}" for sign, word in tongue.signs.items()}
    return (
        rule(_MINUS, f"{tongue.minus}{gap}"),
        rule(r"\s? & \s?", words["&"]),
        rule(r"(?<= \d ) \s? \+ \s? (?= \d )", words["+"]),
        rule(r"(?<= [\w)] ) \s? = \s? (?= [\w(-] )", words["="]),
    )
