"""What the gateway routes and what reaches a service."""

import httpx2
import pytest

from parley.bench.gateway_nginx import gateway
from tests.gateway.behind import behind, demo, send, status, where
from tests.serving import error_of, serve

NAMES = ("stt", "tts", "llm", "ws-llm")


def test_each_service_is_below_its_name() -> None:
    with (
        serve(demo("stt")) as stt,
        serve(demo("ws-llm")) as ws_llm,
        gateway({"stt": where(stt), "ws-llm": where(ws_llm)}) as front,
    ):
        paths = [
            httpx2.get(f"{front.url}/{name}/v1/headers").json()["path"]
            for name in ("stt", "ws-llm")
        ]

    assert paths == ["/stt/v1/headers", "/ws-llm/v1/headers"]


def test_a_path_arrives_as_it_was_sent() -> None:
    with behind(demo()) as front:
        reply = send(
            front.url,
            b"GET /stt/v1/models/Org%2FDemo%2D1?a=%20b HTTP/1.1\r\nHost: a\r\n"
            b"Connection: close\r\n\r\n",
        )

    assert b'"id":"Org/Demo-1"' in reply


@pytest.mark.parametrize("path", ["/v1/models", "/sttv1", "/stt", "/home.html", "/admin", "/style"])
def test_what_is_no_services_is_404_in_the_envelope(path: str) -> None:
    with behind(demo()) as front:
        response = httpx2.get(f"{front.url}{path}")

    assert response.status_code == 404
    assert error_of(response)["code"] == "unknown_url"


def test_the_assistant_without_its_slash_leads_to_its_page() -> None:
    with behind(demo("ws-llm")) as front:
        response = httpx2.get(f"{front.url}/ws-llm")

    assert (response.status_code, response.headers["location"]) == (308, "ws-llm/")


SPELLINGS = (
    "/{name}/{page}", "//{name}//{page}", "/{name}/./{page}", "/{name}/v1/../{page}",
    "/{name}/{page}/", "/{name}/{page}?x=1", "/{name}/{page}//", "/{name}/%{first:02x}{rest}",
    "/{name}%2f{page}", "/{name}/v1%2f..%2f{page}", "/%{n:02X}{ame}/{page}", "/{name}/{page}#x",
    "http://a/{name}/{page}", "/{page}",
)  # fmt: skip


@pytest.mark.parametrize("page", ["metrics", "status"])
def test_no_spelling_reaches_what_is_for_operators(page: str) -> None:
    seen = []
    with behind(demo()) as front:
        for spelling in SPELLINGS:
            path = spelling.format(
                name="stt", page=page, first=ord(page[0]), rest=page[1:], n=ord("s"), ame="tt"
            )
            reply = send(
                front.url,
                f"GET {path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n".encode(),
            )
            seen.append((path, status(reply), b"unknown_url" in reply))

    assert [one for one in seen if one[1:] != (404, True)] == []


def test_health_is_reachable() -> None:
    with behind(demo()) as front:
        own = httpx2.get(f"{front.url}/livez")
        services = httpx2.get(f"{front.url}/stt/readyz")

    assert own.json() == {"status": "ok"}
    assert services.json() == {"status": "ready"}


def test_what_a_client_says_of_its_way_is_overwritten() -> None:
    forged = {
        "X-Forwarded-For": "6.6.6.6",
        "X-Forwarded-Proto": "https",
        "X-Forwarded-Host": "elsewhere",
        "X-Forwarded-Prefix": "/x",
        "X-Real-IP": "6.6.6.6",
        "Forwarded": "for=6.6.6.6",
        "Proxy": "http://elsewhere",
        "X_Request_ID": "underscored",
        "Upgrade": "h2c",
        "Connection": "Upgrade, HTTP2-Settings",
        "Authorization": "Bearer k",
    }
    with behind(demo()) as front:
        got = httpx2.get(f"{front.url}/stt/v1/headers", headers=forged).json()["headers"]

    seen = {name: value for name, value in got if name not in ("accept", "user-agent")}
    request_id = seen.pop("x-request-id")
    seen.pop("accept-encoding")
    assert seen == {
        "host": where(front.url),
        "connection": "close",
        "x-forwarded-for": "127.0.0.1",
        "x-forwarded-proto": "http",
        "authorization": "Bearer k",
    }
    assert request_id.startswith("req_")


def test_a_given_request_id_reaches_the_service_and_comes_back() -> None:
    with behind(demo()) as front:
        passed = httpx2.get(f"{front.url}/stt/v1/headers", headers={"x-request-id": "call-7.a:b"})
        own = httpx2.get(f"{front.url}/nowhere", headers={"x-request-id": "call-7.a:b"})
        odd = httpx2.get(f"{front.url}/nowhere", headers={"x-request-id": "a b"})

    assert ["x-request-id", "call-7.a:b"] in passed.json()["headers"]
    assert passed.headers["x-request-id"] == own.headers["x-request-id"] == "call-7.a:b"
    assert odd.headers["x-request-id"].startswith("req_")
    assert passed.headers.get_list("x-request-id") == ["call-7.a:b"]
