"""The events of a response, and the response itself, as they come to be."""

import json
import time
from typing import Any
from uuid import uuid4

from parley_llm.engine import Finish, ToolCall
from parley_llm.responses_wire import ResponseRequest


class ResponseWriter:
    """Writes one response; every method returns the events for what has happened, serialised."""

    def __init__(self, asked: ResponseRequest, model: str) -> None:
        self._asked = asked
        self._model = model
        self._id = f"resp_{uuid4().hex}"
        self._created = int(time.time())
        self._number = 0
        self._output: list[dict[str, Any]] = []
        self._said = ""
        self._finish: Finish | None = None

    def begin(self) -> bytes:
        return self._event("response.created", response=self.response()) + self._event(
            "response.in_progress", response=self.response()
        )

    def text(self, piece: str) -> bytes:
        """The next piece of the message; the first opens it."""
        opened = b"" if self._said else self._open_message()
        self._said += piece
        return opened + self._in_part("response.output_text.delta", delta=piece, logprobs=[])

    def call(self, call: ToolCall) -> bytes:
        """A whole call of a function."""
        item = {
            "id": f"fc_{uuid4().hex}",
            "type": "function_call",
            "status": "completed",
            "call_id": call.id,
            "name": call.name,
            "arguments": call.arguments,
        }
        self._output.append(item)
        where = {"output_index": len(self._output) - 1, "item_id": item["id"]}
        begun = {**item, "arguments": "", "status": "in_progress"}
        return b"".join(
            (
                self._item_event("response.output_item.added", begun),
                self._event(
                    "response.function_call_arguments.delta", **where, delta=call.arguments
                ),
                self._event(
                    "response.function_call_arguments.done", **where,
                    name=call.name, arguments=call.arguments,
                ),
                self._item_event("response.output_item.done", item),
            )
        )  # fmt: skip

    def end(self, finish: Finish) -> bytes:
        """The end of the message, if there is one, and of the response."""
        self._finish = finish
        closed = self._close_message() if self._said else b""
        kind = "response.incomplete" if self._is_cut else "response.completed"
        return closed + self._event(kind, response=self.response())

    def response(self) -> dict[str, Any]:
        """The response as far as it has come."""
        asked = self._asked
        return {
            "id": self._id,
            "object": "response",
            "created_at": self._created,
            "status": self._status,
            "error": None,
            "incomplete_details": {"reason": "max_output_tokens"} if self._is_cut else None,
            "instructions": asked.instructions,
            "max_output_tokens": asked.max_output_tokens,
            "metadata": asked.metadata or {},
            "model": self._model,
            "output": list(self._output),
            "parallel_tool_calls": asked.parallel_tool_calls is not False,
            "previous_response_id": None,
            "store": False,
            "temperature": asked.temperature,
            "text": {"format": _format(asked)},
            "tool_choice": _choice(asked),
            "tools": [{"strict": None, **tool.model_dump()} for tool in asked.tools],
            "top_p": asked.top_p,
            "truncation": "disabled",
            "usage": self._usage(),
        }

    @property
    def _is_cut(self) -> bool:
        return self._finish is not None and self._finish.reason == "length"

    @property
    def _status(self) -> str:
        if self._finish is None:
            return "in_progress"
        return "incomplete" if self._is_cut else "completed"

    def _open_message(self) -> bytes:
        item: dict[str, Any] = {
            "id": f"msg_{uuid4().hex}", "type": "message", "role": "assistant",
            "status": "in_progress", "content": [],
        }  # fmt: skip
        self._output.append(item)
        return self._item_event("response.output_item.added", item) + self._in_part(
            "response.content_part.added", part=_part("")
        )

    def _close_message(self) -> bytes:
        item = self._output[-1]
        item.update(content=[_part(self._said)], status=self._status)
        return b"".join(
            (
                self._in_part("response.output_text.done", text=self._said, logprobs=[]),
                self._in_part("response.content_part.done", part=_part(self._said)),
                self._item_event("response.output_item.done", item),
            )
        )

    def _in_part(self, kind: str, **fields: object) -> bytes:
        """An event about the one part of the message, which is the last item."""
        index = len(self._output) - 1
        item_id = self._output[index]["id"]
        return self._event(kind, output_index=index, item_id=item_id, content_index=0, **fields)

    def _item_event(self, kind: str, item: dict[str, Any]) -> bytes:
        return self._event(kind, output_index=len(self._output) - 1, item=item)

    def _event(self, kind: str, **fields: object) -> bytes:
        data = {"type": kind, "sequence_number": self._number, **fields}
        self._number += 1
        text = json.dumps(data, ensure_ascii=False, separators=(",", ":"))
        return f"event: {kind}\ndata: {text}\n\n".encode()

    def _usage(self) -> dict[str, object] | None:
        if self._finish is None:
            return None
        read, written = self._finish.prompt_tokens, self._finish.completion_tokens
        return {
            "input_tokens": read,
            "input_tokens_details": {"cached_tokens": 0, "cache_write_tokens": 0},
            "output_tokens": written,
            "output_tokens_details": {"reasoning_tokens": 0},
            "total_tokens": read + written,
        }


def _part(text: str) -> dict[str, Any]:
    return {"type": "output_text", "text": text, "annotations": [], "logprobs": []}


def _format(asked: ResponseRequest) -> dict[str, Any]:
    wanted = asked.format
    if wanted.type != "json_schema":
        return {"type": wanted.type}
    return {"type": wanted.type, "name": wanted.name, "schema": wanted.definition}


def _choice(asked: ResponseRequest) -> object:
    choice = asked.tool_choice
    if choice is None:
        return "auto"
    return choice if isinstance(choice, str) else choice.model_dump()
