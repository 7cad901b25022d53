"""The official Node SDK against the whole stack; its tests are in `node/`."""

import os
import re
import subprocess
import sys
from pathlib import Path

from tests.contract.conftest import KEY, WHISPER

HERE = Path(__file__).parent
NODE = Path(sys.executable).with_name("node")
QUESTION = HERE.parents[1] / "examples" / "question.wav"


def test_the_node_sdk_finds_what_it_expects(stack: str, whisper: str) -> None:
    environment = {
        **os.environ,
        "BASE_URL": stack,
        "WHISPER_URL": whisper,
        "WHISPER_MODEL": WHISPER,
        "API_KEY": KEY,
        "QUESTION": str(QUESTION),
    }
    run = subprocess.run(
        [NODE, "--test", "contract.test.mjs"],
        cwd=HERE / "node",
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )

    assert run.returncode == 0, run.stdout + run.stderr
    passed = re.search(r"pass (\d+)", run.stdout)
    assert passed is not None
    assert int(passed[1]) >= 39
