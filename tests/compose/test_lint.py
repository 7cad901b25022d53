"""The compose files keep to the rules, and each rule finds what it is there for."""

import re
from collections.abc import Mapping
from copy import deepcopy
from typing import Any

import pytest

from tests.compose.compositions import (
    BASE,
    COMBINATIONS,
    ROOT,
    WAY_OUT,
    composed,
    environment_of,
)
from tests.compose.linting import problems

ONCE_IT_IS_THERE = {"condition": "service_completed_successfully"}
EXAMPLE = (ROOT / ".env.example").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", COMBINATIONS)
def test_every_combination_of_the_files_keeps_to_the_rules(name: str) -> None:
    expected = [WAY_OUT] if "upstream" in name else []

    assert problems(composed(COMBINATIONS[name])) == expected


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"image": "parley/stt"}, "no tag"),
        ({"image": "parley/stt:latest"}, "no tag"),
        ({"image": "parley/stt:${TAG:-latest}"}, "no tag"),
        ({"image": "parley/stt:${TAG}"}, "no tag"),
        ({"build": {"dockerfile_inline": "FROM debian\nRUN true"}}, "its base 'debian'"),
        ({"image": "somebody/stt:v1", "build": None}, "no exact version"),
        ({"image": "somebody/stt:latest-1.2.3", "build": None}, "no exact version"),
        ({"build": {"context": ".", "network": "host"}}, "build: network"),
        ({"read_only": False}, "read-only"),
        ({"cap_drop": ["NET_RAW"]}, "drop all capabilities"),
        ({"cap_add": ["SYS_ADMIN"]}, "cap_add"),
        ({"security_opt": []}, "no-new-privileges alone"),
        ({"security_opt": ["no-new-privileges:true", "seccomp:unconfined"]}, "privileges alone"),
        ({"security_opt": ["no-new-privileges:true", "label:disable"]}, "privileges alone"),
        ({"privileged": True}, "privileged"),
        ({"user": "0:0"}, "as root"),
        ({"user": "root"}, "as root"),
        ({"user": "${UID:-0}"}, "as root"),
        ({"pid": "host"}, "pid is not allowed"),
        ({"network_mode": "container:x"}, "network_mode is not allowed"),
        ({"post_start": [{"command": ["x"], "privileged": True, "user": "root"}]}, "post_start"),
        ({"group_add": ["0"]}, "group_add"),
        ({"sysctls": {"net.ipv4.ip_forward": 1}}, "sysctls"),
        ({"gpus": "all"}, "gpus"),
        ({"use_api_socket": True}, "use_api_socket"),
        ({"deploy": {"placement": {"max_replicas_per_node": 1}}}, "deploy: placement"),
        (
            {"deploy": {"resources": {"reservations": {"devices": [{"capabilities": ["tpu"]}]}}}},
            "it reserves",
        ),
        ({"devices": ["/dev/kvm"]}, "devices"),
        ({"env_file": [".env"]}, "env_file"),
        ({"mem_limit": None}, "mem_limit"),
        ({"mem_limit": "0"}, "mem_limit"),
        ({"pids_limit": 0}, "pids_limit"),
        ({"pids_limit": -1}, "pids_limit"),
        ({"tmpfs": ["/tmp"]}, "no size"),
        ({"tmpfs": ["/tmp:mode=1777,size=0"]}, "no size"),
        ({"logging": {"driver": "json-file"}}, "log grows"),
        ({"init": None}, "init is missing"),
        ({"restart": "no"}, "come back"),
        ({"stop_grace_period": None}, "stop_grace_period"),
        ({"healthcheck": None}, "no health check"),
        ({"healthcheck": {"test": ["NONE"]}}, "no health check"),
        ({"healthcheck": {"test": ["CMD", "x"], "interval": "2s", "retries": 3}}, "timeout"),
        *(
            ({"volumes": [f"{source}:/x:ro"]}, "none of what may be mounted")
            for source in (
                "/var/run/docker.sock",
                "/",
                "/var/lib/docker",
                "/root",
                "~/.ssh",
                ".",
                "./.env",
                "./personas/../.env",
                "../personas",
                "${DOCKER_SOCK-/var/run/docker.sock}",
                "${DOCKER_SOCK:?}",
                "${HOME}",
                "${ANYTHING:-models}",
            )
        ),
        ({"volumes": ["/anonymous"]}, "none of what may be mounted"),
        ({"volumes": [{"type": "bind", "source": "/srv", "read_only": True}]}, "may be mounted"),
        ({"volumes": [{"type": "tmpfs", "target": "/x"}]}, "may be mounted"),
        ({"volumes": ["./personas:/x"]}, "to be written"),
        ({"volumes": [{"type": "bind", "source": f"{ROOT}/personas"}]}, "to be written"),
        ({"ports": ["127.0.0.1:1:1"]}, "publishes"),
        ({"ports": ["9000:9000"], "profiles": ["calls"]}, "publishes"),
        ({"networks": ["inside", "front"]}, "on the network front"),
        ({"networks": None}, "on the network default"),
    ],
)
def test_each_rule_finds_what_it_is_there_for(change: Mapping[str, Any], complaint: str) -> None:
    composition = deepcopy(dict(composed(COMBINATIONS["demo"])))
    stt = {**composition["services"]["stt"], **change}
    composition["services"]["stt"] = {
        name: value for name, value in stt.items() if value is not None
    }

    found = problems(composition)

    assert len(found) == 1, found
    assert complaint in found[0]


