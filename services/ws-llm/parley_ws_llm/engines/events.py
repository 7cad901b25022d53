"""Bytes of a server-sent event stream → the data of its events. Pure.

OpenAI's client would build validated-looking objects of every chunk, at three times the cost of
all else that happens to a delta on its way to the browser.
"""

import re
from collections.abc import Iterator

_LINE_END = re.compile(rb"\r\n|\n|\r(?!\Z)")
_MAX_BYTES = 1 << 20


class EventTooLong(ValueError):
    """An event of more than a mebibyte: this is no stream of words."""


class Events:
    """Collects what comes in; an event is over at an empty line."""

    def __init__(self) -> None:
        self._rest = b""
        self._data: list[bytes] = []
        self._size = 0

    def feed(self, piece: bytes) -> Iterator[bytes]:
        """The data of each event that ends in this piece.

        Raises:
            EventTooLong: see there.
        """
        *lines, self._rest = _LINE_END.split(self._rest + piece)
        for line in lines:
            if line.startswith(b"data:"):
                self._grow(line[5:].removeprefix(b" "))
            elif not line and self._data:
                data, self._data, self._size = b"\n".join(self._data), [], 0
                yield data
        if len(self._rest) > _MAX_BYTES:
            raise EventTooLong

    def _grow(self, data: bytes) -> None:
        self._size += len(data)
        if self._size > _MAX_BYTES:
            raise EventTooLong
        self._data.append(data)
