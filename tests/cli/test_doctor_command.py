"""`parley doctor` as a person runs it: programs on the PATH, files, exit statuses."""

import json
import socket
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from parley.__main__ import main
from parley.bench.ports import free_port
from tests.cli.commands import parley
from tests.cli.doctoring import CONFIG, Answer, Programs, foreign

KEY = "canary-1f3a5c7e9b2d4f6a8c0e"
EXAMPLE = Path(__file__).parents[2] / ".env.example"


@pytest.fixture
def programs(tmp_path: Path) -> Programs:
    directory = tmp_path / "bin"
    directory.mkdir()
    return Programs(directory)


@pytest.fixture
def env_file(tmp_path: Path) -> Path:
    path = tmp_path / ".env"
    path.write_text(f"API_KEYS={KEY}\nGATEWAY_PORT={free_port()}\n", encoding="utf-8")
    path.chmod(0o600)
    return path


class Doctor:
    """Runs the command where no program is but those of the test; keeps what it said."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
        self._monkeypatch = monkeypatch
        self._capsys = capsys
        self.said = ""

    def _run(self, *arguments: str) -> tuple[int, str]:
        status = main(["doctor", *arguments])
        written = self._capsys.readouterr()
        self.said = written.out + written.err
        return status, written.out

    def looks(self, env_file: Path, *arguments: str) -> dict[str, Any]:
        status, written = self._run("--json", "--env", str(env_file), *arguments)
        report: dict[str, Any] = json.loads(written)
        assert status == (0 if report["ok"] else 1)
        return report

    def prints(self, env_file: Path, **environment: str) -> str:
        for name, value in environment.items():
            self._monkeypatch.setenv(name, value)
        return self._run("--env", str(env_file))[1]


@pytest.fixture
def doctor(
    programs: Programs, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Doctor:
    monkeypatch.setenv("PATH", str(programs.directory))
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.delenv("DOCKER_HOST", raising=False)
    return Doctor(monkeypatch, capsys)


def lines(report: dict[str, Any], check: str) -> list[dict[str, Any]]:
    return [line for line in report["checks"] if line["check"] == check]


def line(report: dict[str, Any], check: str) -> dict[str, Any]:
    (only,) = lines(report, check)
    return only


def gpu_config(card: str = "0") -> dict[str, Any]:
    device = {"capabilities": ["gpu"], "device_ids": [card]}
    reserved = {"resources": {"reservations": {"devices": [device]}}}
    llm = {"image": "x", "environment": {"LLM_ENGINE": "vllm"}, "deploy": reserved}
    return {"services": {"llm": llm}}


def test_all_is_well_on_a_machine_that_has_what_it_needs(
    doctor: Doctor, programs: Programs, env_file: Path
) -> None:
    programs.add_docker()
    report = doctor.looks(env_file)

    assert report["ok"], report
    assert line(report, "Docker")["found"] == "28.0.1"
    assert line(report, "Compose files")["found"] == "would start gateway, llm"
    assert line(report, "Keys")["found"] == "1 key"
    assert line(report, "Driver")["verdict"] == "skipped"
    assert line(report, "Running")["verdict"] == "skipped"
    assert line(report, "stt")["verdict"] == "skipped"


def test_as_a_process_it_ends_with_1_on_a_failure(env_file: Path, programs: Programs) -> None:
    done = parley("doctor", "--env", str(env_file), PATH=str(programs.directory))

    assert done.returncode == 1
    assert done.stderr == ""
    assert "Install Docker Engine" in done.stdout


def test_without_docker_or_an_env_file_it_says_what_to_do(doctor: Doctor, tmp_path: Path) -> None:
    report = doctor.looks(tmp_path / ".env")

    assert not report["ok"]
    assert "docs.docker.com" in line(report, "Docker")["todo"]
    assert "cp .env.example .env" in line(report, ".env")["todo"]
    assert line(report, "Disk")["verdict"] == "skipped"


def test_an_engine_that_does_not_answer_is_told(
    doctor: Doctor, programs: Programs, env_file: Path
) -> None:
    programs.add("docker", "echo cannot connect >&2; exit 1")
    report = doctor.looks(env_file)

    assert "systemctl start docker" in line(report, "Docker")["todo"]
    assert line(report, "Compose")["verdict"] == "failure"


@pytest.mark.parametrize("answer", ["", "nonsense", "[]", "{}"])
def test_a_docker_that_talks_nonsense_ends_nothing(
    doctor: Doctor, programs: Programs, env_file: Path, answer: str
) -> None:
    programs.add("docker", f"echo '{answer}'")
    report = doctor.looks(env_file)

    assert line(report, "Docker")["verdict"] == "failure"
    assert line(report, "Compose files")["verdict"] == "failure"
    assert line(report, "Compose")["verdict"] == "warning"


def test_a_compose_that_is_too_old_is_a_failure(
    doctor: Doctor, programs: Programs, env_file: Path
) -> None:
    programs.add("docker", "echo 2.20.0")
    report = doctor.looks(env_file)

    assert "older than 2.24.4" in line(report, "Compose")["found"]


def test_what_compose_refuses_is_said_without_the_keys_that_it_quotes(
    doctor: Doctor, programs: Programs, env_file: Path
) -> None:
    (env_file.parent / "docker-compose.yml").touch()
    programs.add("docker", f"echo 'bad value {KEY} for x' >&2; exit 14")
    report = doctor.looks(env_file)

    assert "bad value (hidden) for x" in line(report, "Compose files")["found"]
    assert KEY not in doctor.said


def test_a_line_that_compose_cannot_read_is_never_quoted(
    doctor: Doctor, programs: Programs, env_file: Path
) -> None:
    env_file.write_text(f'A B={KEY}\n"{KEY}\n', encoding="utf-8")
    programs.add("docker", f"echo 'cannot read {KEY}' >&2; exit 14")
    report = doctor.looks(env_file)

    assert [each["verdict"] for each in lines(report, "Names")] == ["warning", "warning"]
    assert KEY not in doctor.said


def test_no_secret_is_ever_printed(doctor: Doctor, programs: Programs, env_file: Path) -> None:
    secrets = {
        "API_KEYS": f"{KEY}-a,{KEY}-b",
        "OPENAI_API_KEY": f"{KEY}-c",
        "GEMINI_API_KEY": f"{KEY} with a blank",
        "LIVEKIT_API_SECRET": f"{KEY}-d",
        "LLM_UPSTREAM_API_KEY": f"{KEY}-e",
        "STT_MAX_QUEUE": KEY,
        "LIVEKIT_URL": f"wss://user:{KEY}@host",
        "OPENAI_BASE_URL": f"http://user:{KEY}@127.0.0.1:9/?k={KEY}",
        f"unknown_{KEY}": "x",
    }
    env_file.write_text("".join(f"{name}={value}\n" for name, value in secrets.items()))
    programs.add_docker(
        config={
            "services": {"stt": {"environment": secrets}, "orchestrator": {"environment": secrets}}
        }
    )
    doctor.looks(env_file)

    assert KEY not in doctor.said
    assert KEY not in doctor.prints(env_file)


def test_a_gpu_that_is_free_and_a_toolkit_are_ok(
    doctor: Doctor, programs: Programs, env_file: Path
) -> None:
    programs.add_docker(
        info='{"ServerVersion": "28.0.1", "Runtimes": {"nvidia": {}}}', config=gpu_config()
    )
    programs.add("nvidia-smi", "echo 0, GPU-1a2b, 580.95.05, NVIDIA L4, 23034, 22800")
    report = doctor.looks(env_file)

    assert line(report, "Driver")["found"] == "580.95.05"
    assert line(report, "Toolkit")["verdict"] == "ok"
    assert line(report, "Memory")["verdict"] == "ok"


def test_a_place_without_compose_files_is_told(
    doctor: Doctor, programs: Programs, env_file: Path
) -> None:
    programs.add("docker", "echo no configuration file provided >&2; exit 14")
    there = line(doctor.looks(env_file), "Compose files")
    (env_file.parent / "docker-compose.yml").touch()
    refused = line(doctor.looks(env_file), "Compose files")

    assert there["found"] == f"there is no docker-compose.yml in {env_file.parent}"
    assert "--env" in there["todo"]
    assert "Compose refuses them" in refused["found"]


def test_an_old_driver_no_toolkit_and_a_full_card_are_told(
    doctor: Doctor, programs: Programs, env_file: Path
) -> None:
    programs.add_docker(config=gpu_config())
    programs.add("nvidia-smi", "echo 0, GPU-1a2b, 550.54.14, NVIDIA L4, 23034, 1000")
    report = doctor.looks(env_file)

    assert "older than 580" in line(report, "Driver")["found"]
    assert "nvidia-ctk runtime configure" in line(report, "Toolkit")["todo"]
    assert "GiB free" in line(report, "Memory")["found"]


def test_each_card_is_told_and_which_one_the_stack_gets(
    doctor: Doctor, programs: Programs, env_file: Path
) -> None:
    programs.add_docker(config=gpu_config("GPU-3c"))
    programs.add(
        "nvidia-smi",
        "echo 0, GPU-1a2b, 580.95.05, NVIDIA T4, 15360, 15000\n"
        "echo 1, GPU-3c4d, 580.95.05, NVIDIA L4, 23034, 22800",
    )
    other, ours = lines(doctor.looks(env_file), "Memory")

    assert (other["verdict"], ours["verdict"]) == ("skipped", "ok")
    assert other["found"] == "card 0 (NVIDIA T4, 15.0 GiB): not for this stack"
    assert ours["found"].startswith("card 1 (NVIDIA L4, 22.5 GiB): 22.3 free, GPU_MEMORY_GB=24")


def test_a_card_that_is_not_there_is_a_failure(
    doctor: Doctor, programs: Programs, env_file: Path
) -> None:
    programs.add_docker(config=gpu_config("7"))
    programs.add("nvidia-smi", "echo 0, GPU-1a2b, 580.95.05, NVIDIA L4, 23034, 22800")
    missing, _ = lines(doctor.looks(env_file), "Memory")

    assert missing["found"] == "there is no card 7: this machine has 0"
    assert "GPU_DEVICE" in missing["todo"]


@pytest.mark.parametrize("script", ["exit 9", "echo No devices were found", "echo", "echo a, b"])
def test_a_driver_that_does_not_work_is_told(
    doctor: Doctor, programs: Programs, env_file: Path, script: str
) -> None:
    programs.add_docker(config=gpu_config())
    programs.add("nvidia-smi", script)
    report = doctor.looks(env_file)

    assert line(report, "Driver")["verdict"] == "failure"
    assert line(report, "Memory")["verdict"] == "skipped"


def test_without_a_gpu_the_stacks_that_need_none_are_named(
    doctor: Doctor, programs: Programs, env_file: Path
) -> None:
    programs.add_docker(config=gpu_config())
    report = doctor.looks(env_file)

    assert "compose.cpu.yml" in line(report, "Driver")["todo"]
    assert line(report, "Toolkit")["verdict"] == "skipped"


@pytest.fixture
def taken() -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as sock:
        yield int(sock.getsockname()[1])


def publishing(port: int) -> dict[str, Any]:
    ports = [{"target": 8080, "published": str(port), "host_ip": "127.0.0.1"}]
    return {"services": {"gateway": {**CONFIG["services"]["gateway"], "ports": ports}}}  # type: ignore[index]


def test_a_port_that_another_program_holds_is_a_failure(
    doctor: Doctor, programs: Programs, env_file: Path, taken: int
) -> None:
    programs.add_docker(config=publishing(taken))
    report = doctor.looks(env_file)

    assert "taken by another program" in line(report, "Ports")["found"]
    assert "GATEWAY_PORT" in line(report, "Ports")["todo"]


def test_a_port_that_the_stack_itself_holds_is_ok(
    doctor: Doctor, programs: Programs, env_file: Path, taken: int
) -> None:
    gateway = {
        "Service": "gateway",
        "State": "running",
        "Health": "healthy",
        "Publishers": [{"PublishedPort": taken}],
    }
    programs.add_docker(config=publishing(taken), ps=json.dumps(gateway))
    report = doctor.looks(env_file)

    assert "held by this stack" in line(report, "Ports")["found"]
    assert line(report, "Running")["verdict"] == "ok"
    assert line(report, "stt")["verdict"] == "failure"  # it runs, so it has to answer


def test_a_stack_that_is_named_has_to_be_there(
    doctor: Doctor, programs: Programs, env_file: Path
) -> None:
    programs.add_docker()
    url = f"http://127.0.0.1:{free_port()}"
    report = doctor.looks(env_file, "--url", url)

    assert not report["ok"]
    assert report["urls"] == [url]
    assert line(report, "llm")["verdict"] == "failure"


def test_a_language_model_elsewhere_is_not_told_the_keys_of_the_stack(
    doctor: Doctor, programs: Programs, env_file: Path
) -> None:
    programs.add_docker()
    with foreign(lambda path, headers: Answer(body=b'{"status":"ready"}')) as other:
        env_file.write_text(f"API_KEYS={KEY}\nLLM_BASE_URL={other.url}\n", encoding="utf-8")
        doctor.looks(env_file)

    assert other.asked
    assert not any(KEY in str(headers) for _, headers in other.asked)


def test_the_compose_files_are_those_that_are_named(
    doctor: Doctor, programs: Programs, env_file: Path, tmp_path: Path
) -> None:
    programs.add("docker", f'echo "$(pwd): $*" >> {tmp_path}/asked; exit 1')
    doctor.looks(env_file, "-f", "a.yml", "-f", "b.yml")

    asked = (tmp_path / "asked").read_text()
    assert f"{tmp_path}: compose --env-file {env_file}" in asked
    assert f"--file {Path.cwd()}/a.yml --file {Path.cwd()}/b.yml config --format json" in asked


def test_the_example_as_it_is_needs_a_key_and_nothing_else(
    doctor: Doctor, programs: Programs, tmp_path: Path
) -> None:
    programs.add_docker()
    env_file = tmp_path / ".env"
    env_file.write_bytes(EXAMPLE.read_bytes())
    env_file.chmod(0o600)
    report = doctor.looks(env_file)

    failed = [each["check"] for each in report["checks"] if each["verdict"] == "failure"]
    warned = [each["found"] for each in report["checks"] if each["verdict"] == "warning"]
    assert failed == ["Keys"]
    assert warned == []


def test_a_file_with_keys_is_read_and_its_mode_looked_at(
    doctor: Doctor, programs: Programs, env_file: Path, tmp_path: Path
) -> None:
    (tmp_path / "keys").write_text(f"{KEY}\n", encoding="utf-8")
    (tmp_path / "keys").chmod(0o600)
    env_file.write_text(f"API_KEYS_FILE=keys\nOPENAI_API_KEY={KEY}\n", encoding="utf-8")
    programs.add_docker()
    report = doctor.looks(env_file)

    assert line(report, "Keys")["verdict"] == "ok"
    assert any("chown 10001" in each["todo"] for each in lines(report, "Secrets"))


def test_a_secret_in_a_file_counts_as_set(
    doctor: Doctor, programs: Programs, env_file: Path, tmp_path: Path
) -> None:
    (tmp_path / "secret").write_text(f"{KEY}\n", encoding="utf-8")
    more = "LIVEKIT_URL=wss://a.b\nLIVEKIT_API_KEY=APIx\nLIVEKIT_API_SECRET_FILE=secret\n"
    env_file.write_text(f"API_KEYS={KEY}\nCOMPOSE_PROFILES=calls\n{more}", encoding="utf-8")
    programs.add_docker()
    report = doctor.looks(env_file)

    assert line(report, "Calls")["verdict"] == "ok"


def test_a_secret_file_that_is_not_there_is_a_failure(
    doctor: Doctor, programs: Programs, env_file: Path
) -> None:
    env_file.write_text(f"API_KEYS={KEY}\nGEMINI_API_KEY_FILE=nowhere\n", encoding="utf-8")
    programs.add_docker()
    report = doctor.looks(env_file)

    assert any("GEMINI_API_KEY_FILE: " in each["found"] for each in lines(report, "Secrets"))


def test_on_a_pipe_there_is_no_colour_and_every_failure_has_its_next_step(
    doctor: Doctor, env_file: Path
) -> None:
    said = doctor.prints(env_file)

    assert "\x1b" not in said
    assert "failure" in said
    assert "→ Install Docker Engine" in said
    assert said.strip().splitlines()[-1].count("failure") == 1


def test_colour_is_for_terminals_that_want_it(doctor: Doctor, env_file: Path) -> None:
    assert "\x1b[" in doctor.prints(env_file, FORCE_COLOR="1", TERM="xterm-256color")
    plain = doctor.prints(env_file, FORCE_COLOR="1", NO_COLOR="1", TERM="xterm-256color")
    assert "\x1b[31m" not in plain
    assert "\x1b[1;31m" not in plain


def test_the_json_names_each_verdict_and_counts_it(
    doctor: Doctor, programs: Programs, env_file: Path
) -> None:
    programs.add_docker()
    report = doctor.looks(env_file)

    assert set(report) == {"ok", "env_file", "urls", "counts", "checks"}
    assert sum(report["counts"].values()) == len(report["checks"])
    for each in report["checks"]:
        assert set(each) == {"group", "check", "verdict", "found", "todo", "took_s"}
        assert each["todo"] or each["verdict"] in ("ok", "skipped")


def test_python_is_the_one_that_runs(doctor: Doctor, programs: Programs, env_file: Path) -> None:
    report = doctor.looks(env_file)

    assert line(report, "Python")["found"] == ".".join(map(str, sys.version_info[:3]))
