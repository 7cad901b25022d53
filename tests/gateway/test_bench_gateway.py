"""What the gateway adds is measured on both sides; the figures are not judged here."""

import pytest

from parley.bench import gateway


def test_the_cost_of_the_gateway_is_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("_ROUNDS", "_REQUESTS"):
        monkeypatch.setattr(gateway, name, 1)
    for name in ("_CLIENTS", "_STREAMS"):
        monkeypatch.setattr(gateway, name, 2)
    steps: list[str] = []

    report = gateway.measure(steps.append)

    assert [(figure.name, figure.goal) for figure in report.figures] == [
        ("added p50 at 50 in flight", 1.0),
        ("added p99 at 50 in flight", 3.0),
        ("added first byte of a stream", 1.0),
    ]
    assert steps
