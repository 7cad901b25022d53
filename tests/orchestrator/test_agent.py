"""The agent in a session of LiveKit without sound: its persona, its tools, its apologies."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import pytest
from livekit.agents import AgentSession, FunctionToolsExecutedEvent

from parley_orchestrator.agent import ParleyAgent
from parley_orchestrator.excuses import Excuses
from parley_orchestrator.livekit_llm import ChainLlm, Serving
from parley_orchestrator.llm.chat import ToolResult
from parley_orchestrator.llm.config import LlmConfig
from parley_orchestrator.llm.transports.chat_completions import ChatCompletions
from parley_orchestrator.persona import Persona, load_persona
from parley_orchestrator.phrases import Phrases
from tests.orchestrator.contract.chat_completions_wire import ChatCompletionsWire
from tests.orchestrator.contract.http_server import HttpServer
from tests.orchestrator.contract.wire import Answer, Call, Cut, Finish, Refuse, Say

pytestmark = pytest.mark.anyio

PERSONA = load_persona("healthcare")


@asynccontextmanager
async def session_with(
    model: HttpServer, persona: Persona = PERSONA
) -> AsyncGenerator[AgentSession[None], None]:
    transport = ChatCompletions("qwen", LlmConfig(model="model-1", base_url=model.url))
    chain = ChainLlm(transport, lambda: Serving("model-1", "qwen"), unspoken=persona.phrases)
    excuses = Excuses(persona, Phrases(persona.phrases))
    agent = ParleyAgent(excuses, silence_budget_s=30.0)
    try:
        async with AgentSession[None](llm=chain, vad=None) as session:
            await session.start(agent, record=False)
            yield session
    finally:
        await transport.close()


@pytest.fixture
async def model() -> AsyncGenerator[HttpServer, None]:
    async with ChatCompletionsWire("qwen").serve() as server:
        yield server


async def test_an_appointment_is_looked_up_and_the_model_reads_what_was_found(
    model: HttpServer,
) -> None:
    model.answer = (Call("c1", "look_up_appointments", "{}"), Finish())

    def then(_: FunctionToolsExecutedEvent) -> None:
        model.answer = (Say("Monday at nine."), Finish())

    async with session_with(model) as session:
        session.on("function_tools_executed", then)
        result = await session.run(user_input="When can I come?")

    result.expect.next_event().is_function_call(name="look_up_appointments")
    result.expect.next_event().is_function_call_output()
    result.expect.next_event().is_message(role="assistant")
    first, second = model.asked
    assert first.tools == ("look_up_appointments", "book_appointment")
    assert PERSONA.instructions in first.instructions
    (found,) = [entry for entry in second.entries if isinstance(entry, ToolResult)]
    assert found.output.startswith("Free: ")


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        ((Refuse(500),), PERSONA.sorry),
        ((Say("On Monday "), Cut()), f"On Monday {PERSONA.cut_off}"),
    ],
)
async def test_a_failure_is_said_and_the_conversation_goes_on(
    model: HttpServer, answer: Answer, said: str
) -> None:
    async with session_with(model) as session:
        model.answer = answer
        failed = await session.run(user_input="When can I come?")
        model.answer = (Say("Monday at nine."), Finish())
        await session.run(user_input="Pardon?")

    message = failed.expect.next_event().is_message(role="assistant").event()
    assert message.item.text_content == said
    assert all(PERSONA.sorry not in str(entry) for entry in model.asked[-1].entries)
    assert all(PERSONA.cut_off not in str(entry) for entry in model.asked[-1].entries)
