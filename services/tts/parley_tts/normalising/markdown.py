"""Takes markup out of text: Markdown, and what HTML people write in it."""

import html
import re

from parley_tts.normalising.rules import Rule, rule, spoken_by
from parley_tts.traced import Traced

_LABEL = r"[^\[\]\n]{0,500}+"
_TARGET = r"(?: [^()\n] | \( [^()\n]{0,100}+ \) ){0,1000}+"
_ITEM = r"(?: [-*+\u2022\u25e6\u25aa\u2023\u00b7] | \d{1,3} [.)] | \#{1,6} | \| )"

_NESTED = (
    re.compile(rf"!\[ (?P<kept> {_LABEL} ) \] (?: \( {_TARGET} \) | \[ {_LABEL} \] )", re.VERBOSE),
    re.compile(rf"\[ (?P<kept> {_LABEL} ) \] (?: \( {_TARGET} \) | \[ {_LABEL} \] )", re.VERBOSE),
    re.compile(
        r"< (?P<kept> (?: https?:// | mailto: )? [\w.+/?=&%@:~\#-]{3,1000}+ ) >", re.VERBOSE
    ),
)

_LINES = re.MULTILINE
_BLOCKS: tuple[Rule, ...] = (
    rule(r"^ \ {0,3} (?: `{3,} | ~{3,} ) [^`~\n]{0,50} $ \n?", "", _LINES),
    rule(
        r"^ \ {0,3} (?: (?: -\ ? ){3,}+ | (?: \*\ ? ){3,}+ | (?: _\ ? ){3,}+ | ={3,}+ ) $",
        "",
        _LINES,
    ),
    rule(r"^ (?= [^\n]{0,300} -- ) [\ |:-]{0,300}+ $ \n?", "", _LINES),
    rule(
        rf"(?<= [^\s.,;:!?\u2026|] ) (?= \ ?\|?\ ? \n \ {{0,12}} {_ITEM} (?: \s | (?<=\|) ) )", "."
    ),
    rule(r"^ (?: \ ?> (?! = | \ ?\d ) )+ \ ?", "", _LINES),
    rule(
        r"""^ \ ? (?: [-*\u2022\u25e6\u25aa\u2023\u00b7\u2013\u2014] | \+ (?!\ \d) ) [ ]
        (?: \[ [ xX] \] \ )?""",
        "",
        _LINES,
    ),
    rule(r"^ \ ? (?P<number> \d{1,3} ) \) (?= \ \S )", lambda match: f"{match['number']}.", _LINES),
    rule(r"^ \ ? \#{1,6} (?: \ | $ )", "", _LINES),
    rule(r"\ \#{2,}+ $", "", _LINES),
    rule(r"(?: ^ \ ? \|+ \ ? | \ ? \|+ \ ? $ )", "", _LINES),
    rule(r"\ ? \| (?: \ ? \| )*+ \ ?", ", "),
)
_FOOTNOTES = re.compile(r"\[\^[\w-]{1,20}\]:?")
_COMMENTS = re.compile(r"<!--.{0,2000}?-->", re.DOTALL)
_TAG = re.compile(r"<(?P<end>/?)(?P<name>[A-Za-z][A-Za-z0-9]{0,15})(?P<more>[\s/][^<>]{0,1000}+)?>")
_ENTITY = re.compile(r"&(?:#\d{1,7}|#[xX][0-9a-fA-F]{1,6}|[A-Za-z][A-Za-z0-9]{1,15});")
_BREAKS = frozenset({"br", "p", "div", "li", "tr", "h1", "h2", "h3", "h4", "h5", "h6", "ul", "ol"})

_MARKS: tuple[Rule, ...] = (
    rule(r"\\ (?P<char> [!-/:-@\[-`{-~] )", lambda match: match["char"]),
    rule(r"`+", ""),
    rule(r"~~", ""),
    rule(r"(?<= \d ) \*\* (?= \d )", "^"),
    rule(r"\*{2,}+", ""),
    rule(r"(?<! [^\W_] ) _++ | _++ (?! [^\W_] )", ""),
    rule(r"_++", " "),
    rule(r"(?<= \d ) \* (?= \d ) | (?<= \b[A-Za-z] ) \* (?= [A-Za-z]\b )", " * "),
    rule(r"\* (?! \s ) | (?<! \s ) \*", ""),
)


def without_blocks(text: Traced) -> Traced:
    """Without links, images and HTML, and what is at the beginning of a line or makes one.

    Of a link its text is kept, of an image its description.
    """
    for pattern in _NESTED:
        text = text.keep(pattern, "kept")
    text = text.without(_FOOTNOTES).without(_COMMENTS).sub(_TAG, _tag).sub(_ENTITY, _character)
    return spoken_by(text, _BLOCKS)


def without_emphasis(text: Traced) -> Traced:
    """Without the marks of emphasis, strike-through and code; one may be without its other half."""
    return spoken_by(text, _MARKS)


def _tag(match: re.Match[str]) -> str:
    """Only what looks like a tag: "a <b and c> d" compares."""
    more = (match["more"] or "").strip(" /")
    if more and "=" not in more:
        return match[0]
    return "\n" if match["name"].lower() in _BREAKS else ""


def _character(match: re.Match[str]) -> str:
    char = html.unescape(match[0])
    return char if char.isprintable() else " "
