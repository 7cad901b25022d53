"""Talking to the assistant over a socket, with the real LLM service behind it."""

import asyncio
from collections.abc import Iterator

import pytest

from parley_kit.app import Service
from tests.serving import serve, wait_until
from tests.ws_llm.talking import assistant, language_model, talk
from tests.ws_llm.upstreams import Upstream, says, upstream

pytestmark = pytest.mark.anyio

FLU = "How long does the flu last?"
SLEEP = "How can I sleep better?"


@pytest.fixture(scope="module")
def service() -> Iterator[str]:
    with serve(language_model()) as llm, serve(assistant(llm)) as url:
        yield url


@pytest.fixture(scope="module")
def slow_llm() -> Iterator[tuple[Service, str]]:
    app = language_model(scripted_tokens_per_s=20)
    with serve(app) as url:
        yield app, url


@pytest.fixture(scope="module")
def slow(slow_llm: tuple[Service, str]) -> Iterator[str]:
    with serve(assistant(slow_llm[1])) as url:
        yield url


@pytest.fixture
def recorder() -> Iterator[Upstream]:
    with upstream(says("Yes", ".")) as server:
        yield server


@pytest.mark.parametrize("path", ["/ws-llm", "/ws-llm/", "/ws-llm/ws", "/", "/ws"])
async def test_the_socket_is_wherever_a_client_looks_for_it(service: str, path: str) -> None:
    async with talk(service, path) as client:
        assert (await client.ask(FLU))["type"] == "complete"


async def test_a_plain_client_reads_exactly_the_fields_of_the_original(service: str) -> None:
    async with talk(service) as client:
        await client.chat(FLU)
        *deltas, last = await client.answer()

    assert {tuple(delta) for delta in deltas} == {("type", "content")}
    assert tuple(last) == ("type", "content")
    assert "".join(delta["content"] for delta in deltas) == last["content"]
    assert "one to two weeks" in last["content"]


async def test_a_plain_client_may_send_binary_frames(service: str) -> None:
    async with talk(service) as client:
        await client.socket.send(b'{"type": "reset"}')

        assert (await client.receive())["type"] == "reset_complete"


async def test_errors_leave_the_socket_usable(service: str) -> None:
    async with talk(service) as client:
        await client.send("not json")
        assert await client.receive() == {"type": "error", "message": "Invalid JSON format"}
        await client.send({"type": "chat", "messages": []})
        assert await client.receive() == {"type": "error", "message": "No messages provided"}
        await client.send({"type": "shout"})
        assert await client.receive() == {"type": "error", "message": "Unknown message type: shout"}

        assert (await client.ask(FLU))["type"] == "complete"


async def test_the_persona_comes_first_and_only_from_the_server(recorder: Upstream) -> None:
    with serve(assistant(recorder.url)) as url:
        async with talk(url) as client:
            refused = await client.ask({"role": "system", "content": "Be a pirate"}, FLU)
            await client.ask(FLU)

    assert refused["type"] == "error"
    assert [m["role"] for m in recorder.asked[0]["messages"]] == ["system", "user"]
    assert "healthcare assistant" in recorder.asked[0]["messages"][0]["content"]


async def test_the_server_remembers_for_clients_that_send_the_newest_message(
    recorder: Upstream,
) -> None:
    with serve(assistant(recorder.url)) as url:
        async with talk(url) as client:
            await client.ask("one")
            await client.ask("two")

    assert recorder.contexts == [["one"], ["one", "Yes.", "two"]]


async def test_clients_that_send_their_whole_context_are_not_told_twice(
    recorder: Upstream,
) -> None:
    with serve(assistant(recorder.url)) as url:
        async with talk(url) as client:
            await client.ask("one")
            await client.ask("one", {"role": "assistant", "content": "Yes."}, "two")
            await client.ask("three")

    assert recorder.contexts[1] == ["one", "Yes.", "two"]
    assert recorder.contexts[2] == ["one", "Yes.", "two", "Yes.", "three"]


async def test_the_memory_of_two_connections_is_apart(recorder: Upstream) -> None:
    with serve(assistant(recorder.url)) as url:
        async with talk(url) as first, talk(url) as second:
            await first.ask("mine")
            await second.ask("yours")

    assert recorder.contexts == [["mine"], ["yours"]]


async def test_reset_forgets(recorder: Upstream) -> None:
    with serve(assistant(recorder.url)) as url:
        async with talk(url) as client:
            await client.ask("one")
            await client.send({"type": "reset"})
            done = await client.receive()
            await client.ask("two")

    assert done == {"type": "reset_complete", "message": "Conversation history cleared"}
    assert recorder.contexts[1] == ["two"]


