"""Inside vLLM too a body has to arrive at a pace."""

import socket

import pytest

from tests.llm.fake_vllm import FakeVllm, served


def test_a_body_that_stops_coming_is_408_and_never_reaches_vllm(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    vllm = FakeVllm()
    head = (
        b"POST /llm/v1/chat/completions HTTP/1.1\r\nhost: a\r\nauthorization: Bearer k1\r\n"
        b'content-type: application/json\r\ncontent-length: 100\r\n\r\n{"model"'
    )
    with served(vllm, monkeypatch, LLM_MAX_BODY_WAIT_S="0.1") as url:
        host, port = url.removeprefix("http://").split(":")
        with socket.create_connection((host, int(port)), timeout=10) as connection:
            connection.sendall(head)
            reply = b"".join(iter(lambda: connection.recv(65536), b""))

    assert reply.startswith(b"HTTP/1.1 408")
    assert vllm.begun == 0
