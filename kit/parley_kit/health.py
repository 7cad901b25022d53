"""Where a service is between starting and draining."""

from enum import StrEnum

from parley_kit.errors import NotReady


class State(StrEnum):
    """`starting → ready → draining`, or `starting → failed`."""

    STARTING = "starting"
    READY = "ready"
    DRAINING = "draining"
    FAILED = "failed"


class Health:
    """The state that `/readyz` and `/status` report."""

    def __init__(self) -> None:
        self.state = State.STARTING
        self.reason: str | None = None

    @property
    def ready(self) -> bool:
        return self.state is State.READY

    def mark_ready(self) -> None:
        """Loaded and warm; a service that is already draining stays so."""
        if self.state is State.STARTING:
            self.state = State.READY

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
            raise NotReady(f"The service is not ready: it is {self.state}.", retry_after_s=2)
