"""The entry point: settings in, a configuration out, a sentence where one is wrong."""

import os
import subprocess
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from parley.bench.gateway_nginx import FOLDER


def check(folder: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """The configuration rendered and checked by nginx."""
    base = {
        "PATH": f"{os.environ['PATH']}:/usr/sbin",
        "TMPDIR": str(folder),
        "GATEWAY_HOME": str(FOLDER),
        "GATEWAY_CERTIFICATE": "/nowhere.crt",
        "GATEWAY_CERTIFICATE_KEY": "/nowhere.key",
    }
    return subprocess.run(
        [FOLDER / "gateway", "-t"],
        env=base | environment, capture_output=True, text=True, timeout=30, check=False,
    )  # fmt: skip


def test_without_any_setting_the_configuration_is_sound(tmp_path: Path) -> None:
    assert check(tmp_path).returncode == 0


def test_an_empty_setting_is_the_default(tmp_path: Path) -> None:
    empty = check(tmp_path, GATEWAY_STT="", STT_MAX_BODY_BYTES="", STT_REQUEST_TIMEOUT_S="")

    assert empty.returncode == 0


@pytest.mark.parametrize(
    ("name", "value", "told"),
    [
        ("STT_MAX_BODY_BYTES", "25m", "not a number"),
        ("STT_REQUEST_TIMEOUT_S", "soon", "not a number"),
        ("GATEWAY_STT", "stt", "not host:port"),
        ("GATEWAY_LLM", "llm:8000; return 200", "not host:port"),
        ("GATEWAY_TTS", "tts:8000\n}", "not host:port"),
        ("GATEWAY_RESOLVER", "::1", "not an address"),
        ("GATEWAY_PAGE", "page", "not a path"),
        ("GATEWAY_WORKERS", "0", "not a number"),
    ],
)
def test_a_wrong_setting_is_named_in_one_sentence(
    tmp_path: Path, name: str, value: str, told: str
) -> None:
    refused = check(tmp_path, **{name: value})

    assert refused.returncode == 2
    assert refused.stderr == f"gateway: {name} is {told}.\n"


@pytest.mark.parametrize("value", ["30", "0.5", "900.0"])
def test_seconds_may_have_a_fraction(tmp_path: Path, value: str) -> None:
    assert check(tmp_path, STT_REQUEST_TIMEOUT_S=value).returncode == 0


_odd = st.text(st.characters(codec="ascii", exclude_characters="\0"), min_size=1, max_size=12)


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(_odd, st.sampled_from(["GATEWAY_STT", "GATEWAY_LISTEN", "STT_MAX_BODY_BYTES"]))
def test_no_value_becomes_a_directive(tmp_path: Path, value: str, name: str) -> None:
    """What is not refused by us stands in the configuration as one word."""
    checked = check(tmp_path, **{name: f"{value};x"})

    assert checked.returncode == 2
    assert checked.stderr.startswith(f"gateway: {name} is not ")
