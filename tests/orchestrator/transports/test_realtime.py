"""What the contract does not know: dialects, sessions and events of the Realtime API."""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import aclosing, asynccontextmanager
from typing import Any

import pytest
from websockets.asyncio.server import ServerConnection, serve

from parley_orchestrator.errors import FailureKind
from parley_orchestrator.llm.chat import Said, Text, ToolCall, ToolResult, Usage
from parley_orchestrator.llm.config import LlmConfig
from parley_orchestrator.llm.transports.realtime import Realtime
from tests.orchestrator.contract.asking import HELLO, answer, failure, said, text, until
from tests.orchestrator.contract.realtime_wire import RealtimeServer
from tests.orchestrator.contract.wire import Begin, Cut, Finish, Hang, Hold, Say

pytestmark = pytest.mark.anyio

Json = dict[str, Any]


@asynccontextmanager
async def transport_to(server: RealtimeServer, **config: Any) -> AsyncIterator[Realtime]:
    async with server.listening():
        transport = Realtime(LlmConfig(model="gpt-realtime", base_url=server.url, **config))
        try:
            yield transport
        finally:
            await transport.close()


class Scripted:
    """A server that answers every question with the same events, whatever they are."""

    def __init__(self, *events: Json, close: int | None = None) -> None:
        self._events = events
        self._close = close
        self.sent: list[Json] = []

    async def talk(self, connection: ServerConnection) -> None:
        await connection.send(_json({"type": "session.created", "session": {}}))
        async for raw in connection:
            event = json.loads(raw)
            self.sent.append(event)
            if event["type"] == "session.update":
                await connection.send(_json({"type": "session.updated", "session": {}}))
            elif event["type"] == "response.create":
                await self._respond(connection, event["event_id"])

    async def _respond(self, connection: ServerConnection, event_id: str) -> None:
        for event in self._events:
            await connection.send(_json(event).replace("THE_QUESTION", event_id))
        if self._close is not None:
            await connection.close(self._close, "what the user said")

    @asynccontextmanager
    async def transport(self, **config: Any) -> AsyncIterator[Realtime]:
        async with serve(self.talk, "127.0.0.1", 0, compression=None) as server:
            port = next(iter(server.sockets)).getsockname()[1]
            url = f"ws://127.0.0.1:{port}/v1/realtime"
            transport = Realtime(LlmConfig(model="m", base_url=url, **config))
            try:
                yield transport
            finally:
                await transport.close()


def _json(event: Json) -> str:
    return json.dumps(event)


def created() -> Json:
    return {"type": "response.created", "response": {"id": "resp_1"}}


def delta(text: str, type: str = "response.output_text.delta") -> Json:
    return {"type": type, "response_id": "resp_1", "delta": text}


def done(status: str = "completed", *output: Json, **details: Any) -> Json:
    response = {"id": "resp_1", "status": status, "status_details": details, "output": output}
    return {"type": "response.done", "response": response}


def error(type: str, code: str | None = None, event_id: str | None = None) -> Json:
    return {"type": "error", "error": {"type": type, "code": code, "event_id": event_id}}


class TestDialects:
    async def test_the_beta_is_tried_once_and_remembered(self) -> None:
        server = RealtimeServer("beta")
        async with transport_to(server) as transport:
            await transport.warm()
            opened = len(server.sockets)
            for socket in server.sockets:
                await socket.close()
            answers = [await answer(transport), await answer(transport)]

        assert answers == [[Text("Hello.")]] * 2
        assert (opened, len(server.sockets)) == (2, 3)

    async def test_a_server_that_ignores_what_it_does_not_know_is_found_out(self) -> None:
        server = RealtimeServer("beta", is_lenient=True)
        async with transport_to(server) as transport:
            assert await answer(transport) == [Text("Hello.")]

    async def test_a_server_that_forgets_the_beta_is_followed(self) -> None:
        server = RealtimeServer("beta")
        async with transport_to(server) as transport:
            await transport.warm()
            server.dialect = "ga"
            for socket in server.sockets:
                await socket.close()

            assert await answer(transport) == [Text("Hello.")]

    async def test_who_takes_neither_is_not_asked(self) -> None:
        server = RealtimeServer("ga")
        server.refusal = {"type": "invalid_request_error", "code": "unknown_parameter"}
        server.refusal |= {"message": "What is session?"}
        async with transport_to(server) as transport:
            _, failed = await failure(transport)

        assert failed.kind == "refused"
        assert (len(server.sockets), server.asked) == (2, [])

    @pytest.mark.parametrize(
        ("refusal", "kind"),
        [
            ({"type": "invalid_request_error", "code": "invalid_api_key"}, "auth"),
            ({"type": "invalid_request_error", "code": "model_not_found"}, "refused"),
            ({"type": "insufficient_quota", "code": "insufficient_quota"}, "rate_limited"),
            ({"type": "server_error", "code": None}, "server"),
        ],
    )
    async def test_another_refusal_is_no_matter_of_dialect(
        self, refusal: Json, kind: FailureKind
    ) -> None:
        server = RealtimeServer("ga")
        server.refusal = {**refusal, "message": "No."}
        async with transport_to(server) as transport:
            _, failed = await failure(transport)

        assert failed.kind == kind
        assert len(server.sockets) == 1

    async def test_what_the_beta_has_limits_for_is_kept_within_them(self) -> None:
        server = RealtimeServer("beta")
        async with transport_to(server, temperature=0.1, max_tokens=9_999) as transport:
            await answer(transport)

        (asked,) = server.asked
        assert (asked.temperature, asked.max_tokens) == (0.6, 4096)


