"""What the doctor makes of what it was told: pure decisions."""

import json
from collections.abc import Iterable

import pytest

from parley.doctor import contradictions as among
from parley.doctor.access import Access, SecretFile, judge
from parley.doctor.disk import GB, KOKORO_CPU, Need, judge_disk, judge_torch, need
from parley.doctor.dotenv import parse
from parley.doctor.examples import judge_examples
from parley.doctor.findings import Finding, Line, Report, Verdict, failure, ok, warning
from parley.doctor.gpu import Gpu, judge_cards, judge_memory, plan, read_gpus
from parley.doctor.machine import judge_containers
from parley.doctor.names import judge_names, names_in
from parley.doctor.ports import Held, judge_port
from parley.doctor.project import Port, WrongShape, read_containers, read_project
from parley.doctor.redaction import is_secret, redact_findings, secrets_in
from parley.doctor.settings import SERVICES, orchestrator_settings, read
from parley.doctor.versions import COMPOSE, DOCKER, judge_python, version_in
from parley.doctor.versions import judge as judge_version
from parley_llm.settings import LlmSettings
from parley_llm.vllm.cards import CARDS
from parley_stt.settings import SttSettings
from parley_ws_llm.settings import WsLlmSettings
from tests.cli.doctoring import CONFIG

KEY = "0123456789abcdef0123456789abcdef"
LIVEKIT = {"LIVEKIT_URL": "wss://a.b", "LIVEKIT_API_KEY": "k", "LIVEKIT_API_SECRET": "s"}


def told(lines: Iterable[Line]) -> str:
    return " | ".join(f"{line.verdict}: {line.found} {line.todo}" for line in lines)


@pytest.mark.parametrize(
    ("said", "version"),
    [
        ("v2.26.1-4", (2, 26, 1)),
        ("20.10.24+dfsg1", (20, 10, 24)),
        ("github.com/docker/buildx 0.13.1+ds1 0.13.1", (0, 13, 1)),
        ("580.65.06", (580, 65, 6)),
        ("27", (27,)),
        ("dev", None),
    ],
)
def test_a_version_is_found_in_what_a_program_says(
    said: str, version: tuple[int, ...] | None
) -> None:
    assert version_in(said) == version


def test_a_version_that_is_too_old_is_told_with_the_reason() -> None:
    assert judge_version(COMPOSE, "2.24.4").verdict is Verdict.OK
    assert judge_version(COMPOSE, "v3.0").verdict is Verdict.OK
    old = judge_version(COMPOSE, "v2.24.3")
    assert old.verdict is Verdict.FAILURE
    assert "!override" in old.found
    assert "https://" in old.todo
    assert judge_version(DOCKER, "dev").verdict is Verdict.WARNING


@pytest.mark.parametrize(
    ("version", "verdict"),
    [((3, 10, 9), "failure"), ((3, 11, 2), "ok"), ((3, 12, 0), "ok"), ((3, 13, 1), "failure")],
)
def test_python_is_one_that_parley_is_tested_with(version: tuple[int, ...], verdict: str) -> None:
    assert judge_python(version).verdict == verdict


def test_gpus_are_read_and_what_is_none_is_left_out() -> None:
    text = "0, GPU-1a, 580.95.05, NVIDIA L4, 23034, 22000\n[N/A], broken\n"

    assert read_gpus(text) == [
        Gpu("0", "GPU-1a", "580.95.05", "NVIDIA L4", 23034 / 1024, 22000 / 1024)
    ]


def gpu(total: float, free: float) -> Gpu:
    return Gpu("0", "GPU-1a", "580.1", "NVIDIA L4", total, free)


def test_a_service_that_is_spread_over_cards_is_no_matter_of_the_plan() -> None:
    cards = [Gpu(str(number), f"GPU-{number}", "580.1", "NVIDIA L4", 22.5, 22.0) for number in "01"]
    spread = judge_cards(cards, {"llm": ["0", "1"]}, LlmSettings(), running=())
    apart = judge_cards(cards, {"llm": ["0"], "stt": ["GPU-1"]}, LlmSettings(), running=())

    assert [line.verdict for line in spread] == ["skipped", "skipped"]
    assert [line.verdict for line in apart] == ["ok", "ok"]


