"""`LLM_ENGINE=proxy`: another server's answers pass through as they are, and its faults do not."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import httpx2
import pytest

from parley_kit.app import Service
from parley_kit.errors import SettingsError
from parley_kit.settings import load
from parley_llm.app import create_app
from parley_llm.settings import LlmSettings
from tests.llm.upstreams import CERTIFICATE, WHOLE, Behaviour, Exchange, FakeServer, upstream
from tests.serving import error_of, open_request, serve, wait_until

CHAT = "/llm/v1/chat/completions"
EVENTS = [b'data: {"choices":[]}\n\n', b": keep-alive\n\n", b"data: [DONE]\n\n"]


def question(**fields: Any) -> dict[str, Any]:
    return {"model": "org/model", "messages": [{"role": "user", "content": "hello"}], **fields}


def settings(url: str, **changes: Any) -> LlmSettings:
    return LlmSettings(
        **{"engine": "proxy", "upstream_url": url, "allow_anonymous": True, **changes}
    )


@dataclass(slots=True)
class Relay:
    """A proxy, a client of it and the upstream behind it."""

    client: httpx2.Client
    upstream: FakeServer
    app: Service

    def ask(self, body: object = None, *, path: str = CHAT, **headers: str) -> httpx2.Response:
        return self.client.post(path, json=body or question(), headers=headers)


@contextmanager
def proxy(behave: Behaviour, **changes: Any) -> Iterator[Relay]:
    with upstream(behave) as server:
        app = create_app(settings(server.url, **changes))
        with serve(app) as url, httpx2.Client(base_url=url, timeout=10) as client:
            yield Relay(client, server, app)


@pytest.fixture(scope="module")
def shared_relay() -> Iterator[Relay]:
    with proxy(whole, max_messages=5) as relay:
        yield relay


@pytest.fixture
def relay(shared_relay: Relay) -> Relay:
    """A proxy whose upstream answers a chat, until a test says what else it does."""
    shared_relay.upstream.behave = whole
    shared_relay.upstream.asked.clear()
    shared_relay.upstream.hung_up.clear()
    return shared_relay


def whole(exchange: Exchange) -> None:
    exchange.reply(200, WHOLE, x_ratelimit_limit="7", x_should_retry="false")


def stream(exchange: Exchange) -> None:
    exchange.begin()
    for event in EVENTS:
        exchange.write(event)
    exchange.end()


def test_fields_that_neither_side_was_told_of_pass_both_ways(relay: Relay) -> None:
    body = question(secret_sauce={"top": [1, 2.5, None]}, n=2)

    assert relay.ask(body).content == WHOLE
    assert relay.upstream.asked[0].json == body


def test_a_body_that_needs_no_change_is_the_same_bytes(relay: Relay) -> None:
    body = b'{ "model":"m",  "messages": [ ] , "x": 1e2 }'
    relay.client.post(CHAT, content=body)

    assert relay.upstream.asked[0].body == body


@pytest.mark.parametrize("endpoint", ["chat/completions", "completions", "responses"])
def test_each_endpoint_leads_to_the_upstreams(relay: Relay, endpoint: str) -> None:
    assert relay.ask({"model": "m"}, path=f"/llm/v1/{endpoint}").status_code == 200
    assert relay.upstream.asked[0].line == f"POST /v1/{endpoint} HTTP/1.1"


def test_our_key_stays_here_and_the_upstreams_is_sent() -> None:
    headers = {"authorization": "Bearer ours", "cookie": "a=b", "x-request-id": "id-1"}
    with proxy(whole, api_keys="ours", upstream_api_key="theirs") as relay:
        relay.ask(**headers)

    sent = relay.upstream.asked[0].headers
    assert sent["authorization"] == "Bearer theirs"
    assert sent["x-request-id"] == "id-1"
    assert sent["accept-encoding"] == "identity"
    assert "cookie" not in sent


def test_headers_for_the_caller_come_back_and_those_of_the_connection_do_not(relay: Relay) -> None:
    def behave(exchange: Exchange) -> None:
        exchange.reply(
            200, WHOLE, x_ratelimit_limit="7", x_should_retry="false", x_request_id="theirs",
            set_cookie="a=b", keep_alive="timeout=9",
        )  # fmt: skip

    relay.upstream.behave = behave
    headers = relay.ask(**{"x-request-id": "mine"}).headers

    assert headers["x-ratelimit-limit"] == "7"
    assert headers["x-should-retry"] == "false"
    assert headers.get_list("x-request-id") == ["mine"]
    assert "set-cookie" not in headers
    assert "keep-alive" not in headers


def test_a_stream_passes_byte_for_byte(relay: Relay) -> None:
    relay.upstream.behave = stream
    response = relay.ask(question(stream=True))

    assert response.content == b"".join(EVENTS)
    assert response.headers["content-type"].startswith("text/event-stream")
    assert response.headers["x-accel-buffering"] == "no"


def test_an_event_goes_on_before_the_next_one_comes(relay: Relay) -> None:
    read = threading.Event()

    def behave(exchange: Exchange) -> None:
        exchange.begin()
        exchange.write(EVENTS[0])
        assert read.wait(5)
        exchange.write(EVENTS[-1])
        exchange.end()

    relay.upstream.behave = behave
    with relay.client.stream("POST", CHAT, json=question(stream=True)) as response:
        pieces = response.iter_raw()
        first = next(pieces)
        read.set()
        rest = b"".join(pieces)

    assert (first, rest) == (EVENTS[0], EVENTS[-1])


def test_developers_are_called_system_for_templates_that_do_not_know_them(relay: Relay) -> None:
    messages = [{"role": "developer", "content": "be kind"}, {"role": "user", "content": "hi"}]
    relay.ask(question(messages=messages))
    relay.ask({"model": "m", "input": messages}, path="/llm/v1/responses")

    chat, response = (asked.json for asked in relay.upstream.asked)
    assert [message["role"] for message in chat["messages"]] == ["system", "user"]
    assert [message["role"] for message in response["input"]] == ["system", "user"]


@pytest.mark.parametrize(
    ("body", "param"),
    [
        (b"{", None),
        (b"[]", None),
        (b"\xff", None),
        (b"[" * 100_000, None),
        (b'{"n": NaN}', None),
        (b'{"n": 5}', "n"),
        (b'{"n": "5000"}', "n"),
        (b'{"n": 5000.0}', "n"),
        (b'{"n": true}', "n"),
        (b'{"n": 0}', "n"),
        (b'{"n": 1, "n": 5}', "n"),
        (b'{"best_of": 5}', "best_of"),
        (b'{"prompt": ["a", "b", "c", "d", "e"]}', "prompt"),
        (b'{"prompt": [[1], [2], [3]], "n": 2}', "n"),
        (b'{"messages": [1, 2, 3, 4, 5, 6]}', "messages"),
    ],
)
def test_what_asks_for_too_much_is_refused_here(
    relay: Relay, body: bytes, param: str | None
) -> None:
    error = error_of(relay.client.post(CHAT, content=body))

    assert error["param"] == param
    assert error["type"] == "invalid_request_error"
    assert relay.upstream.asked == []


def test_requests_are_counted_by_their_endpoint(relay: Relay) -> None:
    relay.ask()
    counted = relay.client.get("/metrics").text

    assert 'parley_requests_total{route="/v1/chat/completions",status="200"}' in counted


def test_models_are_the_upstreams_with_what_it_says_of_them(relay: Relay) -> None:
    listed = relay.client.get("/llm/v1/models").json()
    one = relay.client.get("/llm/v1/models/org%2Fmodel").json()
    unknown = relay.client.get("/llm/v1/models/other")

    assert [model["id"] for model in listed["data"]] == ["org/model"]
    assert one["extra"] == 1
    assert error_of(unknown)["code"] == "model_not_found"


def test_served_models_are_names_of_the_one_upstream_model() -> None:
    with proxy(whole, upstream_model="qwen2.5:7b", served_models="a,b") as relay:
        listed = relay.client.get("/llm/v1/models").json()
        relay.ask(question(model="b"))
        unknown = relay.ask(question(model="qwen2.5:7b"))
        missing = relay.ask({"messages": []})

    assert [model["id"] for model in listed["data"]] == ["a", "b"]
    assert [asked.json["model"] for asked in relay.upstream.asked] == ["qwen2.5:7b"]
    assert error_of(unknown)["code"] == "model_not_found"
    assert error_of(missing)["param"] == "model"


def failing(status: int, body: bytes, kind: str = "application/json", **headers: str) -> Behaviour:
    return lambda exchange: exchange.reply(status, body, kind, **headers)


VLLM_400 = (
    b'{"error":{"message":"too long","type":"BadRequestError","param":"messages","code":400}}'
)


@pytest.mark.parametrize(
    ("behave", "status", "code"),
    [
        (failing(400, VLLM_400), 400, None),
        (failing(422, b'{"detail":[{"loc":["body"]}]}'), 400, None),
        (failing(404, b'{"error":{"message":"no","code":"model_not_found"}}'), 404,
         "model_not_found"),
        (failing(401, b'{"error":"Unauthorized"}'), 502, "upstream_failed"),
        (failing(403, b""), 502, "upstream_failed"),
        (failing(302, b"", location="http://elsewhere"), 502, "upstream_failed"),
        (failing(500, b"canary at 0x7f33", "text/plain"), 500, "internal_error"),
        (failing(502, b"<html>canary</html>", "text/html"), 502, "upstream_failed"),
        (failing(429, b"{}", retry_after="7"), 429, "rate_limit_exceeded"),
        (failing(503, b"{}"), 503, "overloaded"),
        (failing(200, b"<html>canary</html>", "text/html"), 502, "upstream_failed"),
        (lambda exchange: None, 502, "upstream_unreachable"),
        (lambda exchange: exchange.begin(), 502, "upstream_unreachable"),
        (lambda exchange: (exchange.begin(), exchange.end()), 502, "upstream_unreachable"),
        (lambda exchange: (exchange.begin(), exchange.write(b'data: {"cho')), 502,
         "upstream_unreachable"),
    ],
)  # fmt: skip
def test_a_fault_before_the_first_event_is_a_status_and_an_envelope(
    relay: Relay, behave: Behaviour, status: int, code: str | None
) -> None:
    relay.upstream.behave = behave
    response = relay.ask(question(stream=True))

    assert response.status_code == status
    error = error_of(response)
    assert error["code"] == code
    assert "canary" not in response.text
    assert len(relay.upstream.asked) == 1, "nothing is asked twice"
    wait_until(lambda: relay.app.admission.load.running == 0, 1, "the place is free")
    if status in (429, 503):
        assert int(response.headers["retry-after"]) >= 1


def test_the_upstreams_words_and_wait_reach_the_caller(relay: Relay) -> None:
    relay.upstream.behave = failing(400, VLLM_400)
    error = error_of(relay.ask())
    relay.upstream.behave = failing(429, b"{}", retry_after="7")
    wait = relay.ask().headers["retry-after"]

    assert (error["message"], error["param"]) == ("too long", "messages")
    assert error["type"] == "invalid_request_error"
    assert wait == "7"


@pytest.mark.parametrize(
    "rest",
    [
        b"",
        b'data: {"cho',
        b'data: {"choices":[{"delta":{"content":"gr\xc3',
    ],
)
@pytest.mark.parametrize("clean", [True, False])
def test_a_stream_that_breaks_off_ends_with_an_error_event(
    relay: Relay, rest: bytes, clean: bool
) -> None:
    def behave(exchange: Exchange) -> None:
        exchange.begin()
        exchange.write(EVENTS[0])
        if rest:
            exchange.write(rest)
        if clean:
            exchange.end()

    relay.upstream.behave = behave
    content = relay.ask(question(stream=True)).content

    first, last = content.split(b"\n\n")[:2]
    assert first + b"\n\n" == EVENTS[0]
    assert json.loads(last.removeprefix(b"data: "))["error"]["code"] == "upstream_unreachable"


@pytest.mark.parametrize("late", ["head", "event"])
def test_an_upstream_that_falls_silent_is_given_up(late: str) -> None:
    def behave(exchange: Exchange) -> None:
        if late == "event":
            exchange.begin()
            exchange.write(EVENTS[0])
        exchange.wait_for_hang_up()

    limits = {"first_byte_timeout_s": 0.2, "stall_timeout_s": 0.2}
    with proxy(behave, **limits) as relay:
        content = relay.ask(question(stream=True)).content
        assert relay.upstream.hung_up.wait(5)

    assert b"upstream_timeout" in content


@pytest.mark.parametrize("stage", ["before the head", "before the first event", "after it"])
@pytest.mark.parametrize("streamed", [True, False])
def test_a_caller_who_hangs_up_ends_the_upstreams_work(
    relay: Relay, stage: str, streamed: bool
) -> None:
    def behave(exchange: Exchange) -> None:
        if stage != "before the head":
            exchange.begin("text/event-stream" if streamed else "application/json")
        if stage == "after it":
            exchange.write(EVENTS[0])
        exchange.wait_for_hang_up()

    relay.upstream.behave = behave
    connection = open_request(str(relay.client.base_url).rstrip("/"), f"POST {CHAT}", question())
    wait_until(lambda: relay.upstream.asked, 5, "the upstream is asked")
    if stage == "after it" and streamed:
        assert connection.recv(1)
    connection.close()
    assert relay.upstream.hung_up.wait(1), "within a second"
    wait_until(lambda: relay.app.admission.load.running == 0, 1, "the place is free")


def test_an_upstream_behind_tls_is_spoken_to_in_tls(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(CERTIFICATE))
    with upstream(stream, tls=True) as server:
        app = create_app(settings(server.url))
        with serve(app) as url, httpx2.Client(base_url=url) as client:
            response = client.post(CHAT, json=question(stream=True))

    assert response.content == b"".join(EVENTS)


def test_an_upstream_whose_certificate_is_not_trusted_is_not_spoken_to() -> None:
    with upstream(whole, tls=True) as server:
        app = create_app(settings(server.url))
        with serve(app, wait_for_ready=False) as url, httpx2.Client(base_url=url) as client:
            wait_until(
                lambda: client.get("/status").json()["upstream_state"] == "upstream_unreachable",
                5,
                "seen",
            )

    assert server.asked == []


def test_an_upstream_that_goes_away_is_a_502() -> None:
    with upstream(whole) as server:
        app = create_app(settings(server.url))
        with serve(app) as ours, httpx2.Client(base_url=ours) as client:
            server.shutdown()
            server.server_close()
            response = client.post(CHAT, json=question())

    assert response.status_code == 502
    assert error_of(response)["code"] == "upstream_unreachable"


@pytest.mark.parametrize("url", ["", "ftp://host/v1", "host:8080/v1", "http://"])
def test_a_proxy_without_an_upstream_does_not_start(url: str) -> None:
    with pytest.raises(SettingsError, match="LLM_UPSTREAM_URL"):
        load(LlmSettings, engine="proxy", upstream_url=url)
