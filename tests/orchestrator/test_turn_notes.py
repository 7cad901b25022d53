"""How long a turn took, and for what: from LiveKit's measurements to the board."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from livekit.agents import ConversationItemAddedEvent, llm

from parley_orchestrator.stages import FIRST_AUDIO, IN_ORDER, stages_of
from parley_orchestrator.turn_notes import TurnNotes
from tests.orchestrator.administering import board

seconds = st.floats(0, 100)


def said(role: llm.ChatRole, **metrics: float) -> ConversationItemAddedEvent:
    report = llm.MetricsReport(**metrics)  # type: ignore[typeddict-item]
    return ConversationItemAddedEvent(
        item=llm.ChatMessage(role=role, content=["words"], metrics=report)
    )


def test_the_stages_are_what_the_caller_waited_for() -> None:
    question = {"transcription_delay": 0.1, "end_of_turn_delay": 0.4}
    answer = {"llm_node_ttft": 0.3, "tts_node_ttfb": 0.2, "e2e_latency": 0.9}

    assert stages_of(question, answer) == pytest.approx(
        {"stt": 0.1, "endpoint": 0.3, "llm": 0.3, "tts": 0.2, "total": 0.9}
    )


def test_a_model_that_began_early_made_nobody_wait() -> None:
    question = {"transcription_delay": 0.1, "end_of_turn_delay": 0.4}
    answer = {"llm_node_ttft": 0.3, "tts_node_ttfb": 0.2, "e2e_latency": 0.45}

    stages = stages_of(question, answer)

    assert stages["llm"] == 0
    assert stages["tts"] == pytest.approx(0.05)


@given(seconds, seconds, seconds, st.floats(-1, 100))
def test_the_stages_add_up_to_the_first_audio(
    transcript: float, decided: float, speech: float, total: float
) -> None:
    question = {"transcription_delay": transcript, "end_of_turn_delay": decided}

    stages = stages_of(question, {"tts_node_ttfb": speech, "e2e_latency": total})

    assert all(stages[name] >= 0 for name in IN_ORDER)
    assert sum(stages[name] for name in IN_ORDER) == pytest.approx(stages[FIRST_AUDIO])


def test_an_answer_is_noted_with_who_gave_it() -> None:
    with board() as shared:
        notes = TurnNotes(shared, "job-1", lambda: "qwen")
        notes.on_item(said("user", end_of_turn_delay=0.4))
        notes.on_item(said("assistant", e2e_latency=0.9))
        (turn,) = shared.turns(10)

    assert (turn.call, turn.member, turn.stages["total"]) == ("job-1", "qwen", 0.9)


def test_what_answers_nothing_or_is_not_heard_is_not_noted() -> None:
    with board() as shared:
        notes = TurnNotes(shared, "job-1", lambda: "qwen")
        notes.on_item(said("assistant", e2e_latency=0.9))
        notes.on_item(said("user", end_of_turn_delay=0.4))
        notes.on_item(said("assistant"))
        before = shared.turns(10)
        notes.on_item(said("assistant", e2e_latency=1.2))
        notes.on_item(said("assistant", e2e_latency=5.0))

        assert before == ()
        assert [turn.stages["total"] for turn in shared.turns(10)] == [1.2]


def test_a_board_that_broke_ends_no_call(caplog: pytest.LogCaptureFixture) -> None:
    with board() as shared:
        notes = TurnNotes(shared, "job-1", lambda: "qwen")
        shared.close()
        notes.on_item(said("user", end_of_turn_delay=0.4))
        notes.on_item(said("assistant", e2e_latency=0.9))
        notes.on_excuse("sorry")

    assert "a turn could not be noted" in caplog.text
    assert "words" not in caplog.text


def test_an_excuse_is_noted_as_often_as_it_was_made() -> None:
    with board() as shared:
        notes = TurnNotes(shared, "job-1", lambda: "qwen")
        notes.on_excuse("sorry")
        notes.on_excuse("waiting")
        notes.on_excuse("sorry")

        assert shared.excuses() == {"sorry": 2, "waiting": 1}
