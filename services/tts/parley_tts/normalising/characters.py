"""Takes out what nobody says: control characters, emoji, private and broken code points."""

import re

from parley_tts.traced import Traced

_PICTURES = (
    "\u2300-\u2319\u231b-\u23ff\u2400-\u243f\u2500-\u27bf\u2800-\u28ff\u2900-\u297f\u2b00-\u2bff"
    "\u3030\u303d\u3297\u3299\U0001f000-\U0001fbff"
)
_ADDED = "\ufe00-\ufe0f\u20e3\U000e0000-\U000e007f\U000e0100-\U000e01ef"
_SILENT = re.compile(
    "[\u00ad\u061c\u180e\u200b\u200e\u200f\u202a-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb]+"
)
_BROKEN = re.compile(
    "[\x00-\x08\x0e-\x1f\x7f-\x84\x86-\x9f\ud800-\udfff\ue000-\uf8ff\ufffc-\uffff\U000f0000-\U0010ffff]+"
)
_LINES = re.compile("\r\n?|[\v\f\x85\u2028\u2029]")
_SPACE = "\t\u00a0\u1680\u2000-\u200a\u202f\u205f\u3000"
_SPACES = re.compile(f"[ {_SPACE}]{{2,}}|[{_SPACE}]")
_JOINERS = re.compile("(?<![^\\W\\d_])\u200d|\u200d(?![^\\W\\d_])(?=[\\x00-\\x7f]|\\Z)")
_EMOJI = re.compile(
    rf" ?(?:[{_PICTURES}][{_ADDED}\u200d]* ?)+(?P<mark>[.,;:!?])?"
    rf"|[{_ADDED}]+"
)


def cleaned(text: Traced) -> Traced:
    """`text` without them, and with single spaces."""
    if text.text.isascii() and text.text.isprintable() and "  " not in text.text:
        return text
    text = text.without(_SILENT).sub(_BROKEN, lambda _: " ").sub(_LINES, lambda _: "\n")
    return tidied(text.sub(_EMOJI, _gap)).without(_JOINERS)


def tidied(text: Traced) -> Traced:
    """With single spaces."""
    return text.sub(_SPACES, lambda _: " ")


def _gap(match: re.Match[str]) -> str:
    """What stays where emoji were; no space before a full stop."""
    return match["mark"] or ("" if match[0][0] in "\ufe0e\ufe0f\u20e3" else " ")
