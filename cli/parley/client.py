"""One spoken turn through any OpenAI-compatible stack: question in, answer out, both as audio."""

import io
import time
import wave
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Self

import openai
from openai import AsyncOpenAI

from parley.errors import ServiceFailed
from parley_kit.urls import service_url
from parley_tts.clauses import Boundary, Clause, ClauseSplitter, Part

SAMPLE_RATE = 24_000
"""Of `response_format="pcm"`: 24 kHz, mono, signed 16 bit, as OpenAI defines it."""


@dataclass(frozen=True, slots=True)
class Target:
    """A stack and the names under which its models are asked for."""

    base_url: str
    api_key: str | None = None
    stt_model: str = "whisper-1"
    llm_model: str = "qwen2-5-7b-instruct"
    tts_model: str = "tts-1"
    voice: str = "alloy"
    timeout_s: float = 60.0


@dataclass(slots=True)
class Turn:
    """What was said, and when, in seconds from the start of the turn."""

    heard: str = ""
    answer: str = ""
    stt_s: float = 0.0
    llm_first_token_s: float = 0.0
    tts_first_byte_s: float = 0.0
    total_s: float = 0.0
    pcm: bytearray = field(default_factory=bytearray)

    @property
    def audio_s(self) -> float:
        return len(self.pcm) / 2 / SAMPLE_RATE


class Caller:
    """A caller of a stack; use it as an async context manager."""

    def __init__(self, target: Target) -> None:
        self._target = target
        self._stt = self._client("stt")
        self._llm = self._client("llm")
        self._tts = self._client("tts")

    def _client(self, service: str) -> AsyncOpenAI:
        return AsyncOpenAI(
            base_url=service_url(self._target.base_url, service),
            api_key=self._target.api_key or "none",
            max_retries=0,
            timeout=self._target.timeout_s,
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        for client in (self._stt, self._llm, self._tts):
            await client.close()

    async def hear(self, audio: bytes) -> str:
        """The text of a recording in any format that the service decodes."""
        with _failures_of("speech-to-text"):
            heard = await self._stt.audio.transcriptions.create(
                file=("question.wav", audio), model=self._target.stt_model
            )
        return heard.text

    async def ask(self, question: str) -> AsyncIterator[str]:
        """The answer, a piece at a time."""
        with _failures_of("the language model"):
            stream = await self._llm.chat.completions.create(
                model=self._target.llm_model,
                messages=[{"role": "user", "content": question}],
                stream=True,
            )
            async with stream:
                async for chunk in stream:
                    if chunk.choices and chunk.choices[0].delta.content:
                        yield chunk.choices[0].delta.content

    async def speak(self, text: str) -> AsyncIterator[bytes]:
        """Audio of a text: signed 16 bit mono at `SAMPLE_RATE`, in chunks of any length."""
        with _failures_of("text-to-speech"):
            async with self._tts.audio.speech.with_streaming_response.create(
                input=text,
                model=self._target.tts_model,
                voice=self._target.voice,
                response_format="pcm",
            ) as response:
                async for chunk in response.iter_bytes():
                    yield chunk

    async def turn(self, audio: bytes, on_step: Callable[[str], None] = lambda _: None) -> Turn:
        """Hear a question, stream the answer, and speak it sentence by sentence as it comes."""
        turn, started = Turn(), time.perf_counter()
        on_step("listening")
        turn.heard = await self.hear(audio)
        turn.stt_s = time.perf_counter() - started
        if not turn.heard.strip():
            raise ServiceFailed("Nothing was heard in the recording: is there speech in it?")
        on_step("thinking")
        async for sentence in sentences(self._timed(turn, started)):
            on_step("speaking")
            async for chunk in self.speak(sentence):
                turn.tts_first_byte_s = turn.tts_first_byte_s or time.perf_counter() - started
                turn.pcm += chunk
        turn.total_s = time.perf_counter() - started
        if not turn.pcm:
            raise ServiceFailed("The answer has no audio: the language model said nothing.")
        return turn

    async def _timed(self, turn: Turn, started: float) -> AsyncIterator[str]:
        async for piece in self.ask(turn.heard):
            turn.llm_first_token_s = turn.llm_first_token_s or time.perf_counter() - started
            turn.answer += piece
            yield piece


async def sentences(pieces: AsyncIterator[str]) -> AsyncIterator[str]:
    """Whole sentences of a text that arrives in pieces, each as soon as the next one begins."""
    splitter, text, start = ClauseSplitter(), "", 0
    async for piece in pieces:
        text += piece
        for end in _ends_of_sentences(splitter.feed(piece)):
            yield text[start:end].strip()
            start = end
    if text[start:].strip():
        yield text[start:].strip()


def _ends_of_sentences(parts: Sequence[Part]) -> Iterator[int]:
    """In characters of all that was split."""
    for part in parts:
        if isinstance(part, Clause) and part.boundary >= Boundary.SENTENCE:
            yield part.text.span().end


def wav(pcm: bytes) -> bytes:
    """A WAV file with true sizes, which any player opens."""
    file = io.BytesIO()
    with wave.open(file, "wb") as writer:
        writer.setnchannels(1)
        writer.setsampwidth(2)
        writer.setframerate(SAMPLE_RATE)
        writer.writeframes(pcm)
    return file.getvalue()


@contextmanager
def _failures_of(what: str) -> Iterator[None]:
    """The one border where the SDK's exceptions become a sentence for a person."""
    try:
        yield
    except openai.AuthenticationError as exc:
        raise ServiceFailed(
            f"The key was refused by {what}: set OPENAI_API_KEY or --api-key."
        ) from exc
    except openai.APIStatusError as exc:
        raise ServiceFailed(f"An error came from {what} ({exc.status_code}): {_said(exc)}") from exc
    except openai.APITimeoutError as exc:
        raise ServiceFailed(f"No answer came in time from {what}.") from exc
    except openai.APIConnectionError as exc:
        raise ServiceFailed(
            f"Cannot reach {what} at {exc.request.url}: is the stack up? `parley up` starts one."
        ) from exc
    except openai.APIError as exc:
        raise ServiceFailed(f"An error came from {what}: {exc.message}") from exc


def _said(exc: openai.APIStatusError) -> str:
    """What the service said, without the status that the SDK puts in front of it."""
    if isinstance(exc.body, dict) and isinstance(exc.body.get("message"), str):
        return str(exc.body["message"])
    return exc.message
