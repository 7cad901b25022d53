"""Which words of phonemes say which words of a text, where nobody tells. Pure.

Most words are said by one word of phonemes each, but "25" is two, and "of the" may be one. The
words of both sides are put side by side in order, so that what is said together is about equally
long on both.
"""

from collections.abc import Iterator, Sequence
from functools import partial
from heapq import nsmallest
from itertools import accumulate, pairwise

_LONGEST_RUN = 6
# Of letters: what it takes to prefer an uneven pair to two words for one.
_RUN_COST = 1.5
# Ways to go on from each word: with fewer words than this nothing is left out.
_BEAM = 32

_Cell = tuple[int, int]


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
    scaled = _scaled(texts, sum(sounds))
    if len(texts) < len(sounds):
        ends = _Search(scaled, sounds).blocks()
    else:
        ends = [(text, sound) for sound, text in _Search(sounds, scaled).blocks()]
    firsts: list[int] = []
    for (text, sound), (_, until) in pairwise([(0, 0), *ends]):
        firsts += [text] * (until - sound)
    return firsts


def _scaled(texts: Sequence[float], to: float) -> list[float]:
    return [text * to / (sum(texts) or 1.0) for text in texts]


class _Search:
    """For the blocks, in each of which one side has one word, that differ least in length.

    It goes along the side that has fewer words, and on only from the most promising ways to say
    what is before each: in time in proportion to the words of both sides together.
    """

    def __init__(self, fewer: Sequence[float], more: Sequence[float]) -> None:
        self._ends = len(fewer), len(more)
        self._before = [0.0, *accumulate(fewer)], [0.0, *accumulate(more)]
        self._longest = max(_LONGEST_RUN, len(more) // len(fewer) + 1)
        # By row and column the least cost, and the cell that it comes from.
        self._best: list[dict[int, tuple[float, _Cell]]] = [{} for _ in range(len(fewer) + 1)]

    def blocks(self) -> list[_Cell]:
        """Where each ends, on the side that has fewer words and on that which has more."""
        self._best[0][0] = 0.0, (0, 0)
        for row in range(self._ends[0]):
            for column in nsmallest(_BEAM, self._best[row], partial(self._estimate, row)):
                self._extend(row, column)
        return self._traced_back()

    def _estimate(self, row: int, column: int) -> float:
        """The cost, and at least that of what remains."""
        apart = abs(self._before[0][row] - self._before[1][column])
        run = abs(self._ends[0] - row - (self._ends[1] - column))
        return self._best[row][column][0] + apart + _RUN_COST * run

    def _extend(self, row: int, column: int) -> None:
        cost = self._best[row][column][0]
        fewer, more = self._before
        for end in self._steps(row, column):
            apart = abs(fewer[end[0]] - fewer[row] - (more[end[1]] - more[column]))
            total = cost + apart + _RUN_COST * (end[0] - row + end[1] - column - 2)
            known = self._best[end[0]].get(end[1])
            if known is None or total < known[0]:
                self._best[end[0]][end[1]] = total, (row, column)

    def _steps(self, row: int, column: int) -> Iterator[_Cell]:
        """Ends of the blocks that may begin here; none after which the rest does not fit."""
        rows, columns = self._ends[0] - row, self._ends[1] - column
        for run in range(1, min(columns, self._longest) + 1):
            if self._fits(rows - 1, columns - run):
                yield row + 1, column + run
        for run in range(2, min(rows, _LONGEST_RUN) + 1):
            if self._fits(rows - run, columns - 1):
                yield row + run, column + 1

    def _fits(self, rows: int, columns: int) -> bool:
        """Whether there are blocks of as many words."""
        return columns <= rows * self._longest and rows <= columns * _LONGEST_RUN

    def _traced_back(self) -> list[_Cell]:
        ends, end = [], self._ends
        while end != (0, 0):
            ends.append(end)
            end = self._best[end[0]][end[1]][1]
        return ends[::-1]
