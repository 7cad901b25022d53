"""The real vLLM on this machine's CPU, started as the service starts it."""

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx2
import pytest
from openai import OpenAI

from tests.serving import wait_until
from tests.vllm import random_qwen

KEYS = ("k1", "k2")
MODEL = "qwen2-5-7b-instruct"
_READY_WITHIN_S = 240.0
_ENV = {
    "LLM_ENGINE": "vllm",
    "LLM_DEVICE": "cpu",
    "LLM_KV_CACHE_GIB": "1",
    "LLM_CONTEXT_TOKENS": "8192",
    "LLM_MAX_COMPLETION_TOKENS": "8000",
    "LLM_MAX_CONCURRENCY": "2",
    "LLM_MAX_QUEUE": "2",
    "LLM_STALL_AFTER_S": "5",
    # Random weights would fill JSON with blanks without an end.
    "LLM_VLLM_ARGS": (
        "--load-format dummy --enforce-eager "
        '--structured-outputs-config \'{"backend": "xgrammar", "disable_any_whitespace": true}\''
    ),
    "API_KEYS": ",".join(KEYS),
}


@dataclass(frozen=True, slots=True)
class Vllm:
    """A running service."""

    url: str
    process: "subprocess.Popen[bytes]"
    log: Path

    @property
    def client(self) -> OpenAI:
        """A client that accepts nothing but what OpenAI's API says."""
        return OpenAI(
            base_url=f"{self.url}/llm/v1",
            api_key=KEYS[1],
            max_retries=0,
            timeout=60,
            _strict_response_validation=True,
        )

    def ready(self) -> bool:
        assert self.process.poll() is None, self.log.read_text()[-4000:]
        try:
            return httpx2.get(f"{self.url}/readyz").status_code == 200
        except httpx2.TransportError:
            return False


@pytest.fixture(scope="session")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return random_qwen.write(tmp_path_factory.mktemp("models") / "qwen", context_tokens=8192)


@pytest.fixture(scope="session")
def vllm(model: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Vllm]:
    """One for all tests, as its start takes most of their time; the last of them stops it."""
    with _running(model, tmp_path_factory.mktemp("log") / "vllm.log") as vllm:
        yield vllm


@contextmanager
def _running(model: Path, log: Path) -> Iterator[Vllm]:
    """vLLM with our edge, once it is ready."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    given: Mapping[str, str] = {
        **os.environ, **_ENV, "LLM_MODEL": str(model), "LISTEN_PORT": str(port),
    }  # fmt: skip
    with (
        log.open("wb") as output,
        subprocess.Popen(
            [sys.executable, "-m", "parley_llm"], env=given, stdout=output, stderr=output
        ) as process,
    ):
        vllm = Vllm(f"http://127.0.0.1:{port}", process, log)
        try:
            wait_until(vllm.ready, _READY_WITHIN_S, "vLLM is ready")
            yield vllm
        finally:
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(60)
            finally:
                process.kill()