def test_every_preset_fits_the_card_that_it_is_named_after() -> None:
    for name, card in CARDS.items():
        wanted = plan(LlmSettings(gpu_memory_gb=name), {"llm", "stt", "tts"})
        line = judge_memory(wanted, gpu(card.memory_gib, card.memory_gib), running=())
        assert line.verdict is Verdict.OK, told([line])


def test_a_card_that_is_too_small_is_told_with_the_preset_that_fits() -> None:
    wanted = plan(LlmSettings(gpu_memory_gb="48"), {"llm", "stt", "tts"})

    line = judge_memory(wanted, gpu(22.5, 22.0), running=())
    assert line.verdict is Verdict.FAILURE
    assert "GPU_MEMORY_GB=24" in line.todo
    assert "16 GB or more" in judge_memory(wanted, gpu(8, 8), running=()).todo


def test_memory_that_others_use_is_missing_unless_it_is_our_own_stack_that_does() -> None:
    wanted = plan(LlmSettings(gpu_memory_gb="24"), {"llm", "stt", "tts"})

    taken = judge_memory(wanted, gpu(22.5, 9.0), running=())
    assert taken.verdict is Verdict.FAILURE
    assert "nvidia-smi" in taken.todo
    assert judge_memory(wanted, gpu(22.5, 1.0), running=("llm",)).verdict is Verdict.OK


def test_a_card_that_is_larger_than_the_preset_is_a_warning() -> None:
    wanted = plan(LlmSettings(gpu_memory_gb="16"), {"llm"})

    line = judge_memory(wanted, gpu(79.6, 79.0), running=())
    assert line.verdict is Verdict.WARNING
    assert "GPU_MEMORY_GB=80" in line.todo


def test_vllm_counts_only_where_it_runs_on_the_gpu() -> None:
    speech = plan(LlmSettings(), {"stt", "tts"})
    card = CARDS["24"]

    assert speech.needed_gib == card.stt_gib + card.tts_gib
    assert speech.vllm_share == 0


def test_a_cache_of_ones_own_counts_in_the_plan() -> None:
    more = plan(LlmSettings(kv_cache_gib=12), {"llm"}).needed_gib

    assert more == pytest.approx(CARDS["24"].llm_gib + 4)


def test_the_project_is_read_from_composes_own_json() -> None:
    config = {
        "name": "mine",
        "services": {
            "gateway": {
                "image": "parley/gateway:nginx",
                "ports": [{"target": 8080, "published": "8000", "protocol": "tcp"}],
            },
            "llm": {
                "image": "parley/llm:vllm",
                "environment": {"LLM_MODEL": "a$$b", "LLM_DEVICE": None, "API_KEYS": ""},
                "deploy": {"resources": {"reservations": {"devices": [{"capabilities": ["gpu"]}]}}},
            },
        },
    }

    project = read_project(json.dumps(config))
    assert project.environments["llm"] == {"LLM_MODEL": "a$b"}
    assert project.gpus == {"llm": ["0"]}
    assert project.ports == [Port("gateway", "0.0.0.0", 8000, 8080)]


@pytest.mark.parametrize(
    "text", ["", "[]", "null", '{"services": 1}', "{", '{"services": {"a": 1}}']
)
def test_a_project_of_another_shape_is_refused(text: str) -> None:
    with pytest.raises(WrongShape):
        read_project(text)


def test_containers_are_read_from_a_list_and_from_lines() -> None:
    one = '{"Service": "stt", "State": "running", "Publishers": [{"PublishedPort": 8000}]}'

    assert read_containers(f"[{one}]") == read_containers(one)
    assert len(read_containers(f"{one}\n{one}")) == 2
    assert read_containers("") == []
    with pytest.raises(WrongShape):
        read_containers("nonsense")


@pytest.mark.parametrize(
    ("state", "health", "verdict"),
    [
        ("running", "healthy", "ok"),
        ("running", "starting", "warning"),
        ("running", "unhealthy", "failure"),
        ("restarting", "", "failure"),
        ("exited", "", "failure"),
        ("created", "", "warning"),
    ],
)
def test_a_container_is_as_well_as_its_state_and_health(
    state: str, health: str, verdict: str
) -> None:
    project = read_project('{"services": {"stt": {}}}')
    there = read_containers(json.dumps([{"Service": "stt", "State": state, "Health": health}]))

    assert [line.verdict for line in judge_containers(project, there)] == [verdict]


