"""The chunks of a streamed completion → what an answer is made of."""

import json
from collections.abc import AsyncGenerator, AsyncIterator, Iterator
from dataclasses import dataclass

from openai.types import CompletionUsage
from openai.types.chat import ChatCompletionChunk
from openai.types.chat.chat_completion_chunk import Choice, ChoiceDeltaToolCall

from parley_kit.errors import UpstreamFailed
from parley_kit.ws_protocol import Usage
from parley_kit.ws_tools import FunctionCall, ToolCall
from parley_ws_llm.engine import Finish, Item, Text


async def read(chunks: AsyncIterator[ChatCompletionChunk]) -> AsyncGenerator[Item, None]:
    """What a stream says; calls of tools come whole, after the text.

    Raises:
        UpstreamFailed: it ended before it was complete, said nothing at all, or called a tool
            with something that is not a JSON object.
    """
    usage, finished, spoke = None, False, False
    calls: dict[int, _Call] = {}
    async for chunk in chunks:
        usage = chunk.usage or usage
        for choice in chunk.choices or ():
            if choice.delta is not None and choice.delta.content:
                spoke = True
                yield Text(choice.delta.content)
            _collect(choice, calls)
            finished = finished or choice.finish_reason is not None
    if not finished:
        raise UpstreamFailed("the answer was cut off", code="upstream_cut")
    if not (spoke or calls):
        raise UpstreamFailed("the answer was empty", code="upstream_empty")
    for call in _whole(calls):
        yield call
    yield Finish(_usage(usage))


@dataclass(slots=True)
class _Call:
    """A call of a tool that is coming in."""

    id: str = ""
    name: str = ""
    arguments: str = ""

    def add(self, piece: ChoiceDeltaToolCall) -> None:
        self.id = piece.id or self.id
        if piece.function is not None:
            self.name += piece.function.name or ""
            self.arguments += piece.function.arguments or ""


def _collect(choice: Choice, calls: dict[int, _Call]) -> None:
    if choice.delta is None:
        return
    for piece in choice.delta.tool_calls or ():
        calls.setdefault(piece.index, _Call()).add(piece)


def _whole(calls: dict[int, _Call]) -> Iterator[ToolCall]:
    for index in sorted(calls):
        call = calls[index]
        if not (call.id and call.name and _is_object(call.arguments)):
            raise UpstreamFailed("the call of a tool was faulty", code="upstream_faulty")
        function = FunctionCall(name=call.name, arguments=call.arguments)
        yield ToolCall(id=call.id, function=function)


def _is_object(arguments: str) -> bool:
    try:
        return isinstance(json.loads(arguments), dict)
    except (ValueError, RecursionError):
        return False


def _usage(usage: CompletionUsage | None) -> Usage | None:
    if usage is None:
        return None
    return Usage(
        prompt_tokens=usage.prompt_tokens,
        completion_tokens=usage.completion_tokens,
        total_tokens=usage.total_tokens,
    )
