"""The findings on a terminal: groups, a word for each verdict, and what to do below it."""

from collections.abc import Sequence
from itertools import groupby

from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from parley.doctor.findings import Finding, Report, Verdict

_STYLES = {
    Verdict.OK: "green",
    Verdict.SKIPPED: "dim",
    Verdict.WARNING: "yellow",
    Verdict.FAILURE: "bold red",
}
_NAMES_COLUMN = 18


def print_report(console: Console, report: Report) -> None:
    """One table for each group, then the sum."""
    for group, findings in groupby(report.findings, key=lambda finding: finding.group):
        console.print(Text(group, style="bold"))
        console.print(Padding(_table(list(findings)), (0, 0, 1, 2)))
    console.print(_sum(report))


def _table(findings: Sequence[Finding]) -> Table:
    table = Table.grid(padding=(0, 2))
    table.add_column(width=max(map(len, Verdict)))
    table.add_column(width=_NAMES_COLUMN)
    table.add_column(overflow="fold")
    before = ""
    # What several checks say alike is said once.
    for line, alike in groupby(findings, key=lambda finding: finding.line):
        names = ", ".join(dict.fromkeys(finding.check for finding in alike))
        found = Text(line.found, style="dim" if line.verdict is Verdict.SKIPPED else "")
        told = Text("" if names == before else names)
        table.add_row(Text(line.verdict, style=_STYLES[line.verdict]), told, found)
        if line.todo:
            table.add_row("", "", Text(f"→ {line.todo}"))
        before = names
    return table


def _sum(report: Report) -> Text:
    counted = ((verdict, report.counts[verdict]) for verdict in reversed(Verdict))
    parts = (Text(_counted(v, n), style=_STYLES[v]) for v, n in counted if n)
    return Text(", ").join(parts)


def _counted(verdict: Verdict, number: int) -> str:
    plural = "s" if number > 1 and verdict in (Verdict.WARNING, Verdict.FAILURE) else ""
    return f"{number} {verdict}{plural}"