@pytest.mark.parametrize(
    ("kind", "one", "complaint"),
    [
        ("secrets", {"file": "/var/run/docker.sock"}, "docker.sock is the host's"),
        ("secrets", {"file": "${SOCK-/var/run/docker.sock}"}, "is the host's"),
        ("secrets", {"file": "${KEY_FILE:-/root/.ssh/id_rsa}"}, "is the host's"),
        ("secrets", {"environment": "HOME"}, "environment is not allowed"),
        ("configs", {"file": "/var/run/docker.sock"}, "file is not allowed"),
        (
            "volumes",
            {"driver_opts": {"type": "none", "o": "bind", "device": "/var/run"}},
            "driver_opts is not allowed",
        ),
        ("volumes", {"external": True}, "external is not allowed"),
        ("networks", {"driver": "macvlan"}, "driver is not allowed"),
    ],
)
def test_what_is_beside_the_services_is_looked_at_too(
    kind: str, one: Mapping[str, Any], complaint: str
) -> None:
    composition = deepcopy(dict(composed(COMBINATIONS["demo"])))
    composition.setdefault(kind, {})["one"] = one

    assert complaint in problems(composition)[0]


def test_a_service_that_nobody_knows_may_be_inside_alone() -> None:
    composition = deepcopy(dict(composed(COMBINATIONS["demo"])))
    composition["services"]["new"] = composition["services"]["stt"]
    assert problems(composition) == []

    on = {"networks": ["outside", "front", "inside"]}
    composition["services"]["new"] = composition["services"]["stt"] | on

    assert problems(composition) == [
        "new: it is on the network front",
        "new: it is on the network outside",
    ]


def test_a_network_that_leads_out_is_found() -> None:
    composition = deepcopy(dict(composed(COMBINATIONS["demo"])))
    composition["networks"]["inside"] = {}

    assert problems(composition) == ["networks inside: it is not internal"]


def test_no_secret_is_written_in_a_compose_file() -> None:
    for name, service in composed(COMBINATIONS["cpu"])["services"].items():
        for variable, value in environment_of(service).items():
            if re.search(r"KEY|SECRET|TOKEN$|PASSWORD", variable):
                assert value is None or str(value).startswith("${"), f"{name}: {variable}"


