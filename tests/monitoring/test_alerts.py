"""When alerts fire, and when not; by Prometheus' own tool."""

import subprocess
from pathlib import Path

import pytest

from tests.monitoring.files import RULES, rules
from tests.monitoring.firing import Case, assert_firing, buckets, tool

TTS = ',route="/v1/audio/speech"'
SPEECH = 'job="stt",instance="stt:1"'
VLLM = 'job="llm",instance="llm:1",engine="0"'
CALLS = 'job="orchestrator",instance="orchestrator:1"'
WORKER = {f"up{{{CALLS}}}": "1x360", f"parley_ready{{{CALLS}}}": "1x360"}

STAGE = "parley_turn_stage_seconds"


def requests(job: str, *, status: str, values: str, route: str = "/v1/x") -> dict[str, str]:
    labels = f'job="{job}",instance="{job}:1",route="{route}",status="{status}"'
    return {f"parley_requests_total{{{labels}}}": values}


def vllm(read: str, written: str, running: str) -> dict[str, str]:
    return {
        f"vllm:prompt_tokens_total{{{VLLM}}}": read,
        f"vllm:generation_tokens_total{{{VLLM}}}": written,
        'parley_running{job="llm",instance="llm:1"}': running,
    }


def places(running: str, queued: str) -> dict[str, str]:
    return {
        f"parley_running{{{SPEECH}}}": running,
        f"parley_queued{{{SPEECH}}}": queued,
        f"parley_places{{{SPEECH}}}": "36x360",
    }


def attempts(failed: str, answered: str) -> dict[str, str]:
    member = f'{CALLS},member="gemini"'
    return {
        **WORKER,
        f'parley_llm_failures_total{{{member},kind="connect"}}': failed,
        f"parley_llm_answers_total{{{member}}}": answered,
    }


def excuses(kind: str, values: str) -> dict[str, str]:
    return {**WORKER, f'parley_excuses_total{{{CALLS},kind="{kind}"}}': values}


def chain(*, gemini: str, qwen: str) -> dict[str, str]:
    return {
        **WORKER,
        f'parley_llm_available{{{CALLS},member="gemini"}}': gemini,
        f'parley_llm_available{{{CALLS},member="qwen"}}': qwen,
    }


FIRE: list[tuple[str, str, dict[str, str]]] = [
    ("ParleyServiceDown", "tts", {'up{job="tts",instance="tts:1"}': "0x360"}),
    ("ParleyServiceDown", "tts", {'up{job="tts",instance="tts:1"}': ""}),
    ("ParleyServiceDown", "orchestrator", {f"up{{{CALLS}}}": "1x30 stale"}),
    ("ParleyReplicaDown", "stt", {'up{job="stt",instance="stt:2"}': "0x360"}),
    ("ParleyNotReady", "llm", {'parley_ready{job="llm",instance="llm:1"}': "0x360"}),
    ("ParleyRestarting", "stt",
     {f"process_start_time_seconds{{{SPEECH}}}": "1x10 2x10 3x10 4x330"}),
    ("ParleyVllmStalled", "llm", vllm("7x360", "9x360", "1x360")),
    ("ParleyQueueFilling", "stt", places("4x360", "30x360")),
    ("ParleyRefusing", "stt", {f'parley_refused_total{{{SPEECH},reason="queue"}}': "0x50 1x310"}),
    ("ParleyServerErrors", "tts", requests("tts", status="500", values="0+1x360")),
    ("ParleyEventLoopStalled", "stt",
     buckets("parley_event_loop_lag_seconds", "stt", over="0.1", under="0.2")),
    ("ParleySttSlow", "stt",
     buckets("parley_stt_realtime_final_seconds", "stt", over="0.8", under="1.0")),
    ("ParleySttBehind", "stt", {
        f"parley_stt_inference_seconds_sum{{{SPEECH}}}": "0+9x360",
        f"parley_stt_audio_seconds_total{{{SPEECH}}}": "0+10x360",
    }),
    ("ParleyTtsSlow", "tts",
     buckets("parley_ttfb_seconds", "tts", over="0.6", under="0.8", labels=TTS)),
    ("ParleyTtsSlow", "tts",
     buckets("parley_tts_stream_first_audio_seconds", "tts", over="0.6", under="0.8")),
    ("ParleyLlmSlow", "llm",
     buckets("vllm:time_to_first_token_seconds", "llm", over="1.0", under="2.5")),
    ("ParleyLlmSlow", "ws-llm", buckets("parley_ttft_seconds", "ws-llm", over="1.0", under="1.5")),
    ("ParleyLlmSlow", "orchestrator", WORKER
     | buckets(STAGE, "orchestrator", over="1.0", under="1.5", labels=',stage="llm"')),
    ("ParleyTurnSlow", "orchestrator", WORKER
     | buckets(STAGE, "orchestrator", over="2.0", under="3.0", labels=',stage="total"')),
    ("ParleyBreakerOpen", "orchestrator", chain(gemini="0x360", qwen="1x360")),
    ("ParleyModelFailing", "orchestrator", attempts("0+1x360", "0+2x360")),
    ("ParleyExcuses", "orchestrator", excuses("sorry", "0x30 1x330")),
    ("ParleyExcuses", "orchestrator", excuses("not_hearing", "2x30 3x330")),
    ("ParleyBoardBroken", "orchestrator", {**WORKER, f"parley_board_ok{{{CALLS}}}": "0x360"}),
]  # fmt: skip

