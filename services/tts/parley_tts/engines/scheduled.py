"""A `TtsEngine` out of any `Synthesiser`: reads the script, and has it spoken in good order.

What a caller says goes clause by clause through one front-end thread, which normalises and
phonemises it, each clause once, and then waits in the schedule for a thread that speaks. The
event loop only hands things on.
"""

import asyncio
import logging
from collections.abc import AsyncGenerator, Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from typing import Generic, ParamSpec, TypeVar

import numpy as np

from parley_kit.errors import InvalidRequest
from parley_tts.clauses import Boundary, ClauseSplitter, Part, Pause
from parley_tts.engine import Chunk, Manner, Script, Voice, Whole
from parley_tts.engines.desk import Assignment, Desk, Silence
from parley_tts.engines.synthesiser import Phrase, Synthesiser
from parley_tts.normalising import normalised
from parley_tts.scheduling import Piece

log = logging.getLogger("parley.tts")

P = TypeVar("P", bound=Phrase)
A = ParamSpec("A")
R = TypeVar("R")

_WARM_UP = "Hello."
_NOTHING_S = 0.2
# How many of the longest chunks are phonemised ahead of what is spoken.
_CHUNKS_AHEAD = 4
# Split at once: nobody waits for the end of a long text.
_SPLIT_CHARS = 500


class ScheduledEngine(Generic[P]):
    """See the module."""

    def __init__(self, synthesiser: Synthesiser[P], aliases: Sequence[str]) -> None:
        """
        Args:
            aliases: the names under which it is served beside its own.
        """
        self.models: Sequence[str] = tuple(dict.fromkeys((synthesiser.name, *aliases)))
        self.blends = synthesiser.blends
        self.sample_rate = synthesiser.sample_rate
        self._synthesiser = synthesiser
        self._most_backlog = _CHUNKS_AHEAD * synthesiser.max_size
        self._desk = Desk(synthesiser)
        self._front = ThreadPoolExecutor(1, thread_name_prefix=f"{synthesiser.name}-front")

    @property
    def voices(self) -> Sequence[Voice]:
        return self._synthesiser.voices

    @property
    def openai_voices(self) -> Mapping[str, str]:
        return self._synthesiser.openai_voices

    @property
    def languages(self) -> Sequence[str]:
        return self._synthesiser.languages

    async def start(self) -> None:
        loop = asyncio.get_running_loop()
        await loop.run_in_executor(self._front, self._synthesiser.load)
        self._desk.open()
        warm_up = Manner(voice=((self.voices[0].id, 1.0),))
        async for _ in self.speak(warm_up, Whole(_WARM_UP)):
            pass

    async def close(self) -> None:
        await asyncio.to_thread(self._desk.close)
        await asyncio.to_thread(self._synthesiser.close)
        await asyncio.to_thread(self._front.shutdown, cancel_futures=True)

    def status(self) -> Mapping[str, object]:
        return self._synthesiser.status()

    async def speak(self, manner: Manner, script: Script) -> AsyncGenerator[Chunk, None]:
        """See `TtsEngine.speak`; a short silence if nothing of the script has a sound."""
        spoken = replace(manner, language=manner.language or self._language(manner))
        talk = _Talk[P](spoken, self._most_backlog)
        self._desk.join(talk.assignment)
        reader = asyncio.create_task(self._read(talk, script), name="script")
        is_silent = True
        try:
            while (chunk := await talk.next()) is not None:
                self._desk.read(talk.assignment)
                is_silent = False
                yield chunk
            if is_silent:
                yield Chunk(np.zeros(round(_NOTHING_S * self.sample_rate), np.int16), 0.0)
        finally:
            self._desk.leave(talk.assignment)
            reader.cancel()
            await asyncio.wait([reader])

    def _language(self, manner: Manner) -> str:
        """That of the voice which has the greatest share."""
        main = max(manner.voice, key=lambda part: part[1])[0]
        return next(voice.language for voice in self.voices if voice.id == main)

    async def _read(self, talk: "_Talk[P]", script: Script) -> None:
        """Have the script spoken as it comes; what goes wrong is what the talk ends with."""
        splitter = ClauseSplitter()
        try:
            async for text in script:
                for piece in _pieces_of(text):
                    await self._say(talk, await self._in_front(splitter.feed, piece))
            await self._say(talk, await self._in_front(splitter.flush))
            talk.check()
        except Exception as exc:  # noqa: BLE001 - raised by whoever listens
            talk.end_with(exc)
        else:
            self._desk.end(talk.assignment)

    async def _say(self, talk: "_Talk[P]", parts: Sequence[Part]) -> None:
        for part in parts:
            await talk.room.wait()
            try:
                pieces = await self._in_front(self._pieces, part, talk.assignment.manner)
            except InvalidRequest as refusal:
                talk.refused(refusal)
                continue
            talk.added(self._desk.add(talk.assignment, pieces))

    def _pieces(self, part: Part, manner: Manner) -> list[Piece[P | Silence]]:
        if isinstance(part, Pause):
            return [Piece(Silence(part.seconds), 0, Boundary.PARAGRAPH, alone=True)]
        text = normalised(part.text, manner.language or "") if manner.normalise else part.text
        phrases = self._synthesiser.phonemise(text, manner)
        pieces: list[Piece[P | Silence]] = [
            Piece(phrase, phrase.size, Boundary.WORD) for phrase in phrases
        ]
        return pieces and [*pieces[:-1], replace(pieces[-1], boundary=part.boundary)]

    async def _in_front(self, do: Callable[A, R], *args: A.args, **kwargs: A.kwargs) -> R:
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._front, partial(do, *args, **kwargs))


def _pieces_of(text: str) -> Iterator[str]:
    return (text[start : start + _SPLIT_CHARS] for start in range(0, len(text), _SPLIT_CHARS))


class _Talk(Generic[P]):
    """One call of `speak`, between the event loop and the threads."""

    def __init__(self, manner: Manner, most_backlog: int) -> None:
        self._most_backlog = most_backlog
        self._refusal: InvalidRequest | None = None
        self._has_sound = False
        self._loop = asyncio.get_running_loop()
        # The schedule makes no more than a few chunks that are not read.
        self._chunks: asyncio.Queue[Chunk | BaseException | None] = asyncio.Queue()
        self.room = asyncio.Event()
        self.room.set()
        self.assignment = Assignment[P](manner, self._deliver, self._relieve)

    async def next(self) -> Chunk | None:
        """The next chunk, or None after the last.

        Raises:
            ApiError, EngineError: why there are no more.
        """
        chunk = await self._chunks.get()
        if isinstance(chunk, BaseException):
            raise chunk
        return chunk

    def refused(self, why: InvalidRequest) -> None:
        """The engine cannot read a clause, which is left out: better than to fall silent there."""
        log.warning("a clause cannot be read by this engine")
        self._refusal = self._refusal or why

    def added(self, backlog: int) -> None:
        """Pieces were added, and so much waits now."""
        self._has_sound = self._has_sound or backlog > 0
        if backlog > self._most_backlog:
            self.room.clear()

    def check(self) -> None:
        """
        Raises:
            InvalidRequest: nothing of the script can be read.
        """
        if self._refusal is not None and not self._has_sound:
            raise self._refusal

    def end_with(self, exc: BaseException) -> None:
        self._chunks.put_nowait(exc)

    def _deliver(self, chunk: Chunk | BaseException | None) -> None:
        self._loop.call_soon_threadsafe(self._chunks.put_nowait, chunk)

    def _relieve(self, backlog: int) -> None:
        if backlog <= self._most_backlog:
            self._loop.call_soon_threadsafe(self.room.set)
