"""Server-sent events on their way through, unchanged, as they arrive, but never half of one.

A stream that breaks off can then still end with an error event that a client can read: behind
half an event it would be a part of that.
"""

_ENDS = (b"\n\n", b"\r\n\r\n", b"\r\r")
MAX_HELD = 1 << 20
"""Bytes of an event that are held back; a longer one goes through in pieces."""


class WholeEvents:
    """Cuts a stream of bytes at the ends of events; what comes out is what went in."""

    __slots__ = ("_held", "_last")

    def __init__(self) -> None:
        self._held = b""
        self._last = b""

    def push(self, chunk: bytes) -> bytes:
        """What can go on now that `chunk` has come, perhaps nothing."""
        data = self._held + chunk if self._held else chunk
        if data.endswith(_ENDS):
            self._held = b""
            self._last = data
            return data
        end = _end_of_last(data)
        if end == 0 and len(data) > MAX_HELD:
            end = len(data)
        self._held = data[end:]
        if end:
            self._last = data[:end]
        return data[:end]

    @property
    def torn(self) -> bool:
        """Whether an event has begun and not ended."""
        return bool(self._held.strip())

    @property
    def done(self) -> bool:
        """Whether the last event that went on was `[DONE]`."""
        return self._last.rstrip().endswith(b"data: [DONE]")


def _end_of_last(data: bytes) -> int:
    """Where the last whole event ends; 0 when there is none."""
    return max((data.rfind(end) + len(end) for end in _ENDS if data.rfind(end) >= 0), default=0)
