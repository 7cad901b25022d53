"""The wire of `realtime`: OpenAI's Realtime API, in either dialect.

What the client sends is read with the types of OpenAI's SDK, and what the server of the general
dialect sends is checked against them.
"""

import itertools
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import parse_qs, urlsplit

from openai.types.beta.realtime import ResponseCreateEvent as BetaResponseCreate
from openai.types.realtime import RealtimeServerEvent, ResponseCreateEvent
from pydantic import BaseModel, TypeAdapter
from websockets.asyncio.server import ServerConnection

from parley_orchestrator.llm.chat import Entry, Said, ToolCall, ToolResult
from parley_orchestrator.llm.config import LlmConfig
from parley_orchestrator.llm.transport import Api, Transport
from parley_orchestrator.llm.transports.realtime import Realtime
from parley_orchestrator.llm.transports.realtime_wire import Dialect
from tests.orchestrator.contract.socket_server import Playing, SocketServer, Voice
from tests.orchestrator.contract.wire import (
    QUOTED,
    Answer,
    Asked,
    Begin,
    Call,
    Count,
    Fault,
    Finish,
    Garble,
    Lack,
    Refuse,
    Say,
    Step,
)

_SERVER_EVENT: TypeAdapter[Any] = TypeAdapter(RealtimeServerEvent)
_REFUSED = {
    400: ("invalid_request_error", "invalid_value"),
    401: ("invalid_request_error", "invalid_api_key"),
    403: ("permission_error", None),
    404: ("invalid_request_error", "model_not_found"),
    429: ("rate_limit_error", "rate_limit_exceeded"),
}


class RealtimeWire:
    """See `Wire`."""

    name = "realtime"
    api: Api = "Realtime WebSocket"
    lacks: frozenset[Lack] = frozenset({"temperature", "streaming"})

    def __init__(self, dialect: Dialect) -> None:
        self._dialect = dialect

    @asynccontextmanager
    async def serve(self) -> AsyncIterator["RealtimeServer"]:
        async with RealtimeServer(self._dialect).listening() as server:
            yield server

    def transport(self, config: LlmConfig) -> Transport:
        return Realtime(config)


class RealtimeServer(SocketServer):
    """Understands one dialect.

    Args:
        is_lenient: accept what it does not understand, and ignore it.
    """

    path = "/v1"

    def __init__(self, dialect: Dialect, *, is_lenient: bool = False) -> None:
        super().__init__()
        self.dialect = dialect
        self.session: dict[str, Any] = {}
        """More fields of the sessions that are created."""
        self.says_updated = True
        self.refusal: dict[str, Any] | None = None
        """Of every session, as the `error` of an event."""
        self._is_lenient = is_lenient

    async def talk(self, connection: ServerConnection) -> None:
        playing = Playing(self.stopped)
        await self._send(connection, self._session("session.created"))
        try:
            async for raw in connection:
                await self._read(json.loads(raw), connection, playing)
        finally:
            await playing.stop_all()

    async def _read(
        self, event: dict[str, Any], connection: ServerConnection, playing: Playing
    ) -> None:
        match event["type"]:
            case "session.update":
                await self._update(event["session"], connection)
            case "response.create":
                self.asked.append(_asked(event["response"], connection, self.dialect))
                voice = RealtimeVoice(connection, self.dialect, event["event_id"])
                playing.start(voice.response_id, voice, self.answer)
            case "response.cancel":
                stopped = await playing.stop(event["response_id"])
                late = _error("invalid_request_error", "response_cancel_not_active")
                done = _done(event["response_id"], "cancelled", (), None)
                await self._send(connection, done if stopped else late)
            case unknown:
                raise AssertionError(unknown)

    async def _update(self, session: dict[str, Any], connection: ServerConnection) -> None:
        spoken = "ga" if session.get("type") == "realtime" else "beta"
        if self.refusal:
            await self._send(connection, {"type": "error", "error": self.refusal})
        elif spoken == self.dialect or self._is_lenient:
            # One whose session was refused is no connection to ask on.
            self.connections += spoken == self.dialect
            if self.says_updated:
                await self._send(connection, self._session("session.updated"))
        elif self.dialect == "ga":
            refusal = _error("invalid_request_error", "beta_api_shape_disabled")
            await self._send(connection, refusal)
            await connection.close(4000, "beta")
        else:
            await self._send(connection, _error("invalid_request_error", "unknown_parameter"))

    def _session(self, type: str) -> dict[str, Any]:
        ga = {"type": "realtime", "output_modalities": ["text"]}
        session = ga if self.dialect == "ga" else {"modalities": ["text"]}
        return {"type": type, "session": {**session, "id": "sess_1", **self.session}}

    async def _send(self, connection: ServerConnection, event: dict[str, Any]) -> None:
        await connection.send(_written(event, self.dialect))


