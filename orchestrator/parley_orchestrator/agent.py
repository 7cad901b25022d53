"""The agent of a call: a persona with its tools, who never leaves the caller in silence."""

from collections.abc import AsyncGenerator, AsyncIterable
from contextlib import aclosing
from datetime import date

import aiohttp
from livekit import rtc
from livekit.agents import (
    Agent,
    APIConnectionError,
    FlushSentinel,
    ModelSettings,
    llm,
    stt,
)
from livekit.agents.voice import SpeechHandle

from parley_orchestrator.appointments import appointment_tools, diary_from
from parley_orchestrator.excuses import Excuses
from parley_orchestrator.never_silent import Patience, answered, spoken_phrase, voiced
from parley_orchestrator.pacing import paced
from parley_orchestrator.persona import Persona


class ParleyAgent(Agent):
    """
    Args:
        excuses: whose persona the agent is.
        silence_budget_s: how long a caller may hear nothing.
    """

    def __init__(self, excuses: Excuses, *, silence_budget_s: float) -> None:
        persona = excuses.persona
        super().__init__(
            instructions=f"{persona.instructions}\n\nToday is {date.today():%A, %Y-%m-%d}.",
            tools=list(_tools_of(persona)),
        )
        self._excuses = excuses
        self._phrases = excuses.phrases
        self._budget_s = silence_budget_s
        self._patience: Patience | None = None

    def greet(self) -> SpeechHandle:
        """After the session has started: in `on_enter` the console could not hear it yet."""
        return self._say(self._excuses.persona.greeting)

    def tell_that_it_cannot_hear(self) -> None:
        self._say(self._excuses.not_hearing())

    def _say(self, text: str) -> SpeechHandle:
        """One of the persona's sentences, from memory if its speech is there."""
        if self._phrases.speech(text):
            return self.session.say(text, audio=paced(self._phrases.playing(text)))
        return self.session.say(text)

    async def stt_node(
        self, audio: AsyncIterable[rtc.AudioFrame], model_settings: ModelSettings
    ) -> AsyncGenerator[stt.SpeechEvent, None]:
        """LiveKit makes a new stream after errors of its own only, and the plugin raises others."""
        events = Agent.default.stt_node(self, audio, model_settings)
        try:
            async with aclosing(events):
                async for event in events:
                    yield event
        except (aiohttp.ClientError, OSError, TimeoutError) as exc:
            raise APIConnectionError("The transcription service cannot be reached.") from exc

    async def llm_node(
        self, chat_ctx: llm.ChatContext, tools: list[llm.Tool], model_settings: ModelSettings
    ) -> AsyncGenerator[llm.ChatChunk | str | FlushSentinel, None]:
        pieces = Agent.default.llm_node(self, chat_ctx, tools, model_settings)
        self._patience = Patience(self._budget_s)
        answer = answered(pieces, self._patience, self._excuses)
        async with aclosing(answer):
            async for piece in answer:
                yield piece

    async def tts_node(
        self, text: AsyncIterable[str], model_settings: ModelSettings
    ) -> AsyncGenerator[rtc.AudioFrame, None]:
        phrase, text = await spoken_phrase(text, self._phrases)
        if phrase is not None:
            speech = self._phrases.playing(phrase)
        else:
            patience = self._patience or Patience(self._budget_s)
            frames = Agent.default.tts_node(self, text, model_settings)
            speech = voiced(frames, patience, self._excuses)
        async with aclosing(speech), aclosing(paced(speech)) as pieces:
            async for frame in pieces:
                yield frame


def _tools_of(persona: Persona) -> list[llm.Tool]:
    tools: list[llm.Tool] = []
    if "appointments" in persona.tools:
        tools += appointment_tools(diary_from(date.today()))
    return tools
