"""vLLM knows every argument that the service may give it, also those that need a GPU to work."""

import re
import subprocess
import sys

import pytest

from parley_llm.settings import LlmSettings
from parley_llm.vllm.command import MODULE, build_command


@pytest.fixture(scope="module")
def known() -> set[str]:
    command = [sys.executable, *MODULE[1:], "--help=all"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=240, check=True)
    return set(re.findall(r"--[a-z][a-z0-9-]+", done.stdout))


@pytest.mark.parametrize("device", ["cuda", "cpu"])
def test_every_argument_is_known(known: set[str], device: str) -> None:
    settings = LlmSettings.model_validate(
        {"device": device, "quantization": "awq", "api_keys": "k"}
    )
    given = {one for one in build_command(settings, MODULE).argv if one.startswith("--")}

    assert given <= known
