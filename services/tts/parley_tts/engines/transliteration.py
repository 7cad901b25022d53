"""English letters for a text of any, for an engine that knows no others."""

import re
import unicodedata

from parley_tts.engines.spelling import mapped
from parley_tts.traced import Traced

_CURRENCIES = {"€": "euros", "£": "pounds", "¥": "yen", "₹": "rupees"}
_AMOUNT = re.compile(rf"([{''.join(_CURRENCIES)}])\s?(\d(?:[\d.,]*\d)?)")
_RANGE = re.compile(r"(?<=\d)\s?[\u2012\u2013]\s?(?=\d)")
_DASH = re.compile(r"\s*[\u2014\u2015]\s*|\s+[\u2012\u2013]\s+")
_FRACTION = re.compile(r"(?<=\d)[\u00bc-\u00be\u2150-\u215e]")
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


def in_ascii(text: Traced) -> Traced:
    """`text` for an engine that knows English alone: what has no transliteration is dropped."""
    text = text.sub(_AMOUNT, lambda match: f"{match[2]} {_CURRENCIES[match[1]]}")
    text = text.sub(_RANGE, lambda _: " to ").sub(_DASH, lambda _: ", ")
    return mapped(text.sub(_FRACTION, lambda match: f" {match[0]}"), _transliterated)


def _transliterated(char: str) -> str:
    if char.isascii():
        return char
    decomposed = unicodedata.normalize("NFKD", char.translate(_ASCII)).translate(_ASCII)
    return decomposed.encode("ascii", "ignore").decode("ascii")
