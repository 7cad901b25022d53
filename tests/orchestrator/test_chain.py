"""The chain: who answers and when, and what a caller never gets."""

import asyncio
import logging
import statistics
from collections.abc import AsyncGenerator, Iterator
from pathlib import Path

import pytest

from parley_orchestrator.board import Board, MemberReport
from parley_orchestrator.errors import FailureKind, LlmFailed
from parley_orchestrator.llm.chain import SWITCH_S, Chain, ChainPolicy
from parley_orchestrator.llm.chat import ChatRequest, Item, Said, Text, ToolCall, Usage
from parley_orchestrator.llm.config import LlmConfig
from parley_orchestrator.llm.events import AttemptFailed, AvailabilityChanged, Served, Unanswered
from tests.orchestrator.scripted import (
    FOREVER,
    QUESTION,
    Fail,
    Linger,
    Scripted,
    Untimed,
    Vanish,
    Wait,
    text_of,
)
from tests.orchestrator.talking import OK, OTHER, Talk, broken, failing, now, sure
from tests.orchestrator.virtual_time import run

CALL = ToolCall("1", "book", "{}")
BUDGET_S = 1.5
LEFT_AFTER_S = BUDGET_S - SWITCH_S
COOLDOWN_S = 30.0


@pytest.fixture
def board(tmp_path: Path) -> Iterator[Board]:
    board = Board(tmp_path / "board", clock=now)
    yield board
    board.close()


def test_the_first_member_answers_and_nobody_else_is_asked(board: Board) -> None:
    first, last = Scripted("gemini", OK), sure()
    talk = Talk(board, first, last)

    assert run(talk.ask()) == "We are open."

    assert (len(first.asked_at), len(last.asked_at)) == (1, 0)
    assert talk.told(Served) == [Served("gemini", 0.0, 0.0)]


def test_who_served_and_who_failed_is_on_the_board(board: Board) -> None:
    first, last = broken("auth"), Scripted("qwen", (Wait(0.4), *OTHER))

    async def reports() -> list[MemberReport]:
        await Talk(board, first, last).ask()
        return [board.member("gemini"), board.member("qwen")]

    gemini, qwen = run(reports())
    assert [(failure.kind, failure.count) for failure in gemini.failures] == [("auth", 1)]
    assert qwen.served == 1
    assert qwen.ttft_s == pytest.approx(0.4)


@pytest.mark.parametrize("kind", ["connect", "rate_limited", "server", "empty", "malformed", "cut"])
def test_a_failure_that_may_pass_is_tried_again_in_the_turn(
    board: Board, kind: FailureKind
) -> None:
    first, last = failing(kind, kind), sure()
    talk = Talk(board, first, last)

    assert run(talk.ask()) == "We are open."

    assert (len(first.asked_at), len(last.asked_at)) == (3, 0)
    assert talk.waited[0] == pytest.approx(0.1 + 0.2)


@pytest.mark.parametrize("kind", ["timeout", "auth", "refused", "blocked"])
def test_a_failure_that_will_not_pass_goes_to_the_next_member_at_once(
    board: Board, kind: FailureKind
) -> None:
    first, last = failing(kind), sure()
    talk = Talk(board, first, last)

    assert run(talk.ask()) == "Until five."

    assert (len(first.asked_at), talk.waited) == (1, [0.0])


def test_a_member_that_hangs_is_left_and_stopped_at_the_end_of_the_budget(board: Board) -> None:
    first, last = Scripted("gemini", (FOREVER,)), sure()
    talk = Talk(board, first, last)

    async def running_after() -> int:
        assert await talk.ask() == "Until five."
        return first.running

    assert run(running_after()) == 0
    assert talk.waited == pytest.approx([LEFT_AFTER_S])
    assert talk.told(AttemptFailed)[0].kind == "timeout"


@pytest.mark.parametrize("kind_of_member", [Scripted, Untimed])
def test_white_space_is_neither_an_answer_nor_passed_on_from_who_does_not_answer(
    board: Board, kind_of_member: type[Scripted]
) -> None:
    first = kind_of_member("gemini", (Text("\n"), Usage(1, 1), FOREVER))
    talk = Talk(board, first, sure())

    assert run(talk.ask()) == "Until five."
    assert talk.waited == pytest.approx([LEFT_AFTER_S])


