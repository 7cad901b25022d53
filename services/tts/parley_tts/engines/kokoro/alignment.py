"""Which words of phonemes say which words of a text, where nobody tells. Pure.

Most words are said by one word of phonemes each, but "25" is two, and "of the" may be one. The
words of both sides are put side by side in order, so that what is said together is about equally
long on both.
"""

from collections.abc import Iterator, Sequence
from itertools import accumulate, pairwise

_LONGEST_RUN = 6
# Of letters: what it takes to prefer an uneven pair to two words for one.
_RUN_COST = 1.5


def aligned(texts: Sequence[float], sounds: Sequence[float]) -> list[int]:
    """For each word of sounds the first word of the text that it says.

    Args:
        texts: about how long it takes to say each word of the text; at least one.
        sounds: how long each word of sounds is.

    Returns:
        Indices that never fall. The first is 0, and if there are as many of both, each has its
        own. A word of the text that no index names is said together with the one before it.
    """
    if len(texts) == len(sounds):
        return list(range(len(texts)))
    if not sounds:
        return []
    ends = _blocks(_scaled(texts, sum(sounds)), sounds)
    firsts: list[int] = []
    for (text, sound), (_, until) in pairwise([(0, 0), *ends]):
        firsts += [text] * (until - sound)
    return firsts


def _scaled(texts: Sequence[float], to: float) -> list[float]:
    return [text * to / (sum(texts) or 1.0) for text in texts]


def _blocks(texts: Sequence[float], sounds: Sequence[float]) -> list[tuple[int, int]]:
    """Ends of the blocks, in each of which one side has one word, that differ least in length."""
    before_text = [0.0, *accumulate(texts)]
    before_sound = [0.0, *accumulate(sounds)]
    longest = max(_LONGEST_RUN, len(texts) // len(sounds) + 1, len(sounds) // len(texts) + 1)
    best: dict[tuple[int, int], tuple[float, tuple[int, int]]] = {(0, 0): (0.0, (0, 0))}
    for text in range(len(texts)):
        for sound in range(len(sounds)):
            if (text, sound) not in best:
                continue
            cost = best[text, sound][0]
            for end in _steps((text, sound), (len(texts), len(sounds)), longest):
                said = before_text[end[0]] - before_text[text]
                heard = before_sound[end[1]] - before_sound[sound]
                run = end[0] - text + end[1] - sound - 2
                total = cost + abs(said - heard) + _RUN_COST * run
                if end not in best or total < best[end][0]:
                    best[end] = (total, (text, sound))
    return _traced_back(best, (len(texts), len(sounds)))


def _steps(at: tuple[int, int], ends: tuple[int, int], longest: int) -> Iterator[tuple[int, int]]:
    text, sound = at
    yield text + 1, sound + 1
    for more in range(2, longest + 1):
        if text + more <= ends[0]:
            yield text + more, sound + 1
        if sound + more <= ends[1]:
            yield text + 1, sound + more


def _traced_back(
    best: dict[tuple[int, int], tuple[float, tuple[int, int]]], end: tuple[int, int]
) -> list[tuple[int, int]]:
    ends = []
    while end != (0, 0):
        ends.append(end)
        end = best[end][1]
    return ends[::-1]
