"""The border to LiveKit: a conversation goes through it whole, failures and tools included."""

import asyncio
from collections.abc import AsyncGenerator

import pytest
from livekit.agents import (
    APIConnectionError,
    APIConnectOptions,
    APIError,
    APIStatusError,
    APITimeoutError,
    llm,
)

from parley_orchestrator.errors import FailureKind, LlmFailed
from parley_orchestrator.livekit_llm import ChainLlm, Serving, request_of, without
from parley_orchestrator.llm.chat import ChatRequest, Item, Said, Text, ToolCall, ToolResult, Usage

pytestmark = pytest.mark.anyio

MANY_TRIES = APIConnectOptions(max_retry=3, retry_interval=0.0)


class Scripted:
    """Stands for a chain."""

    def __init__(self, *items: Item, failure: LlmFailed | None = None, hangs: bool = False) -> None:
        self.items = items
        self.hangs = hangs
        self.failure = failure
        self.asked: list[ChatRequest] = []
        self.closed = 0

    async def stream(self, request: ChatRequest) -> AsyncGenerator[Item, None]:
        self.asked.append(request)
        try:
            for item in self.items:
                yield item
            if self.hangs:
                await asyncio.Event().wait()
            if self.failure:
                raise self.failure
        finally:
            self.closed += 1

    async def warm(self) -> None:
        """There is nothing to warm."""


def model_of(chain: Scripted) -> ChainLlm:
    return ChainLlm(chain, lambda: Serving("model-1", "qwen"))


def asking(text: str) -> llm.ChatContext:
    context = llm.ChatContext.empty()
    context.add_message(role="user", content=text)
    return context


@llm.function_tool
async def look_up(day: str, hour: int | None = None) -> str:
    """Look up a day.

    Args:
        day: The day.
    """
    return f"{day} {hour}"


async def test_text_tool_calls_and_usage_arrive_as_they_are() -> None:
    call = ToolCall("c1", "look_up", '{"day": "Monday"}', signature="c2lnbg==")
    chain = Scripted(Text("One "), Text("moment."), call, Usage(7, 3, cached_tokens=2))
    reply = await model_of(chain).chat(chat_ctx=asking("When?"), tools=[look_up]).collect()

    assert reply.text == "One moment."
    (made,) = reply.tool_calls
    assert (made.call_id, made.name, made.arguments) == ("c1", "look_up", '{"day": "Monday"}')
    assert reply.usage is not None
    assert (reply.usage.prompt_tokens, reply.usage.completion_tokens) == (7, 3)
    assert (reply.usage.total_tokens, reply.usage.prompt_cached_tokens) == (10, 2)


async def test_a_calls_signature_comes_back_with_the_call() -> None:
    call = ToolCall("c1", "look_up", "{}", signature="c2lnbg==")
    reply = await model_of(Scripted(call)).chat(chat_ctx=asking("When?")).collect()
    (made,) = reply.tool_calls
    context = asking("When?")
    context.items += [
        llm.FunctionCall(
            call_id=made.call_id,
            name=made.name,
            arguments=made.arguments,
            extra=made.extra or {},
        ),
        llm.FunctionCallOutput(call_id="c1", name="look_up", output="At 9.", is_error=False),
    ]

    assert request_of(context, []).entries == (
        Said("user", "When?"),
        call,
        ToolResult("c1", "look_up", "At 9."),
    )


def test_every_system_message_is_part_of_the_instructions() -> None:
    context = llm.ChatContext.empty()
    context.add_message(role="system", content="Be kind.")
    context.add_message(role="user", content="Hello.")
    context.add_message(role="assistant", content="Good morning.")
    context.add_message(role="developer", content="Say goodbye.")

    request = request_of(context, [])

    assert request.instructions == "Be kind.\n\nSay goodbye."
    assert request.entries == (Said("user", "Hello."), Said("assistant", "Good morning."))


