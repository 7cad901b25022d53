"""What every container of ours keeps to, as rules over a parsed composition; pure.

A rule is a function from a service's name and its definition to sentences on what is wrong. It
reads the short forms that we write and the long ones that `docker compose config` makes of them.
What a service may have is listed, and what is not listed is refused: Compose learns more each year.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from tests.compose.compositions import ROOT
from tests.images.dockerfiles import is_pinned, substituted, unpinned_bases

Service = Mapping[str, Any]
Rule = Callable[[str, Service], Iterator[str]]

PUBLIC = "gateway"
_INTERNAL = "inside"
# They end when a model is in its volume.
FETCHES = ("llm-model", "stt-model", "tts-model")
# Where each may be that has to be somewhere else than on the network which leads nowhere.
_NETWORKS: Mapping[str, frozenset[str]] = {
    "gateway": frozenset({"front"}),
    **dict.fromkeys(FETCHES, frozenset({"hub"})),
    "orchestrator": frozenset({"outside"}),
    "livekit": frozenset({"outside"}),
    "prometheus": frozenset({"watch"}),
    "grafana": frozenset({"watch", "front"}),
}
_KEYS = frozenset(
    [
        "build",
        "cap_drop",
        "command",
        "depends_on",
        "deploy",
        "entrypoint",
        "environment",
        "extra_hosts",
        "healthcheck",
        "image",
        "init",
        "logging",
        "mem_limit",
        "networks",
        "pids_limit",
        "ports",
        "profiles",
        "read_only",
        "restart",
        "secrets",
        "security_opt",
        "shm_size",
        "stop_grace_period",
        "tmpfs",
        "user",
        "volumes",
    ]
)
_BUILD_KEYS = frozenset({"args", "context", "dockerfile", "dockerfile_inline", "target"})
_TOP_KEYS: Mapping[str, frozenset[str]] = {
    "networks": frozenset({"name", "internal"}),
    "volumes": frozenset({"name"}),
    "secrets": frozenset({"name", "file"}),
    "configs": frozenset({"name", "content"}),
}
# Volumes by their names, and what of the repository a container reads.
_SOURCE = re.compile(
    r"[a-z][\w-]*|\$\{GATEWAY_CERTS:-certificates\}|\./(personas|services/monitoring/.+)"
)
# A file that whoever starts it names, or none.
_SECRET = re.compile(r"\$\{\w+_FILE:-/dev/null\}|/dev/null")


def problems(composition: Mapping[str, Any]) -> list[str]:
    """Everything that is wrong, each with the name of what it is about in front."""
    services: Mapping[str, Service] = composition["services"]
    found = [
        f"{name}: {problem}"
        for name, service in _with_builds(services).items()
        for rule in RULES
        for problem in rule(name, service)
    ]
    return [*found, *_beside_the_services(composition)]


def _beside_the_services(composition: Mapping[str, Any]) -> Iterator[str]:
    for kind, allowed in _TOP_KEYS.items():
        for name, one in (composition.get(kind) or {}).items():
            yield from (f"{kind} {name}: {key} is not allowed" for key in _others(one, allowed))
            if "file" in (one or {}) and not _SECRET.fullmatch(one["file"]):
                yield f"{kind} {name}: {one['file']} is the host's"
    if not composition["networks"][_INTERNAL].get("internal"):
        yield f"networks {_INTERNAL}: it is not internal"


def _others(given: Mapping[str, Any] | None, allowed: frozenset[str]) -> list[str]:
    """What is set that is none of these."""
    return sorted(key for key, value in (given or {}).items() if value and key not in allowed)


def _with_builds(services: Mapping[str, Service]) -> Mapping[str, Service]:
    """An image that one of them builds is not pulled for another either."""
    builds = {one["image"]: one["build"] for one in services.values() if one.get("build")}
    return {
        name: {"build": builds[one["image"]], **one} if one.get("image") in builds else one
        for name, one in services.items()
    }


def image_is_pinned(name: str, service: Service) -> Iterator[str]:
    image = substituted(service.get("image", ""), {})
    tag = image.rpartition(":")[2]
    if not is_pinned(image):
        yield f"image {image!r} has no tag that stays what it is"
    elif "build" not in service and "@sha256:" not in image and not _is_exact(tag):
        yield f"image {image!r} is pulled, and {tag!r} is no exact version"
    for base in unpinned_bases(service.get("build", {}).get("dockerfile_inline", "")):
        yield f"its base {base!r} has no tag that stays what it is"


def _is_exact(tag: str) -> bool:
    return bool(re.fullmatch(r"v?\d+\.\d+\.\d+.*|.*b\d{4,}", tag))


def it_is_confined(name: str, service: Service) -> Iterator[str]:
    if service.get("read_only") is not True:
        yield "its root is not read-only"
    if service.get("cap_drop") != ["ALL"]:
        yield "it does not drop all capabilities"
    if service.get("security_opt") != ["no-new-privileges:true"]:
        yield "security_opt is not no-new-privileges alone"
    if not re.fullmatch(r"[1-9]\d*(:\d+)?", str(service.get("user", 10001))):
        yield "it runs as root"


def it_has_only_what_is_listed(name: str, service: Service) -> Iterator[str]:
    yield from (f"{key} is not allowed" for key in _others(service, _KEYS))
    yield from (
        f"build: {key} is not allowed" for key in _others(service.get("build"), _BUILD_KEYS)
    )
    reserved = service.get("deploy") or {}
    for part in ("resources", "reservations"):
        yield from (f"deploy: {key} is not allowed" for key in _others(reserved, frozenset({part})))
        reserved = reserved.get(part) or {}
    for device in reserved.get("devices") or ():
        if device.get("capabilities") != ["gpu"]:
            yield f"it reserves {device}"


def it_has_limits(name: str, service: Service) -> Iterator[str]:
    for key in ("mem_limit", "pids_limit"):
        if not _is_positive(service.get(key)):
            yield f"{key} does not limit it"
    for mount in service.get("tmpfs", ()):
        if not re.search(r"[:,]size=[1-9]", mount):
            yield f"tmpfs {mount} has no size"
    options = service.get("logging", {}).get("options", {})
    if not all(_is_positive(options.get(key)) for key in ("max-size", "max-file")):
        yield "its log grows without a limit"


def _is_positive(value: object) -> bool:
    """Docker takes 0 and -1 for `as much as there is`."""
    return re.match(r"[1-9]", str(value)) is not None


def it_lives_and_ends_well(name: str, service: Service) -> Iterator[str]:
    if service.get("init") is not True:
        yield "init is missing: nobody reaps what its children leave"
    if service.get("restart") != ("no" if name in FETCHES else "unless-stopped"):
        yield "it comes back when it has ended" if name in FETCHES else "it does not come back"
    if not service.get("stop_grace_period"):
        yield "stop_grace_period is missing"


def it_has_a_health_check(name: str, service: Service) -> Iterator[str]:
    check = service.get("healthcheck") or {}
    if not check.get("test") or check.get("disable") or check["test"][0] == "NONE":
        yield "it has no health check"
        return
    for key in ("interval", "timeout", "retries"):
        if not check.get(key):
            yield f"its health check has no {key}"
    if "start_interval" in check:
        yield "start_interval needs a newer engine"


def mounts_are_harmless(name: str, service: Service) -> Iterator[str]:
    for mount in service.get("volumes") or ():
        source, read_only = _mount(mount)
        if not _SOURCE.fullmatch(source) or ".." in source:
            yield f"{source!r} is none of what may be mounted"
        elif source.startswith("./") and not read_only:
            yield f"{source} is mounted to be written"


def _mount(mount: str | Mapping[str, Any]) -> tuple[str, bool]:
    """The source, as it is written below the repository's root, and whether it is only read."""
    if not isinstance(mount, str):
        source = str(mount.get("source", "")).replace(f"{ROOT}/", "./", 1)
        return source, mount.get("read_only") is True
    found = re.fullmatch(r"(\$\{[^}]*\}|[^:]*):[^:]*(?::(.*))?", mount)
    return (found[1], "ro" in (found[2] or "").split(",")) if found else (mount, False)


def only_the_gateway_is_published(name: str, service: Service) -> Iterator[str]:
    if name == PUBLIC:
        return
    for port in service.get("ports") or ():
        # What belongs to a profile is a tool for this host alone.
        host = port.get("host_ip") if isinstance(port, Mapping) else substituted(port, {})
        if not service.get("profiles") or not str(host).startswith("127.0.0.1"):
            yield f"it publishes {port}"


def networks_are_those_it_needs(name: str, service: Service) -> Iterator[str]:
    allowed = {_INTERNAL, *_NETWORKS.get(name, ())}
    more = set(service.get("networks") or ("default",)) - allowed
    yield from (f"it is on the network {network}" for network in sorted(more))


RULES: tuple[Rule, ...] = (
    image_is_pinned,
    it_is_confined,
    it_has_only_what_is_listed,
    it_has_limits,
    it_lives_and_ends_well,
    it_has_a_health_check,
    mounts_are_harmless,
    only_the_gateway_is_published,
    networks_are_those_it_needs,
)
