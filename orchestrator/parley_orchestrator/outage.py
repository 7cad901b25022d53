"""When a caller is told that a service is away: not for a blip, and once."""

from dataclasses import dataclass

_A_BLIP_S = 1.0
_OVER_AFTER_S = 10.0


@dataclass(slots=True)
class Outage:
    """Failures of one service; times are seconds of any clock that only goes forward."""

    _first: float = 0.0
    _last: float = float("-inf")
    _is_told: bool = False

    def failed(self, now: float) -> bool:
        """Note a failure; whether the caller is to be told now."""
        if now - self._last > _OVER_AFTER_S:
            self._first, self._is_told = now, False
        self._last = now
        if self._is_told or now - self._first < _A_BLIP_S:
            return False
        self._is_told = True
        return True

    def worked(self) -> None:
        """It is over."""
        self._last = float("-inf")
