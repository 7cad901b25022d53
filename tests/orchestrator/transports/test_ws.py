"""What the contract does not know: ws-llm's memory, shared sockets and codes; and the service."""

import asyncio
import logging
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack, aclosing, asynccontextmanager
from typing import Any

import pytest
from websockets.asyncio.server import ServerConnection
from websockets.asyncio.server import serve as serve_sockets

from parley_kit.ws_protocol import Complete, Delta, Error, ServerMessage, encode, parse_client
from parley_orchestrator.errors import FailureKind
from parley_orchestrator.llm.chat import Said, Text, Tool, ToolCall, ToolResult, Usage
from parley_orchestrator.llm.config import LlmConfig
from parley_orchestrator.llm.transports.ws import WsLlm
from parley_orchestrator.llm.transports.ws_wire import MAX_MESSAGE_BYTES
from tests.orchestrator.contract.asking import HELLO, answer, failure, said, text, until
from tests.orchestrator.contract.wire import Cut, Finish, Garble, Hang, Hold, Say
from tests.orchestrator.contract.ws_wire import WsServer
from tests.orchestrator.fault_proxy import FaultProxy
from tests.serving import serve, stopping
from tests.ws_llm.talking import assistant, language_model
from tests.ws_llm.upstreams import Exchange, says, upstream

pytestmark = pytest.mark.anyio

SLOTS = Tool(
    "find_slots",
    "Free appointments of a day.",
    {"type": "object", "properties": {"day": {"type": "string"}}, "required": ["day"]},
)


@asynccontextmanager
async def transport_to(server: WsServer, **config: Any) -> AsyncIterator[WsLlm]:
    async with server.listening(), transport_at(server.url, **config) as transport:
        yield transport


@asynccontextmanager
async def transport_at(url: str, **config: Any) -> AsyncIterator[WsLlm]:
    transport = WsLlm(LlmConfig(model="", base_url=url, **config))
    try:
        yield transport
    finally:
        await transport.close()


class TestSharedSockets:
    async def test_several_questions_share_one(self) -> None:
        server, all_asked = WsServer(), asyncio.Event()
        async with transport_to(server) as transport:
            await transport.warm()
            server.answer = (Say("One."), Hold(all_asked), Finish())
            asking = [asyncio.create_task(answer(transport)) for _ in range(4)]
            await until(lambda: len(server.asked) == 4)
            all_asked.set()

            assert await asyncio.gather(*asking) == [[Text("One.")]] * 4
            assert server.connections == 1

    async def test_more_questions_open_more(self) -> None:
        server, all_asked = WsServer(), asyncio.Event()
        async with transport_to(server) as transport:
            await transport.warm()
            server.answer = (Hold(all_asked), Say("One."), Finish())
            asking = [asyncio.create_task(answer(transport)) for _ in range(5)]
            await until(lambda: len(server.asked) == 5)
            all_asked.set()
            await asyncio.gather(*asking)

            assert server.connections == 2

    async def test_an_interruption_disturbs_no_other(self) -> None:
        server, goes_on = WsServer(), asyncio.Event()
        async with transport_to(server) as transport:
            server.answer = (Say("One"), Hold(goes_on), Say(" two."), Finish())
            kept, left = transport.stream(HELLO), transport.stream(HELLO)
            first = await anext(kept)
            await anext(left)
            await left.aclose()
            await asyncio.wait_for(server.stopped.wait(), 2)
            goes_on.set()

            assert [first] + [item async for item in kept] == [Text("One"), Text(" two.")]
            assert server.connections == 1

    async def test_one_that_says_nothing_to_an_interruption_is_asked_no_more(self) -> None:
        server = WsServer()
        server.hears_cancel = False
        async with transport_to(server) as transport:
            server.answer = (Say("One"), Hang())
            async with aclosing(transport.stream(HELLO)) as items:
                await anext(items)
            server.answer = (Say("Here."), Finish())

            assert await answer(transport) == [Text("Here.")]
            assert server.connections == 2

    async def test_what_cannot_be_read_fails_all_of_them(self) -> None:
        server, both_asked = WsServer(), asyncio.Event()
        async with transport_to(server) as transport:
            await transport.warm()
            server.answer = (Say("One"), Hold(both_asked), Garble())
            asking = [asyncio.create_task(failure(transport)) for _ in range(2)]
            await until(lambda: len(server.asked) == 2)
            both_asked.set()
            kinds = [failed.kind for _, failed in await asyncio.gather(*asking)]

        assert kinds == ["malformed", "malformed"]

    async def test_one_that_closes_as_it_is_asked_fails_no_question(self) -> None:
        server, closes = WsServer(), asyncio.Event()
        async with transport_to(server) as transport:
            await transport.warm()
            server.answer = (Hold(closes), Cut())
            asking = asyncio.create_task(answer(transport))
            await until(lambda: len(server.asked) == 1)
            server.answer = (Say("Here."), Finish())
            closes.set()

            assert await asking == [Text("Here.")]

    async def test_a_question_that_adds_to_what_is_remembered_is_asked_after_a_reset(self) -> None:
        server = WsServer()
        async with transport_to(server) as transport:
            for _ in range(3):
                await answer(transport)
            await answer(transport, said("One?", Said("assistant", "Two."), "Three?"))

        assert (server.connections, server.resets) == (1, 2)