class RealtimeVoice(Voice):
    """One response."""

    _ids = itertools.count(1)

    def __init__(self, connection: ServerConnection, dialect: Dialect, event_id: str) -> None:
        super().__init__(connection)
        self.response_id = f"resp_{next(self._ids)}"
        self._dialect = dialect
        self._event_id = event_id
        self._begun = False
        self._calls = 0

    async def show(self, step: Step, answer: Answer) -> None:
        match step:
            case Refuse():
                type, code = _REFUSED.get(step.status, ("server_error", None))
                await self._send(_error(type, code, self._event_id))
            case Garble():
                await self.connection.send(f"{{{QUOTED}")
            case Count():
                return  # told with the end
            case _:
                await self._begin()
                for event in self._events(step, answer):
                    await self._send(event)

    async def _begin(self) -> None:
        if not self._begun:
            self._begun = True
            await self._send({"type": "response.created", "response": {"id": self.response_id}})

    def _events(self, step: Step, answer: Answer) -> list[dict[str, Any]]:
        match step:
            case Say():
                return [self._delta(step.text)]
            case Call():
                self._calls += 1
                return _called(step, self._where(), self._dialect)
            case Fault():
                error = {"type": "server_error", "code": "x"}
                return [_done(self.response_id, "failed", (), {"error": error})]
            case Finish():
                counts = tuple(step for step in answer if isinstance(step, Count))
                return [
                    _done(self.response_id, "completed", counts, None),
                    {"type": "rate_limits.updated", "rate_limits": []},
                ]
            case _:
                assert isinstance(step, Begin)
                return []

    def _where(self) -> dict[str, Any]:
        return {
            "response_id": self.response_id,
            "item_id": f"item_{self._calls}",
            "output_index": self._calls,
        }

    def _delta(self, text: str) -> dict[str, Any]:
        name = "output_text" if self._dialect == "ga" else "text"
        return {
            "type": f"response.{name}.delta", "delta": text, "content_index": 0, **self._where(),
        }  # fmt: skip

    async def _send(self, event: dict[str, Any]) -> None:
        await self.connection.send(_written(event, self._dialect))


def _written(event: dict[str, Any], dialect: Dialect) -> str:
    event = {"event_id": "event_of_server", **event}
    if dialect == "ga":
        _SERVER_EVENT.validate_python(event)
    return json.dumps(event)


def _error(type: str, code: str | None, event_id: str | None = None) -> dict[str, Any]:
    error = {"type": type, "code": code, "event_id": event_id, "message": QUOTED}
    return {"type": "error", "error": error}


def _done(
    response_id: str, status: str, counts: tuple[Count, ...], details: dict[str, Any] | None
) -> dict[str, Any]:
    response = {"id": response_id, "status": status, "status_details": details}
    if counts:
        response["usage"] = {
            "input_tokens": counts[0].prompt,
            "output_tokens": counts[0].completion,
            "input_token_details": {"cached_tokens": counts[0].cached},
        }
    return {"type": "response.done", "response": response}


def _called(call: Call, where: dict[str, Any], dialect: Dialect) -> list[dict[str, Any]]:
    name = {"name": call.name} if dialect == "ga" else {}
    arguments = {
        "type": "response.function_call_arguments.done",
        "call_id": call.id, "arguments": call.arguments, **name, **where,
    }  # fmt: skip
    item = {
        "id": where["item_id"], "type": "function_call", "status": "completed",
        "call_id": call.id, "name": call.name, "arguments": call.arguments,
    }  # fmt: skip
    done = {
        "type": "response.output_item.done", "item": item,
        "response_id": where["response_id"], "output_index": where["output_index"],
    }  # fmt: skip
    return [arguments, done]


def _asked(response: dict[str, Any], connection: ServerConnection, dialect: Dialect) -> Asked:
    """
    Raises:
        AssertionError: it is not in the dialect, or is no question out of band.
    """
    event = {"type": "response.create", "response": response}
    model = ResponseCreateEvent if dialect == "ga" else BetaResponseCreate
    _assert_known(model.model_validate(event))
    assert response["conversation"] == "none"
    assert response["output_modalities" if dialect == "ga" else "modalities"] == ["text"]
    request = connection.request
    assert request is not None
    url = urlsplit(request.path)
    assert url.path == "/v1/realtime"
    assert ("openai-beta" in request.headers) == (dialect == "beta")
    return Asked(
        instructions=response.get("instructions", ""),
        entries=tuple(_entry(item, dialect) for item in response["input"]),
        tools=tuple(tool["name"] for tool in response.get("tools", ())),
        tool_choice=response.get("tool_choice"),
        model=parse_qs(url.query)["model"][0],
        api_key=request.headers.get("authorization", "").removeprefix("Bearer "),
        organization=request.headers.get("openai-organization", ""),
        temperature=response.get("temperature"),
        max_tokens=response.get(
            "max_output_tokens" if dialect == "ga" else "max_response_output_tokens"
        ),
    )


def _assert_known(model: BaseModel) -> None:
    """The SDK's types keep fields that they do not know; the server would refuse them."""
    assert not model.model_extra, model.model_extra
    for value in vars(model).values():
        for part in value if isinstance(value, list) else [value]:
            if isinstance(part, BaseModel):
                _assert_known(part)


def _entry(item: dict[str, Any], dialect: Dialect) -> Entry:
    match item["type"]:
        case "message":
            (part,) = item["content"]
            written = "output_text" if dialect == "ga" else "text"
            assert part["type"] == ("input_text" if item["role"] == "user" else written)
            return Said(item["role"], part["text"])
        case "function_call":
            return ToolCall(item["call_id"], item["name"], item["arguments"])
        case _:
            return ToolResult(item["call_id"], "", item["output"])
