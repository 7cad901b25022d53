"""A rule says how one kind of thing that is written is spoken; a set of them is a table."""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TypeAlias

from parley_tts.traced import Traced

Spoken: TypeAlias = Callable[[re.Match[str]], str]


@dataclass(frozen=True, slots=True)
class Rule:
    """Every match of the pattern is spoken so; what gives the match back leaves it alone.

    Strangers write the text: a pattern has no unbounded repetition of what it could also match in
    another way, and what it looks at is bounded on both sides.
    """

    pattern: re.Pattern[str]
    spoken: Spoken


def rule(pattern: str, spoken: Spoken | str, flags: re.RegexFlag = re.NOFLAG) -> Rule:
    """A rule; text as the second argument is what is said whatever was matched."""
    said = spoken if callable(spoken) else (lambda _, text=spoken: text)
    return Rule(re.compile(pattern, flags | re.VERBOSE), said)


def spoken_by(text: Traced, rules: Iterable[Rule]) -> Traced:
    """`text` after one rule after the other."""
    for each in rules:
        text = text.sub(each.pattern, each.spoken)
    return text


def one_of(words: Iterable[str]) -> str:
    """A pattern for any of these, the longest that fits."""
    return "|".join(re.escape(word) for word in sorted(words, key=len, reverse=True))
