"""The example in plain Python, run as its docstring says."""

import os
import subprocess
import sys
from pathlib import Path

from tests.serving import serve
from tests.ws_llm.talking import language_model

EXAMPLE = Path(__file__).parents[2] / "examples" / "chat.py"
NOBODY = "http://127.0.0.1:9"


def chat(lines: str, **environment: str) -> subprocess.CompletedProcess[str]:
    inherited = {name: os.environ[name] for name in ("PATH", "PYTHONPATH") if name in os.environ}
    return subprocess.run(
        [sys.executable, str(EXAMPLE)],
        input=lines,
        env={**inherited, **environment},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_a_chat_goes_through_a_chain() -> None:
    with serve(language_model()) as stack:
        done = chat(
            "How long does the flu last?\nWhen do you open?\n",
            LLM_CHAIN="rest,qwen",
            REST_API_BASE_URL=f"{NOBODY}/v1",
            OPENAI_MODEL="any",
            OPENAI_BASE_URL=stack,
        )

    flu, hours = done.stdout.splitlines()
    assert "one to two weeks" in flu
    assert "eight in the morning" in hours
    assert "[rest: connect after " in done.stderr
    assert done.returncode == 0


def test_nobody_who_answers_is_told() -> None:
    done = chat("Hello?\n", LLM_CHAIN="qwen", OPENAI_BASE_URL=NOBODY)

    assert "no answer, or not all of it: " in done.stderr
    assert done.returncode == 0


def test_a_wrong_setting_is_told_in_a_sentence() -> None:
    done = chat("", LLM_CHAIN="gemini")

    assert "GEMINI_API_KEY is needed" in done.stderr
    assert "Traceback" not in done.stderr
    assert done.returncode == 1
