"""A chat through any chain of language models, in plain Python: no LiveKit, no room, no audio.

    LLM_CHAIN=qwen OPENAI_BASE_URL=http://127.0.0.1:8000 python examples/chat.py
    GEMINI_API_KEY=... LLM_CHAIN=gemini,qwen python examples/chat.py
    LLM_CHAIN=realtime,rest REALTIME_BASE_URL=wss://api.openai.com/v1 ... python examples/chat.py

Each line of the input is a question. A model that does not answer in time is replaced within the
turn, and what went wrong is told on standard error. Every setting is in .env.example.
"""

import asyncio
import logging
import sys
import tempfile
from contextlib import aclosing
from pathlib import Path

from parley_kit.errors import SettingsError
from parley_kit.settings import load
from parley_orchestrator.board import Board
from parley_orchestrator.build import create_chain
from parley_orchestrator.errors import LlmFailed
from parley_orchestrator.llm.chain import Chain
from parley_orchestrator.llm.chat import ChatRequest, Entry, Said, Text
from parley_orchestrator.llm.events import AttemptFailed, Event
from parley_orchestrator.settings import OrchestratorSettings

INSTRUCTIONS = "You are a friendly assistant. Answer in one or two sentences."


async def main(settings: OrchestratorSettings) -> None:
    with tempfile.TemporaryDirectory() as folder:
        board = Board(Path(folder) / "board.sqlite3")  # share one file, and breakers are shared
        chain = create_chain(settings, board, tell)
        try:
            await chat(chain)
        finally:
            await chain.close()
            board.close()


async def chat(chain: Chain) -> None:
    conversation: list[Entry] = []
    while question := (await asyncio.to_thread(sys.stdin.readline)).strip():
        conversation.append(Said("user", question))
        said = ""
        try:
            async with aclosing(chain.stream(request(conversation))) as items:
                async for item in items:
                    if isinstance(item, Text):
                        said += item.text
                        sys.stdout.write(item.text)
                        sys.stdout.flush()
        except LlmFailed as exc:
            sys.stderr.write(f"no answer, or not all of it: {exc}\n")
        if said:
            conversation.append(Said("assistant", said))
        else:
            conversation.pop()
        sys.stdout.write("\n")


def request(conversation: list[Entry]) -> ChatRequest:
    return ChatRequest(tuple(conversation), instructions=INSTRUCTIONS)


def tell(event: Event) -> None:
    """The chain's observer."""
    if isinstance(event, AttemptFailed):
        sys.stderr.write(f"[{event.member}: {event.kind} after {event.seconds:.2f} s]\n")


if __name__ == "__main__":
    logging.getLogger("parley").addHandler(logging.NullHandler())  # the observer tells the same
    try:
        asyncio.run(main(load(OrchestratorSettings)))
    except SettingsError as exc:
        sys.exit(str(exc))
