"""The access log: a JSON line for each request, and nothing in it that a client said."""

import contextlib
import json
import os
import signal
import socket
import ssl
from pathlib import Path
from typing import Any

import httpx2
import pytest

from parley.bench.gateway_nginx import Gateway, gateway
from parley.bench.ports import free_port
from parley.errors import ServiceFailed
from tests.gateway.behind import behind, demo, faulty, send
from tests.llm.upstreams import CERTIFICATE
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


def test_a_handshake_that_fails_leaves_nobodys_address() -> None:
    port = free_port()
    settings = {
        "GATEWAY_CERTIFICATE": str(CERTIFICATE),
        "GATEWAY_CERTIFICATE_KEY": str(CERTIFICATE),
        "GATEWAY_TLS_LISTEN": f"127.0.0.1:{port}",
    }
    with gateway({}, **settings) as front:
        refused = send(f"https://127.0.0.1:{port}", zero_share())
        httpx2.get(f"{front.url}/")
        told = lines(front, 1)

    assert refused.startswith(b"\x15")
    assert [line["message"] for line in told] == ["GET / 308"]


def zero_share() -> bytes:
    """A TLS 1.3 ClientHello with a key share that no secret can be made of."""
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    context = ssl.create_default_context()
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    client = context.wrap_bio(incoming, outgoing, server_hostname="localhost")
    with contextlib.suppress(ssl.SSLWantReadError):
        client.do_handshake()
    hello = bytearray(outgoing.read())
    x25519 = hello.index(b"\x00\x1d\x00\x20") + 4
    hello[x25519 : x25519 + 32] = bytes(32)
    return bytes(hello)


def test_a_process_that_died_is_told() -> None:
    with gateway({}, GATEWAY_WORKERS="1") as front:
        master = front.process.pid
        worker = Path(f"/proc/{master}/task/{master}/children").read_text().split()[0]
        os.kill(int(worker), signal.SIGKILL)
        wait_until(
            lambda: f"worker process {worker} exited on signal 9" in front.log.read_text(),
            5,
            "it is told",
        )


def test_a_port_that_is_taken_is_told() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        listen = f"127.0.0.1:{taken.getsockname()[1]}"
        with (
            pytest.raises(ServiceFailed, match=r"bind\(\) .* failed .*Address already in use"),
            gateway({}, GATEWAY_LISTEN=listen),
        ):
            pass


def test_those_who_only_look_are_not_in_the_log() -> None:
    with behind(demo()) as front:
        for path in ("/livez", "/stt/readyz", "/tts/readyz"):
            httpx2.get(f"{front.url}{path}")
        httpx2.get(f"{front.url}/")
        told = lines(front, 1)

    assert [line["message"] for line in told] == ["GET / 200"]
