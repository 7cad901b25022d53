"""Calls from end to end: the real worker process, a microphone, a loudspeaker, a real stack."""

import asyncio
import time
from pathlib import Path

import httpx2
import pytest

from parley.bench.turn_phone import Samples
from tests.orchestrator.contract.chat_completions_wire import ChatCompletionsWire
from tests.orchestrator.contract.gemini_wire import GeminiWire
from tests.orchestrator.contract.wire import Finish, Hang, Hold, Refuse, Say
from tests.orchestrator.e2e.conftest import Ear
from tests.orchestrator.e2e.phone import calling, onset_s

pytestmark = pytest.mark.anyio

# What the embedded model says of the flu, which the embedded ear understands.
ANSWER = "Most people recover from the flu in one to two weeks. "
HEARD = "recover from the flu in one to two weeks"
# By the caller, and by the agent.
SAID = ("how long does", "better from", "recover from", "two weeks")
# A caller has to be heard to speak for 0.2 s; the rest is what a loaded machine may take.
INTERRUPTED_WITHIN_S = 0.3
STOPPED_WITHIN_S = 2.0
# Between the sentences of an answer, which come faster than they are heard.
NO_GAP_S = 0.1


def running_at(service: str) -> int:
    running: int = httpx2.get(f"{service}/status").json()["running"]
    return running


async def test_a_spoken_question_is_answered_aloud_and_kept_out_of_the_log(
    stack: str, question: Samples, ear: Ear, tmp_path: Path
) -> None:
    log = tmp_path / "log"
    async with calling(log, OPENAI_BASE_URL=stack, LLM_CHAIN="qwen") as phone:
        await phone.greeted()
        asked = await phone.say(question)
        answer = await phone.said_next(asked)
        gap_s = phone.loudspeaker.longest_gap_s(asked)

    assert gap_s < NO_GAP_S
    assert phone.transcripts == ["how long does it take to get better from the flu"]
    assert HEARD in ear(answer)
    assert "QWEN_LLM_CONFIGURED" in log.read_text()
    assert not [word for word in SAID if word in log.read_text()]


async def test_a_caller_who_interrupts_is_listened_to_and_the_model_stops(
    stack: str, brief: str, question: Samples, remark: Samples, tmp_path: Path
) -> None:
    async with ChatCompletionsWire("qwen").serve() as model:
        model.answer = (Say(ANSWER), Hang())
        async with calling(
            tmp_path / "log",
            OPENAI_BASE_URL=stack,
            LLM_BASE_URL=model.url,
            LLM_CHAIN="qwen",
            AGENT_PERSONA=brief,
        ) as phone:
            await phone.greeted()
            await phone.say(remark)
            await phone.until(lambda: phone.state == "speaking", 10, "the agent speaks")
            speaking = asyncio.create_task(phone.say(question))
            await phone.until(lambda: phone.silenced_at, 10, "the agent stops")
            await asyncio.wait_for(model.stopped.wait(), STOPPED_WITHIN_S)
            silent_after_s = phone.silenced_at[0] - (phone.spoke_at + onset_s(question))
            await phone.until(
                lambda: not running_at(f"{stack}/tts"), STOPPED_WITHIN_S, "the speech stops"
            )
            await speaking

    assert 0 < silent_after_s < INTERRUPTED_WITHIN_S


async def test_qwen_answers_when_gemini_fails(
    stack: str, brief: str, question: Samples, ear: Ear, tmp_path: Path
) -> None:
    async with GeminiWire().serve() as gemini:
        gemini.answer = (Refuse(503),)
        async with calling(
            tmp_path / "log",
            OPENAI_BASE_URL=stack,
            LLM_CHAIN="gemini,qwen",
            GEMINI_API_KEY="key",
            GOOGLE_GEMINI_BASE_URL=gemini.url,
            AGENT_PERSONA=brief,
        ) as phone:
            await phone.greeted()
            answer = await phone.answered(question)

    assert len(gemini.asked) == 3
    assert HEARD in ear(answer)


async def test_a_caller_is_asked_to_wait_while_an_answer_is_late(
    stack: str, brief: str, remark: Samples, ear: Ear, tmp_path: Path
) -> None:
    thought = asyncio.Event()
    async with ChatCompletionsWire("qwen").serve() as model:
        model.answer = (Hold(thought), Say(ANSWER), Finish())
        async with calling(
            tmp_path / "log",
            OPENAI_BASE_URL=stack,
            LLM_BASE_URL=model.url,
            LLM_CHAIN="qwen",
            AGENT_PERSONA=brief,
        ) as phone:
            await phone.greeted()
            meanwhile = await phone.answered(remark)
            waited = time.monotonic()
            thought.set()
            answer = await phone.said_next(waited)

    assert "one moment please" in ear(meanwhile)
    assert HEARD in ear(answer)


async def test_a_caller_hears_an_apology_when_nobody_answers(
    stack: str, brief: str, remark: Samples, ear: Ear, tmp_path: Path
) -> None:
    async with ChatCompletionsWire("qwen").serve() as model:
        model.answer = (Refuse(500),)
        async with calling(
            tmp_path / "log",
            OPENAI_BASE_URL=stack,
            LLM_BASE_URL=model.url,
            LLM_CHAIN="qwen",
            AGENT_PERSONA=brief,
        ) as phone:
            await phone.greeted()
            apology = await phone.answered(remark)
            model.answer = (Say(ANSWER), Finish())
            await phone.until(lambda: phone.state == "listening", 10, "it listens again")
            answer = await phone.answered(remark)

    assert "ask me again in a moment" in ear(apology)
    assert HEARD in ear(answer)
