"""The embedded engine: a small deterministic responder. No model, no download, no pretending."""

import asyncio
import hashlib
import json
from collections.abc import AsyncGenerator, Mapping, Sequence

from parley_kit.errors import InvalidRequest
from parley_llm import tokens
from parley_llm.engine import Finish, FinishReason, Item, Text, ToolCall
from parley_llm.fitting import fit
from parley_llm.schema import UnusableSchema
from parley_llm.script import Script
from parley_llm.settings import LlmSettings
from parley_llm.tool_rule import Call, Missing, decide
from parley_llm.wire import (
    AllowedTools,
    ChatRequest,
    JsonSchema,
    Message,
    NamedTool,
    ResponseFormat,
)


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
        _check_choice(request)
        assert self._script is not None, "the engine has been started"
        prompt_tokens = sum(tokens.count(message.text) for message in request.messages)
        decided = decide(request)
        if isinstance(decided, tuple) and decided:
            for index, call in enumerate(decided):
                yield ToolCall(_call_id(request, call, index), call.name, call.arguments)
            spent = sum(tokens.count(call.name) + tokens.count(call.arguments) for call in decided)
            # OpenAI says "stop" when the caller named the function, "tool_calls" when it chose.
            named = isinstance(request.tool_choice, NamedTool)
            yield Finish("stop" if named else "tool_calls", prompt_tokens, spent)
            return
        text = _in_format(request, _answer(self._script, request, decided))
        limit = min(request.token_limit or self._max_tokens, self._max_tokens)
        pieces, reason = cut(text, request.stop, limit)
        for piece in pieces:
            yield Text(piece)
            await asyncio.sleep(self._pause_s)
        yield Finish(reason, prompt_tokens, len(pieces))


def _answer(script: Script, request: ChatRequest, decided: tuple[Call, ...] | Missing) -> str:
    if isinstance(decided, Missing):
        return f"To do that I need to know the {decided.argument}. Could you tell me?"
    return script.answer(request.messages)


def _in_format(request: ChatRequest, answer: str) -> str:
    """The answer in the form that the request asks for.

    Raises:
        InvalidRequest: it asks for a schema that no answer was found for.
    """
    match request.response_format:
        case ResponseFormat(json_schema=JsonSchema() as wanted):
            asked = next((m.text for m in reversed(request.messages) if m.role == "user"), "")
            try:
                value = fit(wanted.definition, answer, asked)
            except UnusableSchema as exc:
                raise InvalidRequest(
                    f"The scripted engine cannot answer in this schema: {exc}.",
                    param="response_format.json_schema.schema",
                ) from exc
            return json.dumps(value, ensure_ascii=False)
        case ResponseFormat(type="json_object"):
            return json.dumps({"answer": answer}, ensure_ascii=False)
    return answer


def cut(text: str, stop: Sequence[str], limit: int) -> tuple[list[str], FinishReason]:
    """The tokens of `text` up to the first stop sequence, at most `limit`, and why they end."""
    ends = [found for sequence in stop if sequence and (found := text.find(sequence)) >= 0]
    pieces = tokens.split(text[: min(ends)] if ends else text)
    return (pieces[:limit], "length") if len(pieces) > limit else (pieces, "stop")


def _check_choice(request: ChatRequest) -> None:
    given = {tool.function.name for tool in request.tools or ()}
    match request.tool_choice:
        case NamedTool(function=named):
            wanted = {named.name}
        case AllowedTools(allowed_tools=allowed):
            wanted = {tool.function.name for tool in allowed.tools}
        case _:
            return
    if not wanted <= given:
        raise InvalidRequest("tool_choice names a tool that is not given.", param="tool_choice")


def _call_id(request: ChatRequest, call: Call, index: int) -> str:
    """Deterministic, and different for each call of a conversation."""
    seed = f"{len(request.messages)} {index} {call.name} {call.arguments}"
    return f"call_{hashlib.sha256(seed.encode()).hexdigest()[:24]}"
