"""The wire of `ws`: the WS-LLM protocol."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from websockets.asyncio.server import ServerConnection

from parley_kit.ws_chat import ChatMessage
from parley_kit.ws_protocol import (
    Cancel,
    Cancelled,
    Chat,
    Complete,
    Delta,
    Error,
    Reset,
    ResetComplete,
    ServerMessage,
    ToolCalled,
    Usage,
    encode,
    parse_client,
)
from parley_kit.ws_tools import FunctionCall, NamedTool
from parley_kit.ws_tools import ToolCall as WireCall
from parley_orchestrator.llm.chat import Entry, Said, ToolCall, ToolResult
from parley_orchestrator.llm.config import LlmConfig
from parley_orchestrator.llm.transport import Api, Transport
from parley_orchestrator.llm.transports.ws import WsLlm
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

_REFUSED = {
    400: "invalid_message",
    401: "invalid_api_key",
    403: "invalid_api_key",
    404: "invalid_message",
    429: "rate_limit_exceeded",
    500: "internal_error",
    503: "not_ready",
}


class WsWire:
    """See `Wire`."""

    name = "ws"
    api: Api = "WebSocket"
    lacks: frozenset[Lack] = frozenset(
        {
            "model", "organization", "temperature", "max_tokens", "instructions", "streaming",
            "head", "cached_tokens",
        }
    )  # fmt: skip

    @asynccontextmanager
    async def serve(self) -> AsyncIterator["WsServer"]:
        async with WsServer().listening() as server:
            yield server

    def transport(self, config: LlmConfig) -> Transport:
        return WsLlm(config)


class WsServer(SocketServer):
    """Remembers nothing; counts how often it was told to forget."""

    path = "/ws-llm"

    def __init__(self) -> None:
        super().__init__()
        self.resets = 0
        self.hears_cancel = True

    async def talk(self, connection: ServerConnection) -> None:
        self.connections += 1
        playing = Playing(self.stopped)
        try:
            async for raw in connection:
                await self._read(raw, connection, playing)
        finally:
            await playing.stop_all()

    async def _read(self, raw: str | bytes, connection: ServerConnection, playing: Playing) -> None:
        match parse_client(raw):
            case Chat(id=str(chat_id)) as chat:
                self.asked.append(_asked(chat, connection))
                playing.start(chat_id, WsVoice(connection, chat_id), self.answer)
            case Cancel(id=str(chat_id)):
                if self.hears_cancel and await playing.stop(chat_id):
                    await connection.send(encode(Cancelled(id=chat_id)))
            case Reset():
                self.resets += 1
                await connection.send(encode(ResetComplete()))
            case unknown:
                raise AssertionError(unknown)


class WsVoice(Voice):
    """The answer to one chat."""

    def __init__(self, connection: ServerConnection, chat_id: str) -> None:
        super().__init__(connection)
        self._id = chat_id

    async def show(self, step: Step, answer: Answer) -> None:
        if isinstance(step, Garble):
            await self.connection.send(f"{{{QUOTED}")
        elif (reply := self._reply(step, answer)) is not None:
            await self.connection.send(encode(reply))

    def _reply(self, step: Step, answer: Answer) -> ServerMessage | None:
        match step:
            case Say():
                return Delta(content=step.text, id=self._id)
            case Call():
                function = FunctionCall(name=step.name, arguments=step.arguments)
                return ToolCalled(call=WireCall(id=step.id, function=function), id=self._id)
            case Finish():
                text = "".join(step.text for step in answer if isinstance(step, Say))
                return Complete(content=text, usage=_usage(answer), id=self._id)
            case Fault():
                return Error(message=QUOTED, code="upstream_faulty", id=self._id)
            case Refuse():
                return Error(message=QUOTED, code=_REFUSED[step.status], id=self._id)
            case _:
                assert isinstance(step, Begin | Count)
                return None


def _usage(answer: Answer) -> Usage | None:
    for step in answer:
        if isinstance(step, Count):
            total = step.prompt + step.completion
            return Usage(
                prompt_tokens=step.prompt, completion_tokens=step.completion, total_tokens=total
            )
    return None


def _asked(chat: Chat, connection: ServerConnection) -> Asked:
    request = connection.request
    assert request is not None
    assert request.path == "/ws-llm/ws"
    choice = chat.tool_choice
    assert not isinstance(choice, NamedTool)
    return Asked(
        entries=tuple(_entries(chat.messages)),
        tools=tuple(tool.function.name for tool in chat.tools or ()),
        tool_choice=choice,
        api_key=request.headers.get("authorization", "").removeprefix("Bearer "),
    )


def _entries(messages: Sequence[ChatMessage]) -> list[Entry]:
    entries: list[Entry] = []
    for message in messages:
        if message.role == "tool":
            entries.append(ToolResult(message.tool_call_id or "", "", message.content))
            continue
        if message.content:
            entries.append(Said(message.role, message.content))
        entries += [
            ToolCall(call.id, call.function.name, call.function.arguments)
            for call in message.tool_calls or ()
        ]
    return entries
