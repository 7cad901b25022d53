"""Checks of this machine: what Compose needs to start the stack, and whether there is room."""

import os
import shutil
import socket
import sys
from collections.abc import Awaitable, Collection, Mapping, Sequence

from parley.doctor.commands import CommandFailed, NotInstalled
from parley.doctor.disk import judge_disk, judge_torch, need
from parley.doctor.environment import Environment
from parley.doctor.findings import Line, failure, ok, skipped, warning
from parley.doctor.gpu import judge_cards
from parley.doctor.ports import judge_port, try_port
from parley.doctor.probes import Probes, known
from parley.doctor.project import Container, Project, WrongShape
from parley.doctor.running import Check
from parley.doctor.settings import read
from parley.doctor.versions import BUILDX, COMPOSE, DOCKER, DRIVER, Needed, judge, judge_python
from parley_llm.settings import LlmSettings

MACHINE = "This machine"
GPU = "GPU"
CONTAINERS = "Containers"
_NO_PROJECT = "Docker Compose does not tell what it would start"
_SAID = 240
_COMPOSE_FILES = ("docker-compose.yml", "compose.yaml", "compose.yml", "docker-compose.yaml")
_ELSEWHERE = "Docker's engine runs on another machine, or in a virtual one"
_WITHOUT_GPU = (
    "Add a line COMPOSE_FILE=docker-compose.yml:compose.cpu.yml to .env, or one with "
    "compose.demo.yml, which downloads nothing."
)
_TOOLKIT = (
    "Install it: https://docs.nvidia.com/datacenter/cloud-native/container-toolkit/latest/"
    "install-guide.html, then `sudo nvidia-ctk runtime configure --runtime=docker` and "
    "`sudo systemctl restart docker`."
)


def machine_checks(environment: Environment, probes: Probes) -> list[Check]:
    """In the order in which they are shown."""
    machine = Machine(environment, probes)
    return [
        Check(MACHINE, "Python", machine.python),
        Check(MACHINE, "Docker", machine.docker),
        Check(MACHINE, "Compose", machine.compose),
        Check(MACHINE, "Buildx", machine.buildx),
        Check(MACHINE, "Compose files", machine.compose_files, deadline_s=30),
        Check(MACHINE, "Disk", machine.disk, deadline_s=30),
        Check(MACHINE, "Ports", machine.ports, deadline_s=30),
        Check(GPU, "Driver", machine.driver, deadline_s=30),
        Check(GPU, "Toolkit", machine.toolkit, deadline_s=30),
        Check(GPU, "Memory", machine.gpu_memory, deadline_s=30),
        Check(CONTAINERS, "Running", machine.containers, deadline_s=30),
    ]


