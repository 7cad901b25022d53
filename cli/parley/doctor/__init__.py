"""`parley doctor`: what is wrong with this machine, the settings and the stack, and what to do."""

import asyncio
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console

from parley.doctor.calls import Base, bases, call_checks
from parley.doctor.configured import settings_checks
from parley.doctor.contradictions import keys_of
from parley.doctor.environment import Environment, read_environment
from parley.doctor.findings import Report
from parley.doctor.http import shown
from parley.doctor.machine import machine_checks
from parley.doctor.probes import Probes
from parley.doctor.redaction import redact_findings, secrets_in
from parley.doctor.running import run

# Compose starts nothing without a key; a check of its own says so, and the others go on.
_ANY_KEY = {"API_KEYS": "any"}


@dataclass(frozen=True, slots=True)
class Asked:
    """What the doctor is to look at.

    Args:
        env_file: the `.env`; Compose's project is in its directory.
        compose_files: as with `docker compose --file`; none: as the `.env` and Compose say.
        urls: bases of stacks to call; none: the one of the settings.
    """

    env_file: Path
    compose_files: Sequence[Path] = ()
    urls: Sequence[str] = ()


def doctor(asked: Asked, console: Console) -> Report:
    """Run all checks; progress is shown on the console."""
    environment = read_environment(asked.env_file.absolute(), os.environ)
    stacks = bases(asked.urls, environment.values)
    with console.status("Looking") as status:
        return asyncio.run(_run(asked, environment, stacks, status.update))


async def _run(
    asked: Asked, environment: Environment, stacks: Sequence[Base], show: Callable[[str], None]
) -> Report:
    keyless = {} if keys_of(environment.secrets) else _ANY_KEY
    async with Probes(environment.path, asked.compose_files, keyless) as probes:
        checks = [
            *machine_checks(environment, probes),
            *settings_checks(environment, probes),
            *call_checks(environment, probes, stacks),
        ]

        def on_progress(done: int, waiting: Sequence[str]) -> None:
            show(f"{done} of {len(checks)} checks; {', '.join(waiting[:4])}")

        findings = await run(checks, on_progress)
    hidden = secrets_in(environment.secrets)
    return Report(
        env_file=str(asked.env_file),
        urls=[shown(base.url) for base in stacks],
        findings=list(redact_findings(findings, hidden)),
    )
