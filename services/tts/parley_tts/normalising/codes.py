"""Numbers that count nothing, in English: of telephones, accounts, versions, computers."""

import re

from parley_tts.normalising.numbers import cardinal, code, digit_by_digit, in_groups
from parley_tts.normalising.rules import Rule, one_of, rule

_CALLED = ("call", "calling", "called", "dial", "dialing", "dialling", "ring", "phone", "text")
_SHORT_NUMBERS = (
    "911",
    "999",
    "988",
    "112",
    "111",
    "110",
    "119",
    "211",
    "311",
    "411",
    "511",
    "811",
)
_NAMED = (
    "code", "PIN", "passcode", "OTP", "ZIP", "zip code", "account", "account number", "extension",
    "ext", "confirmation number", "order number", "tracking number", "reference number",
    "case number", "ticket number", "member ID", "ID", "ID number", "serial number", "MRN", "NHS",
    "NPI", "phone number", "number is", "last four digits",
)  # fmt: skip
_PLACES = (
    "flight", "room", "route", "highway", "interstate", "bus", "suite", "apartment", "Boeing",
    "Airbus",
)  # fmt: skip
_VERSIONED = (
    "version", "v", "release", "Python", "Node", "Java", "Ruby", "Go", "iOS", "Android", "macOS",
    "Ubuntu", "Debian", "Fedora", "Kubernetes", "CUDA", "Windows", "PHP", "Django", "TLS",
)  # fmt: skip
_KNOWN = {"9-1-1": "nine one one", "24/7": "twenty-four seven", "50/50": "fifty-fifty"}

_FREE = r"(?<! [\w.,/$€£] ) (?<! \d- )"
_DONE = r"(?! [\w%] | [-.,:/]\d )"
_GAP = r"[\s.-]"


def _phone(match: re.Match[str]) -> str:
    country = f"plus {in_groups(match['country'])}, " if match["country"] else ""
    extension = f", extension {digit_by_digit(match['ext'])}" if match["ext"] else ""
    return f"{country}{in_groups(match['number'])}{extension}"


def _groups(match: re.Match[str]) -> str:
    return in_groups(match[0])


def _local(match: re.Match[str]) -> str:
    """555-1234; but 100-1000 is a range."""
    return match[0] if re.fullmatch(r"\d00-\d\d?00", match[0]) else in_groups(match[0])


def _named(match: re.Match[str]) -> str:
    return match["name"] + in_groups(match["number"])


def _version(match: re.Match[str]) -> str:
    name = {"v": "version ", "V": "version "}.get(match["name"], match["name"])
    return name + _parts(match["number"])


def _parts(number: str) -> str:
    """3.11.2: "three point eleven point two"."""
    return " point ".join(
        digit_by_digit(part) if len(part) > 4 or part[0] == "0" else cardinal(int(part))
        for part in number.split(".")
    )


def _address(match: re.Match[str]) -> str:
    """192.168.0.1, and its port or prefix."""
    parts = [digit_by_digit(part) for part in match["address"].split(".")]
    words = " dot ".join(parts)
    if match["rest"]:
        sign = {":": "port", "/": "slash"}[match["rest"][0]]
        words += f" {sign} {cardinal(int(match['rest'][1:]))}"
    return words


_EXTENSION = r"(?: ,? \s (?: x | ext\.? | extension ) \s? (?P<ext> \d{1,6} ) )?"

RULES: tuple[Rule, ...] = (
    rule(
        r"""(?<! [\w.,:-] ) (?P<address> \d{1,3} (?: \.\d{1,3} ){3} )
        (?P<rest> [:/] \d{1,5} )? (?! \w | [.]\d )""",
        _address,
    ),
    rule(
        rf"""{_FREE} (?: \+ (?P<country> \d{{1,3}} ) {_GAP}? | (?<! \+ ) )
        (?P<number> (?: 1 {_GAP} )? (?: \( \d{{3}} \) \s? | \d{{3}} {_GAP} )
            \d{{3}} {_GAP} \d{{4}} )
        {_EXTENSION} {_DONE}""",
        _phone,
    ),
    rule(
        rf"""{_FREE} \+ (?P<country> \d{{1,3}} ) (?P<number> (?: {_GAP}? \(0\) )?
        (?: {_GAP}? (?: \( \d{{1,4}} \) | \d{{1,4}} ) ){{2,6}} ) (?P<ext> (?!) )? {_DONE}""",
        _phone,
    ),
    rule(rf"{_FREE} \d{{4}} (?: [ -]\d{{4}} ){{3}} {_DONE}", _groups),
    rule(rf"{_FREE} \d{{1,13}} (?: -\d{{1,13}} ){{2,6}}+ {_DONE}", _groups),
    rule(rf"{_FREE} \(? 0\d{{2,4}} \)? [ -] \d{{3,4}} [ -] \d{{3,4}} {_DONE}", _groups),
    rule(rf"{_FREE} (?: \d{{5}} - \d{{4}} ) {_DONE}", _groups),
    rule(
        rf"(?P<name> \b (?: [A-Z]{{2}} | D\.C\. ) ,? \s ) (?P<number> \d{{5}} ) {_DONE}",
        _named,
    ),
    rule(
        rf"(?P<name> \b (?i: {one_of(_PLACES)} ) \s ) (?P<number> [1-9]\d{{2,3}} ) {_DONE}",
        lambda match: match["name"] + code(match["number"]),
    ),
    rule(rf"{_FREE} (?: [2-9]\d{{2}} - \d{{4}} ) {_DONE}", _local),
    rule(
        rf"""(?P<name> \b (?i: {one_of(_CALLED)} ) \s (?: us \s at \s | me \s at \s )? )
        (?P<number> {one_of(_SHORT_NUMBERS)} ) (?! [\w%] | [.,-]\d )""",
        lambda match: match["name"] + digit_by_digit(match["number"]),
    ),
    rule(r"\b (?: 9-1-1 | 24/7 | 50/50 )", lambda match: _KNOWN[match[0]]),
    rule(
        rf"""(?P<name> \b (?i: {one_of(_NAMED)} ) (?: \s is )? [:.]? \s \#? )
        (?P<number> \d{{3,20}} (?: [ -]\d{{2,6}} ){{0,4}} ) {_DONE}""",
        _named,
    ),
    rule(
        rf"""(?P<name> \b (?: {one_of(_VERSIONED)} | [vV](?=\d) ) \s? )
        (?P<number> \d+ (?: \.\d+ ){{1,4}} ) (?! \w | [.]\d )""",
        _version,
    ),
    rule(
        r"\b [vV] (?P<number> \d{1,4} ) (?! \w | [.]\d )",
        lambda match: f"version {_parts(match['number'])}",
    ),
    rule(
        rf"{_FREE} \d{{1,3}} (?: \.\d{{3}} ){{2,4}} {_DONE}",
        lambda match: cardinal(int(match[0].replace(".", ""))),
    ),
    rule(
        rf"{_FREE} (?P<number> \d{{1,6}} (?: \.\d{{1,6}} ){{2,6}}+ ) {_DONE}",
        lambda match: _parts(match["number"]),
    ),
)
