"""What a wire is: how the contract's tests make a small server of one kind do what they say.

A test writes an answer as steps (`Say`, `Hang`, ...), sets it as the server's `answer`, and reads
what the server was asked as `Asked`. Neither knows the wire. A transport joins the contract by a
`Wire` of its own in `wires.py`.
"""

import asyncio
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Literal, Protocol, TypeAlias

from parley_orchestrator.llm.chat import Entry, ToolChoice
from parley_orchestrator.llm.config import LlmConfig
from parley_orchestrator.llm.transport import Api, Transport

Lack: TypeAlias = Literal[
    "model", "organization", "temperature", "max_tokens", "retry_after", "instructions",
    "streaming", "tool_choice", "cached_tokens", "head",
]  # fmt: skip
"""What a wire may be unable to say; everything else it says. `head`: that an answer begins."""


QUOTED = "my secret illness"
"""In every refusal, fault and garbled event, as providers quote what they were asked."""


@dataclass(frozen=True, slots=True)
class Say:
    """A piece of text; the first piece of an answer begins it."""

    text: str


@dataclass(frozen=True, slots=True)
class Call:
    """A whole tool call; `arguments` is sent as it is, JSON or not, where the wire can."""

    id: str
    name: str
    arguments: str


@dataclass(frozen=True, slots=True)
class Count:
    """Usage."""

    prompt: int
    completion: int
    cached: int = 0


@dataclass(frozen=True, slots=True)
class Finish:
    """The answer's proper end."""


@dataclass(frozen=True, slots=True)
class Begin:
    """All that comes before the first piece: the head of a response, `response.created`."""


@dataclass(frozen=True, slots=True)
class Hold:
    """Nothing until the test sets the event."""

    until: asyncio.Event


@dataclass(frozen=True, slots=True)
class Hang:
    """Nothing more until the client takes the question back (then `stopped` is set)."""


@dataclass(frozen=True, slots=True)
class Refuse:
    """No answer but this HTTP status, or what the wire has in its place."""

    status: int
    retry_after_s: int | None = None


@dataclass(frozen=True, slots=True)
class Fault:
    """An error of the server's, told inside an answer that has begun."""


@dataclass(frozen=True, slots=True)
class Cut:
    """The connection is dropped."""


@dataclass(frozen=True, slots=True)
class Garble:
    """Something that cannot be read as an event of the wire."""


Step: TypeAlias = Say | Call | Count | Finish | Begin | Hold | Hang | Refuse | Fault | Cut | Garble
Answer: TypeAlias = tuple[Step, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A question as the server read it; what its wire lacks has the default.

    Args:
        instructions: the system prompt.
        entries: the conversation; of a `ToolResult` what the wire carries.
        tools: their names.
        streaming: whether the text was wanted as it is made.
    """

    instructions: str = ""
    entries: tuple[Entry, ...] = ()
    tools: tuple[str, ...] = ()
    tool_choice: ToolChoice | None = None
    model: str = ""
    api_key: str = ""
    organization: str = ""
    temperature: float | None = None
    max_tokens: int | None = None
    streaming: bool = True


class FakeServer(Protocol):
    """A server of one wire, on a socket of its own, in the test's event loop."""

    answer: Answer
    """To every question that comes from now on."""
    asked: list[Asked]
    stopped: asyncio.Event
    """The client took back a question that was being answered: it hung up, or cancelled."""
    connections: int
    """How many were ever opened."""
    open_connections: int
    """How many are open."""

    @property
    def url(self) -> str:
        """As `LlmConfig.base_url`."""


class Wire(Protocol):
    """One transport and the kind of server that it speaks to."""

    @property
    def name(self) -> str:
        """The transport's, as in `LLM_CHAIN`; the tests' ids."""

    @property
    def api(self) -> Api: ...

    @property
    def lacks(self) -> frozenset[Lack]: ...

    def serve(self) -> AbstractAsyncContextManager[FakeServer]:
        """A server that listens while the context is open."""

    def transport(self, config: LlmConfig) -> Transport: ...
