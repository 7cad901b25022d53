"""The embedded engine: a small deterministic responder. No model, no download, no pretending."""

import asyncio
import hashlib
from collections.abc import AsyncGenerator, Mapping, Sequence

from parley_kit.errors import InvalidRequest
from parley_llm import tokens
from parley_llm.engine import Finish, FinishReason, Item, Text, ToolCall
from parley_llm.script import Script
from parley_llm.settings import LlmSettings
from parley_llm.tool_rule import Call, Missing, decide
from parley_llm.wire import ChatRequest, Message, NamedTool


class ScriptedEngine:
    """Answers from `knowledge.toml`; the same conversation always gets the same answer."""

    def __init__(self, settings: LlmSettings) -> None:
        self.models: Sequence[str] = ("scripted", *settings.served_models)
        self._max_tokens = settings.max_completion_tokens
        self._pause_s = 1 / settings.scripted_tokens_per_s if settings.scripted_tokens_per_s else 0
        self._script: Script | None = None

    async def start(self) -> None:
        script = await asyncio.to_thread(Script.load)
        script.answer([Message(role="user")])
        self._script = script

    async def close(self) -> None:
        self._script = None

    def status(self) -> Mapping[str, object]:
        return {"engine": "scripted", "model": "scripted", "device": "cpu"}

    async def chat(self, request: ChatRequest) -> AsyncGenerator[Item, None]:
        """See `LlmEngine.chat`; text comes a token at a time."""
        _refuse_what_it_cannot(request)
        assert self._script is not None, "the engine has been started"
        prompt_tokens = sum(tokens.count(message.text) for message in request.messages)
        call = decide(request)
        if isinstance(call, Call):
            yield ToolCall(_call_id(request, call), call.name, call.arguments)
            spent = tokens.count(call.name) + tokens.count(call.arguments)
            # OpenAI says "stop" when the caller named the function, "tool_calls" when it chose.
            named = isinstance(request.tool_choice, NamedTool)
            yield Finish("stop" if named else "tool_calls", prompt_tokens, spent)
            return
        if isinstance(call, Missing):
            text = f"To do that I need to know the {call.argument}. Could you tell me?"
        else:
            text = self._script.answer(request.messages)
        limit = min(request.token_limit or self._max_tokens, self._max_tokens)
        pieces, reason = cut(text, request.stop, limit)
        for piece in pieces:
            yield Text(piece)
            await asyncio.sleep(self._pause_s)
        yield Finish(reason, prompt_tokens, len(pieces))


def cut(text: str, stop: Sequence[str], limit: int) -> tuple[list[str], FinishReason]:
    """The tokens of `text` up to the first stop sequence, at most `limit`, and why they end."""
    ends = [found for sequence in stop if sequence and (found := text.find(sequence)) >= 0]
    pieces = tokens.split(text[: min(ends)] if ends else text)
    return (pieces[:limit], "length") if len(pieces) > limit else (pieces, "stop")


def _refuse_what_it_cannot(request: ChatRequest) -> None:
    if request.response_format is not None and request.response_format.type != "text":
        raise InvalidRequest(
            "The scripted engine answers in text only.", param="response_format.type"
        )
    choice = request.tool_choice
    if isinstance(choice, NamedTool) and not any(
        tool.function.name == choice.function.name for tool in request.tools or ()
    ):
        raise InvalidRequest("tool_choice names a tool that is not given.", param="tool_choice")


def _call_id(request: ChatRequest, call: Call) -> str:
    """Deterministic, and different for each turn of a conversation."""
    seed = f"{len(request.messages)} {call.name} {call.arguments}"
    return f"call_{hashlib.sha256(seed.encode()).hexdigest()[:24]}"
