"""Where a service is between starting and draining."""

from collections.abc import Mapping
from enum import StrEnum

from parley_kit.errors import NotReady


class State(StrEnum):
    """`starting → ready ⇄ unavailable → draining`, or `starting → failed`."""

    STARTING = "starting"
    READY = "ready"
    UNAVAILABLE = "unavailable"
    DRAINING = "draining"
    FAILED = "failed"


class Health:
    """The state that `/readyz` and `/status` report."""

    def __init__(self, waits_for: str = "") -> None:
        """
        Args:
            waits_for: what the service needs before it is ready, in words for its callers.
        """
        self._waits_for = waits_for
        self.state = State.STARTING
        self.reason: str | None = None
        self._loaded = False

    @property
    def ready(self) -> bool:
        return self.state is State.READY

    def mark_ready(self) -> None:
        """Loaded and warm; a service that is already draining stays so."""
        if self.state in (State.STARTING, State.UNAVAILABLE):
            self.state = State.READY
            self._loaded = True

    def mark_unavailable(self) -> None:
        """What it depends on is away: to be sent nothing new, though it goes on trying."""
        if self.state is State.READY:
            self.state = State.UNAVAILABLE

    def mark_draining(self) -> None:
        self.state = State.DRAINING

    def mark_failed(self, reason: str) -> None:
        self.state, self.reason = State.FAILED, reason

    def require_ready(self) -> None:
        """
        Raises:
            NotReady: the service is in any other state.
        """
        if not self.ready:
            raise self._not_ready()

    def require_open(self) -> None:
        """Like `require_ready`, but one that drains serves whoever still reaches it.

        Who looks at `/readyz` goes elsewhere meanwhile; the others find its port closed a moment
        later, which a gateway takes as a word to try another replica, as it may not with a 503.

        Raises:
            NotReady: the service is starting, unavailable or has failed.
        """
        if not self._drains_loaded:
            self.require_ready()

    def require_serving(self) -> None:
        """Like `require_open`, but lets requests try whether what was unavailable is back.

        Raises:
            NotReady: the service is starting or has failed.
        """
        if self.state is not State.UNAVAILABLE:
            self.require_open()

    @property
    def _drains_loaded(self) -> bool:
        return self.state is State.DRAINING and self._loaded

    def _not_ready(self) -> NotReady:
        waits = self._waits_for and self.state in (State.STARTING, State.UNAVAILABLE)
        why = f"waits for {self._waits_for}" if waits else f"is {self.state}"
        return NotReady(f"The service is not ready: it {why}.", retry_after_s=2)


def progress_of(status: Mapping[str, object]) -> dict[str, object]:
    """What `/readyz`, which is open to everybody, tells of a component's status: its download."""
    download = status.get("download")
    return {"download": download} if isinstance(download, Mapping) else {}
