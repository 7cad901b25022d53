"""Reads an .env file: what it sets, where, and what Docker Compose would not read there.

python-dotenv knows quotes, comments and lines; variables are replaced here, as Compose does it.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from io import StringIO
from typing import TypeAlias

from dotenv.parser import Binding, parse_stream

_VARIABLE = re.compile(
    r"\$(?:(?P<dollar>\$)|(?P<plain>[A-Za-z_]\w*)"
    r"|\{(?P<name>[A-Za-z_]\w*)(?:(?P<operator>:?[-+?])(?P<word>[^{}]*))?\})"
)
_Lookup: TypeAlias = Callable[[str], str | None]


@dataclass(frozen=True, slots=True)
class Entry:
    """One assignment.

    Args:
        line: where it begins, from 1.
        has_gap: whether it refers to a variable that is not set.
    """

    name: str
    value: str
    line: int
    has_gap: bool = False


@dataclass(frozen=True, slots=True)
class Fault:
    """What Compose refuses, or takes otherwise than it looks; never quotes the file."""

    line: int
    what: str


@dataclass(frozen=True, slots=True)
class EnvFile:
    """What a file holds, in its order; a name that is there twice has its last value."""

    entries: tuple[Entry, ...] = ()
    faults: tuple[Fault, ...] = ()

    @property
    def values(self) -> Mapping[str, str]:
        return {entry.name: entry.value for entry in self.entries}


def parse(text: str, shell: Mapping[str, str]) -> EnvFile:
    """
    Args:
        shell: what is exported where Compose is run, which wins over the lines above.
    """
    entries: list[Entry] = []
    faults: list[Fault] = []
    above: dict[str, str] = {}
    for binding in parse_stream(StringIO(text.replace("\r\n", "\n"))):
        for found in _read(binding, shell, lambda name: shell.get(name, above.get(name))):
            if isinstance(found, Fault):
                faults.append(found)
            else:
                entries.append(found)
                above[found.name] = found.value
    return EnvFile(tuple(entries), tuple(faults))


def _read(binding: Binding, shell: Mapping[str, str], lookup: _Lookup) -> Iterator[Entry | Fault]:
    written = binding.original.string
    blank = written[: len(written) - len(written.lstrip())]
    line = binding.original.line + blank.count("\n") + blank.count("\r")
    if binding.error:
        yield Fault(line, "no NAME= at its start, or a quote that is not closed")
    elif binding.key and binding.value is None:
        yield Fault(line, "a name without =, which takes its value from the shell")
        if binding.key in shell:
            yield Entry(binding.key, shell[binding.key], line)
    elif binding.key and binding.value is not None:
        yield from _assigned(binding.key, binding.value, written, line, lookup)


def _assigned(
    name: str, value: str, written: str, line: int, lookup: _Lookup
) -> Iterator[Entry | Fault]:
    quote = written.partition("=")[2].lstrip()[:1]
    if quote == "'":
        yield Entry(name, value, line)
        return
    template = value.replace("\\$", "$$") if quote == '"' else value
    if "${" in _VARIABLE.sub("", template):
        yield Fault(line, "a ${ without its }, or without the name of a variable")
        return
    found = list(_VARIABLE.finditer(template))
    if any((one["operator"] or "").endswith("?") and not lookup(one["name"]) for one in found):
        yield Fault(line, "a variable that must be set, and is not")
    has_gap = any(lookup(one["plain"] or one["name"]) is None for one in found if _is_bare(one))
    yield Entry(name, _VARIABLE.sub(lambda one: _replaced(one, lookup), template), line, has_gap)


def _is_bare(variable: re.Match[str]) -> bool:
    return not variable["dollar"] and not variable["operator"]


def _replaced(variable: re.Match[str], lookup: _Lookup) -> str:
    if variable["dollar"]:
        return "$"
    value = lookup(variable["plain"] or variable["name"])
    operator = variable["operator"] or ""
    is_set = value is not None and (value != "" or not operator.startswith(":"))
    if operator.endswith("+"):
        return variable["word"] if is_set else ""
    return value or "" if is_set or not operator.endswith("-") else variable["word"]