class TestQuestions:
    async def test_the_instructions_stay_here_and_the_log_says_so_once(
        self, caplog: pytest.LogCaptureFixture
    ) -> None:
        caplog.set_level(logging.INFO, "parley.orchestrator")
        server = WsServer()
        async with transport_to(server, instructions="Be a pirate.") as transport:
            await answer(transport)
            await answer(transport)

        assert all(asked.instructions == "" for asked in server.asked)
        assert sum("instructions are not sent" in record.message for record in caplog.records) == 1
        assert "pirate" not in caplog.text

    async def test_the_oldest_turns_go_where_all_are_too_large(self) -> None:
        long = "word " * (MAX_MESSAGE_BYTES // 20)
        server = WsServer()
        async with transport_to(server) as transport:
            await answer(transport, said(f"1 {long}", f"2 {long}", f"3 {long}", f"4 {long}"))

        spoken = [entry.text[0] for entry in server.asked[0].entries if isinstance(entry, Said)]
        assert spoken == ["2", "3", "4"]

    async def test_a_turn_that_is_too_large_alone_is_refused_here(self) -> None:
        server = WsServer()
        async with transport_to(server) as transport:
            _, failed = await failure(transport, said("word " * MAX_MESSAGE_BYTES))

        assert (failed.kind, server.asked) == ("refused", [])

    async def test_a_tool_that_the_protocol_cannot_name_is_refused_here(self) -> None:
        server = WsServer()
        async with transport_to(server) as transport:
            _, failed = await failure(transport, said("Hi?", tools=(Tool("a b", "", {}),)))

        assert (failed.kind, server.asked) == ("refused", [])

    def test_an_address_is_needed(self) -> None:
        with pytest.raises(ValueError, match="base_url"):
            WsLlm(LlmConfig(model=""))


class TestReplies:
    """A server that answers every chat with the same messages."""

    @asynccontextmanager
    async def replying(
        self, *replies: ServerMessage, close: int | None = None
    ) -> AsyncIterator[WsLlm]:
        async def talk(connection: ServerConnection) -> None:
            async for raw in connection:
                chat_id = getattr(parse_client(raw), "id", None)
                for reply in replies:
                    await connection.send(encode(reply.model_copy(update={"id": chat_id})))
                if close is not None:
                    await connection.close(close)

        async with serve_sockets(talk, "127.0.0.1", 0, compression=None) as server:
            port = next(iter(server.sockets)).getsockname()[1]
            async with transport_at(f"http://127.0.0.1:{port}") as transport:
                yield transport

    async def test_what_did_not_come_in_pieces_comes_with_the_end(self) -> None:
        async with self.replying(Delta(content="Yes"), Complete(content="Yes, I do.")) as transport:
            assert await answer(transport) == [Text("Yes"), Text(", I do.")]

    async def test_an_end_that_contradicts_the_pieces_is_malformed(self) -> None:
        async with self.replying(Delta(content="Yes"), Complete(content="No.")) as transport:
            items, failed = await failure(transport)

        assert (text(items), failed.kind) == ("Yes", "malformed")

    @pytest.mark.parametrize(
        ("code", "kind"),
        [
            ("upstream_unreachable", "server"),
            ("upstream_refused", "server"),
            ("upstream_faulty", "server"),
            ("upstream_busy", "rate_limited"),
            ("upstream_timeout", "timeout"),
            ("upstream_cut", "cut"),
            ("upstream_empty", "empty"),
            ("deadline_exceeded", "timeout"),
            ("overloaded", "rate_limited"),
            ("not_ready", "server"),
            ("too_many_in_flight", "rate_limited"),
            ("context_too_long", "refused"),
            ("invalid_api_key", "auth"),
            ("internal_error", "server"),
            ("of_tomorrow", "server"),
        ],
    )
    async def test_an_error_has_a_kind(self, code: str, kind: FailureKind) -> None:
        async with self.replying(Error(message="No.", code=code)) as transport:
            _, failed = await failure(transport)

        assert failed.kind == kind

    @pytest.mark.parametrize(
        ("code", "kind"),
        [
            (1000, "connect"),
            (1008, "auth"),
            (1009, "refused"),
            (1011, "server"),
            (1012, "server"),
            (1013, "rate_limited"),
            (4401, "auth"),
        ],
    )
    async def test_a_close_says_why(self, code: int, kind: FailureKind) -> None:
        async with self.replying(close=code) as transport:
            _, failed = await failure(transport)

        assert failed.kind == kind


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with serve(language_model()) as llm, serve(assistant(llm)) as url:
        yield f"{url}/ws-llm"


class TestTheService:
    """The real ws-llm, in front of the real llm service or of an upstream that a test scripts."""

    async def test_it_answers_streams_and_counts(self, url: str) -> None:
        async with transport_at(url) as transport:
            items = await answer(transport, said("What are your opening hours?"))

        assert sum(isinstance(item, Text) for item in items) > 1
        assert isinstance(items[-1], Usage)

    async def test_a_tool_is_called_and_its_result_is_heard(self, url: str) -> None:
        async with transport_at(url, tools=(SLOTS,)) as transport:
            question = Said("user", "Find slots on Monday, please.")
            items = await answer(transport, said(question, tool_choice="required"))
            (call,) = (item for item in items if isinstance(item, ToolCall))
            result = ToolResult(call.id, call.name, '{"slots": ["9:00"]}')
            spoken = await answer(transport, said(question, call, result))

        assert call.name == "find_slots"
        assert text(spoken)

    async def test_no_conversation_knows_another(self) -> None:
        with upstream(says("Yes.")) as model, serve(assistant(model.url)) as url:
            async with transport_at(f"{url}/ws-llm") as transport:
                await answer(transport, said("My secret?"))
                await answer(transport, said("Hello?"))
                await answer(transport, said("Hello?", Said("assistant", "Yes."), "And?"))
                await answer(transport, said("Good day?"))

        assert model.contexts == [
            ["My secret?"],
            ["Hello?"],
            ["Hello?", "Yes.", "And?"],
            ["Good day?"],
        ]

    async def test_an_interruption_stops_the_model(self) -> None:
        with upstream(_begins) as model, serve(assistant(model.url)) as url:
            async with transport_at(f"{url}/ws-llm") as transport:
                async with aclosing(transport.stream(HELLO)) as items:
                    assert await anext(items)
                await until(model.hung_up.is_set)

    async def test_a_wrong_key_is_said_to_be_one(self) -> None:
        with upstream(says("Yes.")) as model, serve(assistant(model.url, api_keys="right")) as url:
            async with transport_at(f"{url}/ws-llm", api_key="wrong") as wrong:
                _, refused = await failure(wrong)
            async with transport_at(f"{url}/ws-llm") as without:
                _, closed = await failure(without)
            async with transport_at(f"{url}/ws-llm", api_key="right") as right:
                assert await answer(right) == [Text("Yes.")]

        assert (refused.kind, closed.kind) == ("auth", "auth")

    async def test_one_that_is_replaced_finishes_its_answer_and_another_gives_the_next(
        self,
    ) -> None:
        with (
            ExitStack() as replaced,
            serve(language_model(scripted_tokens_per_s=20)) as model,
            serve(assistant(model)) as new,
        ):
            old = replaced.enter_context(serve(assistant(model)))
            async with (
                FaultProxy(old).running() as proxy,
                transport_at(f"{proxy.url}/ws-llm") as transport,
            ):
                question = said("How long does the flu last?")
                async with aclosing(transport.stream(question)) as items:
                    begun = [await anext(items)]
                    proxy.lead_to(new)
                    async with stopping(old, replaced):
                        begun += [item async for item in items]
                again = await answer(transport, question)

                assert text(begun) == text(again)
                assert proxy.accepted == 2

    async def test_a_model_that_fails_is_a_failure_of_the_server(self) -> None:
        with upstream(_fails) as model, serve(assistant(model.url)) as url:
            async with transport_at(f"{url}/ws-llm") as transport:
                _, failed = await failure(transport)

        assert failed.kind == "server"


def _begins(exchange: Exchange) -> None:
    exchange.begin()
    exchange.say("One ")
    exchange.say("two ")
    exchange.wait_for_hang_up()


def _fails(exchange: Exchange) -> None:
    exchange.reply(500, b"{}")
