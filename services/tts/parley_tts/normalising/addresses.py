"""Addresses of pages and of mail, spoken in the words of a language."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from urllib.parse import unquote

from parley_tts.traced import Traced

_TLDS = (
    "com|org|net|edu|gov|mil|info|biz|io|ai|dev|app|health|care|xyz|tech|cloud|online|shop|blog|"
    "co|uk|us|ca|au|nz|de|fr|es|nl|eu|ch|br|pt|mx|ar|jp|cn|kr|ru|pl|se|dk|fi|tv|ly|gg"
)
_PATH_CHARS = r"[A-Za-z0-9\u00c0-\u024f\-._~:/?#@!$&()+,;=%]"
_URL = re.compile(
    rf"""(?<! [A-Za-z0-9@] ) (?: (?: https? | ftp ):// (?: www\. )? | www\. )
        (?P<url> {_PATH_CHARS}{{1,2000}}+ )
    | (?<! [A-Za-z0-9@./_-] ) (?P<bare> (?: [A-Za-z0-9] [A-Za-z0-9-]{{0,62}} \. ){{1,5}}
        (?: (?: {_TLDS} ) (?![A-Za-z0-9_@-]) (?: :\d{{1,5}} )? (?: / {_PATH_CHARS}{{0,2000}}+ )?
          | [a-z]{{2}} / {_PATH_CHARS}{{1,2000}}+ ) )""",
    re.VERBOSE,
)
_MAIL = re.compile(
    r"""(?<! [A-Za-z0-9.+_%-] ) (?: mailto: )? (?P<mail>
    [A-Za-z0-9] [A-Za-z0-9.+_%-]{0,63}+ @ (?: [A-Za-z0-9-]{1,63} \. ){1,5} [A-Za-z]{2,24} )
    (?! [\w-] )""",
    re.VERBOSE,
)
_PIECES = re.compile(r"[^\W\d_]+|\d+|[.]+|[^\s\w]|_")
_END = ".,;:!?_~-"


@dataclass(frozen=True, slots=True)
class AddressWords:
    """How a language calls the signs in addresses, and reads a number there."""

    signs: Mapping[str, str]
    number: Callable[[str], str] = str


def spoken_addresses(text: Traced, words: AddressWords) -> Traced:
    """Every address in `text` as words."""
    if "@" in text.text:
        text = text.sub(_MAIL, lambda match: _said(match["mail"], words))
    return (
        text.sub(_URL, lambda match: _url(match, words))
        if "." in text.text or "://" in text.text
        else text
    )


def _url(match: re.Match[str], words: AddressWords) -> str:
    address, end = _trimmed(match["url"] or match["bare"])
    if not any(char.isalnum() for char in address):
        return match[0]
    return _said(unquote(address, errors="ignore").rstrip("/"), words) + end


def _trimmed(address: str) -> tuple[str, str]:
    """The address, and the marks after it that belong to the sentence."""
    end = len(address)
    opened = "(" in address
    while end and (address[end - 1] in _END or (address[end - 1] == ")" and not opened)):
        end -= 1
    return address[:end], address[end:]


def _said(address: str, words: AddressWords) -> str:
    return " ".join(filter(None, (_piece(piece, words) for piece in _PIECES.findall(address))))


def _piece(piece: str, words: AddressWords) -> str:
    if piece.isalpha():
        return piece
    return words.number(piece) if piece.isdecimal() else words.signs.get(piece[0], "")
