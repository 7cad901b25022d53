"""Chat completions as they are written: the whole reply, and the events of a streamed one."""

import time
from collections.abc import Mapping
from uuid import uuid4

from parley_llm.engine import Finish, Reply, ToolCall


class Writer:
    """Writes the objects of one reply, which share id, time and model."""

    def __init__(self, model: str, *, with_usage: bool) -> None:
        """
        Args:
            with_usage: whether the stream will end with its usage, which is null until then.
        """
        self._id = f"chatcmpl-{uuid4().hex}"
        self._created = int(time.time())
        self._model = model
        self._no_usage: Mapping[str, object] = {"usage": None} if with_usage else {}

    def completion(self, reply: Reply, count: int) -> dict[str, object]:
        """A whole reply with `count` choices, which are the same: the engine does not sample."""
        message: dict[str, object] = {
            "role": "assistant", "content": reply.text, "refusal": None,
        }  # fmt: skip
        if reply.calls:
            message["content"] = reply.text or None
            message["tool_calls"] = [tool_call(call) for call in reply.calls]
        choices = [
            {
                "index": index,
                "message": message,
                "finish_reason": reply.finish.reason,
                "logprobs": None,
            }
            for index in range(count)
        ]
        counts = usage(reply.finish, count)
        return {**self._head("chat.completion"), "choices": choices, "usage": counts}

    def chunk(
        self, index: int, delta: dict[str, object], finish_reason: str | None = None
    ) -> dict[str, object]:
        """One event of a streamed choice."""
        choice = {
            "index": index,
            "delta": delta,
            "finish_reason": finish_reason,
            "logprobs": None,
        }
        return {**self._head("chat.completion.chunk"), "choices": [choice], **self._no_usage}

    def usage_chunk(self, finish: Finish, count: int) -> dict[str, object]:
        """The event before `[DONE]` when usage was asked for."""
        counts = usage(finish, count)
        return {**self._head("chat.completion.chunk"), "choices": [], "usage": counts}

    def _head(self, kind: str) -> dict[str, object]:
        return {
            "id": self._id,
            "object": kind,
            "created": self._created,
            "model": self._model,
        }


def usage(finish: Finish, count: int) -> dict[str, int]:
    """What `count` answers to one prompt took."""
    completion_tokens = finish.completion_tokens * count
    return {
        "prompt_tokens": finish.prompt_tokens,
        "completion_tokens": completion_tokens,
        "total_tokens": finish.prompt_tokens + completion_tokens,
    }


def tool_call(call: ToolCall) -> dict[str, object]:
    return {
        "id": call.id,
        "type": "function",
        "function": {"name": call.name, "arguments": call.arguments},
    }
