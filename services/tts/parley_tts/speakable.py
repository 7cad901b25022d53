"""Makes of text what an engine can say: no control characters, no emoji, ASCII where it must be."""

import re
import unicodedata
from collections.abc import Iterator

# Symbols that have a name which is said; all others of their category are pictures.
_SAID_SYMBOLS = frozenset("°©®№™℃℉")
_SAID_MARKS = frozenset("%&@#+=$€£¥₹°№")
_JOINERS = frozenset("\u200c\u200d")  # some scripts spell with them
_KEYCAP, _VARIATION_SELECTORS = "\u20e3", re.compile("[\ufe00-\ufe0f]")

_CURRENCIES = {"€": "euros", "£": "pounds", "¥": "yen", "₹": "rupees"}
_AMOUNT = re.compile(rf"([{''.join(_CURRENCIES)}])\s?(\d(?:[\d.,]*\d)?)")
_RANGE = re.compile(r"(?<=\d)\s?[\u2012\u2013]\s?(?=\d)")
_DASH = re.compile(r"\s*[\u2014\u2015]\s*|\s+[\u2012\u2013]\s+")
_FRACTION = re.compile(r"(?<=\d)(?=[\u00bc-\u00be\u2150-\u215e])")
_ASCII = str.maketrans(
    {
        "\u2018": "'", "\u2019": "'", "\u201a": "'", "\u2032": "'",
        "\u201c": '"', "\u201d": '"', "\u201e": '"', "\u00ab": '"', "\u00bb": '"',
        "\u2010": "-", "\u2011": "-", "\u2012": "-", "\u2013": "-", "\u2212": "-",
        "\u2022": ", ", "\u00b7": " ", "\u2044": "/", "\u00d7": " times ", "\u00f7": " divided by ",
        "\u3002": ". ", "\u3001": ", ", "\uff0c": ", ",
        "€": " euros", "£": " pounds", "¥": " yen", "₹": " rupees",
        "°": " degrees ", "№": " number ", "©": " copyright ", "®": " ", "™": " ",
        "℃": " degrees C", "℉": " degrees F", "µ": " micro", "\u03bc": " micro",
        "ß": "ss", "æ": "ae", "Æ": "AE", "ø": "o", "Ø": "O", "œ": "oe", "Œ": "OE",
        "ł": "l", "Ł": "L", "đ": "d", "Đ": "D", "ð": "d", "Ð": "D", "þ": "th", "Þ": "Th",
        "\u0131": "i",
    }
)  # fmt: skip


def clean(text: str) -> str:
    """`text` without what nobody says: control characters, emoji, private and broken code points.

    A NUL would end the text for a C library.
    """
    return "".join(_clean(text))


def _clean(text: str) -> Iterator[str]:
    for char in text:
        category = unicodedata.category(char)
        if category == "Cc":
            yield "\n" if char in "\r\n" else " "
        elif _VARIATION_SELECTORS.match(char) or char == _KEYCAP:
            continue
        elif category[0] == "C" and char not in _JOINERS:
            yield " " if category != "Cf" else ""
        elif category == "So" and char not in _SAID_SYMBOLS:
            yield " "
        elif category == "Sk" and not char.isascii():
            continue
        else:
            yield char


def to_ascii(text: str) -> str:
    """`text` for an engine that knows English alone: what has no transliteration is dropped."""
    text = _AMOUNT.sub(lambda match: f"{match[2]} {_CURRENCIES[match[1]]}", text)
    text = _DASH.sub(", ", _RANGE.sub(" to ", text))
    text = _FRACTION.sub(" ", text).translate(_ASCII)
    decomposed = unicodedata.normalize("NFKD", text).translate(_ASCII)
    return decomposed.encode("ascii", "ignore").decode("ascii")


def is_speakable(text: str) -> bool:
    """Whether anything in `text` has a sound."""
    return any(char.isalnum() or char in _SAID_MARKS for char in text)
