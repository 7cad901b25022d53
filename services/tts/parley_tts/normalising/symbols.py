"""Signs that have a name in English, and marks that are written more often than they are meant."""

import re

from parley_tts.normalising.rules import Rule, rule, spoken_by
from parley_tts.traced import Traced

_POWERS = {"\u00b2": " squared", "\u00b3": " cubed", "2": " squared", "3": " cubed"}
_EACH = (
    "(?: month | mo | year | yr | day | hour | hr | week | user | person | seat | night | unit )"
)

_MARKS: tuple[Rule, ...] = (
    rule(r"(?: \.{2,}+ | \u2026 ) [.\u2026]*+", "\u2026"),
    rule(r"!{2,}+", "!"),
    rule(r"\?{2,}+", "?"),
    rule(r"[!?]{3,}+ | !\?", "?!"),
    rule(r",{2,}+", ","),
    rule(
        r"""(?<= \s ) (?: -{1,3} | \u2013 ) (?= \s ) (?: (?<! \d\s. ) | (?! \s\d ) )
        | (?<= \w ) -{2,3} (?= \w )""",
        "\u2014",
    ),
)

NAMES: tuple[Rule, ...] = (
    rule(r"\s? (?: <= | \u2264 ) \s?", " less than or equal to "),
    rule(r"\s? (?: >= | \u2265 ) \s?", " greater than or equal to "),
    rule(r"\s? (?: != | \u2260 ) \s?", " not equal to "),
    rule(r"\s? < \s? (?= [$\u00a3\u20ac]? [-\u2212+.]? \d ) | \s<\s", " less than "),
    rule(r"\s? > \s? (?= [$\u00a3\u20ac]? [-\u2212+.]? \d ) | \s>\s", " greater than "),
    rule(r"(?: ~ | \u2248 ) \s? (?= [-\u2212]? [$\u00a3\u20ac]? \d )", "about "),
    rule(r"\b C\+\+", "C plus plus"),
    rule(r"\b (?P<name> [CFcf] ) \# (?! \w )", lambda match: f"{match['name']} sharp"),
    rule(r"(?<! \w ) \.NET \b", "dot net"),
    rule(r"\b [Nn]ode\.js \b", "Node JS"),
    rule(r"\b and/or \b", "and or"),
    rule(
        r"(?<= \b(?:he|He) ) / (?= she\b ) | (?<= \b(?:his|him|His|Him) ) / (?= hers?\b )", " or "
    ),
    rule(r"\b w/o \b", "without"),
    rule(r"\b w/ (?= \s | \w )", lambda match: "with" + _space(match)),
    rule(r"(?<! \S ) \# (?: \s? (?= \d ) )", "number "),
    rule(
        r"(?<! [\w&] ) \# (?P<tag> [^\W\d_] \w{0,99} )",
        lambda match: f"hashtag {_apart(match['tag'])}",
    ),
    rule(r"(?<! [\w.] ) @ (?= \w )", "at "),
    rule(r"(?<= \w ) @ (?= \w )", " at "),
    rule(
        r"""(?<= \w ) \. (?P<kind> txt | pdf | py | js | ts | json | csv | md | html? | xml | ya?ml
        | docx? | xlsx? | pptx? | png | jpe?g | gif | svg | mp[34] | wav | zip | tar | gz | exe | sh
        | toml | log ) \b""",
        lambda match: f" dot {match['kind']}",
    ),
)
"""What has digits or letters about it, before those are read."""

SIGNS: tuple[Rule, ...] = (
    rule(r"\s? (?: -> | => | [\u2192\u21d2\u27f6] ) \s?", " to "),
    rule(r"\s? (?: [\u2190\u2191\u2193\u2194-\u21ff] ) \s?", " "),
    rule(r"\s? \u2248 \s?", " about "),
    rule(
        r"""(?<= [\w)] )
        (?: (?P<power> [\u00b2\u00b3] ) | \s? \^ \s? (?P<up> [23] ) (?! [\w.] ) )""",
        lambda match: _POWERS[match["power"] or match["up"]],
    ),
    rule(r"(?<= [\w)] ) \s? \^ \s? (?= [\w(-] )", " to the power of "),
    rule(r"(?<= [\w)] ) \s \+ \s (?= [\w(] ) | (?<= \d ) \+ (?= [\d(] )", " plus "),
    rule(r"(?<= \d ) \+ (?! \w )", " plus"),
    rule(r"(?<! \S ) \+ \s? (?= [\d$] )", "plus "),
    rule(r"(?<= [\w)] ) \s? [-\u2212] \s? (?= \d [^\n=]{0,20} =\s?\d )", " minus "),
    rule(r"\s? ={1,3} \s?", " equals "),
    rule(r"\s? (?: \u00d7 | (?<=\s)\*(?=\s) ) \s?", " times "),
    rule(r"\s? \u00f7 \s? | (?<= \d ) \s / \s (?= \d )", " divided by "),
    rule(r"\s? \u00b1 \s?", " plus or minus "),
    rule(r"\u2116 \s?", "number "),
    rule(r"\u00a7 \s?", "section "),
    rule(r"\s? & \s?", " and "),
    rule(r"\u00a9 \s?", "copyright "),
    rule(r"[\u00ae\u2122]", ""),
    rule(r"\u221e", "infinity"),
    rule(r"\u221a", "square root of "),
    rule(r"\u03c0", "pi"),
)
"""Between and around numbers, before those are read."""

REST: tuple[Rule, ...] = (
    rule(rf"(?: \s | (?<= [a-z] ) ) / (?= {_EACH} \b )", " per "),
    rule(r"(?<= \w ) \s?/\s? (?= \w )", " slash "),
    rule(r"\s? % (?! \w )", " percent"),
    rule(r"\s? \u00b0 (?! \w )", " degrees"),
    rule(r"\s @ \s", " at "),
    rule(r"[~^\\<>{}]", " "),
)
"""What is left when the numbers have been read."""


def with_single_marks(text: Traced) -> Traced:
    """With one mark for several of a kind, and a dash for what stands for one."""
    return spoken_by(text, _MARKS)


def _space(match: re.Match[str]) -> str:
    return "" if match.string[match.end() : match.end() + 1].isspace() else " "


def _apart(tag: str) -> str:
    """MachineLearning_2024 is three words."""
    return re.sub(r"(?<=[a-z])(?=[A-Z0-9])|_+", " ", tag)
