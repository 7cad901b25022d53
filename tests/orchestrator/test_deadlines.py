"""The time that a model has, and what counts as an answer."""

import asyncio
from collections.abc import AsyncGenerator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from parley_orchestrator.errors import LlmFailed
from parley_orchestrator.llm.chat import Item, Text, ToolCall, Usage
from parley_orchestrator.llm.config import LlmConfig
from parley_orchestrator.llm.deadlines import timed
from tests.orchestrator.scripted import FOREVER, QUESTION, Fail, Scripted, Step, Wait, text_of
from tests.orchestrator.virtual_time import run

CONFIG = LlmConfig(model="m", first_token_timeout_s=3.0, stall_timeout_s=2.0)
IN_ONE_PIECE = LlmConfig(model="m", first_token_timeout_s=3.0, stall_timeout_s=2.0, stream=False)
CALL = ToolCall("1", "book", "{}")
USAGE = Usage(10, 2)


class Heard:
    """What came of one answer: its items, when it ended, and how."""

    def __init__(self, *script: Step, config: LlmConfig = CONFIG) -> None:
        self.items: list[Item] = []
        self.failure: LlmFailed | None = None
        self.model = Scripted("m", script, config=config)
        run(self._listen())

    async def _listen(self) -> None:
        loop = asyncio.get_running_loop()
        begun = loop.time()
        try:
            async for item in self.model.stream(QUESTION):
                self.items.append(item)
        except LlmFailed as failure:
            self.failure = failure
        self.seconds = loop.time() - begun


def kind_of(heard: Heard) -> str | None:
    return heard.failure.kind if heard.failure else None


def test_an_answer_passes_as_it_comes() -> None:
    assert Heard(Text("a"), Wait(1), Text(" "), CALL, USAGE).items == [
        Text("a"), Text(" "), CALL, USAGE,
    ]  # fmt: skip


@pytest.mark.parametrize("pulse", [Text(""), Text(" "), USAGE])
def test_what_is_of_no_use_does_not_put_the_first_deadline_off(pulse: Item) -> None:
    heard = Heard(*[Wait(1), pulse] * 5, Text("late"))

    assert kind_of(heard) == "timeout"
    assert heard.seconds == pytest.approx(3.0)
    assert not heard.items


def test_a_model_that_falls_silent_is_given_up() -> None:
    heard = Heard(Wait(2.9), Text("a"), Wait(1.9), Text("b"), FOREVER)

    assert text_of(heard.items) == "ab"
    assert kind_of(heard) == "timeout"
    assert heard.seconds == pytest.approx(6.8)


def test_an_answer_that_does_not_end_is_given_up() -> None:
    assert kind_of(Heard(CALL, FOREVER)) == "timeout"


@pytest.mark.parametrize("script", [(), (Text(""),), (Text(" \n"),), (USAGE,)])
def test_an_answer_without_anything_useful_is_empty(script: tuple[Step, ...]) -> None:
    heard = Heard(*script)

    assert kind_of(heard) == "empty"
    assert not heard.items


def test_a_tool_call_alone_is_an_answer() -> None:
    assert Heard(CALL).items == [CALL]


def test_white_space_before_the_first_word_comes_with_it() -> None:
    assert Heard(Text("\n"), Wait(1), Text("Hi")).items == [Text("\n"), Text("Hi")]


def test_the_models_own_failure_is_passed_on() -> None:
    heard = Heard(Text("a"), Fail("cut"))

    assert (text_of(heard.items), kind_of(heard)) == ("a", "cut")


def test_a_time_out_of_somebody_else_is_not_called_the_models() -> None:
    async def timed_out() -> AsyncGenerator[Item, None]:
        yield Text("a")
        raise TimeoutError("a lock")

    async def listened() -> None:
        async for _ in timed(timed_out(), CONFIG):
            pass

    with pytest.raises(TimeoutError, match="a lock"):
        run(listened())


def test_without_streaming_the_text_comes_in_one_piece_before_calls_and_usage() -> None:
    heard = Heard(Text("a"), CALL, Wait(1), Text("b"), USAGE, config=IN_ONE_PIECE)

    assert heard.items == [Text("ab"), CALL, USAGE]


def test_without_streaming_nothing_comes_of_an_answer_that_breaks_off() -> None:
    heard = Heard(Text("a"), Fail("cut"), config=IN_ONE_PIECE)

    assert (heard.items, kind_of(heard)) == ([], "cut")


def test_the_time_that_the_listener_takes_is_not_the_models() -> None:
    async def listened_slowly() -> str:
        heard = []
        model = Scripted("m", (Text("a"), Wait(1), Text("b")), config=CONFIG)
        async for item in model.stream(QUESTION):
            heard.append(item)
            await asyncio.sleep(60)
        return text_of(heard)

    assert run(listened_slowly()) == "ab"


@pytest.mark.parametrize("taken", [0, 1])
def test_a_listener_who_leaves_stops_the_model(taken: int) -> None:
    async def left_running() -> int:
        model = Scripted("m", (Text("a"), FOREVER), config=CONFIG)
        answer = model.stream(QUESTION)
        for _ in range(taken):
            await anext(answer)
        await answer.aclose()
        return model.running

    assert run(left_running()) == 0


@given(
    st.lists(
        st.builds(Text, st.text("ab \n", max_size=3))
        | st.just(CALL)
        | st.builds(Wait, st.sampled_from([0.5, 1.9])),
        max_size=12,
    )
)
def test_streaming_changes_the_pieces_and_not_the_answer(script: list[Step]) -> None:
    streamed, whole = Heard(*script), Heard(*script, config=IN_ONE_PIECE)

    assert kind_of(whole) == kind_of(streamed)
    if not streamed.failure:
        assert text_of(whole.items) == text_of(streamed.items)
        assert whole.items.count(CALL) == streamed.items.count(CALL)