def test_what_has_fetched_a_model_may_end() -> None:
    project = read_project('{"services": {"stt": {}, "stt-model": {}}}')
    there = read_containers(
        '{"Service": "stt", "State": "running"}\n'
        '{"Service": "stt-model", "State": "exited", "ExitCode": 0}'
    )

    assert told(judge_containers(project, there)) == "ok: all 1 run and are healthy "


@pytest.mark.parametrize(
    ("there", "said"), [("stt", "ok: all 1 run and are healthy "), ("gateway", "stt-model is not")]
)
def test_what_has_fetched_a_model_may_be_removed(there: str, said: str) -> None:
    """`docker system prune` does."""
    fetched = {"stt-model": {"condition": "service_completed_successfully", "required": True}}
    services = {there: {}, "stt": {"depends_on": fetched}, "stt-model": {"restart": "no"}}
    project = read_project(json.dumps({"services": services}))
    containers = read_containers(json.dumps([{"Service": there, "State": "running"}]))

    assert said in told(judge_containers(project, containers))


def test_a_service_without_a_container_is_a_failure() -> None:
    project = read_project('{"services": {"stt": {}, "tts": {}}}')
    there = read_containers('{"Service": "stt", "State": "running"}')

    assert "tts is not there" in told(judge_containers(project, there))


def test_disk_is_needed_for_what_is_not_there_yet() -> None:
    project = read_project(json.dumps(CONFIG))
    fresh = need(project, (), models_there=())
    built = need(project, {"parley/gateway:nginx", "parley/llm:embedded"}, models_there=())

    assert fresh.images_gb > 0
    assert built.images_gb == 0
    gpu_host = read_project(
        '{"services": {"llm": {"environment": {"LLM_ENGINE": "vllm", "GPU_MEMORY_GB": "48"}}}}'
    )
    assert need(gpu_host, (), models_there=()).models_gb > 14
    assert need(gpu_host, (), models_there={"parley_models"}).models_gb == 0


def kokoro_on_a_cpu(index: str) -> str:
    build = {"args": {"TORCH_INDEX_URL": index, "REVISION": None}}
    fetch = {"image": KOKORO_CPU}
    return json.dumps(
        {"services": {"tts": {"image": KOKORO_CPU, "build": build}, "tts-model": fetch, "llm": {}}}
    )


def test_torch_for_cuda_on_a_cpu_is_told_before_it_is_there() -> None:
    large, small = (read_project(kokoro_on_a_cpu(index)) for index in ("", "https://a.b"))

    assert "TORCH_INDEX_URL" in told(judge_torch(large, ()))
    assert told(judge_torch(large, {KOKORO_CPU})) == ""
    assert told(judge_torch(small, ())) == ""
    assert told(judge_torch(read_project(json.dumps(CONFIG)), ())) == ""
    assert (
        need(large, (), models_there=()).images_gb - need(small, (), models_there=()).images_gb > 4
    )


@pytest.mark.parametrize(("free_gb", "verdict"), [(10, "failure"), (14, "warning"), (40, "ok")])
def test_disk_is_judged_with_some_room(free_gb: int, verdict: str) -> None:
    assert judge_disk(Need(5, 5), free_gb * GB, "/").verdict == verdict


@pytest.mark.parametrize(
    ("held", "ours", "verdict"),
    [
        (Held.FREE, (), "ok"),
        (Held.TAKEN, (8000,), "ok"),
        (Held.TAKEN, (), "failure"),
        (Held.NOT_OURS, (), "skipped"),
        (Held.NO_ADDRESS, (), "failure"),
    ],
)
def test_a_port_is_free_ours_or_a_failure(held: Held, ours: tuple[int, ...], verdict: str) -> None:
    line = judge_port(Port("gateway", "0.0.0.0", 8000, 8080), held, ours)

    assert line.verdict == verdict
    assert ("GATEWAY_PORT" in line.todo) == (held is Held.TAKEN and not ours)


