"""An engine that hangs, and a stop in the middle of work.

The stop is the last test of all: it ends the server that the tests before it share.
"""

import os
import re
import signal
import threading

import httpx2

from tests.serving import error_of, wait_until
from tests.vllm.conftest import KEYS, MODEL, Vllm

KEY = {"authorization": f"Bearer {KEYS[0]}"}
QUESTION = {"model": MODEL, "messages": [{"role": "user", "content": "Hello"}], "max_tokens": 600}


def test_an_engine_that_hangs_is_not_ready_until_it_moves_again(vllm: Vllm) -> None:
    found = re.search(r"EngineCore pid=(\d+)", vllm.log.read_text())
    assert found is not None
    engine = int(found.group(1))
    answered: list[httpx2.Response] = []
    asking = threading.Thread(target=lambda: answered.append(chat(vllm)))
    os.kill(engine, signal.SIGSTOP)
    try:
        asking.start()
        wait_until(lambda: not vllm.ready(), 30, "the stall is noticed")
        refused = chat(vllm)
    finally:
        os.kill(engine, signal.SIGCONT)
    wait_until(vllm.ready, 30, "the engine moves again")
    asking.join()

    assert refused.status_code == 503
    assert error_of(refused)["code"] == "not_ready"
    assert answered[0].status_code == 200


def chat(vllm: Vllm) -> httpx2.Response:
    url = f"{vllm.url}/llm/v1/chat/completions"
    return httpx2.post(url, json=QUESTION, headers=KEY, timeout=60)


def test_a_stop_ends_what_is_in_flight_and_takes_nothing_new(vllm: Vllm) -> None:
    body = {
        **QUESTION, "stream": True, "ignore_eos": True, "stream_options": {"include_usage": True},
    }  # fmt: skip
    with httpx2.stream(
        "POST", f"{vllm.url}/llm/v1/chat/completions", json=body, headers=KEY, timeout=60
    ) as response:
        pieces = response.iter_raw()
        first = next(pieces)
        vllm.process.send_signal(signal.SIGTERM)
        wait_until(lambda: not vllm.ready(), 5, "it says that it drains")
        refused = chat(vllm)
        rest = b"".join(pieces)

    assert refused.status_code == 503
    assert "draining" in str(error_of(refused)["message"])
    assert b'"completion_tokens":600' in first + rest
    assert rest.endswith(b"data: [DONE]\n\n")
    assert vllm.process.wait(40) == 0
