"""For each fault of the network and each transport: what the caller gets, and when.

Once from the transport alone, and once from a chain that has a sound model after it.
"""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from parley_orchestrator.board import Board
from parley_orchestrator.errors import FailureKind, LlmFailed
from parley_orchestrator.llm.chain import Chain, ChainPolicy
from parley_orchestrator.llm.chat import Item
from parley_orchestrator.llm.config import LlmConfig
from parley_orchestrator.llm.transport import Transport
from tests.orchestrator.contract.asking import HELLO, LONG_S, SOON_S, failure, text
from tests.orchestrator.contract.chat_completions_wire import ChatCompletionsWire
from tests.orchestrator.contract.wire import Finish, Hold, Say, Wire
from tests.orchestrator.contract.wires import WIRES
from tests.orchestrator.fault_proxy import (
    END_OF_HEAD,
    BlackHole,
    CutAfter,
    Fault,
    FaultProxy,
    Garbage,
    GarbageAfter,
    NoFault,
    Refuse,
    SlowFirstByte,
    StallAfter,
    Status,
    Unaccepting,
)

pytestmark = pytest.mark.anyio

PRIMARY, BACKUP = "Bananas are yellow.", "The sky is blue."
MIDDLE = b"anan"
"""Within the first piece of text, so in the middle of a line or of a frame."""
BUDGET_S = 0.3


@dataclass(frozen=True)
class Row:
    """
    Args:
        kinds: what the transport alone may say; a wire decides how much of a torn answer is one.
        heard: of the chain.
        by_s: when the chain's first words are there at the latest.
    """

    fault: Fault
    kinds: tuple[FailureKind, ...]
    heard: str = BACKUP
    by_s: float = BUDGET_S


TABLE: dict[str, Row] = {
    "refuse": Row(Refuse(), ("connect",)),
    "no connection": Row(Unaccepting(), ("connect", "timeout")),
    "black hole": Row(BlackHole(), ("timeout", "connect")),
    "silent after the head": Row(StallAfter(END_OF_HEAD), ("timeout", "connect")),
    "429": Row(Status(429), ("rate_limited",)),
    "429, later": Row(Status(429, retry_after_s=60), ("rate_limited",), by_s=0.0),
    "500": Row(Status(500), ("server",)),
    "503": Row(Status(503), ("server",)),
    "401": Row(Status(401), ("auth",), by_s=0.0),
    "slow first byte": Row(SlowFirstByte(5.0), ("timeout", "connect")),
    "cut after the head": Row(CutAfter(END_OF_HEAD), ("cut", "connect")),
    "garbage": Row(Garbage(), ("malformed", "connect", "cut")),
    "garbage after the head": Row(GarbageAfter(END_OF_HEAD), ("malformed", "cut", "connect")),
}  # fmt: skip


@pytest.mark.parametrize("row", TABLE.values(), ids=TABLE.keys())
async def test_a_transport_says_what_is_wrong_in_its_time(wire: Wire, row: Row) -> None:
    first = 0.1 if "timeout" in row.kinds else LONG_S
    connect = 0.1 if isinstance(row.fault, Unaccepting) else LONG_S
    async with behind_a_proxy(wire, connect_timeout_s=connect, first_token_timeout_s=first) as (
        proxy,
        transport,
    ):
        await proxy.become(row.fault)
        began = time.monotonic()
        items, failed = await failure(transport)

    assert time.monotonic() - began < SOON_S
    assert items == []
    assert failed.kind in row.kinds


@pytest.mark.parametrize("row", TABLE.values(), ids=TABLE.keys())
async def test_a_chain_answers_once_and_in_the_budget(wire: Wire, row: Row, tmp_path: Path) -> None:
    async with chained(wire, tmp_path) as (proxy, chain):
        await proxy.become(row.fault)
        began = time.monotonic()
        items = await of_the_chain(chain)
        took_s = time.monotonic() - began

    assert text(items) == row.heard
    assert took_s < row.by_s + SOON_S


async def test_a_slow_first_byte_inside_the_budget_is_waited_for(
    wire: Wire, tmp_path: Path
) -> None:
    async with chained(wire, tmp_path, silence_budget_s=LONG_S) as (proxy, chain):
        await proxy.become(SlowFirstByte(0.1))

        assert text(await of_the_chain(chain)) == PRIMARY


