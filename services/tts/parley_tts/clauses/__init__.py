"""Cuts text into clauses while it comes in, each of them given out as soon as its end is certain.

The first clause is short, for the caller waits for it; the others end at commas and with
sentences, and where there is neither they may be longer and longer. Whoever has the time speaks
several together. Leaving two sentences together costs a moment, cutting one in two is heard: where
a full stop may be either, nothing is cut.
"""

from parley_tts.clauses.parts import Boundary, Clause, Part, Pause
from parley_tts.clauses.pieces import check_pauses
from parley_tts.clauses.splitter import ClauseSplitter, parts

__all__ = ["Boundary", "Clause", "ClauseSplitter", "Part", "Pause", "check_pauses", "parts"]
