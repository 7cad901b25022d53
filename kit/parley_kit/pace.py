"""How slowly a body may arrive.

A server waits for as long as a client drips, and a proxy in front of it only looks at the time
between two reads, so a byte a second would hold a place for hours.
"""


class Pace:
    """Patience with a body: waiting uses it up, bytes that come restore it.

    A body that keeps `bytes_per_s`, with pauses of up to `max_wait_s`, is always waited for; the
    waiting for any body ends after `max_wait_s` and the time that its bytes take at that pace. Time
    in which nobody reads is not the client's and does not count.
    """

    __slots__ = ("_bytes_per_s", "_max_wait_s", "patience_s")

    def __init__(self, bytes_per_s: float, max_wait_s: float) -> None:
        self._bytes_per_s = bytes_per_s
        self._max_wait_s = max_wait_s
        self.patience_s = max_wait_s
        """How long the next bytes may be waited for."""

    def arrived(self, bytes_: int, waited_s: float) -> None:
        """So many bytes have come, after so long."""
        restored = self.patience_s - waited_s + bytes_ / self._bytes_per_s
        self.patience_s = min(self._max_wait_s, restored)
