"""A stack of embedded engines, and an ear: what the caller heard is transcribed by its STT."""

import io
import wave
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeAlias

import httpx2
import pytest

from parley.bench.turn_phone import RATE, Samples
from tests.cli.commands import up
from tests.orchestrator.e2e.phone import recording

QUESTION = Path(__file__).parents[3] / "examples" / "question.wav"

REMARK = "Good morning, how are you?"

Ear: TypeAlias = Callable[[Samples], str]


@pytest.fixture(scope="session")
def stack() -> Iterator[str]:
    with up() as (_, ready):
        yield ready["url"]


@pytest.fixture(scope="session")
def question() -> Samples:
    """How long does it take to get better from the flu?"""
    return recording(QUESTION)


@pytest.fixture(scope="session")
def remark(stack: str) -> Samples:
    """Something short."""
    response = httpx2.post(
        f"{stack}/tts/v1/audio/speech",
        json={"model": "tts-1", "voice": "alloy", "input": REMARK, "response_format": "wav"},
        timeout=30,
    )
    return recording(io.BytesIO(response.content))


@pytest.fixture
def brief(tmp_path: Path) -> str:
    """A persona who greets in a word, as `AGENT_PERSONA`."""
    persona = tmp_path / "brief.md"
    persona.write_text("## Greeting\nHello.\n\n## Instructions\nAnswer the caller.\n")
    return str(persona)


@pytest.fixture
def ear(stack: str) -> Ear:
    def heard(samples: Samples) -> str:
        response = httpx2.post(
            f"{stack}/stt/v1/audio/transcriptions",
            files={"file": ("heard.wav", _wav(samples), "audio/wav")},
            data={"model": "whisper-1"},
            timeout=60,
        )
        text: str = response.json()["text"]
        return text

    return heard


def _wav(samples: Samples) -> bytes:
    file = io.BytesIO()
    with wave.open(file, "wb") as writer:
        writer.setparams((1, 2, RATE, 0, "NONE", ""))
        writer.writeframes(samples.tobytes())
    return file.getvalue()