QUIET: dict[str, dict[str, str]] = {
    "four idle services without an orchestrator": {},
    "one of two replicas is loading": {
        'up{job="stt",instance="stt:2"}': "1x360",
        'parley_ready{job="stt",instance="stt:2"}': "0x360",
    },
    "a service that restarts once": {f"process_start_time_seconds{{{SPEECH}}}": "1x40 2x320"},
    "vLLM that is idle": vllm("7x360", "9x360", "0x360"),
    "vLLM that reads a long prompt": vllm("0+1x360", "9x360", "1x360"),
    "vLLM between two requests": vllm("7x360", "9x360", "0x58 1x302"),
    "a queue for a moment": places("4x360", "0x57 32x3 0x300"),
    "a refusal an hour ago": {f'parley_refused_total{{{SPEECH},reason="queue"}}': "5x360"},
    "an error in a hundred": {
        **requests("tts", status="500", values="0+1x360"),
        **requests("tts", status="200", values="0+99x360"),
    },
    "a service that is asked whether it is ready": requests(
        "llm", status="503", values="0+1x360", route="/readyz"
    ),
    "a speech that begins in time": buckets(
        "parley_ttfb_seconds", "tts", over="0.2", under="0.3", labels=TTS
    ),
    "an upload that takes its time": buckets(
        "parley_ttfb_seconds", "stt", over="5", under="10", labels=',route="/v1/audio/x"'
    ),
    "a model that fails now and then": attempts("0+1x360", "0+20x360"),
    "callers who have to wait now and then": excuses("waiting", "0+1x360"),
    "an excuse an hour ago": excuses("sorry", "5x360"),
    "a worker whose models are all in use": chain(gemini="1x360", qwen="1x360"),
}


EVERY_MODEL_RESTS = Case(
    "every model rests",
    chain(gemini="0x360", qwen="0x360"),
    (("ParleyBreakerOpen", "orchestrator"), ("ParleyNoModelLeft", "orchestrator")),
)


def test_each_fires_alone(tmp_path: Path) -> None:
    cases = [Case(f"{alert} {job}", series, ((alert, job),)) for alert, job, series in FIRE]
    assert_firing([*cases, EVERY_MODEL_RESTS], tmp_path)


def test_nothing_fires_over_what_is_usual(tmp_path: Path) -> None:
    assert_firing([Case(name, series, ()) for name, series in QUIET.items()], tmp_path)


@pytest.mark.parametrize(("alert", "job", "series"), [FIRE[0], FIRE[-1]])
def test_these_tests_can_fail(alert: str, job: str, series: dict[str, str], tmp_path: Path) -> None:
    with pytest.raises(AssertionError, match=alert):
        assert_firing([Case("as if all were well", series, ())], tmp_path)


def test_every_alert_is_seen_to_fire_here() -> None:
    fired = {alert for alert, _, _ in FIRE} | {alert for alert, _ in EVERY_MODEL_RESTS.firing}

    assert {rule["alert"] for rule in rules()} == fired


def test_prometheus_accepts_the_rules() -> None:
    command = [tool("promtool"), "check", "rules", str(RULES)]
    run = subprocess.run(command, capture_output=True, text=True, timeout=60)

    assert run.returncode == 0, run.stdout + run.stderr
