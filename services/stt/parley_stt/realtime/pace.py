"""The pace of interim transcripts: early at first, never more than the engine can take. Pure."""

_EAGER_S = 0.2
_EVERY_S = 0.5


class Pace:
    """Says when the next interim is due; audio in seconds heard, times on any one clock."""

    def __init__(self, heard_s: float) -> None:
        self.heard_s = heard_s
        """How much had been heard at the last interim."""
        self._not_before = 0.0
        self._every_s = _EAGER_S

    def due(self, heard_s: float, now: float) -> bool:
        return heard_s - self.heard_s >= self._every_s and now >= self._not_before

    def took(self, heard_s: float, started: float, ended: float, *, said: bool) -> None:
        """An interim was made; the next leaves the engine as much time for others.

        Args:
            said: whether it told the client anything; until one has, the next comes early.
        """
        self.heard_s = heard_s
        self._not_before = ended + (ended - started)
        if said:
            self._every_s = _EVERY_S
