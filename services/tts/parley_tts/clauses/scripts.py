"""What the writing systems differ in that matters for cutting text."""

import re
import unicodedata

_SOUTH_EAST_ASIAN = (
    "\u0e00-\u0eff\u0f00-\u0fff\u1000-\u109f\u1780-\u17ff\u19e0-\u19ff\ua9e0-\ua9ff\uaa60-\uaa7f"
)
_CHINESE_AND_JAPANESE = (
    "\u2e80-\u2fdf\u3001-\u312f\u31a0-\u33ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
    "\ufe30-\ufe4f\uff01-\uffdc\U00020000-\U0003fffd"
)
_HANGUL = "\u1100-\u11ff\u3130-\u318f\uac00-\ud7af"

UNSPACED = f"{_SOUTH_EAST_ASIAN}{_CHINESE_AND_JAPANESE}"
"""For a character class: the scripts that are written without spaces between words."""

_UNSPACED = re.compile(f"[{UNSPACED}]")
_PHRASE_SPACED = re.compile(f"[{_SOUTH_EAST_ASIAN}]")
_WIDE = re.compile(f"[{UNSPACED}{_HANGUL}]")
_HIRAGANA = re.compile("[\u3041-\u309f]")
_STARTS_BETTER = re.compile("[\u30a1-\u30fa\u3400-\u9fff]")

# What belongs to the character before it: vowel signs, small kana, marks of repetition.
_FOLLOWS = frozenset(
    "\u0e30\u0e32\u0e33\u0e45\u0e46\u0e2f\u0eb0\u0eb2\u0eb3\u0ec6"
    "\u3005\u303b\u30fc\u309d\u309e\u30fd\u30fe"
    "\u3041\u3043\u3045\u3047\u3049\u3063\u3083\u3085\u3087\u308e\u3093"
    "\u30a1\u30a3\u30a5\u30a7\u30a9\u30c3\u30e3\u30e5\u30e7\u30ee\u30f5\u30f6\u30f3"
)
# What belongs to the character after it: vowels that are written first, stackers of consonants.
_LEADS = frozenset("\u0e40\u0e41\u0e42\u0e43\u0e44\u0ec0\u0ec1\u0ec2\u0ec3\u0ec4\u1039\u17d2")
_JOINER = "\u200d"
_SPACE_OF_NO_WIDTH = "\u200b"
_SKIN_TONES = frozenset("\U0001f3fb\U0001f3fc\U0001f3fd\U0001f3fe\U0001f3ff")


def wide_count(text: str) -> int:
    """How many characters stand for a syllable or more, rather than for a sound."""
    return 0 if text.isascii() else len(_WIDE.findall(text))


def is_unspaced(character: str) -> bool:
    return _UNSPACED.match(character) is not None


def has_phrase_spaces(character: str) -> bool:
    """Whether its script has spaces between phrases, and nothing between words."""
    return _PHRASE_SPACED.match(character) is not None


def inseparable(before: str, after: str) -> bool:
    """Whether two characters, one right after the other, are one to a reader."""
    return (
        _JOINER in (before, after)
        or after in _SKIN_TONES
        or unicodedata.category(after).startswith("M")
        or before in _LEADS
    )


def bound(before: str, after: str) -> bool:
    """Whether two characters of an unspaced text, or beside one, are of one word."""
    return (
        inseparable(before, after)
        or after in _FOLLOWS
        or before.isdigit()
        or after.isdigit()
        or (_latin(before) and _latin(after))
    )


def begins_phrase(before: str, after: str) -> bool:
    """Whether a new phrase probably begins with `after`: Japanese ones end in hiragana."""
    if before == _SPACE_OF_NO_WIDTH:
        return True
    return _HIRAGANA.match(before) is not None and _STARTS_BETTER.match(after) is not None


def _latin(character: str) -> bool:
    """Latin letters, also those of the width of an ideograph."""
    return character.isalpha() and unicodedata.normalize("NFKC", character).isascii()
