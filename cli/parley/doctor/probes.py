"""What other programs tell of this machine and the stack, each asked once and when it is needed."""

import asyncio
import json
from collections.abc import Coroutine, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, Self, TypeVar

from parley.doctor.commands import CommandFailed, output_of
from parley.doctor.gpu import QUERY, Gpu, read_gpus
from parley.doctor.project import (
    Container,
    Project,
    WrongShape,
    read_containers,
    read_project,
)

T = TypeVar("T")

_SLOW_S = 20.0


class Probes:
    """An async context manager: what still runs when it ends is stopped."""

    def __init__(
        self, env_file: Path, compose_files: Sequence[Path], compose_shell: Mapping[str, str]
    ) -> None:
        """
        Args:
            compose_shell: what Compose finds exported beside what is.
        """
        self._env_file = env_file
        self._compose_files = compose_files
        self._compose_shell = compose_shell
        self._tasks: list[asyncio.Task[Any]] = []

    @property
    def names_files(self) -> bool:
        """Whether Compose is told which files to take."""
        return bool(self._compose_files)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _ask(self, question: Coroutine[Any, Any, T]) -> "asyncio.Task[T]":
        task = asyncio.create_task(question)
        self._tasks.append(task)
        return task

    @cached_property
    def docker(self) -> "asyncio.Task[dict[str, Any]]":
        """`docker info`."""
        return self._ask(self._docker())

    @cached_property
    def compose(self) -> "asyncio.Task[str]":
        return self._ask(output_of("docker", "compose", "version", "--short"))

    @cached_property
    def buildx(self) -> "asyncio.Task[str]":
        return self._ask(output_of("docker", "buildx", "version"))

    @cached_property
    def project(self) -> "asyncio.Task[Project]":
        return self._ask(self._project())

    @cached_property
    def containers(self) -> "asyncio.Task[Sequence[Container]]":
        return self._ask(self._containers())

    @cached_property
    def images(self) -> "asyncio.Task[Sequence[str]]":
        return self._ask(self._lines("docker", "image", "ls", "--format", _TAGGED))

    @cached_property
    def volumes(self) -> "asyncio.Task[Sequence[str]]":
        return self._ask(self._lines("docker", "volume", "ls", "--quiet"))

    @cached_property
    def gpus(self) -> "asyncio.Task[Sequence[Gpu]]":
        return self._ask(self._gpus())

    async def _docker(self) -> dict[str, Any]:
        told = json_object(await output_of("docker", "info", "--format", "{{json .}}"))
        if not told.get("ServerVersion"):
            raise CommandFailed("`docker info` told nothing of the engine")
        return told

    async def _project(self) -> Project:
        command = self._compose_command("config", "--format", "json")
        return read_project(await self._compose_output(command))

    async def _containers(self) -> Sequence[Container]:
        command = self._compose_command("ps", "--all", "--format", "json")
        return read_containers((await self._compose_output(command)).strip())

    async def _compose_output(self, command: Sequence[str]) -> str:
        """As somebody would run it beside the `.env`."""
        beside = self._env_file.parent
        return await output_of(
            *command,
            deadline_s=_SLOW_S,
            exported=self._compose_shell,
            directory=beside if beside.is_dir() else None,
        )

    def _compose_command(self, *arguments: str) -> Sequence[str]:
        there = ("--env-file", str(self._env_file)) if self._env_file.is_file() else ()
        files = [part for file in self._compose_files for part in ("--file", str(file))]
        return ("docker", "compose", *there, *files, *arguments)

    async def _lines(self, *command: str) -> Sequence[str]:
        return (await output_of(*command)).split()

    async def _gpus(self) -> Sequence[Gpu]:
        query = (f"--query-gpu={QUERY}", "--format=csv,noheader,nounits")
        return read_gpus(await output_of("nvidia-smi", *query))


_TAGGED = "{{.Repository}}:{{.Tag}}"


def json_object(text: str) -> dict[str, Any]:
    """
    Raises:
        WrongShape: it is no JSON object.
    """
    try:
        told = json.loads(text)
    except ValueError as exc:
        raise WrongShape("the answer is no JSON") from exc
    if not isinstance(told, dict):
        raise WrongShape("the answer is no JSON object")
    return told


async def known(task: "asyncio.Task[T]") -> T | None:
    """What a probe found; None where it could not: the check that is about it says why."""
    try:
        return await asyncio.shield(task)
    except (CommandFailed, WrongShape):
        return None