@pytest.mark.parametrize("service", ["stt", "tts", "llm"])
def test_models_come_on_a_way_of_their_own_and_who_serves_them_has_none(service: str) -> None:
    for combination in ("gpu", "cpu"):
        services = composed(COMBINATIONS[combination])["services"]
        fetch = services[f"{service}-model"]

        assert fetch["networks"] == ["inside", "hub"]
        assert fetch["volumes"][0]["target"] == "/models"
        assert services[service]["networks"] == ["inside"]
        assert services[service]["depends_on"][f"{service}-model"] == ONCE_IT_IS_THERE
        assert services[service]["environment"]["HF_HUB_OFFLINE"] == "1"
        assert "HF_TOKEN" not in services[service]["environment"]


@pytest.mark.parametrize("service", ["stt", "tts", "llm"])
def test_the_demo_fetches_nothing(service: str) -> None:
    demo = composed(COMBINATIONS["demo"])["services"]

    assert f"{service}-model" not in demo
    assert demo[service]["networks"] == ["inside"]
    assert not {"volumes", "deploy", "depends_on"} & demo[service].keys()


@pytest.mark.parametrize("combination", ["gpu", "cpu"])
def test_a_fetch_is_of_the_model_that_the_service_has(combination: str) -> None:
    services = composed(COMBINATIONS[combination])["services"]
    for name in ("stt", "tts"):
        fetch = environment_of(services[f"{name}-model"])
        own = {key: value for key, value in fetch.items() if key.startswith(f"{name.upper()}_")}

        assert own.items() <= environment_of(services[name]).items()
        assert services[f"{name}-model"]["image"] == services[name]["image"]


def test_vllm_is_fetched_what_it_will_serve() -> None:
    services = composed(COMBINATIONS["gpu"])["services"]
    fetch = environment_of(services["llm-model"])
    chooses = {key: fetch[key] for key in ("LLM_ENGINE", "LLM_MODEL", "GPU_MEMORY_GB")}

    assert chooses.items() <= environment_of(services["llm"]).items()
    assert services["llm-model"]["image"] == services["llm"]["image"]


def test_llama_is_given_the_file_that_is_fetched_for_it() -> None:
    services = composed(COMBINATIONS["cpu"])["services"]
    command = services["llama"]["command"]

    assert command[command.index("--model") + 1] == services["llm-model"]["command"][-1]
    assert services["llama"]["depends_on"] == {"llm-model": ONCE_IT_IS_THERE}
    assert services["llama"]["networks"] == ["inside"]


def test_what_shares_a_card_starts_one_after_the_other() -> None:
    services = composed(COMBINATIONS["gpu"])["services"]

    assert services["stt"]["depends_on"]["llm"] == {"condition": "service_healthy"}
    assert services["tts"]["depends_on"]["stt"] == {"condition": "service_healthy"}
    assert [*services["llm"]["depends_on"]] == ["llm-model"]


def test_the_gateway_waits_for_nobody() -> None:
    for combination in COMBINATIONS.values():
        assert "depends_on" not in composed(combination)["services"]["gateway"]


def test_nothing_needs_a_card_without_one() -> None:
    for combination in ("cpu", "demo"):
        for service in composed(COMBINATIONS[combination])["services"].values():
            assert "deploy" not in service


def seconds(duration: str) -> float:
    default = re.sub(r"\$\{\w+:-([^}]*)\}", r"\1", duration)
    return float(default.removesuffix("s"))


def default(name: str) -> float:
    found = re.search(rf"^{name}=(\S+)$", EXAMPLE, re.MULTILINE)
    assert found, name
    return float(found[1])


def test_a_container_is_stopped_no_earlier_than_its_work_may_end() -> None:
    services = composed((BASE,))["services"]
    longest = default("DRAIN_DELAY_S") + default("SHUTDOWN_GRACE_S")
    for name in ("gateway", "stt", "tts", "llm", "ws-llm"):
        assert seconds(services[name]["stop_grace_period"]) > longest + 5
    calls = default("ORCHESTRATOR_DRAIN_TIMEOUT_S")
    assert seconds(services["orchestrator"]["stop_grace_period"]) > calls + 5
