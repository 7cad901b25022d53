"""Reads text as pieces inside which it is never cut: words, links, code, pauses, white space.

Pieces that touch are one word, so that it makes no difference where a word is torn apart by the
way it arrives. What only makes sense as a whole (a link, code, a pause) is waited for, as long as
it can still become one.
"""

import re
from dataclasses import dataclass
from enum import Enum, auto

from parley_kit.errors import InvalidRequest
from parley_tts.clauses.scripts import UNSPACED

MAX_PAUSE_S = 10.0
MAX_PAUSES_S = 60.0
"""Of all pauses of a text that is there from the beginning."""

_NO_PARENTHESES = r"[^()\n]{0,100}+"
_TARGET = rf"(?: [^()\n] | \( {_NO_PARENTHESES} \) ){{0,1000}}+"
_LABEL = r"[^\[\]\n]{0,500}+"

_PAUSE = r"""
    \[ [ \t]{0,4} pause [ \t]{0,4} : [ \t]{0,4}
    (?P<number> [0-9]{1,12} (?: \. [0-9]{0,12} )? | \. [0-9]{1,12} )
    [ \t]{0,4} (?P<unit> m?s )? [ \t]{0,4} \]
"""
_PAUSES = re.compile(_PAUSE, re.VERBOSE | re.IGNORECASE)
_PIECE = re.compile(
    rf"""
    (?P<space> \s+ )
    | (?P<pause> {_PAUSE} )
    | (?P<link> \[ (?P<label> {_LABEL} ) \] \( {_TARGET} \) )
    | (?P<code> ` [^`\n]{{1,200}}+ ` )
    | (?P<open>
        \[ {_LABEL} (?: \] (?: \( {_TARGET} (?: \( {_NO_PARENTHESES} )? )? )? \Z
        | ` [^`\n]{{0,200}}+ \Z
      )
    | (?P<unspaced> [{UNSPACED}\u2014] )
    | (?P<word> [\[`] | [^\s\[`{UNSPACED}\u2014]+ )
    """,
    re.VERBOSE | re.IGNORECASE,
)


class Kind(Enum):
    """What a piece is."""

    SPACE = auto()
    WORD = auto()
    """Or a part of one."""
    UNSPACED = auto()
    """One character beside which a text may be cut although there is no space."""
    PAUSE = auto()


@dataclass(frozen=True, slots=True)
class Piece:
    """`said` is the part that is heard, of the text up to, and without, character `end`."""

    kind: Kind
    end: int
    said: str
    pause_s: float = 0.0


def next_piece(text: str, at: int, final: bool) -> Piece | None:
    """The piece that begins at character `at`, or None when it takes more text to tell.

    Args:
        text: longer than `at`.
        final: there is no more.

    Raises:
        InvalidRequest: a pause is too long.
    """
    match = _PIECE.match(text, at)
    assert match is not None, "every character begins a piece"
    if match["open"] is not None:
        return None if not final else Piece(Kind.WORD, at + 1, text[at])
    if match["space"] is not None:
        return Piece(Kind.SPACE, match.end(), match["space"])
    if match["pause"] is not None:
        return Piece(Kind.PAUSE, match.end(), "", _seconds(match))
    if match["unspaced"] is not None:
        return Piece(Kind.UNSPACED, match.end(), match["unspaced"])
    return Piece(Kind.WORD, match.end(), match["label"] or match[0])


def check_pauses(text: str) -> None:
    """Refuse now what a splitter would refuse later, and silence out of proportion.

    Raises:
        InvalidRequest: a pause is too long, or all together are.
    """
    if sum(map(_seconds, _PAUSES.finditer(text))) > MAX_PAUSES_S:
        raise InvalidRequest(
            f"The pauses of a text may last at most {MAX_PAUSES_S:g} seconds together.",
            param="input",
        )


def _seconds(match: re.Match[str]) -> float:
    seconds = float(match["number"]) * (0.001 if (match["unit"] or "").lower() == "ms" else 1)
    if seconds > MAX_PAUSE_S:
        raise InvalidRequest(
            f"A pause may last at most {MAX_PAUSE_S:g} seconds: put several in a row for more.",
            param="input",
        )
    return seconds
