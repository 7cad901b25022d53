"""Which settings are secret, and how what is printed is kept free of them."""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace

from parley.doctor.findings import Finding

_SECRET = re.compile(r"(?<!PER_)(KEYS?|SECRET|TOKEN|PASSWORD)(_FILE)?$")
_LEAST = 6
_HIDDEN = "(hidden)"


def is_secret(name: str) -> bool:
    """Whether a setting of this name holds a secret, or a file of secrets."""
    return bool(_SECRET.search(name))


def secrets_in(values: Mapping[str, str]) -> frozenset[str]:
    """Whole values and their parts, of those settings that are secret."""
    return frozenset(
        part
        for name, value in values.items()
        if is_secret(name)
        for part in _parts(value)
        if len(part) >= _LEAST
    )


def redacted(text: str, secrets: Iterable[str]) -> str:
    """The text without them, the longest first."""
    for secret in sorted(secrets, key=len, reverse=True):
        text = text.replace(secret, _HIDDEN)
    return text


def redact_findings(findings: Iterable[Finding], secrets: Iterable[str]) -> Iterator[Finding]:
    known = frozenset(secrets)
    for finding in findings:
        line = finding.line
        found, todo = redacted(line.found, known), redacted(line.todo, known)
        yield replace(finding, line=replace(line, found=found, todo=todo))


def _parts(value: str) -> Iterator[str]:
    yield value
    for line in value.splitlines():
        yield from (part.strip() for part in line.split(","))
