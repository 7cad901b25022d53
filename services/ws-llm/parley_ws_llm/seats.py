"""How many connections there may be, in all and of one key. Pure."""

from collections import Counter
from collections.abc import Callable

from parley_kit.errors import Overloaded, RateLimited

_RETRY_AFTER_S = 5


class Seats:
    """The connections that are open."""

    def __init__(self, max_seats: int, max_per_key: int, on_refusal: Callable[[], None]) -> None:
        """
        Args:
            on_refusal: called at every refusal; the metrics count them.
        """
        self._on_refusal = on_refusal
        self._max_seats = max_seats
        self._max_per_key = max_per_key
        self._taken = 0
        self._by_key: Counter[str] = Counter()

    def take(self) -> "Seat":
        """A seat for a connection whose key may not be known yet.

        Raises:
            Overloaded: there is none left.
        """
        if self._taken >= self._max_seats:
            self._on_refusal()
            raise Overloaded(
                "The server has no more connections to give.", retry_after_s=_RETRY_AFTER_S
            )
        self._taken += 1
        return Seat(self)

    def claim(self, key_id: str) -> None:
        """
        Raises:
            RateLimited: the key has as many connections as it may.
        """
        if self._by_key[key_id] >= self._max_per_key:
            self._on_refusal()
            raise RateLimited(
                "Too many connections of this API key are open.", retry_after_s=_RETRY_AFTER_S
            )
        self._by_key[key_id] += 1

    def disclaim(self, key_id: str) -> None:
        self._by_key[key_id] -= 1
        if not self._by_key[key_id]:
            del self._by_key[key_id]

    def give_back(self) -> None:
        self._taken -= 1


class Seat:
    """The place of one connection."""

    def __init__(self, seats: Seats) -> None:
        self._seats = seats
        self._key_id: str | None = None

    def claim(self, key_id: str) -> None:
        """Count the connection as this key's, and no longer as another's.

        Raises:
            RateLimited: see `Seats.claim`.
        """
        if key_id == self._key_id:
            return
        self._seats.claim(key_id)
        if self._key_id is not None:
            self._seats.disclaim(self._key_id)
        self._key_id = key_id

    def leave(self) -> None:
        """Called once, when the connection has ended."""
        if self._key_id is not None:
            self._seats.disclaim(self._key_id)
        self._seats.give_back()
