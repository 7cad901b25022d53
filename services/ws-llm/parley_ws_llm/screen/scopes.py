"""Which phrases of a sentence are meant as said.

Phrases of these concepts are no signs themselves but say how others are meant:

    denied      what follows is not so, up to the next subject          "no chest pain"
    asked       what follows is a question of knowledge, likewise       "what are the signs of"
    past        this part of the sentence is long over                  "ten years ago"
    elsewhere   this part of the sentence is about the world at large   "the risk of"
    again       nothing in this sentence is long over                   "again", "is back"
    subject     somebody begins to tell                                 "my dad"
    turn        another part of the sentence begins                     "but", "and now"
    idiom       nothing at all                                          "a stroke of luck"
"""

from collections.abc import Iterator, Sequence

from parley_ws_llm.screen.patterns import Mark

DENIED, ASKED, PAST, ELSEWHERE = "denied", "asked", "past", "elsewhere"
AGAIN, SUBJECT, TURN, IDIOM = "again", "subject", "turn", "idiom"
SCOPES = frozenset({DENIED, ASKED, PAST, ELSEWHERE, AGAIN, SUBJECT, TURN, IDIOM})

_DENIAL_WORDS = 8


def meant(marks: Sequence[Mark]) -> Iterator[tuple[Mark, frozenset[str]]]:
    """Each sign in a sentence, with the scopes that it stands in: none if it is meant as said."""
    again = any(AGAIN in mark.concepts for mark in marks)
    for part in _parts(marks):
        concepts = frozenset[str]().union(*(mark.concepts for mark in part))
        whole = frozenset() if again else concepts & {PAST, ELSEWHERE}
        for mark, scopes in _following(part):
            yield mark, scopes | whole


def _parts(marks: Sequence[Mark]) -> Iterator[list[Mark]]:
    part: list[Mark] = []
    for mark in marks:
        if TURN in mark.concepts:
            yield part
            part = []
        part.append(mark)
    yield part


def _following(part: Sequence[Mark]) -> Iterator[tuple[Mark, frozenset[str]]]:
    """The signs of one part, with the scopes that were opened before them."""
    denied_until, asked = 0, False
    for mark in part:
        if SUBJECT in mark.concepts:
            denied_until, asked = 0, False
        if mark.concepts - SCOPES:
            denied = {DENIED} if mark.start < denied_until else set()
            yield mark, frozenset(denied | ({ASKED} if asked else set()))
        if DENIED in mark.concepts:
            denied_until = mark.end + _DENIAL_WORDS
        asked = asked or ASKED in mark.concepts
