"""vLLM's command line is a function of the settings."""

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from parley_kit.errors import SettingsError
from parley_llm.app import create_app
from parley_llm.settings import LlmSettings
from parley_llm.vllm.cards import CARDS
from parley_llm.vllm.command import MODULE, build_command

README = Path(__file__).parents[2] / "services" / "llm" / "README.md"


def settings(**changes: Any) -> LlmSettings:
    return LlmSettings(**{"engine": "vllm", "api_keys": "a-secret,another-secret", **changes})


def argument(name: str, **changes: Any) -> str:
    argv = build_command(settings(**changes)).argv
    return argv[argv.index(name) + 1]


def test_no_secret_is_on_the_command_line() -> None:
    command = build_command(settings(openai_api_key="a-secret", upstream_api_key="a-secret"))

    assert "secret" not in json.dumps([*command.argv, *command.env.values()])


def test_vllm_serves_the_model_under_our_names_below_our_path_behind_our_edge() -> None:
    argv = build_command(settings()).argv
    served = argv.index("--served-model-name")

    assert argv[:2] == ("vllm", "serve")
    assert argv[served + 1 : served + 3] == ("qwen2-5-7b-instruct", "Qwen/Qwen2.5-7B-Instruct")
    assert argument("--root-path") == "/llm"
    assert argument("--middleware") == "parley_llm.vllm.edge.VllmEdge"


def test_the_build_for_a_cpu_starts_as_a_module() -> None:
    argv = build_command(settings(model="m"), MODULE).argv

    assert argv[:5] == ("python", "-m", "vllm.entrypoints.openai.api_server", "--model", "m")


def test_nothing_is_reported_and_no_plugin_is_loaded() -> None:
    env = build_command(settings()).env

    assert env["VLLM_NO_USAGE_STATS"] == env["DO_NOT_TRACK"] == "1"
    assert env["VLLM_PLUGINS"] == ""
    assert env["VLLM_SERVER_DEV_MODE"] == "0"


def test_limits_are_vllms_as_well() -> None:
    limits = {"max_concurrency": 8, "max_queue": 4, "max_n": 2}

    assert argument("--max-num-seqs", **limits) == "8"
    assert argument("--max-num-queued-reqs", **limits) == "24"
    assert build_command(settings(**limits)).env["VLLM_MAX_N_SEQUENCES"] == "2"
    longest = argument("--override-generation-config", max_completion_tokens=77)
    assert json.loads(longest) == {"max_new_tokens": 77}


@pytest.mark.parametrize("card", CARDS)
def test_a_card_holds_the_whole_stack(card: str) -> None:
    plan = CARDS[card]
    share = float(argument("--gpu-memory-utilization", gpu_memory_gb=card))

    assert plan.spare_gib >= 0
    assert plan.llm_gib <= share * plan.memory_gib + 0.5
    assert plan.weights_gib + plan.kv_cache_gib < share * plan.memory_gib
    # 56 KiB a token: at least four conversations of the full length.
    assert plan.kv_cache_gib * 2**30 / (56 * 2**10) >= 4 * plan.context_tokens


@pytest.mark.parametrize("card", CARDS)
def test_the_plan_is_the_documented_one(card: str) -> None:
    plan = CARDS[card]
    name = plan.model.removeprefix("Qwen/")
    row = (
        f"| {card} GB | {name} | {plan.weights_gib} GiB | {plan.kv_cache_gib} GiB "
        f"| {plan.context_tokens} | {plan.stt_gib} GiB | {plan.tts_gib} GiB "
        f"| {plan.spare_gib:.1f} GiB |"
    )

    assert row in README.read_text(encoding="utf-8")


def test_what_is_set_wins_over_the_card() -> None:
    changes = {"context_tokens": 999, "kv_cache_gib": 1.5, "gpu_memory_share": 0.33}

    assert argument("--max-model-len", **changes) == "999"
    assert argument("--kv-cache-memory-bytes", **changes) == str(3 << 29)
    assert argument("--gpu-memory-utilization", **changes) == "0.33"
    assert argument("serve", model="/models/mine") == "/models/mine"
    assert argument("--quantization", quantization="fp8") == "fp8"


def test_a_cpu_has_no_card() -> None:
    command = build_command(settings(device="cpu", kv_cache_gib=3))

    assert "--gpu-memory-utilization" not in command.argv
    assert command.env["VLLM_TARGET_DEVICE"] == "cpu"
    assert command.env["VLLM_CPU_KVCACHE_SPACE"] == "3"


def test_a_model_without_a_tool_parser_calls_no_tools() -> None:
    assert "--enable-auto-tool-choice" not in build_command(settings(tool_parser="")).argv


def test_further_arguments_come_last() -> None:
    argv = build_command(settings(vllm_args="--enforce-eager --seed '1 2'")).argv

    assert argv[-3:] == ("--enforce-eager", "--seed", "1 2")


@pytest.mark.parametrize(
    "arguments",
    [
        "--api-key x", "--api_key=x", "--api-ke x", "--api-key.x=y", "--root-path /", "--root /",
        "--middleware a.b", "--midd=a.b", "--hf-tok x", "--config a.yaml",
        "--api-server-count 2", "-asc 2", "'",
    ],
)  # fmt: skip
def test_what_the_edge_depends_on_is_not_to_be_changed(arguments: str) -> None:
    with pytest.raises(SettingsError, match="LLM_VLLM_ARGS"):
        build_command(settings(vllm_args=arguments))


def test_an_option_that_another_begins_with_is_not_taken_for_it() -> None:
    argv = build_command(settings(vllm_args="--ssl-keyfile /key.pem")).argv

    assert argv[-2:] == ("--ssl-keyfile", "/key.pem")


def test_a_process_of_ours_does_not_pretend_to_be_vllm() -> None:
    with pytest.raises(SettingsError, match="LLM_ENGINE=proxy"):
        create_app(settings())


def start(environment: dict[str, str]) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "parley_llm"]
    given = {"LLM_ENGINE": "vllm", **environment}
    return subprocess.run(command, env=given, capture_output=True, text=True, timeout=30)


@pytest.mark.parametrize(
    ("environment", "message"),
    [
        ({}, "No API key is configured"),
        ({"API_KEYS": "k", "VLLM_API_KEY": "k"}, "VLLM_API_KEY"),
        ({"API_KEYS": "k", "GPU_MEMORY_GB": "32"}, "GPU_MEMORY_GB"),
        ({"API_KEYS": "k", "PATH": ""}, "needs vLLM"),
    ],
)
def test_what_would_fail_later_fails_at_once_in_one_line(
    environment: dict[str, str], message: str
) -> None:
    done = start(environment)

    assert done.returncode == 2
    assert message in done.stderr
    assert done.stderr.count("\n") == 1


def test_the_process_becomes_vllm(tmp_path: Path) -> None:
    """A program of that name on the path stands in for it, and says how it was started."""
    program = tmp_path / "vllm"
    shell = shutil.which("sh")
    program.write_text(f'#!{shell}\necho "$@"\necho "keys $API_KEYS stats $VLLM_NO_USAGE_STATS"\n')
    program.chmod(0o755)
    done = start({"API_KEYS": "k1", "PATH": str(tmp_path), "LLM_MODEL": "a-model"})

    assert done.returncode == 0, done.stderr
    assert "a-model" in done.stdout
    assert "keys k1 stats 1" in done.stdout