@pytest.mark.parametrize(
    ("uid", "gid", "mode", "for_containers", "verdict"),
    [
        (1000, 1000, 0o600, False, "ok"),
        (1000, 1000, 0o644, False, "warning"),
        (10001, 0, 0o400, True, "ok"),
        (1000, 10001, 0o640, True, "ok"),
        (1000, 1000, 0o600, True, "failure"),
        (1000, 1000, 0o644, True, "warning"),
    ],
)
def test_a_secret_is_for_those_who_need_it(
    uid: int, gid: int, mode: int, for_containers: bool, verdict: str
) -> None:
    from pathlib import Path

    file = SecretFile("API_KEYS_FILE", Path("/keys"), for_containers)

    line = judge(file, Access(uid, gid, mode))
    assert line.verdict == verdict
    assert line.verdict is Verdict.OK or "chmod" in line.todo


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({}, "no API key is set"),
        ({"ALLOW_ANONYMOUS": "true"}, ""),
        ({"API_KEYS": KEY}, ""),
        ({"OPENAI_API_KEY": KEY}, ""),
        ({"API_KEYS": f"{KEY},b"}, ""),
        ({"API_KEYS": f"{KEY},b", "OPENAI_API_KEY": "b"}, ""),
        (
            {"API_KEYS": KEY, "OPENAI_API_KEY": "sk-other"},
            "none of the keys that the services take",
        ),
        ({"API_KEYS_FILE": f"# comment\n{KEY}\n"}, ""),
        ({"API_KEYS_FILE": f"# comment\n{KEY}\n", "OPENAI_API_KEY": KEY}, ""),
        ({"API_KEYS": KEY, "ALLOW_ANONYMOUS": "true"}, "changes nothing while there are keys"),
    ],
)
def test_the_keys_let_callers_in_and_the_services_call_each_other(
    values: dict[str, str], said: str
) -> None:
    lines = list(among.judge_keys(values, {}))

    assert said in told(lines)
    assert bool(said) == bool(lines)


@pytest.mark.parametrize(
    ("own", "said"),
    [
        ({"API_KEYS": KEY}, "failure: OPENAI_API_KEY, which this shell exports, is none of"),
        ({}, "warning: OPENAI_API_KEY, which this shell exports, becomes the key of this stack"),
        ({"API_KEYS": "sk-openais"}, ""),
    ],
)
def test_openais_key_that_the_shell_exports_is_told(own: dict[str, str], said: str) -> None:
    shell = {"OPENAI_API_KEY": "sk-openais"}
    lines = told(among.judge_keys({**own, **shell}, shell))

    assert lines.startswith(said)
    assert ("unset OPENAI_API_KEY" in lines) == bool(said)
    assert "sk-openais" not in lines


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({}, ""),
        ({"COMPOSE_PROFILES": "calls"}, "failure: COMPOSE_PROFILES has calls"),
        ({"LIVEKIT_URL": "wss://a.b"}, "warning: LiveKit is half set"),
        (LIVEKIT, "worker that takes calls is not started"),
        ({**LIVEKIT, "COMPOSE_PROFILES": "monitoring, calls"}, ""),
        ({"COMPOSE_PROFILES": "calls,livekit"}, ""),
        ({"COMPOSE_PROFILES": "livekit"}, "the worker that takes calls is not started"),
        ({**LIVEKIT, "COMPOSE_PROFILES": "calls,livekit"}, "a server that the worker does not use"),
        (
            {"COMPOSE_PROFILES": "calls,livekit", "LIVEKIT_ADDRESS": "0.0.0.0"},
            "failure: LiveKit is published on 0.0.0.0 with a secret that everybody can read",
        ),
        (
            {
                "COMPOSE_PROFILES": "calls,livekit",
                "LIVEKIT_ADDRESS": "0.0.0.0",
                "LIVEKIT_API_KEY": "own",
                "LIVEKIT_API_SECRET": KEY,
            },
            "",
        ),
    ],
)
def test_calls_need_all_of_livekit_and_the_profile(values: dict[str, str], said: str) -> None:
    lines = list(among.judge_livekit(values))

    assert said in told(lines)
    assert bool(said) == bool(lines)


def test_what_the_worker_would_refuse_is_told_before_it_is_started() -> None:
    values = {"LLM_CHAIN": "gemini,qwen", "SELF_HOSTED_STT_ENABLED": "false"}

    said = told(among.judge_language_models(values))
    assert "GEMINI_API_KEY is not set" in said
    assert "SELF_HOSTED_STT_ENABLED=false" in said


