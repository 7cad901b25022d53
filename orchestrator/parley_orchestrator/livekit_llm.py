"""The border to LiveKit on the side of the language models: an `llm.LLM` of a chain.

Retries live in the chain. Here nothing is asked twice, and what fails once text was passed on is
not retryable.
"""

from collections.abc import AsyncGenerator, Callable, Iterable, Iterator, Sequence
from contextlib import aclosing
from dataclasses import dataclass, replace
from typing import Any, Protocol

from livekit.agents import (
    DEFAULT_API_CONNECT_OPTIONS,
    NOT_GIVEN,
    APIConnectionError,
    APIConnectOptions,
    APIError,
    APIStatusError,
    APITimeoutError,
    NotGivenOr,
    llm,
    utils,
)

from parley_orchestrator.errors import FailureKind, LlmFailed
from parley_orchestrator.llm.chat import (
    ChatRequest,
    Entry,
    Item,
    Said,
    Text,
    Tool,
    ToolCall,
    ToolChoice,
    ToolResult,
    Usage,
)

_SIGNATURE = "parley_signature"
_STATUS: dict[FailureKind, int] = {
    "rate_limited": 429,
    "server": 502,
    "auth": 401,
    "refused": 400,
    "blocked": 400,
}


class Answers(Protocol):
    """A chain, or a transport alone."""

    def stream(self, request: ChatRequest) -> AsyncGenerator[Item, None]: ...

    async def warm(self) -> None: ...


@dataclass(frozen=True, slots=True)
class Serving:
    """Who answers at the moment: a model, and the name of its transport."""

    model: str
    transport: str


class ChainLlm(llm.LLM[Any]):
    """
    Args:
        serving: who answers; asked when LiveKit labels a metric.
        unspoken: sentences of ours that LiveKit keeps in the history and no model should read.
    """

    def __init__(
        self,
        answers: Answers,
        serving: Callable[[], Serving],
        *,
        unspoken: Sequence[str] = (),
    ) -> None:
        super().__init__()
        self._answers = answers
        self._serving = serving
        self._unspoken = tuple(unspoken)

    @property
    def model(self) -> str:
        return self._serving().model

    @property
    def provider(self) -> str:
        return self._serving().transport

    def chat(
        self,
        *,
        chat_ctx: llm.ChatContext,
        tools: list[llm.Tool] | None = None,
        conn_options: APIConnectOptions = DEFAULT_API_CONNECT_OPTIONS,
        parallel_tool_calls: NotGivenOr[bool] = NOT_GIVEN,
        tool_choice: NotGivenOr[llm.ToolChoice] = NOT_GIVEN,
        extra_kwargs: NotGivenOr[dict[str, Any]] = NOT_GIVEN,
    ) -> llm.LLMStream:
        return _Stream(
            self,
            self._answers,
            request_of(chat_ctx, tools or [], tool_choice, self._unspoken),
            chat_ctx=chat_ctx,
            tools=tools or [],
            conn_options=replace(conn_options, max_retry=0),
        )

    async def _prewarm_impl(self) -> None:
        await self._answers.warm()


class _Stream(llm.LLMStream):
    def __init__(
        self,
        of: ChainLlm,
        answers: Answers,
        request: ChatRequest,
        *,
        chat_ctx: llm.ChatContext,
        tools: list[llm.Tool],
        conn_options: APIConnectOptions,
    ) -> None:
        self._answers = answers
        self._request = request
        super().__init__(of, chat_ctx=chat_ctx, tools=tools, conn_options=conn_options)

    async def _run(self) -> None:
        ident = utils.shortuuid("chain_")
        sent = False
        try:
            async with aclosing(self._answers.stream(self._request)) as items:
                async for item in items:
                    self._event_ch.send_nowait(chunk_of(item, ident))
                    sent = sent or not isinstance(item, Usage)
        except LlmFailed as exc:
            raise livekit_error(exc, already_sent=sent) from exc


