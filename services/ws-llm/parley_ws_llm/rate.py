"""How many messages a connection may send. Pure."""

_LEAST_AT_ONCE = 10


class TokenBucket:
    """Lets `per_minute` messages through a minute, ten seconds' worth at once; refuses the rest."""

    def __init__(self, per_minute: int, now: float) -> None:
        self._capacity = float(min(per_minute, max(_LEAST_AT_ONCE, per_minute / 6)))
        self._tokens = self._capacity
        self._per_second = per_minute / 60
        self._at = now

    def take(self, now: float) -> bool:
        """Whether one more message is allowed at `now`, a clock's reading in seconds."""
        elapsed = max(0.0, now - self._at)
        self._at = now
        self._tokens = min(self._capacity, self._tokens + elapsed * self._per_second)
        if self._tokens < 1:
            return False
        self._tokens -= 1
        return True