def test_localhost_means_the_container_itself() -> None:
    environments = {
        "llm": {"LLM_UPSTREAM_URL": "http://127.0.0.1:8080/v1"},
        "ws-llm": {"LLM_BASE_URL": "http://llm:8000/v1"},
    }

    said = told(among.judge_addresses(environments))
    assert "LLM_UPSTREAM_URL leads llm to itself" in said
    assert "ws-llm" not in said


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"AGENT_PERSONA": "interviewer"}, ""),
        ({"AGENT_PERSONA": "/personas/mine.md"}, ""),
        ({"AGENT_PERSONA": "personas/mine.md"}, "set AGENT_PERSONA=/personas/mine.md"),
        ({"WS_LLM_PERSONA_FILE": "/home/me/p.txt"}, "set WS_LLM_PERSONA_FILE=/personas/p.txt"),
        ({"LLM_BASE_URL": "http://other:1/v1"}, "LLM_UPSTREAM_URL"),
        ({"ORCHESTRATOR_BOARD": "/srv/board"}, "containers take no ORCHESTRATOR_BOARD"),
    ],
)
def test_what_a_container_cannot_reach_is_told(values: dict[str, str], said: str) -> None:
    lines = list(among.judge_places(values))

    assert said in told(lines)
    assert bool(said) == bool(lines)


def test_an_upstream_without_the_proxy_is_told() -> None:
    values = {"LLM_UPSTREAM_URL": "http://other/v1"}

    assert told(among.judge_engines(values, {"LLM_ENGINE": "vllm"}))
    assert not told(among.judge_engines(values, {"LLM_ENGINE": "proxy"}))


def test_a_conversation_has_to_fit_the_context() -> None:
    assistant = WsLlmSettings(openai_base_url="http://x", max_history_tokens=20_000)

    assert "LLM_CONTEXT_TOKENS" in told(
        among.judge_conversation(LlmSettings(engine="vllm"), assistant)
    )
    roomy = LlmSettings(engine="vllm", context_tokens=32_768)
    assert not told(among.judge_conversation(roomy, assistant))


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("45s", 45), ("1m30s", 90), ("1h", 3600), ("3630s", 3630), ("", None), ("soon", None)],
)
def test_durations_are_read_as_compose_writes_them(text: str, seconds: float | None) -> None:
    assert among.seconds(text) == seconds


def test_a_grace_period_is_longer_than_what_stops_in_it() -> None:
    assert not told(among.judge_stopping({}))
    assert "STOP_GRACE_PERIOD" in told(among.judge_stopping({"SHUTDOWN_GRACE_S": "60"}))


def test_what_the_shell_exports_wins_and_is_told_without_its_value() -> None:
    said = told(among.judge_shell({"A": "1", "B": "2"}, {"A": "other", "B": "2"}, {"A", "B"}))

    assert "A is exported" in said
    assert "B" not in said.replace("BASE", "")
    assert "other" not in said


def test_an_unknown_name_is_told_with_the_one_that_was_meant() -> None:
    file = parse("STT_MAX_QEUE=1\nCOMPOSE_FILE=x\nHF_HUB_OFFLINE=1\nWHATEVER=1\nsk_abcdef=1", {})

    said = told(judge_names(file, {"STT_MAX_QUEUE", "STT_MAX_QUEUES_OTHER"}))
    assert "line 1: nothing reads STT_MAX_QEUE Did you mean STT_MAX_QUEUE?" in said
    assert "line 4: nothing reads WHATEVER Remove it" in said
    assert "COMPOSE_FILE" not in said
    assert "HF_HUB_OFFLINE" not in said
    assert "sk_abcdef" not in said


def test_a_name_that_is_there_twice_and_a_gap_are_told() -> None:
    file = parse("A=1\nA=pa$word\n!\nB=\nB=2", {})

    said = told(judge_names(file, {"A", "B"}))
    assert "line 1: A is set again" in said
    assert "B is set again" not in said
    assert "line 2 names a variable" in said
    assert "line 3 has" in said


def test_the_names_of_the_example_are_known() -> None:
    assert names_in("# A comment.\nA=1\n# B=2\nexport=3\n") == {"A", "B"}