class TestSessions:
    async def test_one_that_is_about_to_end_is_asked_nothing_more(self) -> None:
        server = RealtimeServer("ga")
        server.session = {"expires_at": int(time.time()) + 60}
        async with transport_to(server) as transport:
            await answer(transport)
            await answer(transport)

            assert server.connections == 2
            await until(lambda: server.open_connections == 0)

    async def test_one_that_the_server_closed_is_not_asked(self) -> None:
        server = RealtimeServer("ga")
        async with transport_to(server) as transport:
            await transport.warm()
            await server.sockets[0].close(1001)

            assert await answer(transport) == [Text("Hello.")]

    async def test_one_that_closes_as_it_is_asked_fails_no_question(self) -> None:
        server = RealtimeServer("ga")
        async with transport_to(server) as transport:
            await transport.warm()
            closes = asyncio.Event()
            server.answer = (Hold(closes), Cut())
            asking = asyncio.create_task(answer(transport))
            await until(lambda: len(server.asked) == 1)
            server.answer = (Say("Here."), Finish())
            closes.set()

            assert await asking == [Text("Here.")]

    async def test_one_whose_answer_had_begun_is_not_asked_again(self) -> None:
        server = RealtimeServer("ga")
        async with transport_to(server) as transport:
            await transport.warm()
            server.answer = (Begin(), Cut())
            _, failed = await failure(transport)

        assert (failed.kind, len(server.asked)) == ("cut", 1)

    async def test_one_that_was_interrupted_is_kept(self) -> None:
        server = RealtimeServer("ga")
        async with transport_to(server) as transport:
            server.answer = (Say("One"), Hang())
            async with aclosing(transport.stream(HELLO)) as items:
                await anext(items)
            server.answer = (Say("Two."), Finish())
            async with asyncio.timeout(2):
                await server.stopped.wait()
            await answer(transport)

            assert server.open_connections == server.connections

    async def test_few_are_kept_while_nobody_asks(self) -> None:
        server = RealtimeServer("ga")
        async with transport_to(server) as transport:
            server.answer = (Say("One"), Finish())
            streams = [transport.stream(HELLO) for _ in range(7)]
            await asyncio.gather(*(anext(stream) for stream in streams))
            for stream in streams:
                await stream.aclose()

            await until(lambda: server.open_connections == 4)

        assert server.open_connections == 0

    async def test_a_server_that_acknowledges_nothing_is_asked_all_the_same(self) -> None:
        server = RealtimeServer("ga")
        server.says_updated = False
        async with transport_to(server, connect_timeout_s=0.1) as transport:
            assert await answer(transport) == [Text("Hello.")]


