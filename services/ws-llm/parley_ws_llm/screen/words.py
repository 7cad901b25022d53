"""Text → lower-case words without apostrophes, grouped by sentence. Speech-to-text has neither."""

import re
import unicodedata
from collections.abc import Iterator

_WORD = re.compile(r"\d+(?:\.\d+)?|[^\W\d_]+(?:'[^\W\d_]+)*|[.!?;\n,]")
_APOSTROPHES = dict.fromkeys(map(ord, "\u2019\u2018\u02bc\u0060\u00b4"), "'")
_INVISIBLE = dict.fromkeys(map(ord, "\u00ad\u200b\u200c\u200d\u2060\ufeff"))
_ENDS = frozenset(".!?;\n")
# "No, my chest hurts" denies nothing: the word stands for a whole sentence.
_INTERJECTIONS = frozenset({"no", "yes", "nope", "yeah", "well", "ok", "okay", "please", "help"})


def sentences(text: str) -> Iterator[list[str]]:
    """The words of each sentence; a text without punctuation is one sentence."""
    words: list[str] = []
    for word in _WORD.findall(_plain(text)):
        if word in _ENDS or (word == "," and len(words) == 1 and words[0] in _INTERJECTIONS):
            if words:
                yield words
            words = []
        elif word != ",":
            words.append(word.replace("'", ""))
    if words:
        yield words


def _plain(text: str) -> str:
    folded = unicodedata.normalize("NFKC", text).translate(_INVISIBLE).translate(_APOSTROPHES)
    # Its apostrophe is all that tells it from "odd".
    return folded.lower().replace("od'd", "oded")
