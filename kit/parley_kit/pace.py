"""How slowly a body may arrive.

A server waits for as long as a client drips, and a proxy in front of it only looks at the time
between two reads, so a byte a second would hold a place for hours.
"""

# Of the longest pause: who falls behind has that long, the pause included, to catch up again.
_CATCH_UP = 1.2
_ROUNDING_S = 1e-6


class Pace:
    """Patience with a body: waiting uses it up, bytes that come restore it.

    A body is behind while it has brought less than `bytes_per_s` for the time that it was waited
    for. It may be so by up to `max_wait_s`, and for up to 1.2 times that: one that is too slow as a
    whole is found out as soon as one that pauses, however little it is too slow. Time in which
    nobody reads is not the client's and does not count.
    """

    __slots__ = ("_behind_for_s", "_bytes_per_s", "_max_wait_s", "_restored_s")

    def __init__(self, bytes_per_s: float, max_wait_s: float) -> None:
        self._bytes_per_s = bytes_per_s
        self._max_wait_s = max_wait_s
        self._restored_s = max_wait_s
        self._behind_for_s = 0.0

    @property
    def patience_s(self) -> float:
        """How long the next bytes may be waited for."""
        return min(self._restored_s, _CATCH_UP * self._max_wait_s - self._behind_for_s)

    def arrived(self, bytes_: int, waited_s: float) -> None:
        """So many bytes have come, after so long."""
        restored = self._restored_s - waited_s + bytes_ / self._bytes_per_s
        self._restored_s = min(self._max_wait_s, restored)
        behind = restored < self._max_wait_s - _ROUNDING_S
        self._behind_for_s = self._behind_for_s + waited_s if behind else 0.0
