"""The compose files and what they are put together to, read without Docker."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[2]
BASE = "docker-compose.yml"
# Each may be left out; this is their order.
OVERRIDES = ("cpu", "demo", "upstream")
COMBINATIONS: Mapping[str, Sequence[str]] = {
    ", ".join(chosen) or "gpu": (BASE, *(f"compose.{name}.yml" for name in chosen))
    for size in range(len(OVERRIDES) + 1)
    for chosen in combinations(OVERRIDES, size)
}
# The one way out that who serves may have: to the language model that LLM_UPSTREAM_URL names.
WAY_OUT = "llm: it is on the network outside"
PROFILES = ("calls", "livekit", "monitoring")

Composition = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class _Instead:
    """`!override` and `!reset`: what is below is not merged with what was there."""

    value: Any


class _Loader(yaml.SafeLoader):
    """SafeLoader with Compose's two tags."""


def _override(loader: _Loader, node: yaml.Node) -> _Instead:
    if isinstance(node, yaml.SequenceNode):
        return _Instead(loader.construct_sequence(node, deep=True))
    assert isinstance(node, yaml.MappingNode)
    return _Instead(loader.construct_mapping(node, deep=True))


_Loader.add_constructor("!override", _override)
_Loader.add_constructor("!reset", lambda loader, node: _Instead(None))


def composed(files: Sequence[str]) -> Composition:
    """What `docker compose` makes of these files, its variables left as they are written."""
    whole: dict[str, Any] = {}
    for file in files:
        whole = _over(whole, _parsed(ROOT / file))
    return whole


def _parsed(path: Path) -> dict[str, Any]:
    content: dict[str, Any] = yaml.load(path.read_text(encoding="utf-8"), _Loader)
    for included in content.pop("include", ()):
        content = _over(_parsed(ROOT / _without_variables(included["path"])), content)
    return content


def _without_variables(path: str) -> str:
    return re.sub(r"\$\{[^}]*\}", "", path)


def _over(below: Any, above: Any) -> Any:
    if isinstance(above, _Instead):
        return above.value
    if isinstance(below, dict) and isinstance(above, dict):
        merged = below | {name: _over(below.get(name), value) for name, value in above.items()}
        return {name: value for name, value in merged.items() if not _was_reset(above, name)}
    if isinstance(below, list) and isinstance(above, list):
        return [*below, *(one for one in above if one not in below)]
    return below if above is None and below is not None else above


def _was_reset(above: Mapping[str, Any], name: str) -> bool:
    value = above.get(name)
    return isinstance(value, _Instead) and value.value is None


def environment_of(service: Mapping[str, Any]) -> Mapping[str, Any]:
    """The environment of a service, which we always write as a mapping."""
    environment: Mapping[str, Any] = service.get("environment") or {}
    return environment
