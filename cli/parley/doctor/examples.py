"""Values that were copied from an example, a manual or another project and never replaced."""

import re
from collections.abc import Iterable, Iterator, Mapping

from parley.doctor.contradictions import keys_of
from parley.doctor.findings import Line, failure, warning
from parley.doctor.redaction import is_secret

_PLACEHOLDER = re.compile(
    r"<.*>|\.\.\.|…|change[-_ ]?(me|this|it)|replace[-_ ]?(me|this|it)|(your|my)[-_ ].*"
    r"|.*[-_ ]here|x{3,}|\*{3,}|example|placeholder|to-?do|fill[-_ ]me.*|secret|password|test|key"
    r"|sk-(\.\.\.|x+|your.*|test|1234.*)|AIza(\.\.\.|x+|Sy\.\.\.)|none|null|dummy|foo|bar",
    re.IGNORECASE,
)
_PLACEHOLDER_URL = re.compile(
    r"://([^/]*[-.])?(your|my|example|project|subdomain|host)[-_.a-z]*(\.|:|/|$)|[<>]|\.\.\.",
    re.IGNORECASE,
)
_LEAST_KEY = 16
_LIVEKIT_DEVELOPMENT = ("devkey", "secret")


def judge_examples(values: Mapping[str, str]) -> Iterator[Line]:
    """A line for each secret or address that is an example, and for keys that can be guessed."""
    for name, value in values.items():
        if name in ("LIVEKIT_API_KEY", "LIVEKIT_API_SECRET") and value in _LIVEKIT_DEVELOPMENT:
            continue
        if is_secret(name) and any(map(_PLACEHOLDER.fullmatch, _parts(value))):
            yield failure(f"{name} holds an example value", f"Set {name} to your own.")
        elif name.endswith("_URL") and _PLACEHOLDER_URL.search(value):
            yield failure(f"{name} holds an example address", f"Set {name} to the real one.")
    yield from _short_keys(keys_of(values))


def _short_keys(keys: Iterable[str]) -> Iterator[Line]:
    real = [key for key in keys if not _PLACEHOLDER.fullmatch(key)]
    if any(len(key) < _LEAST_KEY for key in real):
        yield warning(
            f"an API key has fewer than {_LEAST_KEY} characters and could be guessed",
            "Make one with `openssl rand -hex 32`.",
        )


def _parts(value: str) -> list[str]:
    return [part for each in value.split(",") if (part := each.strip())]
