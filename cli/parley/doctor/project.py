"""The stack that Docker Compose would start, and the one that runs: its own JSON, read."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any


class WrongShape(Exception):
    """Compose said something else than it used to."""


@dataclass(frozen=True, slots=True)
class Port:
    """A port of this host that a service is published on; `target` is the container's."""

    service: str
    address: str
    number: int
    target: int
    protocol: str = "tcp"


@dataclass(frozen=True, slots=True)
class Project:
    """What the Compose files and the `.env` come to.

    Args:
        environments: of each service that would start, what is set in it.
        gpus: of each service that reserves GPUs, their numbers or UUIDs.
        build_args: of each service whose image is built, what it is built with.
        fetched_for: of each service that does its work once, those that start when it has.
    """

    environments: Mapping[str, Mapping[str, str]]
    images: Mapping[str, str]
    ports: Sequence[Port]
    gpus: Mapping[str, Sequence[str]]
    build_args: Mapping[str, Mapping[str, str]]
    fetched_for: Mapping[str, Sequence[str]]
    name: str = "parley"


@dataclass(frozen=True, slots=True)
class Container:
    """One container of the stack.

    Args:
        is_done: whether it has ended as it should; what fetches models does.
    """

    service: str
    state: str
    health: str
    ports: Sequence[int]
    is_done: bool = False


def read_project(text: str) -> Project:
    """From `docker compose config --format json`.

    Raises:
        WrongShape: it is something else.
    """
    try:
        told = json.loads(text)
        services: Mapping[str, Any] = told["services"]
        return Project(
            environments={name: _environment(service) for name, service in services.items()},
            images={name: str(service.get("image", "")) for name, service in services.items()},
            ports=[port for name, service in services.items() for port in _ports(name, service)],
            gpus={name: gpus for name, s in services.items() if (gpus := _gpus(s))},
            build_args={n: _build_args(s) for n, s in services.items() if s.get("build")},
            fetched_for={
                name: [other for other, s in services.items() if _waits_for_end_of(name, s)]
                for name, service in services.items()
                if service.get("restart") == "no"
            },
            name=str(told.get("name", "parley")),
        )
    except (ValueError, KeyError, TypeError, AttributeError) as exc:
        raise WrongShape("`docker compose config` answered in another shape") from exc


def read_containers(text: str) -> Sequence[Container]:
    """From `docker compose ps --format json`, which is a list or a line for each container.

    Raises:
        WrongShape: it is something else.
    """
    try:
        is_list = text.startswith("[")
        told = json.loads(text) if is_list else list(map(json.loads, text.splitlines()))
        return [_container(each) for each in told]
    except (ValueError, KeyError, TypeError, AttributeError) as exc:
        raise WrongShape("`docker compose ps` answered in another shape") from exc


def _environment(service: Mapping[str, Any]) -> dict[str, str]:
    """What is set to something; Compose writes each `$` twice."""
    given: Mapping[str, Any] = service.get("environment") or {}
    return {name: str(value).replace("$$", "$") for name, value in given.items() if value}


def _build_args(service: Mapping[str, Any]) -> dict[str, str]:
    given: Mapping[str, Any] = service["build"].get("args") or {}
    return {name: str(value) for name, value in given.items() if value}


def _ports(name: str, service: Mapping[str, Any]) -> Iterator[Port]:
    for port in service.get("ports") or ():
        published = str(port.get("published", ""))
        if published.isdigit():
            yield Port(
                service=name,
                address=port.get("host_ip", "0.0.0.0"),
                number=int(published),
                target=int(port["target"]),
                protocol=port.get("protocol", "tcp"),
            )


def _waits_for_end_of(name: str, service: Mapping[str, Any]) -> bool:
    needed: Mapping[str, Any] = service.get("depends_on") or {}
    return (needed.get(name) or {}).get("condition") == "service_completed_successfully"


def _gpus(service: Mapping[str, Any]) -> Sequence[str]:
    """A mere count is of the first ones."""
    reserved: Any = service
    for part in ("deploy", "resources", "reservations", "devices"):
        reserved = (reserved or {}).get(part)
    return [
        str(number)
        for device in reserved or ()
        if "gpu" in device.get("capabilities", ())
        for number in device.get("device_ids") or range(max(1, int(device.get("count", 1))))
    ]


def _container(told: Mapping[str, Any]) -> Container:
    published = (each.get("PublishedPort", 0) for each in told.get("Publishers") or ())
    return Container(
        service=str(told["Service"]),
        state=str(told["State"]),
        health=str(told.get("Health", "")),
        ports=[port for port in published if port],
        is_done=told["State"] == "exited" and told.get("ExitCode") == 0,
    )
