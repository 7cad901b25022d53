"""What a caller hears of answers and of speech that are late, fail or are not wanted any more."""

import asyncio
from collections.abc import AsyncGenerator, Iterable
from typing import TypeAlias

import pytest
from livekit import rtc
from livekit.agents import APIConnectionError, FlushSentinel, llm

from parley_orchestrator.excuses import Excuses
from parley_orchestrator.never_silent import Patience, answered, spoken_phrase, voiced
from parley_orchestrator.persona import Excuse, Persona
from parley_orchestrator.phrases import RATE, Phrases

pytestmark = pytest.mark.anyio

PERSONA = Persona(
    "Hello.", "Be kind.", waiting=("Hm.", "Well."), sorry="Sorry.", cut_off="Where was I?"
)
SOON_S = 0.02
LONG_S = 30.0

Step: TypeAlias = str | asyncio.Event | Exception


class Remembered(Phrases):
    """Each phrase as so many samples as it has letters."""

    def speech(self, text: str) -> bytes:
        return b"\1\1" * len(text) if text in self.texts else b""


PHRASES = Remembered(PERSONA.phrases)
EXCUSES = Excuses(PERSONA, PHRASES)


async def steps(script: Iterable[Step]) -> AsyncGenerator[str, None]:
    for step in script:
        if isinstance(step, asyncio.Event):
            await step.wait()
        elif isinstance(step, Exception):
            raise step
        else:
            yield step


async def pieces(*script: Step) -> AsyncGenerator[llm.ChatChunk | str | FlushSentinel, None]:
    yield llm.ChatChunk(id="1")  # says nothing, and so is not waited for
    async for text in steps(script):
        yield llm.ChatChunk(id="1", delta=llm.ChoiceDelta(content=text))


async def frames(*script: Step) -> AsyncGenerator[rtc.AudioFrame, None]:
    async for text in steps(script):
        yield rtc.AudioFrame(b"\2\2" * len(text), RATE, 1, len(text))


def patience(budget_s: float) -> Patience:
    return Patience(budget_s)


def segments(said: Iterable[object]) -> list[str]:
    """What is said in one go, piece by piece joined."""
    parts = [""]
    for piece in said:
        if isinstance(piece, FlushSentinel):
            parts.append("")
        elif isinstance(piece, llm.ChatChunk):
            parts[-1] += (piece.delta and piece.delta.content) or ""
        else:
            parts[-1] += str(piece)
    return [part for part in parts if part]


async def test_an_answer_in_time_is_only_itself() -> None:
    said = [x async for x in answered(pieces("At ", "nine."), patience(LONG_S), EXCUSES)]

    assert segments(said) == ["At nine."]


async def test_a_late_answer_comes_after_a_phrase_of_its_own() -> None:
    come = asyncio.Event()
    said: list[object] = []
    async for piece in answered(pieces(come, "At nine."), patience(SOON_S), EXCUSES):
        said.append(piece)
        if piece == "Hm.":
            come.set()

    assert segments(said) == ["Hm.", "At nine."]


async def test_the_phrases_take_turns_and_do_not_hurry() -> None:
    waiting = patience(0.0)
    said = [waiting.next_phrase(EXCUSES) for _ in range(3)]

    assert said == ["Hm.", "Well.", "Hm."]
    assert waiting.left_s > 1.0


async def test_an_answer_that_has_begun_is_not_interrupted_by_phrases() -> None:
    come = asyncio.Event()
    asyncio.get_running_loop().call_later(5 * SOON_S, come.set)
    answer = answered(pieces("At ", come, "nine."), patience(SOON_S), EXCUSES)

    assert segments([piece async for piece in answer]) == ["At nine."]


@pytest.mark.parametrize(
    ("before", "said"), [((), ["Sorry."]), (("At ",), ["At ", "Where was I?"])]
)
async def test_an_answer_that_fails_ends_in_an_apology(before: tuple[str], said: list[str]) -> None:
    failing = pieces(*before, APIConnectionError("as scripted"))
    answer = answered(failing, patience(LONG_S), EXCUSES)

    assert segments([piece async for piece in answer]) == said


async def test_an_answer_that_is_not_wanted_any_more_is_closed_while_it_is_late() -> None:
    closed = asyncio.Event()

    async def hanging() -> AsyncGenerator[llm.ChatChunk | str | FlushSentinel, None]:
        try:
            await asyncio.Event().wait()
            yield ""
        finally:
            closed.set()

    answer = answered(hanging(), patience(SOON_S), EXCUSES)
    assert await anext(answer) == "Hm."
    await answer.aclose()

    assert closed.is_set()


async def heard(speech: AsyncGenerator[rtc.AudioFrame, None]) -> list[tuple[int, int]]:
    """The samples of each frame, and the first of them."""
    got = []
    async for frame in speech:
        got.append((len(frame.data), frame.data[0]))
    return got


PHRASE, SPEECH = 0x0101, 0x0202


async def test_late_speech_comes_after_a_phrase_from_memory() -> None:
    come = asyncio.Event()
    asyncio.get_running_loop().call_later(5 * SOON_S, come.set)
    speech = voiced(frames(come, "nine"), patience(SOON_S), EXCUSES)

    assert await heard(speech) == [(len("Hm."), PHRASE), (len("nine"), SPEECH)]


@pytest.mark.parametrize(("before", "apology"), [((), "Sorry."), (("nine",), "Where was I?")])
async def test_speech_that_fails_ends_in_an_apology_and_livekit_is_told(
    before: tuple[str], apology: str
) -> None:
    failing = frames(*before, APIConnectionError("as scripted"))
    speech = voiced(failing, patience(LONG_S), EXCUSES)

    played = [len((await anext(speech)).data) for _ in (*before, apology)]
    assert played == [*map(len, before), len(apology)]
    with pytest.raises(APIConnectionError):
        await anext(speech)


@pytest.mark.parametrize(
    ("words", "phrase"),
    [
        (["Sorry."], "Sorry."),
        (["Sor", "ry."], "Sorry."),
        (["Sorry.", " Really."], None),
        (["Sorrow."], None),
        (["At nine."], None),
        ([], None),
        (["Unknown."], None),
    ],
)
async def test_only_the_whole_of_a_phrase_is_played_from_memory(
    words: list[str], phrase: str | None
) -> None:
    found, again = await spoken_phrase(steps(words), PHRASES)

    assert found == phrase
    assert [word async for word in again] == words


async def test_another_text_is_not_held_back() -> None:
    found, again = await spoken_phrase(steps(["At ", asyncio.Event()]), PHRASES)

    assert found is None
    assert await anext(again) == "At "


async def test_each_excuse_is_noted_as_it_is_made() -> None:
    noted: list[Excuse] = []
    excuses = Excuses(PERSONA, PHRASES, noted.append)
    failure = APIConnectionError("as scripted")
    late = asyncio.Event()
    asyncio.get_running_loop().call_later(2 * SOON_S, late.set)
    for script in ((late, "nine"), (failure,), ("At ", failure)):
        async for _ in answered(pieces(*script), patience(SOON_S), excuses):
            pass
    excuses.not_hearing()

    assert noted == ["waiting", "sorry", "cut_off", "not_hearing"]
