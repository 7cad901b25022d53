"""Which series a PromQL expression reads: a tokenizer and one pass over its tokens."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

_TOKEN = re.compile(
    r"""(?P<string>"[^"]*") | (?P<range>\[[^\]]*\]) | (?P<number>\d[\w.]*)
      | (?P<name>[a-zA-Z_:][\w:]*) | (?P<op>=~|!~|!=|==|>=|<=|[-+*/%^=<>(){},]) | (?P<space>\s+)""",
    re.VERBOSE,
)
_GROUPING = {"by", "without", "on", "ignoring", "group_left", "group_right"}
_KEYWORDS = {"and", "or", "unless", "bool", "offset"}


@dataclass(frozen=True, slots=True)
class Selector:
    """A metric with the labels that it is asked for: (label, operator, value)."""

    metric: str
    matchers: tuple[tuple[str, str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Reads:
    """What an expression reads, and the labels that it groups or joins by."""

    selectors: list[Selector] = field(default_factory=list)
    grouped_by: set[str] = field(default_factory=set)


def reads(expression: str) -> Reads:
    """
    Raises:
        ValueError: the expression holds what this knows no token for.
    """
    tokens = list(_tokens(expression))
    found = Reads()
    at = 0
    while at < len(tokens):
        kind, text = tokens[at]
        following = tokens[at + 1][1] if at + 1 < len(tokens) else ""
        if kind != "name" or text in _KEYWORDS:
            at += 1
        elif text in _GROUPING and following == "(":
            labels, at = _until(tokens, at + 2, ")")
            found.grouped_by.update(text for kind, text in labels if kind == "name")
        elif following in ("(", "by", "without"):
            at += 1  # a function, or an aggregation
        elif following == "{":
            matchers, at = _until(tokens, at + 2, "}")
            found.selectors.append(Selector(text, _matchers(matchers)))
        else:
            found.selectors.append(Selector(text))
            at += 1
    return found


def _tokens(expression: str) -> Iterator[tuple[str, str]]:
    at = 0
    while at < len(expression):
        match = _TOKEN.match(expression, at)
        if match is None or match.lastgroup is None:
            raise ValueError(f"not PromQL: {expression[at:]!r}")
        if match.lastgroup != "space":
            yield match.lastgroup, match.group()
        at = match.end()


def _until(
    tokens: list[tuple[str, str]], start: int, end: str
) -> tuple[list[tuple[str, str]], int]:
    stop = next(i for i in range(start, len(tokens)) if tokens[i][1] == end)
    return tokens[start:stop], stop + 1


def _matchers(tokens: list[tuple[str, str]]) -> tuple[tuple[str, str, str], ...]:
    parts = [text for _, text in tokens if text != ","]
    return tuple((parts[i], parts[i + 1], parts[i + 2].strip('"')) for i in range(0, len(parts), 3))