def test_a_member_that_takes_its_time_to_stop_does_not_hold_the_next_one_up(board: Board) -> None:
    first = Scripted("gemini", (Linger(60), FOREVER))
    talk = Talk(board, first, sure())

    assert run(talk.ask()) == "Until five."
    assert talk.waited == pytest.approx([LEFT_AFTER_S])


def test_an_answer_that_ends_without_anything_useful_is_a_failure(board: Board) -> None:
    first = Untimed("gemini", (Text(" "),))
    talk = Talk(board, first, sure())

    assert run(talk.ask()) == "Until five."
    assert [failure.kind for failure in talk.told(AttemptFailed)] == ["empty"] * 3


def test_a_model_is_not_read_far_ahead_of_who_listens(board: Board) -> None:
    first = Scripted("gemini", [Text("word ")] * 1_000)

    async def made() -> int:
        answer = Chain([first, sure()], board).stream(QUESTION)
        await anext(answer)
        await asyncio.sleep(5)
        made = first.made
        await answer.aclose()
        return made

    assert run(made()) < 50


def test_a_tool_call_is_an_answer(board: Board) -> None:
    async def called() -> list[Item]:
        chain = Chain([Scripted("gemini", (CALL, Usage(1, 1))), sure()], board)
        return [item async for item in chain.stream(QUESTION)]

    assert run(called()) == [CALL, Usage(1, 1)]


def test_a_retry_after_that_fits_is_kept(board: Board) -> None:
    first = Scripted("gemini", (Fail("rate_limited", retry_after_s=1.0),), OK)
    talk = Talk(board, first, sure())

    assert run(talk.ask()) == "We are open."
    assert talk.waited == pytest.approx([1.0])


def test_a_retry_after_that_does_not_fit_is_not_waited_for(board: Board) -> None:
    first = Scripted("gemini", (Fail("rate_limited", retry_after_s=1.5),), OK)
    talk = Talk(board, first, sure())

    assert run(talk.ask()) == "Until five."
    assert talk.waited == [0.0]


def test_a_member_is_tried_no_more_often_than_it_may_be(board: Board) -> None:
    first = Scripted("gemini", (Fail("server"),), config=LlmConfig(model="m", max_retries=1))

    assert run(Talk(board, first, sure()).ask()) == "Until five."
    assert len(first.asked_at) == 2


def test_two_failures_and_an_answer_turn_after_turn_never_open_it(board: Board) -> None:
    first = Scripted("gemini", *[(Fail("auth"),), (Fail("auth"),), OK] * 5)
    talk = Talk(board, first, sure())

    assert run(talk.ask_often(15)) == ["Until five.", "Until five.", "We are open."] * 5
    assert not talk.told(AvailabilityChanged)


def test_three_failures_in_a_row_open_it_across_turns(board: Board) -> None:
    first = broken("auth")
    talk = Talk(board, first, sure())

    assert run(talk.ask_often(5)) == ["Until five."] * 5

    assert len(first.asked_at) == 3
    assert talk.told(AvailabilityChanged) == [AvailabilityChanged("gemini", False)]


def test_it_is_not_tried_again_in_the_turn_that_opens_it(board: Board) -> None:
    first = Scripted("gemini", (Fail("server"),), config=LlmConfig(model="m", max_retries=9))
    talk = Talk(board, first, sure())

    run(talk.ask())

    assert len(first.asked_at) == 3
    assert talk.waited == pytest.approx([0.1 + 0.2])


def test_one_chains_failures_are_anothers(board: Board) -> None:
    async def turns_of_three_calls() -> list[int]:
        members = [broken() for _ in range(4)]
        for member in members:
            await Talk(board, member, sure()).ask()
        return [len(member.asked_at) for member in members]

    assert run(turns_of_three_calls()) == [1, 1, 1, 0]


@pytest.mark.parametrize("kind", ["refused", "blocked"])
def test_what_is_the_requests_fault_is_not_counted(board: Board, kind: FailureKind) -> None:
    first = broken(kind)

    run(Talk(board, first, sure()).ask_often(5))

    assert len(first.asked_at) == 5


