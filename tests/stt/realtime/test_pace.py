"""Interims come early, then seldom, and leave a slow engine time for others."""

from parley_stt.realtime.pace import Pace


def test_the_first_come_early_and_the_others_every_half_second() -> None:
    pace = Pace(heard_s=0.4)
    assert not pace.due(0.5, now=0.1)
    assert pace.due(0.625, now=0.2)

    pace.took(0.625, 0.2, 0.2, said=False)
    assert pace.due(0.875, now=0.4)

    pace.took(0.875, 0.4, 0.4, said=True)
    assert not pace.due(1.25, now=0.8)
    assert pace.due(1.375, now=0.9)


def test_an_engine_that_takes_long_is_left_alone_for_as_long() -> None:
    pace = Pace(heard_s=0)
    pace.took(1.0, started=10.0, ended=13.0, said=True)

    assert not pace.due(9.0, now=15.9)
    assert pace.due(9.0, now=16.0)


def test_without_new_audio_there_is_nothing_new_to_say() -> None:
    pace = Pace(heard_s=1.0)

    assert not pace.due(1.0, now=1e9)
