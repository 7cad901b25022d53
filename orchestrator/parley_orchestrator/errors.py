"""The orchestrator's errors.

    OrchestratorError
    └── LlmFailed        a language model did not answer as it should; `kind` says how

Settings that cannot work are the kit's `SettingsError`.
"""

from typing import Literal, TypeAlias

FailureKind: TypeAlias = Literal[
    "connect",  # no connection, or one that broke before a byte of the answer
    "timeout",  # nothing useful in time
    "empty",  # it ended without text and without a tool call
    "cut",  # it broke off
    "malformed",  # what came cannot be read
    "rate_limited",  # 429, a quota
    "server",  # 5xx, an error event
    "auth",  # 401, 403: the key
    "refused",  # another 4xx: the request is ours, and so is the mistake
    "blocked",  # the provider's safety filter
]


class OrchestratorError(Exception):
    """Root of the tree."""


class LlmFailed(OrchestratorError):
    """A language model did not answer as it should.

    Args:
        message: for the log; holds nothing of the conversation.
        retry_after_s: how long the provider asked to wait.
    """

    def __init__(
        self, message: str, kind: FailureKind, *, retry_after_s: float | None = None
    ) -> None:
        super().__init__(message)
        self.kind: FailureKind = kind
        self.retry_after_s = retry_after_s
