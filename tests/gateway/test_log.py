"""The access log: a JSON line for each request, and nothing in it that a client said."""

import json
from typing import Any

import httpx2

from parley.bench.gateway_nginx import Gateway, gateway
from tests.gateway.behind import behind, demo, faulty, send
from tests.serving import wait_until


def lines(front: Gateway, count: int) -> list[dict[str, Any]]:
    """The first lines of the log, once they are there."""
    wait_until(lambda: front.log.read_text().count("\n") >= count, 5, "the lines are written")
    return [json.loads(line) for line in front.log.read_text().splitlines()]


def test_a_line_tells_the_route_the_status_and_how_long_it_took() -> None:
    with behind(demo()) as front:
        headers = {"x-request-id": "call-7"}
        httpx2.get(f"{front.url}/stt/v1/models/demo?a=b", headers=headers)
        line = lines(front, 1)[0]

    assert line["message"] == "GET /stt/v1/models 200"
    assert line["request_id"] == "call-7"
    assert line["status"] == 200
    assert line["upstream_status"] == "200"
    assert line["seconds"] >= 0


def test_nothing_that_a_client_says_is_in_the_log_whatever_fails() -> None:
    canary = {
        "authorization": "Bearer canary-key",
        "user-agent": "canary-agent",
        "referer": "http://canary",
        "cookie": "canary",
        "x-forwarded-for": "9.9.9.9",
    }
    with faulty(lambda it: it.recv(65536)) as llm, gateway({"llm": llm}) as front:
        for path in ("/stt/canary", "/llm/v1/canary", "/canary", "/llm/metrics", "/docs/canary.md"):
            httpx2.post(f"{front.url}{path}?canary=1", headers=canary, content=b"canary")
        send(front.url, b"GET /canary\x01 canary\r\n\r\n")
        send(front.url, b"GET /?canary HTTP/1.1\r\nHost: a\r\nX: %s\r\n\r\n" % (b"canary" * 9999))
        told = lines(front, 7)
        text = front.log.read_text()

    assert "canary" not in text
    assert "127.0.0.1" not in text
    assert "9.9.9.9" not in text
    # Two processes write, each when it is done.
    assert sorted(line["message"] for line in told) == [
        "GET / 431",
        "GET other 400",
        "POST /docs/… 404",
        "POST /llm/… 404",
        "POST /llm/… 502",
        "POST /stt/… 503",
        "POST other 404",
    ]


def test_those_who_only_look_are_not_in_the_log() -> None:
    with behind(demo()) as front:
        for path in ("/livez", "/stt/readyz", "/tts/readyz"):
            httpx2.get(f"{front.url}{path}")
        httpx2.get(f"{front.url}/")
        told = lines(front, 1)

    assert [line["message"] for line in told] == ["GET / 200"]