def test_tools_come_with_their_schema_and_optional_arguments_stay_optional() -> None:
    (tool,) = request_of(asking("When?"), [look_up]).tools or ()

    assert (tool.name, tool.description) == ("look_up", "Look up a day.")
    assert tool.parameters["required"] == ["day"]
    assert set(tool.parameters["properties"]) == {"day", "hour"}


@pytest.mark.parametrize("choice", ["auto", "none", "required"])
def test_the_choice_of_tools_is_passed_on(choice: llm.ToolChoice) -> None:
    assert request_of(asking("When?"), [look_up], choice).tool_choice == choice


def test_a_tool_that_is_named_is_the_only_one_and_required() -> None:
    @llm.function_tool
    async def another() -> None:
        """Another."""

    named: llm.ToolChoice = {"type": "function", "function": {"name": "another"}}
    request = request_of(asking("When?"), [look_up, another], named)

    assert request.tool_choice == "required"
    assert [tool.name for tool in request.tools or ()] == ["another"]


def test_our_own_phrases_are_not_read_as_the_models() -> None:
    context = asking("When?")
    context.add_message(role="assistant", content="One moment.\nAt nine. I am sorry.")
    context.add_message(role="assistant", content="One moment.")

    request = request_of(context, [], unspoken=("One moment.", "I am sorry."))

    assert request.entries == (Said("user", "When?"), Said("assistant", "At nine."))


def test_a_sentence_without_words_takes_nothing_away() -> None:
    assert without("We are open.", ("",)) == "We are open."


def test_a_phrase_inside_of_an_answer_stays() -> None:
    assert without("It took one moment. Really.", ("one moment.",)) == "It took one moment. Really."


@pytest.mark.parametrize(
    ("kind", "error", "status"),
    [
        ("timeout", APITimeoutError, None),
        ("connect", APIConnectionError, None),
        ("cut", APIConnectionError, None),
        ("empty", APIConnectionError, None),
        ("rate_limited", APIStatusError, 429),
        ("server", APIStatusError, 502),
        ("auth", APIStatusError, 401),
        ("refused", APIStatusError, 400),
    ],
)
async def test_a_failure_is_livekits_and_nothing_is_asked_twice(
    kind: FailureKind, error: type[APIError], status: int | None
) -> None:
    chain = Scripted(failure=LlmFailed("as scripted", kind))
    with pytest.raises(error) as raised:
        await model_of(chain).chat(chat_ctx=asking("When?"), conn_options=MANY_TRIES).collect()

    assert getattr(raised.value, "status_code", None) == status
    assert len(chain.asked) == chain.closed == 1


async def test_what_fails_after_text_is_not_retryable() -> None:
    chain = Scripted(Text("At "), failure=LlmFailed("as scripted", "cut"))
    async with model_of(chain).chat(chat_ctx=asking("When?"), conn_options=MANY_TRIES) as reply:
        begun = await anext(reply)
        with pytest.raises(APIError) as raised:
            await anext(reply)

    assert begun.delta is not None
    assert begun.delta.content == "At "
    assert raised.value.retryable is False
    assert len(chain.asked) == 1


async def test_an_answer_that_is_not_wanted_any_more_is_closed() -> None:
    chain = Scripted(Text("At "), hangs=True)
    async with model_of(chain).chat(chat_ctx=asking("When?")) as reply:
        await anext(reply)

    assert chain.closed == 1


async def test_one_answer_is_measured_once_and_named_after_who_served() -> None:
    model = model_of(Scripted(Text("At nine."), Usage(7, 3)))
    measured: list[object] = []
    model.on("metrics_collected", measured.append)
    await model.chat(chat_ctx=asking("When?")).collect()

    (metrics,) = measured
    assert (metrics.prompt_tokens, metrics.completion_tokens) == (7, 3)  # type: ignore[attr-defined]
    assert metrics.metadata.model_name == "model-1"  # type: ignore[attr-defined]
    assert metrics.metadata.model_provider == "qwen"  # type: ignore[attr-defined]
