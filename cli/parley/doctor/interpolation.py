"""Variables in a value, as Docker Compose replaces them: `$NAME`, `${NAME:-default}`, `$$`."""

import re
from collections.abc import Callable
from dataclasses import dataclass, field

Lookup = Callable[[str], str | None]

_NAME = re.compile(r"[_A-Za-z][_A-Za-z0-9]*")
_OPERATOR = re.compile(r":?[-+?]")


class WrongTemplate(Exception):
    """Compose would refuse the value; the message says why, without the value."""


@dataclass(slots=True)
class Interpolated:
    """A value, and whether a variable in it had none, which leaves a gap."""

    value: str
    has_gap: bool = field(default=False)


def interpolate(template: str, lookup: Lookup) -> Interpolated:
    """
    Raises:
        WrongTemplate: a brace that is not closed, or a variable that must be set.
    """
    out, position, has_gap = [], 0, False
    while (dollar := template.find("$", position)) >= 0:
        out.append(template[position:dollar])
        piece, position = _variable(template, dollar + 1, lookup)
        out.append(piece.value)
        has_gap |= piece.has_gap
    out.append(template[position:])
    return Interpolated("".join(out), has_gap)


def _variable(template: str, start: int, lookup: Lookup) -> tuple[Interpolated, int]:
    """What follows a `$`, and where it ends."""
    if template.startswith("$", start):
        return Interpolated("$"), start + 1
    if template.startswith("{", start):
        end = _closing(template, start)
        return _braced(template[start + 1 : end], lookup), end + 1
    name = _NAME.match(template, start)
    if not name:
        return Interpolated("$"), start
    return _plain(name[0], lookup), name.end()


def _closing(template: str, brace: int) -> int:
    depth, position = 1, brace + 1
    while position < len(template):
        if template.startswith("${", position):
            depth, position = depth + 1, position + 1
        elif template[position] == "}":
            depth -= 1
            if depth == 0:
                return position
        position += 1
    raise WrongTemplate("a ${ without its }")


def _plain(name: str, lookup: Lookup) -> Interpolated:
    value = lookup(name)
    return Interpolated(value or "", has_gap=value is None)


def _braced(inside: str, lookup: Lookup) -> Interpolated:
    name = _NAME.match(inside)
    if not name:
        raise WrongTemplate("a ${ without the name of a variable")
    if name.end() == len(inside):
        return _plain(name[0], lookup)
    operator = _OPERATOR.match(inside, name.end())
    if not operator:
        raise WrongTemplate("a ${ with something that Compose does not know after the name")
    return _apply(operator[0], lookup(name[0]), inside[operator.end() :], lookup)


def _apply(operator: str, value: str | None, word: str, lookup: Lookup) -> Interpolated:
    is_set = value is not None and (value != "" or not operator.startswith(":"))
    if operator.endswith("+"):
        return interpolate(word, lookup) if is_set else Interpolated("")
    if is_set:
        return Interpolated(value or "")
    if operator.endswith("?"):
        raise WrongTemplate("a variable that must be set, and is not")
    return interpolate(word, lookup)
