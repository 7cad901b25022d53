"""Whisper's vocabulary with words of no language: special tokens at their true places.

Ids below `end_of_text` are text: the 256 bytes, then words such as " bakemi". Only bytes have a
way to be encoded (there are no merges): a prompt is a token for each of its bytes, and
words come from the model alone.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from itertools import islice, product

LANGUAGES = [
    "en", "zh", "de", "es", "ru", "ko", "fr", "ja", "pt", "tr", "pl", "ca", "nl", "ar", "sv",
    "it", "id", "hi", "fi", "vi", "he", "uk", "el", "ms", "cs", "ro", "da", "hu", "ta", "no",
    "th", "ur", "hr", "bg", "lt", "la", "mi", "ml", "cy", "sk", "te", "fa", "lv", "bn", "sr",
    "az", "sl", "kn", "et", "mk", "br", "eu", "is", "hy", "ne", "mn", "bs", "kk", "sq", "sw",
    "gl", "mr", "pa", "si", "km", "sn", "yo", "so", "af", "oc", "ka", "be", "tg", "sd", "gu",
    "am", "yi", "lo", "uz", "fo", "ht", "ps", "tk", "nn", "mt", "sa", "lb", "my", "bo", "tl",
    "mg", "as", "tt", "haw", "ln", "ha", "ba", "jw", "su",
]  # fmt: skip
"""In the order of their tokens, as in https://github.com/openai/whisper (tokenizer.py)."""

TIMESTAMPS = 1501
"""Tokens from 0 to 30 s."""

TIMESTAMP_S = 0.02

_ENGLISH_TEXT = 50_256
_BYTES = 256
_REPETITIONS = 200
_SYLLABLES = [a + b for a, b in product("bdfgklmnprstvz", "aeiou")]


@dataclass(frozen=True)
class Vocabulary:
    """Ids of tokens. The text of a multilingual model has one more, which is empty: by that
    CTranslate2 knows it."""

    multilingual: bool

    @property
    def end_of_text(self) -> int:
        return _ENGLISH_TEXT + self.multilingual

    @property
    def space(self) -> int:
        return self._ids["Ġ"]

    @property
    def repetitions(self) -> range:
        """Tokens that are "lala" in one length each."""
        return range(_BYTES, _BYTES + _REPETITIONS)

    @property
    def words(self) -> range:
        return range(_BYTES + _REPETITIONS, _ENGLISH_TEXT)

    @property
    def languages(self) -> range:
        first = self.end_of_text + 2
        return range(first, first + len(LANGUAGES))

    def special(self, name: str) -> int:
        """The id of `<|name|>`."""
        return self._ids[f"<|{name}|>"]

    def timestamp(self, seconds: float) -> int:
        return len(self.tokens) - TIMESTAMPS + round(seconds / TIMESTAMP_S)

    @cached_property
    def tokens(self) -> list[str]:
        """All of them, by id."""
        return [*self._text, *_special_tokens(), *_timestamp_tokens()]

    def tokenizer(self) -> str:
        """The content of `tokenizer.json`."""
        specials = self.tokens[self.end_of_text :]
        return json.dumps(
            {
                "version": "1.0",
                "truncation": None,
                "padding": None,
                "added_tokens": [
                    _added_token(id_, content)
                    for id_, content in enumerate(specials, start=self.end_of_text)
                ],
                "normalizer": None,
                "pre_tokenizer": _byte_level(),
                "post_processor": None,
                "decoder": _byte_level(),
                "model": _bpe({token: id_ for id_, token in enumerate(self._text)}),
            }
        )

    @cached_property
    def _text(self) -> list[str]:
        repetitions = ["Ġ" + "la" * length for length in range(6, 6 + _REPETITIONS)]
        words = islice(_words(), len(self.words))
        return [*_byte_characters(), *repetitions, *words, *([""] if self.multilingual else [])]

    @cached_property
    def _ids(self) -> Mapping[str, int]:
        return {token: id_ for id_, token in enumerate(self.tokens)}


def _byte_characters() -> list[str]:
    """The printable character that stands for each byte in byte-level BPE; the space is "Ġ"."""
    printable = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    others = [byte for byte in range(256) if byte not in printable]
    return [chr(byte) for byte in printable] + [chr(256 + n) for n in range(len(others))]


def _words() -> Iterator[str]:
    return (f"Ġ{a}{b}{c}" for a, b, c in product(_SYLLABLES, repeat=3))


def _special_tokens() -> Iterator[str]:
    yield "<|endoftext|>"
    yield "<|startoftranscript|>"
    yield from (f"<|{language}|>" for language in LANGUAGES)
    for name in (
        "translate", "transcribe", "startoflm", "startofprev", "nospeech", "notimestamps",
    ):  # fmt: skip
        yield f"<|{name}|>"


def _timestamp_tokens() -> Iterator[str]:
    return (f"<|{number * TIMESTAMP_S:.2f}|>" for number in range(TIMESTAMPS))


def _added_token(id_: int, content: str) -> dict[str, object]:
    return {
        "id": id_,
        "content": content,
        "single_word": False,
        "lstrip": False,
        "rstrip": False,
        "normalized": False,
        "special": True,
    }


def _byte_level() -> dict[str, object]:
    return {
        "type": "ByteLevel",
        "add_prefix_space": False,
        "trim_offsets": True,
        "use_regex": True,
    }


def _bpe(ids: Mapping[str, int]) -> dict[str, object]:
    return {
        "type": "BPE",
        "dropout": None,
        "unk_token": None,
        "continuing_subword_prefix": "",
        "end_of_word_suffix": "",
        "fuse_unk": False,
        "byte_fallback": False,
        "vocab": ids,
        "merges": [],
    }
