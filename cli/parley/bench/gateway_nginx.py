"""The gateway as its image runs it, on loopback: its entry point, with nginx from the PATH."""

import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from parley.bench.ports import free_port
from parley.errors import BadInput, ServiceFailed

_ROOT = Path(__file__).parents[3]
FOLDER = _ROOT / "services" / "gateway"
_STYLE = _ROOT / "kit" / "parley_kit" / "static"
_DOCS = _ROOT / "docs"
_STARTS_WITHIN_S = 10.0
_ENDS_WITHIN_S = 10.0


def nginx() -> str | None:
    """The program, where it is installed; Debian has it outside a user's PATH."""
    return shutil.which("nginx", path=f"{os.environ.get('PATH', '')}:/usr/sbin")


@dataclass(frozen=True, slots=True)
class Gateway:
    """A running gateway."""

    host: str
    port: int
    process: "subprocess.Popen[bytes]"
    log: Path
    """Its access log and its errors."""

    @property
    def url(self) -> str:
        return f"http://{self.host}:{self.port}"


@contextmanager
def gateway(services: Mapping[str, str], **settings: str) -> Iterator[Gateway]:
    """
    Args:
        services: where they are, `host:port` by name; one that is left out is away.
        settings: more of the gateway's environment.

    Raises:
        BadInput: there is no nginx or no checkout.
        ServiceFailed: it does not start; with what it says.
    """
    if nginx() is None:
        raise BadInput("There is no nginx here: install it, on Debian the package nginx-light.")
    if not FOLDER.is_dir():
        raise BadInput("The gateway is run from a git checkout: there is none around this package.")
    with tempfile.TemporaryDirectory(prefix="parley-") as folder:
        # nginx's workers are not the user who started it, when that is root.
        Path(folder).chmod(0o755)
        with _running(Path(folder), services, settings) as running:
            yield running


@contextmanager
def _running(
    folder: Path, services: Mapping[str, str], settings: Mapping[str, str]
) -> Iterator[Gateway]:
    port, log = free_port(), folder / "log"
    with (
        log.open("ab") as out,
        subprocess.Popen(
            [FOLDER / "gateway"],
            env={**_environment(folder, port, services), **settings},
            stdout=out,
            stderr=out,
        ) as process,
    ):
        try:
            _wait_for(port, process, log)
            yield Gateway("127.0.0.1", port, process, log)
        finally:
            process.terminate()
            process.wait(_ENDS_WITHIN_S)


def _environment(folder: Path, port: int, services: Mapping[str, str]) -> dict[str, str]:
    away = "127.0.0.1:1"
    return {
        "PATH": f"{os.environ['PATH']}:/usr/sbin",
        "TMPDIR": str(folder),
        "GATEWAY_HOME": str(FOLDER),
        "GATEWAY_STYLE": str(_STYLE),
        "GATEWAY_DOCS": str(_DOCS),
        "GATEWAY_LISTEN": f"127.0.0.1:{port}",
        "GATEWAY_CERTIFICATE": str(folder / "none.crt"),
        "GATEWAY_CERTIFICATE_KEY": str(folder / "none.key"),
        "GATEWAY_STT": services.get("stt", away),
        "GATEWAY_TTS": services.get("tts", away),
        "GATEWAY_LLM": services.get("llm", away),
        "GATEWAY_WS_LLM": services.get("ws-llm", away),
        "GATEWAY_STT_MODEL": services.get("stt-model", away),
        "GATEWAY_TTS_MODEL": services.get("tts-model", away),
        "GATEWAY_LLM_MODEL": services.get("llm-model", away),
    }


def _wait_for(port: int, process: "subprocess.Popen[bytes]", log: Path) -> None:
    deadline = time.monotonic() + _STARTS_WITHIN_S
    while process.poll() is None and time.monotonic() < deadline:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            time.sleep(0.01)
        else:
            return
    raise ServiceFailed(f"The gateway did not start. {log.read_text('utf-8').strip()}")
