"""Whether a model that failed is asked once more in the same turn, and after which pause."""

from parley_orchestrator.errors import FailureKind, LlmFailed

_WORTH_ANOTHER_TRY: frozenset[FailureKind] = frozenset(
    {"connect", "rate_limited", "server", "empty", "malformed", "cut"}
)


def pause_s(failure: LlmFailed, attempts: int, max_retries: int, chance: float) -> float | None:
    """Seconds until the next attempt; None for no other.

    What a provider asks for is kept; otherwise it is 50 to 150 ms, and twice that each time.

    Args:
        failure: of the latest attempt, of which nothing was passed on.
        attempts: how many there were.
        chance: 0 to 1, so that callers who failed together do not return together.
    """
    if failure.kind not in _WORTH_ANOTHER_TRY or attempts > max_retries:
        return None
    if failure.retry_after_s is not None:
        return failure.retry_after_s
    return (0.05 + 0.1 * chance) * 2.0 ** (attempts - 1)
