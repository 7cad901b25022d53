"""A caller is told of an outage once, and of a blip never."""

from parley_orchestrator.outage import Outage


def test_a_blip_is_not_told() -> None:
    outage = Outage()

    assert not any(outage.failed(now) for now in (100.0, 100.1, 100.9))


def test_an_outage_is_told_once() -> None:
    outage = Outage()

    told = [now for now in (100.0, 100.5, 101.0, 105.0, 112.0) if outage.failed(now)]

    assert told == [101.0]


def test_a_new_outage_is_told_again() -> None:
    outage = Outage()
    told = [now for now in (100.0, 101.0, 200.0, 201.0) if outage.failed(now)]
    outage.worked()
    told += [now for now in (202.0, 203.0) if outage.failed(now)]

    assert told == [101.0, 201.0, 203.0]