class TestAnswers:
    @pytest.mark.parametrize(
        "type",
        [
            "response.output_text.delta",
            "response.text.delta",
            "response.output_audio_transcript.delta",
            "response.audio_transcript.delta",
        ],
    )
    async def test_text_has_a_name_in_each_dialect_and_modality(self, type: str) -> None:
        async with Scripted(created(), delta("Yes.", type), done()).transport() as transport:
            assert await answer(transport) == [Text("Yes.")]

    async def test_what_did_not_come_in_pieces_comes_with_the_end(self) -> None:
        message = {"type": "message", "content": [{"type": "text", "text": "Yes."}]}
        call = {"type": "function_call", "call_id": "c", "name": "book", "arguments": "{}"}
        async with Scripted(created(), done("completed", message, call)).transport() as transport:
            assert await answer(transport) == [Text("Yes."), ToolCall("c", "book", "{}")]

    async def test_nothing_comes_twice(self) -> None:
        message = {"type": "message", "content": [{"type": "text", "text": "Yes."}]}
        call = {"type": "function_call", "call_id": "c", "name": "book", "arguments": "{}"}
        events = (
            created(), delta("Yes."), {"type": "response.output_item.done", "item": call},
            done("completed", message, call),
        )  # fmt: skip
        async with Scripted(*events).transport() as transport:
            assert await answer(transport) == [Text("Yes."), ToolCall("c", "book", "{}")]

    async def test_an_answer_as_long_as_was_allowed_is_whole(self) -> None:
        events = (created(), delta("Yes"), done("incomplete", reason="max_output_tokens"))
        async with Scripted(*events).transport() as transport:
            assert await answer(transport) == [Text("Yes")]

    async def test_a_call_that_was_broken_off_is_none(self) -> None:
        item = {"type": "function_call", "status": "incomplete", "name": "book", "arguments": "{"}
        events = (
            created(), delta("Let me"), {"type": "response.output_item.done", "item": item},
            done("incomplete", item, reason="max_output_tokens"),
        )  # fmt: skip
        async with Scripted(*events).transport() as transport:
            assert await answer(transport) == [Text("Let me")]

    async def test_usage_may_be_without_details(self) -> None:
        end = done()
        end["response"]["usage"] = {"input_tokens": 7, "output_tokens": 2}
        async with Scripted(created(), delta("Yes."), end).transport() as transport:
            assert await answer(transport) == [Text("Yes."), Usage(7, 2)]

    @pytest.mark.parametrize(
        ("events", "kind"),
        [
            ([done("failed", error={"code": "rate_limit_exceeded"})], "rate_limited"),
            ([done("failed", error={"type": "server_error"})], "server"),
            ([done("failed", error={"code": "invalid_api_key"})], "auth"),
            ([done("failed")], "server"),
            ([done("incomplete", reason="content_filter")], "blocked"),
            ([done("cancelled", reason="turn_detected")], "cut"),
            ([done("completed")], "empty"),
            ([error("invalid_request_error", "x", "THE_QUESTION")], "refused"),
            ([error("server_error")], "server"),
            ([error("invalid_request_error", "session_expired")], "connect"),
            ([{"type": "response.output_text.delta", "delta": 7}], "malformed"),
            ([{"no": "type"}], "malformed"),
        ],
    )
    async def test_how_an_answer_fails(self, events: Sequence[Json], kind: FailureKind) -> None:
        async with Scripted(created(), *events).transport() as transport:
            _, failed = await failure(transport)

        assert failed.kind == kind

    @pytest.mark.parametrize(
        "event",
        [
            error("invalid_request_error", "response_cancel_not_active"),
            error("server_error", None, "event_of_another"),
            {"type": "rate_limits.updated", "rate_limits": []},
            {"type": "conversation.item.added", "item": {"id": "i", "content": []}},
            {"type": "of.tomorrow"},
        ],
    )
    async def test_what_is_not_about_the_answer_is_let_go(self, event: Json) -> None:
        async with Scripted(created(), event, delta("Yes."), done()).transport() as transport:
            assert await answer(transport) == [Text("Yes.")]

    @pytest.mark.parametrize(
        ("code", "kind"),
        [(1000, "cut"), (1008, "auth"), (1011, "server"), (1012, "server"), (1013, "rate_limited")],
    )
    async def test_a_close_in_an_answer_says_why(self, code: int, kind: FailureKind) -> None:
        async with Scripted(created(), delta("Yes"), close=code).transport() as transport:
            items, failed = await failure(transport)

        assert (text(items), failed.kind) == ("Yes", kind)
        assert "what the user said" not in str(failed)

    async def test_ids_that_are_too_long_for_it_still_fit_together(self) -> None:
        long_id = "call_of_another_model_" + "7" * 40
        entries = (
            Said("user", "Monday?"), ToolCall(long_id, "book", "{}"),
            ToolResult(long_id, "book", "9 am"),
        )  # fmt: skip
        server = RealtimeServer("ga")
        async with transport_to(server) as transport:
            await answer(transport, said(*entries))

        _, call, result = server.asked[0].entries
        assert isinstance(call, ToolCall)
        assert isinstance(result, ToolResult)
        assert call.id == result.call_id
        assert len(call.id) <= 32
