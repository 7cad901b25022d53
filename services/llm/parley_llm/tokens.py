"""The scripted engine's tokens: a word or a mark, with the space before it."""

import re

_TOKEN = re.compile(r"\s*(?:\w+|[^\w\s])|\s+$")


def split(text: str) -> list[str]:
    """Tokens whose concatenation is `text`."""
    return _TOKEN.findall(text)


def count(text: str) -> int:
    return len(split(text))
