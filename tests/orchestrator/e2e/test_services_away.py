"""A speech service that is away for a moment: the call goes on, and the caller is told."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from parley.bench.turn_phone import Samples
from tests.orchestrator.e2e.conftest import Ear
from tests.orchestrator.e2e.phone import Phone, calling
from tests.orchestrator.fault_proxy import Fault, FaultProxy, NoFault, NoWebSockets, Refuse

pytestmark = pytest.mark.anyio

HEARD = "recover from the flu in one to two weeks"


@asynccontextmanager
async def call_through(
    stack: str, service: str, persona: str, log: Path, fault: Fault | None = None
) -> AsyncGenerator[tuple[Phone, FaultProxy]]:
    """A call in which `service` is behind a proxy; the agent has greeted."""
    async with FaultProxy(stack).running() as proxy:
        await proxy.become(fault or NoFault())
        environment = {
            "OPENAI_BASE_URL": stack,
            "LLM_CHAIN": "qwen",
            "AGENT_PERSONA": persona,
            f"{service}_BASE_URL": proxy.url,
        }
        async with calling(log, **environment) as phone:
            await phone.greeted()
            yield phone, proxy


async def test_speech_that_cannot_be_made_is_apologised_for(
    stack: str, brief: str, question: Samples, ear: Ear, tmp_path: Path
) -> None:
    async with call_through(stack, "TTS", brief, tmp_path / "log") as (phone, proxy):
        await proxy.become(Refuse())
        apology = await phone.answered(question)
        await phone.until(lambda: phone.state == "listening", 30, "it listens again")
        await proxy.become(NoFault())
        answer = await phone.answered(question)

    assert "ask me again in a moment" in ear(apology)
    assert HEARD in ear(answer)


async def test_a_caller_who_cannot_be_heard_is_told_and_heard_later(
    stack: str, brief: str, question: Samples, ear: Ear, tmp_path: Path
) -> None:
    async with call_through(stack, "STT", brief, tmp_path / "log") as (phone, proxy):
        began = phone.loudspeaker.busy_until
        await proxy.become(Refuse())
        apology = await phone.said_next(began)
        await phone.until(lambda: phone.state == "listening", 30, "it listens again")
        await proxy.become(NoFault())
        await phone.until(lambda: proxy.accepted > 1, 30, "the service is found again")
        answer = await phone.answered(question)

    assert "please wait a little" in ear(apology)
    assert HEARD in ear(answer)


async def test_a_service_without_realtime_hears_utterance_by_utterance(
    stack: str, brief: str, question: Samples, ear: Ear, tmp_path: Path
) -> None:
    log = tmp_path / "log"
    async with call_through(stack, "STT", brief, log, NoWebSockets()) as (phone, _):
        answer = await phone.answered(question)

    assert '"stt_realtime": "no"' in log.read_text()
    assert HEARD in ear(answer)