def test_after_the_cooldown_it_serves_again_within_one_turn(board: Board) -> None:
    first = failing("auth", "auth", "auth")
    talk = Talk(board, first, sure())

    async def turns() -> list[str]:
        before = await talk.ask_often(4)
        await asyncio.sleep(COOLDOWN_S)
        return before + await talk.ask_often(2)

    assert run(turns()) == ["Until five."] * 4 + ["We are open."] * 2
    assert talk.told(AvailabilityChanged)[-1] == AvailabilityChanged("gemini", True)


def test_a_probe_that_fails_is_not_tried_again_and_doubles_the_cooldown(board: Board) -> None:
    first = broken("server")
    talk = Talk(board, first, sure())

    async def asked_after(*pauses: float) -> list[int]:
        await talk.ask()
        counts = []
        for pause in pauses:
            await asyncio.sleep(pause)
            await talk.ask()
            counts.append(len(first.asked_at))
        return counts

    assert run(asked_after(COOLDOWN_S, COOLDOWN_S, COOLDOWN_S)) == [4, 4, 5]


def test_of_two_turns_at_a_time_one_probes(board: Board) -> None:
    first = Scripted("gemini", *[(Fail("auth"),)] * 3, (Wait(1), *OK))
    talk = Talk(board, first, sure())

    async def two() -> list[str]:
        await talk.ask_often(3)
        await asyncio.sleep(COOLDOWN_S)
        return list(await asyncio.gather(talk.ask(), talk.ask()))

    assert run(two()) == ["We are open.", "Until five."]


@pytest.mark.parametrize("heard", [0.5, 1.5])
def test_a_caller_who_interrupts_a_probe_lets_the_next_turn_probe(
    board: Board, heard: float
) -> None:
    first = Scripted("gemini", *[(Fail("auth"),)] * 3, (Wait(1), *OK, Wait(1)))
    talk = Talk(board, first, sure())

    async def interrupted() -> str:
        await talk.ask_often(3)
        await asyncio.sleep(COOLDOWN_S)
        await talk.interrupt(after_s=heard)
        assert first.running == 0
        return await talk.ask()

    assert run(interrupted()) == "We are open."


def test_a_probe_that_is_refused_lets_the_next_turn_probe(board: Board) -> None:
    first = failing("auth", "auth", "auth", "blocked")
    talk = Talk(board, first, sure())

    async def turns() -> list[str]:
        await talk.ask_often(3)
        await asyncio.sleep(COOLDOWN_S)
        return await talk.ask_often(2)

    assert run(turns()) == ["Until five.", "We are open."]


@pytest.mark.parametrize("heard", [0.5, 1.2])
def test_callers_who_interrupt_do_not_open_it(board: Board, heard: float) -> None:
    first = Scripted("gemini", (Wait(1), *OK, Wait(1)))
    talk = Talk(board, first, sure())

    async def interrupted() -> int:
        for _ in range(5):
            await talk.interrupt(after_s=heard)
        return talk.failures("gemini")

    assert run(interrupted()) == 0
    assert first.running == 0


@pytest.mark.parametrize(("heard", "failures"), [(0.5, 2), (1.2, 0)])
def test_an_answer_that_had_begun_ends_a_row_of_failures_though_it_is_interrupted(
    board: Board, heard: float, failures: int
) -> None:
    first = Scripted("gemini", (Fail("auth"),), (Fail("auth"),), (Wait(1), *OK, Wait(1)))
    talk = Talk(board, first, sure())

    async def interrupted() -> int:
        await talk.ask_often(2)
        await talk.interrupt(after_s=heard)
        return talk.failures("gemini")

    assert run(interrupted()) == failures


def test_a_caller_who_leaves_during_a_pause_is_not_answered(board: Board) -> None:
    first, last = failing("server"), sure()

    run(Talk(board, first, last).interrupt(after_s=0.05))

    assert (len(first.asked_at), len(last.asked_at)) == (1, 0)


@pytest.mark.parametrize(
    ("end", "counted"),
    [(Fail("cut"), 1), (Fail("server"), 1), (FOREVER, 1), (Fail("blocked"), 0)],
)
def test_an_answer_that_breaks_off_ends_there_and_nothing_is_repeated(
    board: Board, end: Fail | Wait, counted: int
) -> None:
    first, last = Scripted("gemini", (Text("We are "), end)), sure()
    talk = Talk(board, first, last)

    async def heard() -> str:
        answer = talk.chain.stream(QUESTION)
        items = [await anext(answer)]
        with pytest.raises(LlmFailed) as failure:
            await anext(answer)
        assert failure.value.kind == "cut"
        assert talk.failures("gemini") == counted
        return text_of(items)

    assert run(heard()) == "We are "
    assert not last.asked_at
    assert talk.told(AttemptFailed)[0].is_heard


