"""The readers of all languages that can be read here, and why others cannot."""

import logging
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from parley_tts.engines.kokoro.g2p import Reader, english
from parley_tts.engines.kokoro.g2p.plain import PlainReader
from parley_tts.engines.kokoro.voices import LANGUAGES, Language

log = logging.getLogger("parley.tts.kokoro")

# Kokoro's Chinese model of version 1.1 spells in Zhuyin, the others in IPA.
_ZHUYIN = "ㄅ"


@dataclass(slots=True)
class Readers:
    """What there is, by tags of languages.

    Args:
        notes: how languages are read, or why they are not.
    """

    by_language: dict[str, Reader] = field(default_factory=dict)
    notes: dict[str, str] = field(default_factory=dict)


def load(vocabulary: Mapping[str, int], scratch: Path) -> Readers:
    """
    Args:
        vocabulary: the phonemes of the model.
        scratch: a folder for what a package wants to keep.
    """
    found = Readers()
    for language in LANGUAGES:
        try:
            reader, note = _reader(language, vocabulary, scratch, found)
        except ImportError as exc:
            note = f"not available: the package {exc.name} is not installed"
        else:
            found.by_language[language.tag] = reader
        if note:
            found.notes[language.tag] = note
            log.info("%s: %s", language.name, note)
    logging.getLogger("phonemizer").setLevel(logging.ERROR)  # not before: it sets its own
    return found


def _reader(
    language: Language, vocabulary: Mapping[str, int], scratch: Path, found: Readers
) -> tuple[Reader, str]:
    if language.letter in "ab":
        return _english(british=language.letter == "b")
    if language.letter == "j":
        return _japanese(), ""
    if language.letter == "z":
        return _chinese(vocabulary, scratch, found.by_language.get("en-US")), ""
    return _by_espeak(language.espeak), ""


def _english(*, british: bool) -> tuple[Reader, str]:
    if english.is_spacy_model_installed():
        return english.MisakiReader(british=british), "read by misaki"
    why = f"read by espeak-ng, because spaCy's {english.SPACY_MODEL} is not installed"
    return english.espeak_reader(british=british), why


def _by_espeak(name: str) -> Reader:
    from misaki.espeak import EspeakG2P

    return PlainReader(_first_of(EspeakG2P(name)))


def _japanese() -> Reader:
    from misaki.ja import JAG2P

    return PlainReader(_first_of(JAG2P()))


def _chinese(vocabulary: Mapping[str, int], scratch: Path, reader: Reader | None) -> Reader:
    import jieba
    from misaki.zh import ZHG2P

    jieba.setLogLevel(logging.WARNING)
    # Its cache would be in a folder where everybody can put another one.
    jieba.dt.tmp_dir = tempfile.mkdtemp(dir=scratch)
    if _ZHUYIN not in vocabulary:
        return PlainReader(_first_of(ZHG2P()))
    return PlainReader(_first_of(ZHG2P(version="1.1", en_callable=_function(reader))))


def _function(reader: Reader | None) -> Callable[[str], str] | None:
    from parley_tts.traced import Traced

    return (lambda text: reader(Traced.of(text)).phonemes) if reader else None


def _first_of(g2p: Any) -> Callable[[str], str]:
    """misaki's readers return phonemes, and tokens or nothing."""
    return lambda text: g2p(text)[0] if text else ""
