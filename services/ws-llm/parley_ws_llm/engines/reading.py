"""The chunks of a streamed completion → what an answer is made of."""

import json
from collections.abc import AsyncGenerator, AsyncIterator, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from parley_kit.errors import UpstreamFailed
from parley_kit.ws_protocol import Usage
from parley_kit.ws_tools import FunctionCall, ToolCall
from parley_ws_llm.engine import Finish, Item, Text
from parley_ws_llm.engines.events import Events

_DONE = b"[DONE]"

Json = Mapping[str, Any]


async def read(pieces: AsyncIterator[bytes]) -> AsyncGenerator[Item, None]:
    """What a stream says; calls of tools come whole, after the text.

    Raises:
        UpstreamFailed: it ended before it was complete, said nothing at all, told of an error, or
            called a tool with something that is not a JSON object.
        AttributeError, KeyError, TypeError, ValueError: a chunk has another shape.
    """
    events, answer = Events(), _Answer()
    async for piece in pieces:
        # What came together goes on together: who falls behind catches up.
        chunks = (json.loads(data) for data in events.feed(piece) if data != _DONE)
        if text := "".join(map(answer.add, chunks)):
            yield Text(text)
    for call in answer.calls():
        yield call
    yield answer.finish()


class _Answer:
    """What has come in of one answer."""

    def __init__(self) -> None:
        self._usage: Json | None = None
        self._finished = self._spoke = False
        self._calls: dict[int, _Call] = {}

    def add(self, chunk: Json) -> str:
        """The text in a chunk."""
        if chunk.get("error") is not None:
            raise UpstreamFailed("it failed while it answered", code="upstream_faulty")
        self._usage = chunk.get("usage") or self._usage
        text = "".join(map(self._say, chunk.get("choices") or ()))
        self._spoke = self._spoke or bool(text)
        return text

    def _say(self, choice: Json) -> str:
        self._finished = self._finished or choice.get("finish_reason") is not None
        delta: Json = choice.get("delta") or {}
        for piece in delta.get("tool_calls") or ():
            self._calls.setdefault(piece["index"], _Call()).add(piece)
        text = delta.get("content") or ""
        if not isinstance(text, str):
            raise TypeError
        return text

    def calls(self) -> Iterator[ToolCall]:
        if not self._finished:
            raise UpstreamFailed("the answer was cut off", code="upstream_cut")
        if not (self._spoke or self._calls):
            raise UpstreamFailed("the answer was empty", code="upstream_empty")
        return (self._calls[index].whole() for index in sorted(self._calls))

    def finish(self) -> Finish:
        return Finish(None if self._usage is None else Usage.model_validate(self._usage))


@dataclass(slots=True)
class _Call:
    """A call of a tool that is coming in."""

    id: str = ""
    name: str = ""
    arguments: str = ""

    def add(self, piece: Json) -> None:
        function: Json = piece.get("function") or {}
        self.id = piece.get("id") or self.id
        self.name += function.get("name") or ""
        self.arguments += function.get("arguments") or ""

    def whole(self) -> ToolCall:
        """
        Raises:
            ValueError: it is not complete, or its arguments are no JSON object.
        """
        if not isinstance(json.loads(self.arguments), dict):
            raise ValueError
        return ToolCall(id=self.id, function=FunctionCall(name=self.name, arguments=self.arguments))
