"""Tells an engine that hangs from one that is idle: tokens stop moving while requests run."""

# A look that comes late, because the process or the machine was held up, counts as this long.
_MAX_STEP_S = 2.0


class StallDetector:
    """Counts the seconds in which requests ran and no token moved.

    An engine that has stalled is believed again when a token moves, not when its callers have
    given up.
    """

    __slots__ = ("_after_s", "_looked", "_seen", "_waited_s", "stalled")

    def __init__(self, after_s: float) -> None:
        """
        Args:
            after_s: seconds without a token after which the engine counts as stalled.
        """
        self._after_s = after_s
        self._looked: float | None = None
        self._seen: float | None = None
        self._waited_s = 0.0
        self.stalled = False

    @property
    def waited_s(self) -> float:
        """Seconds in which requests have run since a token moved."""
        return self._waited_s

    def look(self, now: float, in_flight: int, tokens: float) -> None:
        """
        Args:
            now: seconds on a clock that never goes back.
            in_flight: requests that the engine has.
            tokens: how many it has read and written so far.
        """
        step = 0.0 if self._looked is None else min(now - self._looked, _MAX_STEP_S)
        self._looked = now
        if tokens != self._seen:
            self._seen = tokens
            self._waited_s = 0.0
            self.stalled = False
        elif in_flight:
            self._waited_s += step
            self.stalled = self.stalled or self._waited_s >= self._after_s
