"""What the doctor says: one line for each check, as a verdict, what was found, and what to do."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum


class Verdict(StrEnum):
    """From good to bad; `skipped` is what could not or need not be looked at."""

    OK = "ok"
    SKIPPED = "skipped"
    WARNING = "warning"
    FAILURE = "failure"


@dataclass(frozen=True, slots=True)
class Line:
    """One verdict. Holds names of settings and places, never a value that may be a secret."""

    verdict: Verdict
    found: str
    todo: str = ""


def ok(found: str) -> Line:
    return Line(Verdict.OK, found)


def skipped(why: str, todo: str = "") -> Line:
    return Line(Verdict.SKIPPED, why, todo)


def warning(found: str, todo: str) -> Line:
    return Line(Verdict.WARNING, found, todo)


def failure(found: str, todo: str) -> Line:
    return Line(Verdict.FAILURE, found, todo)


@dataclass(frozen=True, slots=True)
class Finding:
    """A line with the check that it comes from; `took_s` is the check's time in seconds."""

    group: str
    check: str
    line: Line
    took_s: float


@dataclass(frozen=True, slots=True)
class Report:
    """All findings, in the order in which they are shown."""

    env_file: str
    urls: Sequence[str]
    findings: Sequence[Finding]

    @property
    def ok(self) -> bool:
        """Whether nothing failed; warnings do not count."""
        return all(finding.line.verdict is not Verdict.FAILURE for finding in self.findings)

    @property
    def counts(self) -> Mapping[str, int]:
        """How many lines there are of each verdict."""
        counted = Counter(finding.line.verdict for finding in self.findings)
        return {verdict.value: counted[verdict] for verdict in Verdict}

    def as_json(self) -> dict[str, object]:
        """The shape that scripts rely on; `todo` is empty where there is nothing to do.

        `{"ok": bool, "env_file": str, "urls": [str], "counts": {verdict: int}, "checks":
        [{"group", "check", "verdict", "found", "todo": str, "took_s": float}]}`, where a verdict
        is `ok`, `skipped`, `warning` or `failure`. A check may have several lines.
        """
        return {
            "ok": self.ok,
            "env_file": self.env_file,
            "urls": list(self.urls),
            "counts": dict(self.counts),
            "checks": [_as_json(finding) for finding in self.findings],
        }


def _as_json(finding: Finding) -> dict[str, object]:
    return {
        "group": finding.group,
        "check": finding.check,
        "verdict": finding.line.verdict.value,
        "found": finding.line.found,
        "todo": finding.line.todo,
        "took_s": round(finding.took_s, 3),
    }
