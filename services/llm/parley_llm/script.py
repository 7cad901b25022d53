"""What the scripted engine says: pure functions from a conversation to a reply."""

import re
import tomllib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from importlib.resources import files

from parley_llm.wire import Message

_WORD = re.compile(r"[a-z0-9']+")
_ENDINGS = ("ations", "ation", "ings", "ing", "ies", "ed", "es", "s", "y", "e")
_GREETINGS = {"hello", "hi", "hey", "greetings"}
_THANKS = {"thanks", "thank"}
_GOODBYES = {"goodbye", "bye"}
_REPEATS = {"repeat", "again"}


@dataclass(frozen=True, slots=True)
class Topic:
    """An answer and the stems that lead to it."""

    any: frozenset[str]
    all: frozenset[str]
    answer: str

    def score(self, stems: frozenset[str]) -> int:
        """How many keywords match; 0 when the topic does not apply."""
        hits = len(self.any & stems)
        if not hits or not self.all <= stems:
            return 0
        return hits + len(self.all)


@dataclass(frozen=True, slots=True)
class Script:
    """Everything that the scripted engine can say."""

    greeting: str
    thanks: str
    goodbye: str
    unknown: str
    topics: tuple[Topic, ...]

    @classmethod
    def load(cls) -> "Script":
        """The script that comes with the package."""
        text = files("parley_llm").joinpath("knowledge.toml").read_text(encoding="utf-8")
        data = tomllib.loads(text)
        topics = (
            Topic(stems_of(t.get("any", ())), stems_of(t.get("all", ())), t["answer"])
            for t in data.pop("topic")
        )
        return cls(topics=tuple(topics), **data)

    def answer(self, messages: Sequence[Message]) -> str:
        """The reply to the last message of a conversation."""
        last = messages[-1]
        if last.role == "tool":
            return f"Here is what I found: {_results(messages) or 'nothing'}"
        asked = words(last.text)
        topic = self._topic(asked)
        if topic is not None:
            return topic.answer
        return self._small_talk(set(asked), messages)

    def _topic(self, asked: Sequence[str]) -> Topic | None:
        stems = stems_of(asked)
        best = max(self.topics, key=lambda topic: topic.score(stems))
        return best if best.score(stems) else None

    def _small_talk(self, asked: set[str], messages: Sequence[Message]) -> str:
        if asked & _REPEATS:
            said = [m.text for m in messages if m.role == "assistant" and m.text]
            if said:
                return said[-1]
        if asked & _THANKS:
            return self.thanks
        if asked & _GOODBYES:
            return self.goodbye
        if not asked or asked & _GREETINGS:
            return self.greeting
        return self.unknown


def _results(messages: Sequence[Message]) -> str:
    """What the tools said since the last call of them, in order."""
    results: list[str] = []
    for message in reversed(messages):
        if message.role != "tool":
            break
        results.insert(0, message.text.strip())
    return "; ".join(filter(None, results))


def words(text: str) -> list[str]:
    return _WORD.findall(text.lower().replace("\u2019", "'"))


def stem(word: str) -> str:
    """A word without its ending, so that "appointments" meets "appointment"."""
    for ending in _ENDINGS:
        if word.endswith(ending) and len(word) - len(ending) >= 3:
            return word.removesuffix(ending)
    return word


def stems_of(text: Iterable[str]) -> frozenset[str]:
    return frozenset(stem(word) for word in text)