@pytest.mark.parametrize(
    ("name", "value", "is_example"),
    [
        ("API_KEYS", "your-key-here", True),
        ("API_KEYS", f"{KEY},changeme", True),
        ("API_KEYS", KEY, False),
        ("GEMINI_API_KEY", "AIza...", True),
        ("GEMINI_API_KEY", "AIzaSyD3adB33f0123456789abcdefghijklmno", False),
        ("OPENAI_API_KEY", "sk-xxxxxxxx", True),
        ("OPENAI_API_KEY", "<your key>", True),
        ("LIVEKIT_URL", "wss://your-project.livekit.cloud", True),
        ("LIVEKIT_URL", "wss://<project>.livekit.cloud", True),
        ("LIVEKIT_URL", "wss://clinic-x8f2k1.livekit.cloud", False),
        ("LIVEKIT_API_KEY", "devkey", False),
        ("STT_ENGINE", "example", False),
    ],
)
def test_example_values_are_recognised(name: str, value: str, is_example: bool) -> None:
    lines = [line for line in judge_examples({name: value}) if line.verdict is Verdict.FAILURE]

    assert bool(lines) == is_example
    assert value not in told(lines)


def test_a_short_key_could_be_guessed() -> None:
    assert "could be guessed" in told(judge_examples({"API_KEYS": f"{KEY},abc1"}))
    assert "could be guessed" in told(judge_examples({"API_KEYS_FILE": f"# mine\n{KEY}\nabc1"}))


def test_settings_are_judged_by_the_services_own_classes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STT_WORKERS", "not a number")

    assert read(SttSettings, {"STT_ENGINE": "pocketsphinx", "STT_WORKERS": ""}).settings
    problems = read(SttSettings, {"STT_MAX_QUEUE": "-1", "STT_WORKERS": "9"}).problems
    assert [problem.variable for problem in problems] == ["STT_MAX_QUEUE"]
    proxy = read(LlmSettings, {"LLM_ENGINE": "proxy"}).problems
    assert "LLM_UPSTREAM_URL" in str(proxy[0])


def test_the_orchestrators_rules_are_asked_too() -> None:
    worker, admin = orchestrator_settings()

    assert "GEMINI_API_KEY is needed" in str(read(worker, {}).problems[0])
    assert "SELF_HOSTED_STT_ENABLED" in str(
        read(worker, {"LLM_CHAIN": "qwen", "SELF_HOSTED_STT_ENABLED": "false"}).problems[0]
    )
    assert read(admin, {"ADMIN_PORT": "70000"}).problems[0].variable == "ADMIN_PORT"


def test_each_service_of_the_stack_has_its_settings() -> None:
    assert set(SERVICES) == {"stt", "tts", "llm", "ws-llm"}


def test_secrets_are_hidden_whoever_says_them() -> None:
    line = failure(f"cannot use {KEY}", f"remove {KEY}")
    values = {"API_KEYS": f"{KEY}, other", "STT_ENGINE": "pocketsphinx"}

    (hidden,) = redact_findings([Finding("g", "c", line, 0)], secrets_in(values))
    assert KEY not in hidden.line.found + hidden.line.todo
    assert "pocketsphinx" not in secrets_in(values)


@pytest.mark.parametrize(
    ("name", "secret"),
    [
        ("API_KEYS", True),
        ("API_KEYS_FILE", True),
        ("LIVEKIT_API_SECRET", True),
        ("HF_TOKEN", True),
        ("LLM_MAX_IN_FLIGHT_PER_KEY", False),
        ("WS_LLM_MAX_TOKENS", False),
        ("WS_LLM_PERSONA_FILE", False),
    ],
)
def test_secrets_are_told_by_their_names(name: str, secret: bool) -> None:
    assert is_secret(name) == secret


def test_only_failures_make_a_report_one_that_does_not_hold() -> None:
    fine = [Finding("g", "c", ok("x"), 0.1), Finding("g", "d", warning("y", "z"), 0.1)]
    bad = [*fine, Finding("g", "e", failure("y", "z"), 0.1)]

    assert Report(".env", (), fine).ok
    assert not Report(".env", (), bad).ok


def test_a_report_as_json_has_the_documented_shape() -> None:
    report = Report(".env", ["http://x"], [Finding("g", "c", warning("found", "todo"), 0.12345)])

    assert report.as_json() == {
        "ok": True,
        "env_file": ".env",
        "urls": ["http://x"],
        "counts": {"ok": 0, "skipped": 0, "warning": 1, "failure": 0},
        "checks": [
            {
                "group": "g",
                "check": "c",
                "verdict": "warning",
                "found": "found",
                "todo": "todo",
                "took_s": 0.123,
            }
        ],
    }
