"""`parley up`: the whole stack in one process, tried once on real speech before it says ready."""

import asyncio
import json
import logging
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass

from rich.console import Console
from rich.status import Status
from rich.table import Table

from parley.client import Caller, Target, Turn, wav
from parley.errors import BadInput, CliError, ServiceFailed
from parley.stack import Address, Stack, access_for, create_services
from parley_kit.errors import PortTaken, SettingsError
from parley_kit.health import State
from parley_kit.logging import configure
from parley_kit.server import Server, bind, config, keep_what_is_loaded
from parley_kit.settings import ServiceSettings, load

SENTENCE = "What time does the clinic open tomorrow morning?"
_GRACE_S = 10
_LOOK_EVERY_S = 0.1
_WORDS = {
    State.STARTING: "loading",
    State.READY: "ready",
    State.FAILED: "failed",
    State.DRAINING: "stopping",
}


@dataclass(frozen=True, slots=True)
class Ready:
    """What a stack that is up can show."""

    url: str
    needs_key: bool
    start_s: float
    turn: Turn
    spoken: str
    speak_s: float

    def as_json(self) -> str:
        return json.dumps(
            {
                "url": self.url,
                "start_s": round(self.start_s, 3),
                "said": self.spoken,
                "heard": self.turn.heard,
                "answer": self.turn.answer,
                "speak_s": round(self.speak_s, 3),
                "stt_s": round(self.turn.stt_s, 3),
                "llm_first_token_s": round(self.turn.llm_first_token_s, 3),
                "tts_first_byte_s": round(self.turn.tts_first_byte_s, 3),
                "total_s": round(self.turn.total_s, 3),
            }
        )


def up(host: str, port: int, *, show: Callable[[Ready], None], console: Console) -> int:
    """Serve the stack until Ctrl-C; `show` is called once, when it has answered a spoken question.

    Raises:
        CliError: it cannot start; says what to do.
    """
    started = time.perf_counter()
    configure("console", "warning")
    try:
        access, key = access_for(host)
        sock = bind(host, port)
        address = Address(host, sock.getsockname()[1], key)
        stack = Stack(create_services(address, access), load(ServiceSettings, **access))
    except PortTaken as exc:
        other = f"parley up --port {port + 1}, or make up PORT={port + 1}"
        raise BadInput(f"{exc} For example: {other}.") from exc
    except SettingsError as exc:
        raise BadInput(str(exc)) from exc
    asyncio.run(_serve(stack, sock, address, started, show, console))
    return 0


async def _serve(
    stack: Stack,
    sock: socket.socket,
    address: Address,
    started: float,
    show: Callable[[Ready], None],
    console: Console,
) -> None:
    server = Server(config(stack, grace_s=_GRACE_S), stack.mark_draining)
    stack.home.on_failure = server.stop
    serving = asyncio.create_task(server.serve(sockets=[sock]), name="server")
    try:
        with console.status("Starting the services …") as status:
            turn, speak_s = await _until_ready(stack, address, serving, status)
        keep_what_is_loaded()
        start_s = time.perf_counter() - started
        show(Ready(address.url, address.key is not None, start_s, turn, SENTENCE, speak_s))
        logging.getLogger().setLevel(logging.INFO)
    except CliError:
        server.stop()
        raise
    finally:
        await serving


async def _until_ready(
    stack: Stack, address: Address, serving: "asyncio.Task[None]", status: Status
) -> tuple[Turn, float]:
    trying = asyncio.create_task(_first_turn(stack, address, status), name="first turn")
    done, _ = await asyncio.wait({serving, trying}, return_when=asyncio.FIRST_COMPLETED)
    if trying in done:
        return trying.result()
    trying.cancel()
    raise ServiceFailed(stack.home.health.reason or "Stopped before the stack was ready.")


async def _first_turn(stack: Stack, address: Address, status: Status) -> tuple[Turn, float]:
    """Speak a sentence, then ask it as a caller would."""
    while not stack.home.health.ready:
        states = "  ".join(f"{s.name} {_WORDS[s.health.state]}" for s in stack.services)
        status.update(f"Starting the services: {states}")
        await asyncio.sleep(_LOOK_EVERY_S)
    async with Caller(Target(address.url, address.key)) as caller:
        status.update("Trying it: speaking a question")
        began = time.perf_counter()
        spoken = bytearray()
        async for chunk in caller.speak(SENTENCE):
            spoken += chunk
        speak_s = time.perf_counter() - began
        turn = await caller.turn(
            wav(bytes(spoken)), lambda step: status.update(f"Trying it: {step}")
        )
    return turn, speak_s


def print_ready(console: Console, ready: Ready) -> None:
    """The table that ends the start, and what to do next."""
    table = Table(title="Parley is up", title_justify="left", show_edge=False, pad_edge=False)
    table.add_column("step")
    table.add_column("result", overflow="fold")
    table.add_column("time", justify="right")
    turn = ready.turn
    table.add_row("speak a question (TTS)", f"“{ready.spoken}”", _ms(ready.speak_s))
    table.add_row("hear it (STT)", f"“{turn.heard}”", _ms(turn.stt_s))
    table.add_row("answer it (LLM)", f"“{turn.answer}”", _ms(turn.llm_first_token_s - turn.stt_s))
    table.add_row(
        "speak the answer (TTS)",
        f"{turn.audio_s:.1f} s of audio",
        _ms(turn.tts_first_byte_s - turn.llm_first_token_s),
    )
    table.add_row("question to first audio", "", _ms(turn.tts_first_byte_s))
    console.print()
    console.print(table)
    console.print(f"\nStarted in {ready.start_s:.1f} s. Listening on {ready.url}; Ctrl-C stops it.")
    console.print(
        examples(ready.url, needs_key=ready.needs_key),
        highlight=False,
        markup=False,
        soft_wrap=True,
    )


def examples(url: str, *, needs_key: bool) -> str:
    """Commands to copy; they take the key from the environment where one is needed."""
    header = ' -H "Authorization: Bearer $OPENAI_API_KEY"' if needs_key else ""
    argument = "" if needs_key else ', api_key="none"'
    return f"""
Speak and listen:
  curl {url}/tts/v1/audio/speech{header} -H "Content-Type: application/json" -o question.wav \\
    -d '{{"model":"tts-1","voice":"alloy","response_format":"wav","input":"{SENTENCE}"}}'
  curl {url}/stt/v1/audio/transcriptions{header} -F model=whisper-1 -F file=@question.wav

The same from Python:
  from openai import OpenAI
  llm = OpenAI(base_url="{url}/llm/v1"{argument})
  question = [{{"role": "user", "content": "{SENTENCE}"}}]
  reply = llm.chat.completions.create(model="qwen2-5-7b-instruct", messages=question)
  print(reply.choices[0].message.content)

One spoken turn:
  .venv/bin/parley call examples/question.wav -o answer.wav --base-url {url}

Chat page:
  {url}/ws-llm/
"""


def _ms(seconds: float) -> str:
    return f"{seconds * 1000:.0f} ms"