def chunk_of(item: Item, ident: str) -> llm.ChatChunk:
    """One of our items as LiveKit's chunk of the answer `ident`."""
    match item:
        case Text(text):
            return llm.ChatChunk(id=ident, delta=llm.ChoiceDelta(role="assistant", content=text))
        case ToolCall(call_id, name, arguments, signature):
            extra = {_SIGNATURE: signature} if signature else None
            call = llm.FunctionToolCall(
                name=name, arguments=arguments, call_id=call_id, extra=extra
            )
            delta = llm.ChoiceDelta(role="assistant", tool_calls=[call])
            return llm.ChatChunk(id=ident, delta=delta)
        case Usage(prompt, completion, cached):
            usage = llm.CompletionUsage(
                prompt_tokens=prompt,
                completion_tokens=completion,
                prompt_cached_tokens=cached,
                total_tokens=prompt + completion,
            )
            return llm.ChatChunk(id=ident, usage=usage)


def livekit_error(exc: LlmFailed, *, already_sent: bool) -> APIError:
    """The same failure in LiveKit's words; `already_sent` when text or a tool call went out."""
    message = f"The language model failed: {exc.kind}."
    if exc.kind == "timeout":
        return APITimeoutError(message, retryable=not already_sent)
    if exc.kind in _STATUS:
        return APIStatusError(message, status_code=_STATUS[exc.kind], retryable=not already_sent)
    return APIConnectionError(message, retryable=not already_sent)


def request_of(
    chat_ctx: llm.ChatContext,
    tools: Sequence[llm.Tool],
    tool_choice: NotGivenOr[llm.ToolChoice] = NOT_GIVEN,
    unspoken: Sequence[str] = (),
) -> ChatRequest:
    """LiveKit's conversation as ours: every system message is part of the instructions."""
    choice, offered = _choice(tool_choice, tools_of(tools))
    return ChatRequest(
        entries=tuple(_entries(chat_ctx.items, unspoken)),
        instructions="\n\n".join(_instructions(chat_ctx.items)),
        tools=offered,
        tool_choice=choice,
    )


def tools_of(tools: Sequence[llm.Tool]) -> tuple[Tool, ...]:
    """Function tools with their JSON Schema; `strict` is left out, few servers know it."""
    schemas = llm.ToolContext(tools).parse_function_tools("openai", strict=False)
    functions = [schema["function"] for schema in schemas]
    return tuple(
        Tool(
            function["name"],
            (function.get("description") or "").strip(),
            function["parameters"],
        )
        for function in functions
    )


def _choice(
    wanted: NotGivenOr[llm.ToolChoice], tools: tuple[Tool, ...]
) -> tuple[ToolChoice, tuple[Tool, ...]]:
    if isinstance(wanted, dict):
        name = wanted["function"]["name"]
        return "required", tuple(tool for tool in tools if tool.name == name)
    if wanted == "none" or wanted == "required":
        return wanted, tools
    return "auto", tools


def _instructions(items: Iterable[llm.ChatItem]) -> Iterator[str]:
    for item in items:
        if item.type == "message" and item.role in ("system", "developer") and item.text_content:
            yield item.text_content


def _entries(items: Iterable[llm.ChatItem], unspoken: Sequence[str]) -> Iterator[Entry]:
    for item in items:
        match item:
            case llm.ChatMessage(role="user", text_content=str(text)) if text:
                yield Said("user", text)
            case llm.ChatMessage(role="assistant", text_content=str(text)):
                if said := without(text, unspoken):
                    yield Said("assistant", said)
            case llm.FunctionCall():
                signature = item.extra.get(_SIGNATURE)
                yield ToolCall(item.call_id, item.name, item.arguments, signature)
            case llm.FunctionCallOutput():
                yield ToolResult(item.call_id, item.name, item.output, item.is_error)


def without(text: str, sentences: Sequence[str]) -> str:
    """`text` without our own `sentences`, which it may begin or end with."""
    sentences = [sentence for sentence in sentences if sentence]
    cut = True
    while cut:
        text, cut = text.strip(), False
        for sentence in sentences:
            if text.startswith(sentence):
                text, cut = text.removeprefix(sentence), True
            elif text.endswith(sentence):
                text, cut = text.removesuffix(sentence), True
    return text
