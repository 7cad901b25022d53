"""Kokoro without a server: its own pipeline on torch, and our engine's runtime called directly."""

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from parley_tts.clauses import Clause, ClauseSplitter
from parley_tts.engine import Manner
from parley_tts.engines.kokoro.phrases import KokoroPhrase
from parley_tts.engines.kokoro.synthesiser import KokoroSynthesiser
from parley_tts.normalising import normalised
from parley_tts.settings import TtsSettings
from parley_tts.traced import Traced


class BareRuntime:
    """The same G2P and model as the server's, on the same runtime; each method returns seconds."""

    def __init__(self, folder: Path, voice: str, language: str) -> None:
        self._synthesiser = KokoroSynthesiser(TtsSettings(engine="kokoro", model=str(folder)))
        self._synthesiser.load()
        self._manner = Manner(((voice, 1.0),), language=language)

    def close(self) -> None:
        self._synthesiser.close()

    def whole(self, text: str) -> float:
        """Of all of a text at once."""
        return _seconds(lambda: self._synthesise(self._phrases(Traced.of(text))))

    def first_clause(self, text: str) -> float:
        """Of what the server says first; cutting and normalising the text are not counted."""
        clause = self._clauses(text)[0]
        return _seconds(lambda: self._synthesise(self._phrases(clause)[:1]))

    def in_chunks(self, text: str, ends: Sequence[int]) -> float:
        """Of the phrases of a text, together where the server spoke them together.

        Args:
            ends: the last characters of the server's chunks.
        """
        clauses = self._clauses(text)

        def speak() -> None:
            phrases = [phrase for clause in clauses for phrase in self._phrases(clause)]
            for group in grouped(phrases, ends):
                self._synthesise(group)

        return _seconds(speak)

    def _clauses(self, text: str) -> list[Traced]:
        splitter = ClauseSplitter()
        parts = [*splitter.feed(text), *splitter.flush()]
        language = self._manner.language or ""
        return [normalised(part.text, language) for part in parts if isinstance(part, Clause)]

    def _phrases(self, clause: Traced) -> Sequence[KokoroPhrase]:
        return self._synthesiser.phonemise(clause, self._manner)

    def _synthesise(self, phrases: Sequence[KokoroPhrase]) -> None:
        assert self._synthesiser.synthesise(phrases, self._manner).samples.size


class BarePipeline:
    """Kokoro's `KPipeline` on torch, for a language that it reads by espeak-ng."""

    def __init__(self, folder: Path, voice: str, letter: str) -> None:
        from kokoro import KModel, KPipeline

        config, (weights,) = str(folder / "config.json"), folder.glob("*.pth")
        model = KModel(repo_id="hexgrad/Kokoro-82M", config=config, model=str(weights)).eval()
        self._pipeline: Any = KPipeline(letter, repo_id="hexgrad/Kokoro-82M", model=model)
        self._voice = str(folder / "voices" / f"{voice}.pt")

    def whole(self, text: str) -> float:
        """Seconds for all of a text."""
        return _seconds(self._speak, text)

    def _speak(self, text: str) -> None:
        assert all(len(result.audio) for result in self._pipeline(text, voice=self._voice))


def grouped(phrases: Sequence[KokoroPhrase], ends: Sequence[int]) -> list[list[KokoroPhrase]]:
    """The phrases that end within each chunk, up to the character that is given."""
    groups, start = [], 0
    for end in ends:
        count = sum(phrase.text.span().start < end for phrase in phrases[start:])
        groups.append(list(phrases[start : start + count]))
        start += count
    return [group for group in groups if group]


def _seconds(work: Callable[..., None], *arguments: object) -> float:
    started = time.perf_counter()
    work(*arguments)
    return time.perf_counter() - started
