"""A tool's call and result outlive the model that made the call."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from parley_orchestrator.board import Board
from parley_orchestrator.llm.chain import Chain
from parley_orchestrator.llm.chat import Item, Said, Tool, ToolCall, ToolResult
from parley_orchestrator.llm.config import LlmConfig
from tests.orchestrator.contract.asking import said
from tests.orchestrator.contract.chat_completions_wire import ChatCompletionsWire
from tests.orchestrator.contract.gemini_wire import GeminiWire, signature
from tests.orchestrator.contract.http_server import HttpServer
from tests.orchestrator.contract.wire import Call, Finish, Refuse, Say

pytestmark = pytest.mark.anyio

SLOTS = Tool("find_slots", "Free appointments.", {"type": "object", "properties": {}})


@asynccontextmanager
async def gemini_then_qwen(folder: Path) -> AsyncIterator[tuple[HttpServer, HttpServer, Chain]]:
    first, second = GeminiWire(), ChatCompletionsWire("qwen")
    async with first.serve() as gemini, second.serve() as qwen:
        members = [
            wire.transport(
                LlmConfig(model="m", base_url=at.url, api_key="k", tools=(SLOTS,), max_retries=0)
            )
            for wire, at in ((first, gemini), (second, qwen))
        ]
        board = Board(folder / "board")
        chain = Chain(members, board)
        try:
            yield gemini, qwen, chain
        finally:
            await chain.close()
            board.close()


async def called(chain: Chain, *entries: Said | ToolCall | ToolResult) -> ToolCall:
    (call,) = await answered(chain, *entries)
    assert isinstance(call, ToolCall)
    return call


async def answered(chain: Chain, *entries: Said | ToolCall | ToolResult) -> list[Item]:
    return [item async for item in chain.stream(said(*entries))]


async def test_each_model_goes_on_with_the_tools_that_the_other_used(tmp_path: Path) -> None:
    monday = Said("user", "Monday?")
    async with gemini_then_qwen(tmp_path) as (gemini, qwen, chain):
        gemini.answer = (Call("call_7", "find_slots", "{}"), Finish())
        theirs = await called(chain, monday)
        full = ToolResult(theirs.id, "find_slots", "full")

        gemini.answer = (Refuse(503),)
        qwen.answer = (Call("call_8", "find_slots", "{}"), Finish())
        ours = await called(chain, monday, theirs, full)
        free = ToolResult(ours.id, "find_slots", "free")

        gemini.answer = (Say("At nine."), Finish())
        await answered(chain, monday, theirs, full, ours, free)

    assert theirs.signature == signature("call_7")
    assert (qwen.asked[0].tools, gemini.asked[-1].tools) == (("find_slots",),) * 2
    assert [type(entry) for entry in qwen.asked[0].entries] == [Said, ToolCall, ToolResult]
    assert theirs.signature.encode() not in qwen.requests[-1].body
    kept = [entry for entry in gemini.asked[-1].entries if isinstance(entry, ToolCall)]
    assert [(call.name, call.signature) for call in kept] == [
        ("find_slots", theirs.signature), ("find_slots", None),
    ]  # fmt: skip
