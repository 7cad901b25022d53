"""What a made-up Whisper says: which token follows which, as embeddings and output weights.

A token's embedding names its state, and an output row answers to the states after which its token
comes. States are orthogonal, so that a chain of them is decoded with certainty. At each place of
the chain eight words share a state: what attention adds to the residual stream decides which of
them is said.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

import numpy as np
from numpy.typing import NDArray

from parley.bench.whisper_vocabulary import Vocabulary

Matrix = NDArray[np.float32]
Tokens = int | Sequence[int]

PAUSE_S, RESUME_S, END_S = 1.0, 1.02, 2.0
"""When the first segment of a window ends, and the second one begins and ends."""

_VARIANTS = 8
_TAIL = 6
_LOUD = 400.0
_SOFT = 200.0
_ESCAPE_GAP = 2.0
_DECISIVE = 7.0
_TIMID = 0.05
_UNTIMED = (0.5, 1.38)
"""The two flags of <|notimestamps|>; so its norm lets attention see it as well as the others."""

_TASKS = ("transcribe", "translate")


class Manner(Enum):
    """How a model speaks."""

    CLEAR = "clear"
    """Confident and varied: no temperature fallback."""

    REPEATING = "repeating"
    """Greedy decoding says "lala" in many lengths, and is sure of it: compression ratio above
    2.4. Sampling leaves that after a few words, the hotter the sooner, and goes on as `CLEAR`;
    not so with int8, which rounds away what the difference is."""

    UNSURE = "unsure"
    """avg_logprob is about -1.6 at every temperature: all of them are tried."""


@dataclass(frozen=True, slots=True)
class Room:
    """The parts of the residual stream, which is `width` numbers wide."""

    width: int

    @property
    def states(self) -> slice:
        return slice(0, self.width * 9 // 16)

    @property
    def context(self) -> slice:
        """Which language, task and prompt were given."""
        return slice(self.states.stop, self.states.stop + min(self.width * 3 // 16, 48))

    @property
    def sound(self) -> slice:
        """What was heard."""
        return slice(self.context.stop, self.width - 4)

    @property
    def untimed(self) -> int:
        """Set by <|notimestamps|>."""
        return self.width - 4

    @property
    def special(self) -> int:
        """Set by the tokens that begin a transcript."""
        return self.width - 3

    @property
    def prompt(self) -> int:
        """Set by text that the model does not say itself."""
        return self.width - 2

    @property
    def balance(self) -> int:
        """Makes the sum zero: layer normalisation shifts nothing then."""
        return self.width - 1


class Script:
    """The chain of tokens that a model decodes.

    Attributes:
        embeddings, outputs: each of shape (vocabulary, width).
        before_words: the state before each word of the longest transcript, (words, states).
    """

    def __init__(
        self,
        vocabulary: Vocabulary,
        room: Room,
        stop_after: int,
        manner: Manner,
        rng: np.random.Generator,
    ) -> None:
        """
        Args:
            stop_after: tokens before <|endoftext|>, with four timestamps; 8 at least.

        Raises:
            ValueError: so many tokens need a wider model.
        """
        shape = len(vocabulary.tokens), room.width
        self.embeddings: Matrix = np.zeros(shape, np.float32)
        self.outputs: Matrix = np.zeros(shape, np.float32)
        self.words = stop_after - 4
        self._vocabulary = vocabulary
        self._room = room
        self._rng = rng
        self._states: dict[str, int] = {}
        self._codes = _zero_sum_orthonormal(room.states.stop, rng)
        self._begin()
        if manner is Manner.REPEATING:
            self._repeat()
            self._speak("escaped", _TAIL, _DECISIVE)
        else:
            self._speak("begun", self.words, _DECISIVE if manner is Manner.CLEAR else _TIMID)
        self._end()
        self.embeddings[:, room.balance] = -self.embeddings.sum(axis=1)
        said = "la" if manner is Manner.REPEATING else "word"
        states = ["ready", *(f"{said} {place}" for place in range(self.words - 1))]
        self.before_words = np.stack([self.code(state) for state in states])

    def code(self, state: str) -> Matrix:
        """Of shape (states,).

        Raises:
            ValueError: there is no room for one more.
        """
        index = self._states.setdefault(state, len(self._states))
        if index >= len(self._codes):
            raise ValueError("a transcript of so many tokens needs a wider model")
        code: Matrix = self._codes[index]
        return code

    def _leads_to(self, tokens: Tokens, state: str) -> None:
        self.embeddings[tokens, self._room.states] = self.code(state)

    def _follows(self, tokens: Tokens, state: str, loudness: float = _LOUD) -> None:
        scale = loudness / np.sqrt(self._room.width)
        self.outputs[tokens, self._room.states] += scale * self.code(state)

    def _begin(self) -> None:
        known = self._vocabulary
        languages, tasks = list(known.languages), [known.special(task) for task in _TASKS]
        start, untimed = known.special("startoftranscript"), known.special("notimestamps")
        text = list(range(known.end_of_text))
        self._leads_to(list(range(len(known.tokens))), "said")
        self._mark(text, self._room.prompt)
        self._mark([start, *languages, *tasks, untimed], self._room.special)
        self.embeddings[untimed, [self._room.untimed, self._room.special]] = _UNTIMED
        self._leads_to(start, "started" if known.multilingual else "ready")
        self._follows(languages[0], "started")
        self._leads_to(languages, "named")
        self._follows(tasks[0], "named")
        self._leads_to([*tasks, untimed], "ready")
        self._follows(known.timestamp(0), "ready")
        self._leads_to(known.timestamp(0), "begun")

    def _mark(self, tokens: list[int], flag: int) -> None:
        """Attention finds them by the flag and copies their context."""
        self.embeddings[tokens, flag] = 1
        self.embeddings[tokens, self._room.context] = self._directions(
            len(tokens), self._room.context
        )

    def _speak(self, after: str, count: int, choice: float) -> None:
        """Words in two segments; `choice` is how much the sound and the context matter."""
        known, half = self._vocabulary, count // 2
        words = self._rng.choice(known.words[1:], (count, _VARIANTS), replace=False)
        before = [after, *(f"word {place}" for place in range(count - 1))]
        before[half] = "resumed"
        for place, tokens in enumerate(words.tolist()):
            self.embeddings[tokens] = 0
            self._leads_to(tokens, "said" if place == count - 1 else f"word {place}")
            self._follows(tokens, before[place])
            self._choose(tokens, choice)
        self._follows(words[0].tolist(), "ready", _SOFT)
        self._follows(words[half].tolist(), f"word {half - 1}", _SOFT)
        self._follows(known.timestamp(PAUSE_S), f"word {half - 1}")
        self._leads_to(known.timestamp(PAUSE_S), "paused")
        self._follows(known.timestamp(RESUME_S), "paused")
        self._leads_to(known.timestamp(RESUME_S), "resumed")

    def _choose(self, tokens: list[int], choice: float) -> None:
        for part in (self._room.context, self._room.sound):
            directions = self._directions(len(tokens), part)
            self.outputs[tokens, part] = choice * directions

    def _repeat(self) -> None:
        """A chain of its own, and one token at each place that leaves it."""
        known = self._vocabulary
        escape = known.words[0]
        before = ["begun", *(f"la {place}" for place in range(self.words - 1))]
        for place, state in enumerate(before):
            token = known.repetitions[place]
            self.embeddings[token] = 0
            self._leads_to(token, "said" if place == self.words - 1 else f"la {place}")
            self._follows(token, state)
            self._follows(escape, state, _LOUD - _ESCAPE_GAP)
        self._follows(known.repetitions[0], "ready", _SOFT)
        self.embeddings[escape] = 0
        self._leads_to(escape, "escaped")

    def _end(self) -> None:
        known = self._vocabulary
        last, end = known.timestamp(END_S), known.end_of_text
        self._follows(last, "said")
        self._leads_to(last, "ended")
        self._follows(end, "ended")
        self._follows(end, "said", _SOFT)
        timestamps = slice(known.timestamp(0), None)
        self.outputs[timestamps, self._room.untimed] = -4 * _LOUD / np.sqrt(self._room.width)

    def _directions(self, count: int, part: slice) -> Matrix:
        """Random ones of length 1 and sum 0, of shape (count, width of the part)."""
        random = self._rng.standard_normal((count, part.stop - part.start), np.float32)
        random -= random.mean(axis=1, keepdims=True)
        random /= np.linalg.norm(random, axis=1, keepdims=True)
        return random


def _zero_sum_orthonormal(width: int, rng: np.random.Generator) -> Matrix:
    """Shape (width - 1, width)."""
    random = rng.standard_normal((width, width))
    random[:, 0] = 1
    basis: Matrix = np.linalg.qr(random)[0].T[1:].astype(np.float32)
    return basis
