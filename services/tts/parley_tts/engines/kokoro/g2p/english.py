"""English by misaki, which looks words up by what they are in their sentence: a spaCy model says.

Where that model is not installed, espeak-ng reads English, mapped to misaki's phonemes.
"""

import re
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.metadata import PackageNotFoundError, distribution
from typing import Any

from parley_tts.engines.kokoro.g2p.markup import Segment, segments
from parley_tts.engines.kokoro.g2p.plain import PlainReader
from parley_tts.engines.kokoro.phrases import KokoroPhrase, Spoken
from parley_tts.traced import Traced, joined

SPACY_MODEL = "en_core_web_sm"
_HAS_SOUND = re.compile(r"[^\W_]")
# Characters between two tokens that misaki leaves out: an apostrophe between digits.
_MOST_DROPPED = 3


class MisakiReader:
    """A `Reader` of English."""

    def __init__(self, *, british: bool) -> None:
        with _without_torch():
            from misaki import en
        _keep_quiet(en)
        self._g2p: Any = en.G2P(british=british, fallback=_fallback(british=british), unk="")

    def __call__(self, clause: Traced) -> KokoroPhrase:
        """See `Reader`."""
        parts = list(segments(clause.strip()))
        text = joined([part.text for part in parts])
        _, tokens = self._g2p("".join(_marked_up(part) for part in parts))
        return _phrase(text, tokens)


def is_spacy_model_installed() -> bool:
    """Whether misaki would find it; without it, it would download one."""
    try:
        distribution(SPACY_MODEL)
    except PackageNotFoundError:
        return False
    return True


def espeak_reader(*, british: bool) -> PlainReader:
    """The `Reader` of English without spaCy."""
    from misaki.token import MToken

    read = _fallback(british=british)
    return PlainReader(lambda text: read(MToken(text, tag="", whitespace=""))[0] or "")


def _fallback(*, british: bool) -> Any:
    """misaki's, but it leaves out the names of languages that espeak-ng switches to."""
    from misaki.espeak import EspeakFallback
    from phonemizer.backend import EspeakBackend

    fallback: Any = EspeakFallback(british)
    fallback.backend = EspeakBackend(
        "en-gb" if british else "en-us",
        preserve_punctuation=True,
        with_stress=True,
        tie="^",
        language_switch="remove-flags",
    )
    return fallback


def _marked_up(part: Segment) -> str:
    return part.text.text if part.says is None else f"[{part.text.text}]({part.says})"


def _phrase(text: Traced, tokens: Sequence[Any]) -> KokoroPhrase:
    """As Kokoro's own pipeline joins them; the tokens together are the text, or nearly."""
    phonemes, spoken, at = "", [], 0
    for token in tokens:
        said = token.phonemes or ""
        found = text.text.find(token.text, at, at + len(token.text) + _MOST_DROPPED)
        at = max(at, found)
        if _HAS_SOUND.search(said):
            spoken.append(Spoken(at, len(phonemes), len(phonemes) + len(said)))
        phonemes += said + (" " if token.whitespace else "")
        at += len(token.text) + len(token.whitespace)
    return _stripped(KokoroPhrase(text, phonemes, tuple(spoken)))


def _stripped(phrase: KokoroPhrase) -> KokoroPhrase:
    start = len(phrase.phonemes) - len(phrase.phonemes.lstrip())
    words = tuple(word.shifted(0, -start) for word in phrase.spoken)
    return KokoroPhrase(phrase.text, phrase.phonemes.strip(), words)


def _keep_quiet(module: Any) -> None:
    """misaki prints words that it cannot read, and what callers say is not for the log."""
    module.print = lambda *_: None


@contextmanager
def _without_torch() -> Iterator[None]:
    """spaCy imports torch where it is installed, which takes 200 MB and serves nothing here.

    So does spacy-curated-transformers, which misaki[en] requires and does not need for the small
    model; our lock file leaves it out.
    """
    if "torch" in sys.modules:
        yield
        return
    sys.modules["torch"] = None  # type: ignore[assignment]  # what makes an import fail
    try:
        yield
    finally:
        del sys.modules["torch"]
