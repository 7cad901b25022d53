"""The running stack with certificates mounted, and with renewed ones."""

import json
import shutil
import socket
import ssl
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import httpx2
import pytest
from openai import OpenAI
from websockets.asyncio.client import connect

from parley.errors import ServiceFailed
from tests.compose.compositions import ROOT
from tests.compose.conftest import Stack
from tests.compose.test_callers import QUESTION
from tests.llm.upstreams import CERTIFICATE
from tests.serving import wait_until

RENEWED = ROOT / "tests/compose/renewed.pem"


def install(certificate: Path, folder: Path) -> None:
    """Both files anew, as those who renew certificates write them."""
    for name in ("tls.crt", "tls.key"):
        new = folder / f"{name}.new"
        shutil.copyfile(certificate, new)
        new.chmod(0o644)
        new.rename(folder / name)


@pytest.fixture
def certificates(tmp_path: Path) -> Path:
    # pytest's own folders are for their owner alone.
    for folder in (tmp_path, *tmp_path.parents[:2]):
        folder.chmod(0o755)
    folder = tmp_path / "certs"
    folder.mkdir(mode=0o755)
    install(CERTIFICATE, folder)
    return folder


@pytest.fixture
def secured(stack: Stack, certificates: Path, tmp_path: Path) -> Iterator[Stack]:
    """The stack with its gateway created anew, and at its end as it was."""
    settings = stack.env_file.read_text()
    env_file = tmp_path / "env"
    env_file.write_text(f"{settings}GATEWAY_CERTS={certificates}\n")
    port = dict(line.split("=", 1) for line in settings.splitlines())["GATEWAY_TLS_PORT"]
    secured = replace(stack, env_file=env_file, address=f"https://127.0.0.1:{port}")
    try:
        secured.run("up", "--detach", "--no-deps", "--wait", "gateway")
        yield secured
    finally:
        stack.run("up", "--detach", "--no-deps", "--wait", "gateway")


def trusting(certificate: Path = CERTIFICATE) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=certificate)


def shown_by(stack: Stack) -> bytes:
    """The certificate that a client is shown."""
    host, port = stack.address.removeprefix("https://").split(":")
    blind = ssl.create_default_context()
    blind.check_hostname, blind.verify_mode = False, ssl.CERT_NONE
    with (
        socket.create_connection((host, int(port)), timeout=5) as connection,
        blind.wrap_socket(connection, server_hostname=host) as wrapped,
    ):
        return wrapped.getpeercert(binary_form=True) or b""


def test_callers_are_served_over_tls_and_plain_http_leads_there(secured: Stack) -> None:
    http = httpx2.Client(trust_env=False, verify=trusting(), timeout=30)
    with OpenAI(
        base_url=f"{secured.address}/llm/v1", api_key=secured.key, max_retries=0, http_client=http
    ) as llm:
        answer = llm.chat.completions.create(
            model="qwen2-5-7b-instruct", messages=[{"role": "user", "content": QUESTION}]
        )
    plain = httpx2.get(f"{secured.url()}/llm/v1/models", trust_env=False)

    assert "flu" in (answer.choices[0].message.content or "")
    assert plain.status_code == 308
    assert plain.headers["location"] == f"{secured.address}/llm/v1/models"


@pytest.mark.anyio
async def test_a_websocket_is_served_over_tls(secured: Stack) -> None:
    headers = {"authorization": f"Bearer {secured.key}"}
    address = f"{secured.address.replace('http', 'ws', 1)}/ws-llm/ws"
    async with connect(
        address, additional_headers=headers, ssl=trusting(), proxy=None, open_timeout=10
    ) as chat:
        question = {"role": "user", "content": QUESTION}
        await chat.send(json.dumps({"type": "chat", "messages": [question]}))
        first = json.loads(await chat.recv())

    assert first["type"] == "delta"


def test_a_renewed_certificate_is_shown_after_a_hangup(secured: Stack, certificates: Path) -> None:
    before = shown_by(secured)
    install(RENEWED, certificates)

    secured.run("kill", "--signal", "HUP", "gateway")

    wait_until(lambda: shown_by(secured) != before, 10, "the new certificate is shown")
    answer = httpx2.get(f"{secured.address}/livez", verify=trusting(RENEWED), trust_env=False)
    assert answer.status_code == 200


def test_certificates_that_the_gateway_cannot_read_are_one_sentence(
    secured: Stack, certificates: Path
) -> None:
    certificates.chmod(0o700)

    with pytest.raises(ServiceFailed, match="user 10001 has to be able to read both"):
        secured.run("run", "--rm", "--no-deps", "-T", "gateway", "/opt/gateway/gateway", "-t")
