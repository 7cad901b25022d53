"""The example of tools: free appointments are found and booked once, mistakes are explained."""

import json
from datetime import date

import pytest
from livekit.agents import llm

from parley_orchestrator.appointments import Diary, appointment_tools, diary_from

pytestmark = pytest.mark.anyio

FRIDAY = date(2026, 11, 20)
MONDAY = {"day": "2026-11-23", "time": "10:30", "patient": "Ann Lee", "reason": "cough"}


@pytest.fixture
def diary() -> Diary:
    return diary_from(FRIDAY)


async def used(diary: Diary, name: str, **arguments: str) -> llm.FunctionCallOutput:
    """What the model gets back when it calls a tool, as LiveKit calls it."""
    tools = llm.ToolContext(appointment_tools(diary))
    call = llm.FunctionToolCall(name=name, arguments=json.dumps(arguments), call_id="c1")
    result = await llm.execute_function_call(call, tools)
    assert result.fnc_call_out is not None
    return result.fnc_call_out


async def test_the_next_appointments_are_on_working_days(diary: Diary) -> None:
    found = await used(diary, "look_up_appointments")

    assert found.output.startswith("Free: Monday 2026-11-23 09:00; Monday 2026-11-23 10:30; ")


async def test_a_day_without_any_names_the_next_ones(diary: Diary) -> None:
    found = await used(diary, "look_up_appointments", day="2026-11-22")

    assert found.output.startswith("Nothing is free then. Next free: Monday 2026-11-23 09:00")


async def test_an_appointment_is_booked_once(diary: Diary) -> None:
    booked = await used(diary, "book_appointment", **MONDAY)
    again = await used(diary, "book_appointment", **MONDAY)

    assert booked.output == "Booked: Monday 2026-11-23 10:30"
    assert again.is_error
    assert again.output.startswith("That is not free. Free: Monday 2026-11-23 09:00; ")
    assert [booking.patient for booking in diary.bookings] == ["Ann Lee"]


@pytest.mark.parametrize(
    ("wrong", "complaint"),
    [({"day": "Monday"}, "The day must be"), ({"time": "half past"}, "The time must be")],
)
async def test_a_mistake_is_explained_to_the_model(
    diary: Diary, wrong: dict[str, str], complaint: str
) -> None:
    refused = await used(diary, "book_appointment", **(MONDAY | wrong))

    assert refused.is_error
    assert refused.output.startswith(complaint)
    assert not diary.bookings