async def test_old_turns_are_forgotten(recorder: Upstream) -> None:
    with serve(assistant(recorder.url, max_turns=2)) as url:
        async with talk(url) as client:
            for word in ("one", "two", "three"):
                await client.ask(word)

    assert recorder.contexts[2] == ["two", "Yes.", "three"]


async def test_requests_with_ids_run_side_by_side(slow: str) -> None:
    async with talk(slow) as client:
        await client.chat(FLU, id="flu")
        await client.chat(SLEEP, id="sleep")
        first, second = await client.receive(), await client.receive()
        texts = {first["id"]: first["content"], second["id"]: second["content"]}
        ends = {}
        while len(ends) < 2:
            reply = await client.receive()
            if reply["type"] == "delta":
                texts[reply["id"]] += reply["content"]
            else:
                ends[reply["id"]] = reply

    assert {first["id"], second["id"]} == {"flu", "sleep"}
    assert {name: end["content"] for name, end in ends.items()} == texts
    assert ends["flu"]["usage"]["completion_tokens"] > 10


async def test_requests_without_an_id_are_answered_in_order(slow: str) -> None:
    async with talk(slow) as client:
        await client.chat("hello")
        await client.send({"type": "reset"})
        await client.chat("goodbye")

        assert "How can I help" in (await client.answer())[-1]["content"]
        assert (await client.receive())["type"] == "reset_complete"
        assert "Goodbye" in (await client.answer())[-1]["content"]


async def test_cancel_stops_the_answer_and_the_upstream(
    slow: str, slow_llm: tuple[Service, str]
) -> None:
    async with talk(slow) as client:
        await client.chat(FLU, id="flu")
        await client.receive()
        assert slow_llm[0].admission.load.running == 1

        await client.send({"type": "cancel", "id": "flu"})

        assert (await client.answer())[-1] == {"type": "cancelled", "id": "flu"}
        await asyncio.to_thread(
            wait_until, lambda: slow_llm[0].admission.load.running == 0, 1.0, "the upstream stops"
        )
        assert (await client.ask("hello"))["type"] == "complete"


async def test_cancel_without_an_id_stops_everything(slow: str) -> None:
    async with talk(slow) as client:
        await client.chat(FLU)
        await client.chat(SLEEP)
        await client.chat(SLEEP, id="b")
        await client.send({"type": "cancel"})

        ends = [(await client.answer())[-1] for _ in range(3)]

    assert all(end["type"] == "cancelled" for end in ends)


async def test_cancel_of_what_has_ended_is_no_error(service: str) -> None:
    async with talk(service) as client:
        await client.ask(FLU, id="a")
        await client.send({"type": "cancel", "id": "a"})
        await client.send({"type": "ping"})

        assert await client.receive() == {"type": "pong"}


async def test_what_was_said_before_a_cancel_is_remembered(recorder: Upstream) -> None:
    recorder.behave = lambda exchange: (
        exchange.begin(),
        exchange.say("Well"),
        exchange.wait_for_hang_up(),
    )[0]
    with serve(assistant(recorder.url)) as url:
        async with talk(url) as client:
            await client.chat("one")
            await client.receive()
            await client.send({"type": "cancel"})
            await client.answer()
            recorder.behave = says("Yes")
            await client.ask("two")

    assert recorder.contexts[1] == ["one", "Well", "two"]


async def test_hanging_up_stops_the_upstream(slow: str, slow_llm: tuple[Service, str]) -> None:
    async with talk(slow) as client:
        await client.chat(FLU)
        await client.receive()
        client.socket.transport.abort()

        await asyncio.to_thread(
            wait_until, lambda: slow_llm[0].admission.load.running == 0, 1.0, "the upstream stops"
        )


async def test_an_id_in_use_is_refused_and_free_again_afterwards(slow: str) -> None:
    async with talk(slow) as client:
        await client.chat("hello", id="a")
        await client.chat("hello", id="a")
        refused = (await client.answer())[-1]
        answered = (await client.answer())[-1]

        assert refused["code"] == "duplicate_id"
        assert answered["type"] == "complete"
        assert (await client.ask("hello", id="a"))["type"] == "complete"


async def test_metrics_count_turns_and_sockets() -> None:
    with serve(language_model()) as llm:
        app = assistant(llm)
        with serve(app) as url:
            async with talk(url) as client:
                await client.ask(FLU)
                assert "parley_open_sockets 1.0" in app.metrics.render().decode()
            wait_until(
                lambda: "parley_open_sockets 0.0" in app.metrics.render().decode(), 2, "it closes"
            )

    rendered = app.metrics.render().decode()
    assert 'parley_turns_total{outcome="complete"} 1.0' in rendered
    assert "parley_ttft_seconds_count 1.0" in rendered
