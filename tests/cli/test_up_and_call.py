"""`parley up` and `parley call` as a newcomer runs them: processes, files, exit statuses."""

import json
import signal
import socket
import wave
from collections.abc import Iterator, Mapping
from pathlib import Path

import httpx2
import pytest

from parley.client import Caller, Target
from parley.errors import ServiceFailed
from tests.cli.commands import parley, up

QUESTION = Path(__file__).parents[2] / "examples" / "question.wav"


@pytest.fixture(scope="module")
def running() -> Iterator[str]:
    with up() as (_, ready):
        yield ready["url"]


def test_up_says_what_it_spoke_heard_and_answered() -> None:
    with up() as (child, ready):
        assert ready["heard"] == "what time does the clinic open tomorrow morning"
        assert "eight in the morning" in ready["answer"]
        assert all(float(ready[step]) > 0 for step in ready if step.endswith("_s"))
        child.send_signal(signal.SIGINT)
        assert child.wait(20) == 0


def test_up_needs_no_key_on_loopback_whatever_the_shell_exports() -> None:
    with up(OPENAI_API_KEY="sk-of-another-service") as (_, ready):
        assert httpx2.get(f"{ready['url']}/stt/v1/models").status_code == 200


def test_up_asks_for_the_keys_that_it_was_given() -> None:
    with up(API_KEYS="k1,k2") as (_, ready):
        url = f"{ready['url']}/llm/v1/models"
        assert httpx2.get(url).status_code == 401
        assert httpx2.get(url, headers={"authorization": "Bearer k2"}).status_code == 200


def test_up_answers_on_all_its_paths(running: str) -> None:
    assert httpx2.get(f"{running}/").json()["chat"] == "/ws-llm/"
    assert httpx2.get(f"{running}/readyz").json() == {"status": "ready"}
    assert "<html" in httpx2.get(f"{running}/ws-llm/").text
    for service in ("stt", "tts", "llm", "ws-llm"):
        assert httpx2.get(f"{running}/{service}/readyz").status_code == 200
    missing = httpx2.get(f"{running}/nothing/here")
    assert missing.status_code == 404
    assert missing.json()["error"]["code"] == "unknown_url"


def test_up_refuses_another_address_without_a_key() -> None:
    refused = parley("up", "--host", "0.0.0.0", "--port", "0", OPENAI_API_KEY="")

    assert refused.returncode == 2
    assert "No API key is configured: set API_KEYS" in refused.stderr
    assert refused.stderr.count("\n") == 1


def test_up_says_in_a_sentence_that_its_port_is_taken() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        refused = parley("up", "--port", str(port))

    assert refused.returncode == 2
    assert f"Port {port} on 127.0.0.1 is already taken" in refused.stderr
    assert f"make up PORT={port + 1}" in refused.stderr
    assert "Traceback" not in refused.stderr


def test_up_says_in_a_sentence_which_setting_is_wrong() -> None:
    refused = parley("up", "--port", "0", STT_MAX_QUEUE="-1")

    assert refused.returncode == 2
    assert "STT_MAX_QUEUE: " in refused.stderr
    assert "Traceback" not in refused.stderr


def test_a_call_prints_the_transcript_and_timeline_and_writes_a_wav(
    running: str, tmp_path: Path
) -> None:
    answer = tmp_path / "answer.wav"
    done = parley("call", str(QUESTION), "-o", str(answer), "--base-url", running)

    assert done.returncode == 0, done.stderr
    assert "how long does it take to get better from the flu" in done.stdout
    assert "recover from the flu" in done.stdout
    for step in ("transcript (STT)", "first token (LLM)", "first audio (TTS)", "whole answer"):
        assert step in done.stdout
    with wave.open(str(answer)) as reader:
        assert reader.getparams()[:3] == (1, 2, 24_000)
        assert 8 < reader.getnframes() / 24_000 < 20


def test_a_call_as_json_has_its_steps_in_order(running: str, tmp_path: Path) -> None:
    done = parley(
        "call", str(QUESTION), "-o", str(tmp_path / "a.wav"), "--base-url", running, "--json"
    )

    turn: Mapping[str, float] = json.loads(done.stdout)
    steps = [turn[step] for step in ("stt_s", "llm_first_token_s", "tts_first_byte_s", "total_s")]
    assert steps == sorted(steps)
    assert turn["audio_s"] > turn["total_s"]


@pytest.mark.parametrize(
    ("arguments", "status", "sentence"),
    [
        (["nowhere.wav"], 2, "Cannot read nowhere.wav"),
        ([str(QUESTION), "--base-url", "http://127.0.0.1:9"], 1, "Cannot reach speech-to-text"),
        ([str(QUESTION), "-o", "/nowhere/a.wav"], 2, "Cannot write /nowhere/a.wav"),
        ([__file__], 1, "An error came from speech-to-text (400)"),
        ([str(QUESTION), "--voice", "nobody"], 1, "text-to-speech (400)"),
        ([str(QUESTION), "--llm-model", "gpt-9"], 1, "the language model (404)"),
    ],
)
def test_a_call_that_cannot_work_says_why_in_a_sentence(
    running: str, tmp_path: Path, arguments: list[str], status: int, sentence: str
) -> None:
    defaults = ["--base-url", running, "-o", str(tmp_path / "a.wav")]
    done = parley("call", *defaults, *arguments)

    assert done.returncode == status
    assert sentence in done.stderr
    assert "Traceback" not in done.stderr


def test_a_call_with_a_wrong_key_says_which_variable_to_set(tmp_path: Path) -> None:
    with up(API_KEYS="k1") as (_, ready):
        done = parley("call", str(QUESTION), "--base-url", ready["url"], "--api-key", "wrong")

    assert done.returncode == 1
    assert "set OPENAI_API_KEY or --api-key" in done.stderr


@pytest.mark.anyio
async def test_a_recording_of_silence_is_not_answered(running: str) -> None:
    from parley.client import wav

    async with Caller(Target(running)) as caller:
        with pytest.raises(ServiceFailed, match="Nothing was heard"):
            await caller.turn(wav(bytes(48_000)))


def test_help_shows_every_command() -> None:
    shown = parley("--help").stdout

    assert all(command in shown for command in ("up", "call", "bench"))
