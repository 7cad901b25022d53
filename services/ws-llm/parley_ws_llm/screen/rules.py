"""Which signs together are a red flag: the rule file, and the first rule that a sentence meets.

A rule is written `chest|heart + ache`: a sign of each group, near each other, in any order.
`... despite asked` holds in that scope too.
"""

import tomllib
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from parley_ws_llm.screen.patterns import Mark, PatternError, Phrasebook
from parley_ws_llm.screen.scopes import SCOPES, meant

_NEAR_WORDS = 14


@dataclass(frozen=True, slots=True)
class Rule:
    """One way to meet a category."""

    category: str
    groups: tuple[frozenset[str], ...]
    despite: frozenset[str]


class Rules:
    """A rule file, read.

    Raises:
        PatternError: the file is wrong.
    """

    def __init__(self, text: str) -> None:
        data = tomllib.loads(text)
        self.corrected = frozenset(data["corrected"].split())
        """The words that a slip of the keyboard is taken back for."""
        self.phrasebook = Phrasebook(data["words"], SCOPES)
        self._by_concept: dict[str, list[Rule]] = defaultdict(list)
        for concept, patterns in (data["scopes"] | data["signs"]).items():
            for pattern in patterns:
                self.phrasebook.add(pattern, concept)
        self.phrasebook.prepare()
        known = frozenset(data["signs"])
        for category, lines in data["flags"].items():
            for line in lines:
                self._add(_rule(category, line, known))

    def _add(self, rule: Rule) -> None:
        for concept in frozenset[str]().union(*rule.groups):
            self._by_concept[concept].append(rule)

    def flag(self, words: Sequence[str]) -> str | None:
        """The category of the first rule that the sentence meets."""
        seen: dict[str, list[tuple[int, frozenset[str]]]] = {}
        for mark, scopes in meant(list(self.phrasebook.marks(words))):
            for concept in mark.concepts:
                latest = [entry for entry in seen.get(concept, ()) if entry[1] != scopes]
                seen[concept] = [*latest, (mark.start, scopes)]
            for rule in self._concerned(mark):
                if _met(rule, mark, seen):
                    return rule.category
        return None

    def _concerned(self, mark: Mark) -> Iterator[Rule]:
        for concept in mark.concepts:
            yield from self._by_concept.get(concept, ())


def _met(rule: Rule, mark: Mark, seen: Mapping[str, Iterable[tuple[int, frozenset[str]]]]) -> bool:
    """Whether each group of the rule was seen near, and in no scope that forbids it."""
    return all(
        any(
            mark.start - start <= _NEAR_WORDS and scopes <= rule.despite
            for concept in group
            for start, scopes in seen.get(concept, ())
        )
        for group in rule.groups
    )


def _rule(category: str, line: str, known: frozenset[str]) -> Rule:
    condition, _, despite = line.partition(" despite ")
    groups = tuple(
        frozenset(name.strip() for name in group.split("|")) for group in condition.split("+")
    )
    exceptions = frozenset(despite.replace(",", " ").split())
    unknown = (frozenset[str]().union(*groups) - known) | (exceptions - SCOPES)
    if unknown:
        raise PatternError(f"The rule '{line}' names unknown signs: {', '.join(sorted(unknown))}.")
    return Rule(category, groups, exceptions)
