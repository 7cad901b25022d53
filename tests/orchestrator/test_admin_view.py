"""What the admin page makes of the board's reports."""

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from parley_orchestrator.admin.readiness import look_of, targets
from parley_orchestrator.admin.view import calls_view, current, first_audio_s
from parley_orchestrator.board import MemberReport
from parley_orchestrator.llm.breaker import Breaker, State
from parley_orchestrator.settings import OrchestratorSettings
from tests.orchestrator.administering import turn


def reports(states: Sequence[State]) -> list[MemberReport]:
    return [MemberReport(f"member {place}", state, Breaker()) for place, state in enumerate(states)]


@pytest.mark.parametrize(
    ("states", "place"),
    [
        (("closed", "closed"), 0),
        (("open", "closed"), 1),
        (("half_open", "closed"), 0),
        (("open", "open"), 1),
        (("open",), 0),
    ],
)
def test_the_current_model_is_who_the_next_turn_goes_to(
    states: Sequence[State], place: int
) -> None:
    assert current(reports(states)) == place


@given(st.lists(st.sampled_from(["a", "b", "c"])))
def test_every_turn_is_shown_once_in_order_below_its_call(calls: list[str]) -> None:
    turns = [turn(float(at), call=call, llm=1.0) for at, call in enumerate(calls)]

    shown = calls_view(turns)

    assert [each["call"] for each in shown] == list(dict.fromkeys(calls))
    for each in shown:
        times = [shown_turn["at"] for shown_turn in each["turns"]]  # type: ignore[attr-defined]
        assert times == [float(at) for at, call in enumerate(calls) if call == each["call"]]


def test_a_total_that_was_measured_wins_over_a_sum() -> None:
    assert first_audio_s(turn(0.0, llm=0.2, tts=0.1)) == pytest.approx(0.3)
    assert first_audio_s(turn(0.0, llm=0.2, tts=0.1, total=0.9)) == 0.9


def test_a_stage_that_the_page_does_not_know_is_left_to_the_metrics() -> None:
    (call,) = calls_view([turn(0.0, llm=0.2, eou_delay=0.5)])

    assert call["turns"] == [{"at": 0.0, "member": "qwen", "stages": {"llm": 0.2}, "total_s": 0.2}]


@pytest.mark.parametrize(
    ("status", "readiness"),
    [(200, "ready"), (503, "not_ready"), (404, "unknown"), (401, "unknown"), (301, "unknown")],
)
def test_only_a_clear_answer_is_taken_for_one(status: int, readiness: str) -> None:
    assert look_of(status, 0.1).readiness == readiness


def test_readiness_is_asked_beside_the_api() -> None:
    settings = OrchestratorSettings(
        llm_chain=("ws",), openai_base_url="http://stack", ws_llm_base="wss://chat/ws-llm/ws"
    )

    assert [target.url for target in targets(settings)] == [
        "http://stack/stt/readyz",
        "http://stack/tts/readyz",
        "http://stack/llm/readyz",
        "https://chat/ws-llm/readyz",
    ]
