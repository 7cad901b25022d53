"""What every container of ours keeps to, as rules over a parsed composition; pure.

A rule is a function from a service's name and its definition to sentences on what is wrong. It
reads the short forms that we write and the long ones that `docker compose config` makes of them.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from tests.images.dockerfiles import is_pinned, substituted, unpinned_bases

Service = Mapping[str, Any]
Rule = Callable[[str, Service], Iterator[str]]

PUBLIC = "gateway"
_INTERNAL = "inside"
# They end when a model is in its volume.
FETCHES = ("llm-model", "stt-model", "tts-model")
# Where each of our services may be, beside the network on which all are.
_NETWORKS: Mapping[str, frozenset[str]] = {
    "gateway": frozenset({"front"}),
    **dict.fromkeys(FETCHES, frozenset({"hub"})),
    "stt": frozenset(),
    "tts": frozenset(),
    "llm": frozenset(),
    "llama": frozenset(),
    "ws-llm": frozenset(),
    "orchestrator": frozenset({"outside"}),
}
_HOST_NAMESPACES = ("pid", "ipc", "network_mode", "userns_mode", "uts", "cgroup")
_TAKES_RIGHTS = ("cap_add", "devices", "device_cgroup_rules", "volumes_from", "env_file")


def problems(composition: Mapping[str, Any]) -> list[str]:
    """Everything that is wrong, each with the service's name in front."""
    services: Mapping[str, Service] = composition["services"]
    found = [
        f"{name}: {problem}"
        for name, service in _with_builds(services).items()
        for rule in RULES
        for problem in rule(name, service)
    ]
    if not composition["networks"][_INTERNAL].get("internal"):
        found.append(f"network {_INTERNAL}: it is not internal")
    return found


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
    return bool(re.search(r"\d+\.\d+\.\d+|b\d{4,}", tag))


def it_is_confined(name: str, service: Service) -> Iterator[str]:
    if service.get("read_only") is not True:
        yield "its root is not read-only"
    if service.get("cap_drop") != ["ALL"]:
        yield "it does not drop all capabilities"
    if "no-new-privileges:true" not in service.get("security_opt", ()):
        yield "it may gain new privileges"
    if any("unconfined" in option for option in service.get("security_opt", ())):
        yield "a security profile is switched off"
    if service.get("privileged"):
        yield "it is privileged"
    if re.match(r"(0|root)(:|$)", str(service.get("user", ""))):
        yield "it runs as root"


def it_takes_nothing_of_the_host(name: str, service: Service) -> Iterator[str]:
    yield from (f"{key} is not allowed" for key in _TAKES_RIGHTS if service.get(key))
    for key in _HOST_NAMESPACES:
        if str(service.get(key, "")).startswith(("host", "container:", "service:")):
            yield f"{key} is another's"


def it_has_limits(name: str, service: Service) -> Iterator[str]:
    yield from (f"{key} is missing" for key in ("mem_limit", "pids_limit") if not service.get(key))
    for mount in service.get("tmpfs", ()):
        if "size=" not in mount:
            yield f"tmpfs {mount} has no size"
    options = service.get("logging", {}).get("options", {})
    if not {"max-size", "max-file"} <= options.keys():
        yield "its log grows without a limit"


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
    for mount in map(_mount, service.get("volumes") or ()):
        if re.search(r"\.sock$|^/(var/)?run(/|$)|^/(proc|sys|dev|etc)?(/|$)", mount["source"]):
            yield f"{mount['source']} is the host's"
        elif mount["is_path"] and not mount["read_only"]:
            yield f"{mount['source']} is mounted to be written"


def _mount(mount: str | Mapping[str, Any]) -> Mapping[str, Any]:
    if not isinstance(mount, str):
        source, is_path = mount["source"], mount["type"] == "bind"
        return {"source": source, "is_path": is_path, "read_only": mount.get("read_only")}
    source, _, options = re.sub(r"\$\{[^}]*:-([^}]*)\}", r"\1", mount).partition(":")
    is_path = source.startswith((".", "/", "~"))
    return {"source": source, "is_path": is_path, "read_only": options.endswith(":ro")}


def only_the_gateway_is_published(name: str, service: Service) -> Iterator[str]:
    if name == PUBLIC:
        return
    for port in service.get("ports") or ():
        # What belongs to a profile is a tool for this host alone.
        host = port.get("host_ip") if isinstance(port, Mapping) else substituted(port, {})
        if not service.get("profiles") or not str(host).startswith("127.0.0.1"):
            yield f"it publishes {port}"


def networks_are_those_it_needs(name: str, service: Service) -> Iterator[str]:
    if name in _NETWORKS:
        more = set(service.get("networks") or ("default",)) - _NETWORKS[name] - {_INTERNAL}
        yield from (f"it is on the network {network}" for network in sorted(more))


RULES: tuple[Rule, ...] = (
    image_is_pinned,
    it_is_confined,
    it_takes_nothing_of_the_host,
    it_has_limits,
    it_lives_and_ends_well,
    it_has_a_health_check,
    mounts_are_harmless,
    only_the_gateway_is_published,
    networks_are_those_it_needs,
)
