"""The screen: text in, category out."""

from collections.abc import Callable
from importlib.resources import files

from parley_ws_llm.screen.rules import Rules
from parley_ws_llm.screen.spelling import Spelling
from parley_ws_llm.screen.words import sentences

Screen = Callable[[str], str | None]
"""The category that a text meets, or None; takes time in proportion to the text."""


def load(name: str) -> Screen:
    """The screen of a rule file of this package, `red_flags` or `probes`.

    Raises:
        PatternError: the file is wrong.
    """
    rules = Rules(_data(f"{name}.toml"))
    real = (line for line in _data("real_words.txt").splitlines() if not line.startswith("#"))
    correct = Spelling(rules.corrected, rules.phrasebook.vocabulary.union(real)).correct

    def screen(text: str) -> str | None:
        for words in sentences(text):
            category = rules.flag([correct(word) for word in words])
            if category is not None:
                return category
        return None

    return screen


def _data(name: str) -> str:
    return files("parley_ws_llm.screen").joinpath("data", name).read_text(encoding="utf-8")
