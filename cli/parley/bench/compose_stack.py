"""The demo stack in containers, by way of `docker compose`."""

import json
import os
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from parley.errors import ServiceFailed

ROOT = Path(__file__).parents[3]
DEMO = ("docker-compose.yml", "compose.demo.yml")
SERVICES = ("gateway", "stt", "tts", "llm", "ws-llm")
# Nothing else of the caller's environment: it could change what the stack is.
_KEPT = ("PATH", "HOME", "DOCKER_HOST", "DOCKER_CONFIG", "DOCKER_CONTEXT", "DOCKER_TLS_VERIFY")
_POLL_S = 0.1


@dataclass(frozen=True, slots=True)
class ComposeStack:
    """One project of `docker compose`."""

    project: str
    env_file: Path
    files: Sequence[str] = DEMO

    @property
    def command(self) -> list[str]:
        files = [part for file in self.files for part in ("-f", str(ROOT / file))]
        return ["docker", "compose", "--env-file", str(self.env_file), *files, "-p", self.project]

    def run(self, *arguments: str, timeout_s: float = 900) -> str:
        """What a subcommand writes to its standard output.

        Raises:
            ServiceFailed: it failed; with its last line.
        """
        return _output([*self.command, *arguments], timeout_s)

    def url(self) -> str:
        """Where the gateway is published."""
        port = self.run("port", "gateway", "8080").strip().rpartition(":")[2]
        return f"http://127.0.0.1:{port}"

    def direct_url(self) -> str:
        """The gateway's own address, as callers of another machine reach it.

        Where the port is published on loopback a proxy of Docker's takes every connection, and
        hangs up when nobody listens behind it: who is refused cannot be told from who is lost.
        """
        form = "{{json .NetworkSettings.Networks}}"
        networks = json.loads(docker("inspect", "--format", form, self.container("gateway")))
        return f"http://{networks[f'{self.project}_front']['IPAddress']}:8080"

    def healths(self) -> Mapping[str, str]:
        """`starting`, `healthy`, `unhealthy` or nothing, by the names of the containers."""
        lines = self.run("ps", "--all", "--format", "json").splitlines()
        return {one["Name"]: one["Health"] for one in map(json.loads, lines)}

    def wait_healthy(self, within_s: float) -> None:
        """
        Raises:
            ServiceFailed: names what is not healthy in time.
        """
        deadline = time.monotonic() + within_s
        while ill := sorted(n for n, health in self.healths().items() if health != "healthy"):
            if time.monotonic() > deadline:
                raise ServiceFailed(f"Not healthy within {within_s:.0f} s: {', '.join(ill)}.")
            time.sleep(_POLL_S)

    def container(self, service: str) -> str:
        """The id of a service's only container."""
        return self.run("ps", "-q", service).strip()

    def down(self) -> None:
        """Remove all of it.

        Raises:
            ServiceFailed: a container or a volume is left.
        """
        try:
            self.run("down", "--volumes", "--timeout", "5", "--remove-orphans")
        except ServiceFailed:
            # Engine 20.10 at times keeps an end of a network whose container is gone, and with it
            # the network, until it is restarted itself: that alone is no failure.
            if self._left():
                raise

    def _left(self) -> str:
        of_project = ("--quiet", "--filter", f"label=com.docker.compose.project={self.project}")
        return docker("ps", "--all", *of_project) + docker("volume", "ls", *of_project)

    def inside(self, service: str, *command: str) -> str:
        """What a command in a service's container writes."""
        return self.run("exec", "-T", service, *command, timeout_s=60)


def docker(*arguments: str, timeout_s: float = 120) -> str:
    """What `docker` writes to its standard output.

    Raises:
        ServiceFailed: it failed; with its last line.
    """
    return _output(["docker", *arguments], timeout_s)


def _output(command: Sequence[str], timeout_s: float) -> str:
    try:
        done = subprocess.run(
            command,
            env={name: os.environ[name] for name in _KEPT if name in os.environ},
            capture_output=True,
            text=True,
            check=False,
            timeout=timeout_s,
        )
    except FileNotFoundError as exc:
        raise ServiceFailed("There is no docker here: install Docker and its Compose.") from exc
    except subprocess.TimeoutExpired as exc:
        raise ServiceFailed(f"docker took more than {timeout_s:.0f} s.") from exc
    if done.returncode:
        last = (done.stderr.strip().splitlines() or [f"exit status {done.returncode}"])[-1]
        raise ServiceFailed(f"docker failed: {last}")
    return done.stdout


@contextmanager
def demo_stack(project: str, settings: Mapping[str, str]) -> Iterator[ComposeStack]:
    """A project with its settings, of which nothing is left afterwards."""
    with tempfile.TemporaryDirectory() as folder:
        env_file = Path(folder) / "env"
        env_file.write_text("".join(f"{name}={value}\n" for name, value in settings.items()))
        stack = ComposeStack(project, env_file)
        try:
            yield stack
        finally:
            stack.down()