class Machine:
    """Each method is a check."""

    def __init__(self, environment: Environment, probes: Probes) -> None:
        self._environment = environment
        self._probes = probes

    async def python(self) -> Sequence[Line]:
        return [judge_python(sys.version_info[:3])]

    async def docker(self) -> Sequence[Line]:
        try:
            told = await self._probes.docker
        except NotInstalled:
            return [failure("not installed", DOCKER.how)]
        except (CommandFailed, WrongShape) as exc:
            return [
                failure(
                    f"the engine does not answer: {exc}",
                    "Start it (`sudo systemctl start docker`), and let this user use it "
                    "(`sudo usermod -aG docker $USER`, then log in again).",
                )
            ]
        return [judge(DOCKER, str(told["ServerVersion"]))]

    async def compose(self) -> Sequence[Line]:
        return [await _version(COMPOSE, self._probes.compose)]

    async def buildx(self) -> Sequence[Line]:
        line = await _version(BUILDX, self._probes.buildx)
        return [warning(line.found, line.todo) if line.verdict == "failure" else line]

    async def compose_files(self) -> Sequence[Line]:
        try:
            project = await self._probes.project
        except NotInstalled:
            return [skipped("Docker is not installed")]
        except WrongShape as exc:
            return [failure(str(exc), COMPOSE.how)]
        except CommandFailed as exc:
            return [self._no_files() or self._refused(exc)]
        return [ok(f"would start {', '.join(project.environments)}")]

    def _no_files(self) -> Line | None:
        """Beside the `.env` is where Compose looks, if it is told of no others."""
        place = self._environment.path.parent
        if self._probes.names_files or "COMPOSE_FILE" in os.environ:
            return None
        if any((place / name).exists() for name in _COMPOSE_FILES):
            return None
        return failure(
            f"there is no docker-compose.yml in {place}",
            "Run this in the directory of Parley's repository, or name its .env with --env.",
        )

    def _refused(self, exc: CommandFailed) -> Line:
        # Compose quotes lines that it cannot read, whatever they hold.
        file = self._environment.file
        said = "" if file and file.faults else exc.said[:_SAID]
        return failure(
            f"Compose refuses them, or the .env: {said or exc}",
            "Correct that; `docker compose config --quiet` says it in full.",
        )

    async def disk(self) -> Sequence[Line]:
        project, told = await known(self._probes.project), await known(self._probes.docker)
        if not project or not told:
            return [skipped(_NO_PROJECT)]
        root = str(told.get("DockerRootDir", ""))
        free = None if _is_elsewhere(told) else _free_bytes(root)
        if free is None:
            return [skipped(_ELSEWHERE)]
        images = await known(self._probes.images) or ()
        volumes = await known(self._probes.volumes) or ()
        needed = need(project, images, models_there=volumes)
        return [judge_disk(needed, free, root), *judge_torch(project, images)]

    async def ports(self) -> Sequence[Line]:
        project = await known(self._probes.project)
        if not project:
            return [skipped(_NO_PROJECT)]
        if os.environ.get("DOCKER_HOST", "unix:").split(":")[0] != "unix":
            return [skipped("DOCKER_HOST is another machine")]
        ours = {port for each in await self._running() for port in each.ports}
        return [judge_port(port, try_port(port), ours) for port in project.ports] or [
            ok("none is published")
        ]

    async def driver(self) -> Sequence[Line]:
        unused = await self._needs_no_gpu()
        if unused:
            return [unused]
        try:
            gpus = await self._probes.gpus
        except NotInstalled:
            return [failure("nvidia-smi is not installed: no NVIDIA GPU, or no driver", _no_gpu())]
        except CommandFailed as exc:
            return [failure(f"{exc}: the driver does not work", DRIVER.how)]
        if not gpus:
            return [failure("the driver knows no GPU", _no_gpu())]
        return [judge(DRIVER, gpus[0].driver)]

    async def toolkit(self) -> Sequence[Line]:
        unused = await self._needs_no_gpu()
        if unused:
            return [unused]
        told = await known(self._probes.docker)
        if not told:
            return [skipped("Docker does not answer")]
        if not await known(self._probes.gpus):
            return [skipped("no GPU that containers could have")]
        if "nvidia" in (told.get("Runtimes") or {}):
            return [ok("Docker knows the nvidia runtime")]
        if _is_elsewhere(told):
            return [skipped(_ELSEWHERE)]
        if shutil.which("nvidia-container-runtime-hook"):
            return [ok("installed")]
        return [failure("not installed: containers cannot have the GPU", _TOOLKIT)]

    async def gpu_memory(self) -> Sequence[Line]:
        unused = await self._needs_no_gpu()
        if unused:
            return [unused]
        gpus, project = await known(self._probes.gpus), await known(self._probes.project)
        if not gpus or not project:
            return [skipped("no GPU that could be asked")]
        settings = read(LlmSettings, project.environments.get("llm", {})).settings
        if settings is None:
            return [skipped("the settings of llm are wrong")]
        running = [each.service for each in await self._running()]
        return judge_cards(gpus, _computing(project), settings, running=running)

    async def containers(self) -> Sequence[Line]:
        project, there = await known(self._probes.project), await known(self._probes.containers)
        if project is None or there is None:
            return [skipped("Docker Compose does not tell")]
        if not there:
            return [skipped("not started", "`docker compose up -d` starts them.")]
        return judge_containers(project, there)

    async def _running(self) -> Sequence[Container]:
        there = await known(self._probes.containers) or ()
        return [each for each in there if each.state == "running"]

    async def _needs_no_gpu(self) -> Line | None:
        project = await known(self._probes.project)
        if project is None:
            return skipped(_NO_PROJECT)
        return None if project.gpus else skipped("no service that would start uses one")


def judge_containers(project: Project, there: Sequence[Container]) -> Sequence[Line]:
    """A line for each container that is not as it should be."""
    lasting = [each for each in there if not each.is_done]
    lines = [line for each in lasting if (line := _judge_container(each))]
    lines += [
        failure(f"{name} is not there", "`docker compose up -d` starts it.")
        for name in _missing(project, {each.service for each in there})
    ]
    return lines or [ok(f"all {len(lasting)} run and are healthy")]


def _missing(project: Project, there: Collection[str]) -> Sequence[str]:
    """Without what has fetched for a service that is there: `docker system prune` removes it."""
    return sorted(
        name
        for name in project.environments
        if name not in there
        and not any(served in there for served in project.fetched_for.get(name, ()))
    )


def _judge_container(container: Container) -> Line | None:
    logs = f"`docker compose logs {container.service}` tells why."
    if container.state == "created":
        return warning(
            f"{container.service} waits for another, such as its model",
            "Wait; `docker compose logs -f` tells how far that is.",
        )
    if container.state != "running":
        return failure(f"{container.service} is {container.state}", logs)
    if container.health == "starting":
        follow = f"`docker compose logs -f {container.service}` tells how far it is."
        return warning(f"{container.service} is starting", f"Wait; {follow}")
    if container.health == "unhealthy":
        return failure(f"{container.service} runs and is not ready", logs)
    return None


def _computing(project: Project) -> Mapping[str, Sequence[str]]:
    """Of the services that reserve cards those that compute on them."""
    return {
        name: cards
        for name, cards in project.gpus.items()
        if project.environments[name].get(f"{name.upper()}_DEVICE", "cuda") != "cpu"
    }


async def _version(needed: Needed, said: Awaitable[str]) -> Line:
    try:
        return judge(needed, await said)
    except CommandFailed:
        return failure("not installed", needed.how)


def _is_elsewhere(told: dict[str, object]) -> bool:
    return told.get("Name") not in (None, socket.gethostname())


def _free_bytes(directory: str) -> int | None:
    """None where there is no such directory."""
    try:
        return shutil.disk_usage(directory).free
    except OSError:
        return None


def _no_gpu() -> str:
    return f"With a GPU: {DRIVER.how} Without: {_WITHOUT_GPU}"
