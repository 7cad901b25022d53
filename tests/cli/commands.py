"""The `parley` command as a process."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

PARLEY = [sys.executable, "-m", "parley"]


@contextmanager
def up(
    *arguments: str, **environment: str
) -> Iterator[tuple[subprocess.Popen[str], dict[str, str]]]:
    """`parley up --json` with what it says when it is ready."""
    with subprocess.Popen(
        [*PARLEY, "up", "--port", "0", "--json", *arguments],
        env={**os.environ, **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as child:
        assert child.stdout is not None
        try:
            line = child.stdout.readline()
            assert line, "ended before it was ready"
            yield child, json.loads(line)
        finally:
            child.terminate()
            child.communicate(timeout=20)


def parley(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*PARLEY, *arguments],
        env={**os.environ, "COLUMNS": "200", **environment},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