def test_answers_that_always_break_off_open_it(board: Board) -> None:
    first = Scripted("gemini", (Text("We are "), Fail("cut")))
    talk = Talk(board, first, sure())

    async def fourth() -> str:
        for _ in range(3):
            with pytest.raises(LlmFailed):
                await talk.ask()
        return await talk.ask()

    assert run(fourth()) == "Until five."


def test_the_last_member_is_asked_even_if_it_is_open_and_closes_by_its_answer(
    board: Board,
) -> None:
    last = Scripted("qwen", *[(Fail("auth"),)] * 4, OTHER)
    talk = Talk(board, broken(), last)

    async def fifth() -> str:
        for _ in range(4):
            with pytest.raises(LlmFailed):
                await talk.ask()
        assert talk.state("qwen") == "open"
        text = await talk.ask()
        assert talk.state("qwen") == "closed"
        return text

    assert run(fifth()) == "Until five."


def test_the_last_member_is_tried_again_after_the_budget(board: Board) -> None:
    first, last = Scripted("gemini", (FOREVER,)), Scripted("qwen", (Fail("server"),), OTHER)
    talk = Talk(board, first, last)

    assert run(talk.ask()) == "Until five."
    assert talk.waited == pytest.approx([LEFT_AFTER_S + 0.1])


def test_the_last_member_has_its_own_time_for_all_its_attempts(board: Board) -> None:
    config = LlmConfig(model="m", first_token_timeout_s=4.0)
    last = Scripted("qwen", (Wait(3), Fail("server")), (FOREVER,), config=config)

    async def ended_after() -> float:
        begun = now()
        with pytest.raises(LlmFailed) as failure:
            await Talk(board, Scripted("gemini", (FOREVER,)), last).ask()
        assert failure.value.kind == "timeout"
        return now() - begun

    assert run(ended_after()) == pytest.approx(LEFT_AFTER_S + 4.0)


def test_when_nobody_answers_the_last_failure_is_raised(board: Board) -> None:
    last = Scripted("qwen", (Fail("refused"),))

    talk = Talk(board, broken(), last)
    with pytest.raises(LlmFailed) as failure:
        run(talk.ask())

    assert failure.value.kind == "refused"
    assert talk.told(Unanswered) == [Unanswered("refused", 0.0)]


def test_a_member_that_answers_in_one_piece_is_not_cut_off_by_the_budget(board: Board) -> None:
    whole = LlmConfig(model="gemini", stream=False, first_token_timeout_s=4.0)
    first = Scripted("gemini", (Text("We are "), Wait(3.0), Text("open.")), config=whole)
    talk = Talk(board, first, sure())

    assert run(talk.ask()) == "We are open."
    assert talk.waited == pytest.approx([3.0])


def test_a_member_that_answers_in_one_piece_is_left_after_its_own_time(board: Board) -> None:
    whole = LlmConfig(model="gemini", stream=False, first_token_timeout_s=4.0)
    first = Scripted("gemini", (FOREVER,), config=whole)
    talk = Talk(board, first, sure())

    assert run(talk.ask()) == "Until five."
    assert talk.waited == pytest.approx([4.0])
    assert len(first.asked_at) == 1


@pytest.mark.parametrize("budget_s", [0.01, SWITCH_S, 1.0])
def test_a_budget_however_short_has_time_for_the_first_member(budget_s: float) -> None:
    policy = ChainPolicy(silence_budget_s=budget_s)

    assert 0 < policy.attempts_end_after_s < budget_s


def test_a_member_for_which_no_time_is_left_is_neither_asked_nor_counted(board: Board) -> None:
    middle = Scripted("rest", OK)
    talk = Talk(board, Scripted("gemini", (FOREVER,)), middle, sure())

    assert run(talk.ask()) == "Until five."
    assert not middle.asked_at


def test_a_chain_of_one_waits_as_long_as_its_member_may_take(board: Board) -> None:
    alone = Scripted("qwen", (Wait(9), *OK))

    assert run(Talk(board, alone).ask()) == "We are open."


