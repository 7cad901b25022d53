"""`parley call`: one spoken turn from a recording to a WAV file, with its timeline."""

import asyncio
from pathlib import Path

from rich.console import Console
from rich.table import Table

from parley.client import Caller, Target, Turn, wav
from parley.errors import BadInput


def call(question: Path, answer: Path, target: Target, console: Console) -> Turn:
    """Ask what a recording asks, write the spoken answer.

    Raises:
        CliError: a file or a service did not do; says what to do.
    """
    audio = _read(question)
    turn = asyncio.run(_turn(audio, target, console))
    _write(answer, wav(bytes(turn.pcm)))
    return turn


async def _turn(audio: bytes, target: Target, console: Console) -> Turn:
    with console.status("listening") as status:
        async with Caller(target) as caller:
            return await caller.turn(audio, status.update)


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as exc:
        raise BadInput(f"Cannot read {path}: {exc.strerror}.") from exc


def _write(path: Path, data: bytes) -> None:
    try:
        path.write_bytes(data)
    except OSError as exc:
        raise BadInput(f"Cannot write {path}: {exc.strerror}.") from exc


def timeline(turn: Turn) -> dict[str, float]:
    """When each step was reached, in seconds from the start of the turn."""
    return {
        "stt_s": round(turn.stt_s, 3),
        "llm_first_token_s": round(turn.llm_first_token_s, 3),
        "tts_first_byte_s": round(turn.tts_first_byte_s, 3),
        "total_s": round(turn.total_s, 3),
    }


def as_json(turn: Turn, answer: Path) -> dict[str, object]:
    return {
        "heard": turn.heard,
        "answer": turn.answer,
        "file": str(answer),
        "audio_s": round(turn.audio_s, 3),
        **timeline(turn),
    }


def print_turn(console: Console, turn: Turn, answer: Path) -> None:
    """The transcript and the timeline."""
    console.print(f"[bold]You said[/]      {turn.heard}", highlight=False)
    console.print(f"[bold]Parley said[/]   {turn.answer}", highlight=False)
    console.print()
    table = Table(show_edge=False, pad_edge=False)
    table.add_column("reached")
    table.add_column("after", justify="right")
    names = ("transcript (STT)", "first token (LLM)", "first audio (TTS)", "whole answer")
    for name, seconds in zip(names, timeline(turn).values(), strict=True):
        table.add_row(name, f"{seconds * 1000:.0f} ms")
    console.print(table)
    console.print(f"\n{answer}: {turn.audio_s:.1f} s of audio")
