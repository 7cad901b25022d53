"""With a certificate: TLS, and plain HTTP that only leads there."""

import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager

import httpx2
import pytest

from parley.bench.gateway_nginx import Gateway, gateway
from parley.bench.ports import free_port
from parley.errors import ServiceFailed
from tests.gateway.behind import demo, send, where
from tests.kit.demo import Demo
from tests.llm.upstreams import CERTIFICATE
from tests.serving import error_of, serve, wait_until
from tests.ws_llm.talking import assistant, language_model, talk


@contextmanager
def over_tls(service: str, url: str, **more: str) -> Iterator[tuple[Gateway, str]]:
    """A gateway and its address over TLS."""
    port = free_port()
    settings = {
        "GATEWAY_CERTIFICATE": str(CERTIFICATE),
        "GATEWAY_CERTIFICATE_KEY": str(CERTIFICATE),
        "GATEWAY_TLS_LISTEN": f"127.0.0.1:{port}",
        "GATEWAY_TLS_PORT": str(port),
    }
    with gateway({service: where(url)}, **settings, **more) as front:
        yield front, f"https://localhost:{port}"


def trusting() -> ssl.SSLContext:
    return ssl.create_default_context(cafile=CERTIFICATE)


def test_all_of_it_is_there_over_tls_and_http_leads_to_it() -> None:
    with serve(demo()) as url, over_tls("stt", url) as (front, secure):
        got = httpx2.get(f"{secure}/stt/v1/headers", verify=trusting()).json()["headers"]
        page = httpx2.get(f"{secure}/", verify=trusting())
        plain = httpx2.post(f"http://localhost:{front.port}/stt/v1/length?a=b", content=b"x")
        alive = httpx2.get(f"{front.url}/livez")

    assert ["x-forwarded-proto", "https"] in got
    assert page.status_code == 200
    assert plain.status_code == 308
    assert plain.headers["location"] == f"{secure}/stt/v1/length?a=b"
    assert alive.status_code == 200


def test_plain_http_to_the_port_of_tls_is_told_so() -> None:
    with serve(demo()) as url, over_tls("stt", url) as (_, secure):
        response = httpx2.get(f"{secure.replace('https', 'http')}/stt/livez")

    assert response.status_code == 400
    error_of(response)


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion.TLSv1_1:DeprecationWarning")
@pytest.mark.parametrize(
    ("version", "agreed"), [(ssl.TLSVersion.TLSv1_1, None), (ssl.TLSVersion.TLSv1_2, "TLSv1.2")]
)
def test_nothing_older_than_tls_1_2_is_spoken(version: ssl.TLSVersion, agreed: str | None) -> None:
    context = trusting()
    context.set_ciphers("DEFAULT:@SECLEVEL=0")
    context.minimum_version = context.maximum_version = version
    with serve(demo()) as url, over_tls("stt", url) as (_, secure):
        assert version_spoken(secure, context) == agreed


def version_spoken(url: str, context: ssl.SSLContext) -> str | None:
    port = int(url.rpartition(":")[2])
    with socket.create_connection(("127.0.0.1", port), timeout=5) as raw:
        try:
            with context.wrap_socket(raw, server_hostname="localhost") as connection:
                return connection.version()
        except (ssl.SSLError, ConnectionError):
            return None


def test_a_hang_up_over_tls_frees_the_services_place() -> None:
    engine = Demo()
    service = demo("stt", engine)
    with serve(service) as url, over_tls("stt", url) as (_, secure):
        port = int(secure.rpartition(":")[2])
        raw = socket.create_connection(("127.0.0.1", port), timeout=5)
        connection = trusting().wrap_socket(raw, server_hostname="localhost")
        connection.sendall(b"GET /stt/v1/work HTTP/1.1\r\nHost: localhost\r\n\r\n")
        wait_until(lambda: engine.work_started == 1, 5, "the work starts")
        connection.close()
        wait_until(lambda: service.admission.load.running == 0, 1.0, "the place is free")

    assert engine.work_ended == 1


@pytest.mark.anyio
async def test_the_chat_page_reaches_its_own_socket_over_tls() -> None:
    with (
        serve(language_model()) as llm,
        serve(assistant(llm)) as url,
        over_tls("ws-llm", url) as (_, secure),
    ):
        async with talk(secure, origin=secure, ssl=trusting()) as client:
            answer = await client.ask("How long does the flu last?")

    assert answer["type"] == "complete"


def test_a_handshake_that_never_ends_is_closed() -> None:
    with serve(demo()) as url, over_tls("stt", url, GATEWAY_CLIENT_TIMEOUT_S="1") as (_, secure):
        port = int(secure.rpartition(":")[2])
        with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
            connection.sendall(b"\x16\x03\x01")
            assert connection.recv(100) == b""


def test_half_a_pair_of_certificate_and_key_is_refused() -> None:
    with (
        pytest.raises(ServiceFailed, match="belong together"),
        gateway({}, GATEWAY_CERTIFICATE=str(CERTIFICATE)),
    ):
        pass


def test_who_asks_for_tls_is_not_served_without() -> None:
    with (
        pytest.raises(ServiceFailed, match="has to be able to read both"),
        gateway({}, GATEWAY_CERTS="./certs"),
    ):
        pass


def test_a_redirect_needs_no_service_and_odd_requests_get_the_envelope() -> None:
    with serve(demo()) as url, over_tls("stt", url) as (front, _):
        reply = send(front.url, b"nonsense\r\n\r\n")

    assert b'{"error":{' in reply
