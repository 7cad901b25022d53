"""An example of tools: a diary of free appointments, in memory, that a caller can book from.

A job process has a diary of its own; replace `Diary` by your practice's system.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from livekit.agents import llm

_HOURS = (time(9), time(10, 30), time(14), time(15, 30))
_WORKING_DAYS_AHEAD = 5


class NotFree(Exception):
    """There is no such appointment, or somebody has it."""


@dataclass(frozen=True, slots=True)
class Booking:
    at: datetime
    patient: str
    reason: str


class Diary:
    """The appointments that can be booked, each once."""

    def __init__(self, slots: Iterable[datetime]) -> None:
        self._free = sorted(slots)
        self.bookings: list[Booking] = []

    def free_on(self, day: date) -> Sequence[datetime]:
        return [slot for slot in self._free if slot.date() == day]

    def next_free(self, count: int) -> Sequence[datetime]:
        return self._free[:count]

    def book(self, at: datetime, patient: str, reason: str) -> Booking:
        """
        Raises:
            NotFree: nothing is free at that time.
        """
        if at not in self._free:
            raise NotFree(at)
        self._free.remove(at)
        booking = Booking(at, patient, reason)
        self.bookings.append(booking)
        return booking


def diary_from(today: date) -> Diary:
    """Four appointments on each of the next working days."""
    days = (today + timedelta(days=ahead) for ahead in range(1, 2 * _WORKING_DAYS_AHEAD))
    working = [day for day in days if day.weekday() < 5][:_WORKING_DAYS_AHEAD]
    return Diary(datetime.combine(day, hour) for day in working for hour in _HOURS)


def appointment_tools(diary: Diary) -> list[llm.Tool]:
    """Look up what is free, and book it."""

    @llm.function_tool
    async def look_up_appointments(day: str | None = None) -> str:
        """Look up which appointments are free.

        Args:
            day: The day as YYYY-MM-DD; leave it out for the next ones.
        """
        free = diary.next_free(4) if day is None else diary.free_on(_day(day))
        if not free:
            return "Nothing is free then. Next free: " + _listed(diary.next_free(3))
        return "Free: " + _listed(free)

    @llm.function_tool
    async def book_appointment(day: str, time: str, patient: str, reason: str) -> str:
        """Book a free appointment, once the caller has agreed to its day and time.

        Args:
            day: The day as YYYY-MM-DD.
            time: The time as HH:MM, 24 hours.
            patient: The caller's full name.
            reason: What it is about, in a few words.
        """
        at = datetime.combine(_day(day), _time(time))
        try:
            booking = diary.book(at, patient, reason)
        except NotFree as exc:
            near = diary.free_on(at.date()) or diary.next_free(3)
            raise llm.ToolError("That is not free. Free: " + _listed(near)) from exc
        return "Booked: " + _listed([booking.at])

    return [look_up_appointments, book_appointment]


def _listed(slots: Sequence[datetime]) -> str:
    if not slots:
        return "nothing"
    return "; ".join(f"{slot:%A %Y-%m-%d %H:%M}" for slot in slots)


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError as exc:
        raise llm.ToolError("The day must be written as YYYY-MM-DD.") from exc


def _time(text: str) -> time:
    try:
        return time.fromisoformat(text).replace(second=0, microsecond=0, tzinfo=None)
    except ValueError as exc:
        raise llm.ToolError("The time must be written as HH:MM.") from exc
