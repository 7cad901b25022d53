"""What the application may know of its request, and where in its scope it finds that."""

from dataclasses import dataclass

from starlette.types import Scope

from parley_kit.auth import ANONYMOUS


@dataclass(slots=True)
class RequestContext:
    """What the application may want to know of its request; found at `scope["state"]["parley"]`."""

    request_id: str
    key_id: str = ANONYMOUS
    deadline: float = float("inf")
    """On the clock of the event loop."""
    timeout_s: float = float("inf")


def context_of(scope: Scope) -> RequestContext:
    """The context that the edge made for this request."""
    context: RequestContext = scope["state"]["parley"]
    return context


def path_below_root(scope: Scope) -> str:
    """The path as routes are named: without the prefix below which the service is served."""
    path: str = scope["path"]
    root: str = scope.get("root_path", "")
    return path.removeprefix(root) if path.startswith(f"{root}/") else path