@pytest.mark.parametrize(
    "fault",
    [StallAfter(MIDDLE), CutAfter(MIDDLE), GarbageAfter(MIDDLE)],
    ids=lambda f: type(f).__name__,
)
async def test_a_torn_first_word_is_not_heard(wire: Wire, fault: Fault, tmp_path: Path) -> None:
    """It is half a line or half a frame: nothing was passed on, so another model may answer."""
    async with chained(wire, tmp_path) as (proxy, chain):
        await proxy.become(fault)
        began = time.monotonic()
        items = await of_the_chain(chain)

    assert text(items) == BACKUP
    assert time.monotonic() - began < BUDGET_S + SOON_S


@pytest.mark.parametrize(
    "fault", [BlackHole(), Garbage(), Refuse()], ids=lambda f: type(f).__name__
)
async def test_after_a_word_nothing_is_said_twice(wire: Wire, fault: Fault, tmp_path: Path) -> None:
    more = asyncio.Event()
    words = (Say("Bananas"), Hold(more), Say(" are yellow."), Finish())
    async with chained(wire, tmp_path, words=words, silence_budget_s=LONG_S) as (proxy, chain):
        heard: list[Item] = []
        async with aclosing(chain.stream(HELLO)) as items:
            heard.append(await anext(items))
            await proxy.become(fault)
            more.set()
            with pytest.raises(LlmFailed) as failed:
                await into(heard, items)

    assert (text(heard), failed.value.kind) == ("Bananas", "cut")


async def test_the_server_serves_again_when_the_fault_is_gone(wire: Wire, tmp_path: Path) -> None:
    async with chained(wire, tmp_path, silence_budget_s=LONG_S, max_retries=0) as (proxy, chain):
        before = text(await of_the_chain(chain))
        await proxy.become(Refuse())
        without = text(await of_the_chain(chain))
        await proxy.become(NoFault())
        after = text(await of_the_chain(chain))

    assert (before, without, after) == (PRIMARY, BACKUP, PRIMARY)


async def test_a_connection_that_went_dead_while_idle_costs_one_budget(
    wire: Wire, tmp_path: Path
) -> None:
    async with chained(wire, tmp_path) as (proxy, chain):
        await chain.warm()
        await proxy.become(BlackHole())
        began = time.monotonic()
        without = text(await of_the_chain(chain))
        took_s = time.monotonic() - began

    assert without == BACKUP
    assert took_s < BUDGET_S + SOON_S


async def test_the_time_to_connect_is_bounded_by_itself(wire: Wire) -> None:
    async with behind_a_proxy(wire, connect_timeout_s=0.2, first_token_timeout_s=LONG_S) as (
        proxy,
        transport,
    ):
        await proxy.become(Unaccepting())
        began = time.monotonic()
        _, failed = await failure(transport)

    assert failed.kind == "connect"
    assert time.monotonic() - began < SOON_S


@pytest.fixture(params=("gemini", "rest", "realtime", "ws"))
def wire(request: pytest.FixtureRequest) -> Wire:
    """One for each kind of connection: `qwen` is `rest` by another name."""
    return next(wire for wire in WIRES if wire.name == request.param)


@asynccontextmanager
async def behind_a_proxy(
    wire: Wire, words: tuple[Any, ...] = (Say(PRIMARY), Finish()), **config: Any
) -> AsyncIterator[tuple[FaultProxy, Transport]]:
    async with wire.serve() as server, FaultProxy(server.url).running() as proxy:
        server.answer = words
        transport = wire.transport(
            LlmConfig(model="model-1", base_url=proxy.url, api_key="key", **config)
        )
        try:
            yield proxy, transport
        finally:
            await transport.close()


@asynccontextmanager
async def chained(
    wire: Wire,
    folder: Path,
    *,
    words: tuple[Any, ...] = (Say(PRIMARY), Finish()),
    silence_budget_s: float = BUDGET_S,
    max_retries: int = 2,
) -> AsyncIterator[tuple[FaultProxy, Chain]]:
    """A chain of the wire's transport, which may have all the time there is, and a sound one."""
    backup = ChatCompletionsWire("qwen" if wire.name == "rest" else "rest")
    async with (
        backup.serve() as sound,
        behind_a_proxy(
            wire, words, first_token_timeout_s=LONG_S, stall_timeout_s=0.1, max_retries=max_retries
        ) as (proxy, primary),
    ):
        sound.answer = (Say(BACKUP), Finish())
        second = backup.transport(LlmConfig(model="model-2", base_url=sound.url))
        board = Board(folder / "board")
        chain = Chain((primary, second), board, ChainPolicy(silence_budget_s=silence_budget_s))
        try:
            yield proxy, chain
        finally:
            await chain.close()
            board.close()


async def of_the_chain(chain: Chain) -> list[Item]:
    items: list[Item] = []
    await into(items, chain.stream(HELLO))
    return items


async def into(heard: list[Item], items: Any) -> None:
    async for item in items:
        heard.append(item)
