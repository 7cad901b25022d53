"""Who is spoken to next, in a simulated world: one engine, callers who play what they get."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from hypothesis import given
from hypothesis import strategies as st

from parley_tts.clauses import Boundary
from parley_tts.scheduling import Piece, Schedule, Speech, portion

MAX_SIZE = 250


@dataclass
class Caller:
    """A speech, and what its player went through."""

    speech: Speech[str]
    said: list[str] = field(default_factory=list)
    heard_at: list[float] = field(default_factory=list)
    ends: float | None = None
    gap_s: float = 0.0

    def hears(self, pieces: Sequence[Piece[str]], audio_s: float, now: float) -> None:
        self.said += [piece.content for piece in pieces]
        self.heard_at.append(now)
        if self.ends is not None:
            self.gap_s += max(0.0, now - self.ends)
        self.ends = max(now, self.ends or now) + audio_s


class World:
    """Time passes when the engine speaks; a unit is a phoneme, of which 14 last a second."""

    def __init__(self, s_per_unit: float) -> None:
        self.schedule = Schedule[str](MAX_SIZE)
        self.now = 0.0
        self.callers: list[Caller] = []
        self._s_per_unit = s_per_unit

    def call(self, *sizes: int, boundary: Boundary = Boundary.CLAUSE) -> Caller:
        speech = Speech[str](self.now)
        speech.pieces.extend(
            Piece(f"{len(self.callers)}.{number}", size, boundary)
            for number, size in enumerate(sizes)
        )
        speech.is_whole = True
        self.schedule.join(speech)
        self.callers.append(Caller(speech))
        return self.callers[-1]

    def speak(self) -> Caller | None:
        """One chunk; its caller, or None when all has been said."""
        taken = self.schedule.take(self.now)
        if taken is None:
            return None
        speech, pieces = taken
        size = sum(piece.size for piece in pieces)
        self.now += size * self._s_per_unit
        self.schedule.done(speech, size, size * self._s_per_unit, size / 14, self.now)
        caller = next(one for one in self.callers if one.speech is speech)
        caller.hears(pieces, size / 14, self.now)
        speech.unread -= 1
        return caller

    def speak_all(self) -> None:
        while self.speak() is not None:
            pass


def test_the_first_chunk_is_one_phrase_and_the_next_ones_grow() -> None:
    world = World(s_per_unit=0.001)
    caller = world.call(*[30] * 12)
    chunks = []
    while world.speak() is not None:
        chunks.append(len(caller.said) - sum(chunks))

    assert chunks[0] == 1
    assert chunks[1] <= chunks[2] <= chunks[3]
    assert max(chunks) > 2
    assert caller.said == [f"0.{number}" for number in range(12)]


def test_every_caller_hears_something_before_anyone_hears_a_third_chunk() -> None:
    world = World(s_per_unit=0.06)
    for _ in range(4):
        world.call(40, 40, 40, 40, 40, 40)
    world.speak_all()

    third = min(caller.heard_at[2] for caller in world.callers)
    assert max(caller.heard_at[0] for caller in world.callers) < third


def test_a_newcomer_goes_before_callers_who_have_heard_something() -> None:
    world = World(s_per_unit=0.06)
    world.call(40, 40, 40)
    world.call(40, 40, 40)
    first, second = world.speak(), world.speak()
    newcomer = world.call(40)

    assert first is not second
    assert world.speak() is newcomer


def test_who_runs_dry_first_is_served_first() -> None:
    world = World(s_per_unit=0.01)
    short, long = world.call(10, 40, 40), world.call(80, 40, 40)
    world.speak()
    world.speak()

    assert world.speak() is short
    assert long.said == ["1.0"]


def test_nobody_runs_dry_while_the_engine_is_faster_than_all_play_together() -> None:
    world = World(s_per_unit=0.4 / 14)
    callers = [world.call(*[40] * 12) for _ in range(2)]
    world.speak_all()

    assert [caller.gap_s for caller in callers] == [0, 0]


def test_a_caller_who_reads_slowly_is_not_spoken_to_further() -> None:
    world = World(s_per_unit=0.001)
    slow = world.call(*[30] * 40)
    slow.speech.unread = 1
    world.speak()
    slow.speech.unread = 2

    assert world.speak() is None
    slow.speech.unread = 1
    assert world.speak() is slow


def test_who_leaves_is_not_spoken_to() -> None:
    world = World(s_per_unit=0.001)
    gone, here = world.call(30, 30), world.call(30)
    world.schedule.leave(gone.speech)
    world.schedule.leave(gone.speech)

    assert world.speak() is here
    assert world.speak() is None
    assert len(world.schedule) == 1


def test_a_speech_to_which_more_is_added_is_not_over() -> None:
    speech = Speech[str](0.0)
    assert not speech.is_over
    speech.is_whole = True
    assert speech.is_over


def test_a_player_that_ran_dry_is_not_taken_to_be_in_a_hurry_for_ever() -> None:
    speech = Speech[str](0.0)
    speech.end(2.0, now=1.0)
    speech.end(8.0, now=20.0)

    assert speech.runs_dry == 28.0


def test_a_pause_stands_alone() -> None:
    pieces = [Piece("a", 30), Piece("pause", 0, Boundary.PARAGRAPH, alone=True), Piece("b", 30)]

    assert portion(pieces, 200) == 1
    assert portion(pieces[1:], 200) == 1


def test_a_chunk_ends_with_a_sentence_where_that_is_no_great_loss() -> None:
    ends = (Boundary.CLAUSE, Boundary.SENTENCE, Boundary.CLAUSE)
    pieces = [Piece("x", 40, boundary) for boundary in ends]

    assert portion(pieces, 200) == 2
    assert portion([Piece("x", 10, Boundary.SENTENCE), Piece("y", 90), Piece("z", 90)], 200) == 3


@given(st.lists(st.integers(1, 400), min_size=1), st.floats(0, 1000))
def test_a_chunk_has_one_piece_or_all_fit(sizes: list[int], budget: float) -> None:
    count = portion([Piece("x", size) for size in sizes], budget)

    assert 1 <= count <= len(sizes)
    assert count == 1 or sum(size + 1 for size in sizes[:count]) <= budget


@given(
    st.lists(
        st.tuples(st.integers(0, 5), st.lists(st.integers(1, 120), min_size=1, max_size=8)),
        min_size=1,
        max_size=6,
    ),
    st.floats(0.0001, 0.2),
)
def test_all_is_said_once_in_order_and_first_audio_comes_first(
    arrivals: list[tuple[int, list[int]]], s_per_unit: float
) -> None:
    world = World(s_per_unit)
    waiting = sorted(arrivals)
    while waiting or any(not caller.speech.is_over for caller in world.callers):
        while waiting and (waiting[0][0] <= world.now or all_over(world)):
            at, sizes = waiting.pop(0)
            world.now = max(world.now, at)
            world.call(*sizes)
        unheard = [caller for caller in world.callers if not caller.heard_at]
        served = world.speak()
        assert not unheard or served is unheard[0]

    for number, caller in enumerate(world.callers):
        count = len(caller.said)
        assert caller.said == [f"{number}.{index}" for index in range(count)]
        assert caller.speech.is_over


def all_over(world: World) -> bool:
    return all(caller.speech.is_over for caller in world.callers)