class Buggy(Scripted):
    def stream(self, request: ChatRequest) -> AsyncGenerator[Item, None]:
        raise RuntimeError("a bug")


class Unclosable(Scripted):
    async def close(self) -> None:
        raise ConnectionError


def test_a_transport_with_a_bug_does_not_silence_the_call(
    board: Board, caplog: pytest.LogCaptureFixture
) -> None:
    talk = Talk(board, Buggy("gemini"), sure())

    assert run(talk.ask()) == "Until five."
    assert "transport gemini has a bug" in caplog.text


def test_a_transport_that_cancels_itself_is_a_failure_like_another(board: Board) -> None:
    first = Scripted("gemini", (Vanish(),), (Text("We are "), Vanish()))
    talk = Talk(board, first, sure())

    async def heard() -> list[Item]:
        answer = talk.chain.stream(QUESTION)
        items = [await anext(answer)]
        with pytest.raises(LlmFailed):
            await anext(answer)
        return items

    assert run(heard()) == [Text("We are ")]
    assert [failure.kind for failure in talk.told(AttemptFailed)] == ["cut", "cut"]


def test_without_its_board_a_chain_answers_all_the_same(
    board: Board, caplog: pytest.LogCaptureFixture
) -> None:
    talk = Talk(board, failing("server", "auth"), sure())
    board.close()

    assert run(talk.ask_often(2)) == ["Until five.", "We are open."]
    assert "the breakers are off" in caplog.text


def test_what_is_stopped_slowly_is_waited_for_a_moment_only(board: Board) -> None:
    first = Scripted("gemini", (Linger(60), *OK, FOREVER))
    talk = Talk(board, first, sure())

    async def took() -> float:
        turn = asyncio.create_task(talk.ask())
        await asyncio.sleep(1)
        begun = now()
        turn.cancel()
        await asyncio.wait({turn})
        return now() - begun

    assert run(took()) <= 0.25


def test_to_close_a_chain_waits_for_answers_that_are_being_stopped(board: Board) -> None:
    first = Scripted("gemini", (Linger(0.2), FOREVER))

    async def running_at_the_end() -> int:
        talk = Talk(board, first, sure())
        await talk.ask()
        assert first.running == 1
        await talk.chain.close()
        return first.running

    assert run(running_at_the_end()) == 0


def test_names_must_differ_and_there_must_be_some(board: Board) -> None:
    with pytest.raises(ValueError, match="different names"):
        Chain([], board)
    with pytest.raises(ValueError, match="different names"):
        Chain([sure(), sure()], board)


def test_a_chain_is_warm_even_if_one_member_cannot_be_reached_and_closes_all(
    board: Board,
) -> None:
    members = [broken(), sure()]

    async def warmed() -> None:
        chain = Chain(members, board)
        await chain.warm()
        await chain.close()

    run(warmed())
    assert all(member.warmed and member.closed for member in members)


def test_a_member_that_cannot_be_closed_does_not_keep_the_others_open(board: Board) -> None:
    members = [sure(), Unclosable("gemini", OK), Scripted("rest", OK)]

    async def closed() -> None:
        await Chain(members, board).close()

    with pytest.raises(ConnectionError):
        run(closed())
    assert [member.closed for member in members] == [True, False, True]


def test_the_log_names_members_and_never_what_was_said(
    board: Board, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    first = Scripted("gemini", (Text("CANARY"), Fail("cut")))

    async def turn() -> None:
        chain = Chain([first, sure()], board)
        with pytest.raises(LlmFailed):
            async for _ in chain.stream(ChatRequest((Said("user", "CANARY"),), "CANARY")):
                pass

    run(turn())
    assert "GEMINI_LLM_CONFIGURED" in caplog.text
    assert "QWEN_LLM_CONFIGURED" in caplog.text
    assert "CANARY" not in caplog.text + str([vars(record) for record in caplog.records])


def test_an_open_breaker_costs_a_turn_less_than_five_milliseconds(tmp_path: Path) -> None:
    board = Board(tmp_path / "real")
    talk = Talk(board, broken(), sure())

    async def seconds() -> float:
        await talk.ask_often(3)
        talk.waited.clear()
        for _ in range(50):
            await talk.ask()
        return statistics.median(talk.waited)

    assert asyncio.run(seconds()) < 0.005
    board.close()
