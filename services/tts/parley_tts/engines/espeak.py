"""espeak-ng: a formant engine that speaks many languages, small and robotic.

espeak-ng is under the GPL (version 3 or later). It is optional: neither part of this package nor
linked with it, but loaded through ctypes when this engine is chosen and the `espeakng-loader`
wheel (the extra `espeak`), which carries library and data, is installed.
"""

import ctypes
import threading
from collections.abc import Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import ClassVar

import numpy as np

from parley_kit.errors import SettingsError
from parley_tts.engine import EngineError, Gender, Manner, Samples, Voice
from parley_tts.engines.silence import seamed, spoken_part
from parley_tts.engines.spelling import Spelling, readable, spellings, together
from parley_tts.engines.synthesiser import Sound
from parley_tts.engines.word_times import Mark, timed_words
from parley_tts.tempo import at_tempo
from parley_tts.traced import Traced

# Constants of espeak-ng's `speak_lib.h`.
_SYNCHRONOUS = 2
_DO_NOT_EXIT = 0x8000
_UTF8 = 0x0001
_RATE_PARAMETER = 1
_OK = 0
_LIST_END, _WORD = 0, 1  # of `espeak_EVENT_TYPE`

# Its own is 175; a recogniser understands this better.
_WORDS_PER_MINUTE = 160
_SLOWEST, _FASTEST = 80, 450
_SAMPLE_RATE = 22_050

# Id, name, language, gender, and the file of the voice with its variant.
_TABLE: tuple[tuple[str, str, str, Gender, str], ...] = (
    ("en-us+f5", "English (America), F5", "en-US", "female", "gmw/en-US+f5"),
    ("en-us+f2", "English (America), F2", "en-US", "female", "gmw/en-US+f2"),
    ("en-us+edward", "English (America), Edward", "en-US", "male", "gmw/en-US+edward"),
    ("en-us+klatt4", "English (America), Klatt 4", "en-US", "male", "gmw/en-US+klatt4"),
    ("en-us", "English (America)", "en-US", "male", "gmw/en-US"),
    ("en-gb", "English (Great Britain)", "en-GB", "male", "gmw/en"),
    ("en-gb+f5", "English (Great Britain), F5", "en-GB", "female", "gmw/en+f5"),
    ("en-gb+edward", "English (Great Britain), Edward", "en-GB", "male", "gmw/en+edward"),
    ("en-gb-scotland", "English (Scotland)", "en-GB", "male", "gmw/en-GB-scotland"),
    ("cmn", "Chinese (Mandarin)", "zh-CN", "male", "sit/cmn"),
    ("cs", "Czech", "cs", "male", "zlw/cs"),
    ("da", "Danish", "da", "male", "gmq/da"),
    ("de", "German", "de", "male", "gmw/de"),
    ("el", "Greek", "el", "male", "grk/el"),
    ("es", "Spanish (Spain)", "es-ES", "male", "roa/es"),
    ("es-419", "Spanish (Latin America)", "es-419", "male", "roa/es-419"),
    ("fi", "Finnish", "fi", "male", "urj/fi"),
    ("fr", "French (France)", "fr-FR", "male", "roa/fr"),
    ("hi", "Hindi", "hi", "male", "inc/hi"),
    ("hu", "Hungarian", "hu", "male", "urj/hu"),
    ("it", "Italian", "it", "male", "roa/it"),
    ("nb", "Norwegian", "nb", "male", "gmq/nb"),
    ("nl", "Dutch", "nl", "male", "gmw/nl"),
    ("pl", "Polish", "pl", "male", "zlw/pl"),
    ("pt", "Portuguese (Portugal)", "pt-PT", "male", "roa/pt"),
    ("pt-br", "Portuguese (Brazil)", "pt-BR", "male", "roa/pt-BR"),
    ("ro", "Romanian", "ro", "male", "roa/ro"),
    ("ru", "Russian", "ru", "male", "zle/ru"),
    ("sv", "Swedish", "sv", "male", "gmq/sv"),
    ("tr", "Turkish", "tr", "male", "trk/tr"),
    ("uk", "Ukrainian", "uk", "male", "zle/uk"),
)  # fmt: skip
_FILES = MappingProxyType({row[0]: row[4] for row in _TABLE})
_LANGUAGES = MappingProxyType({row[0]: row[2] for row in _TABLE})
_FILES_OF_LANGUAGES = MappingProxyType(
    {row[2]: row[4] for row in reversed(_TABLE) if "+" not in row[4]}
)
# The variants that a recogniser understands best stand in for most.
_OPENAI_VOICES = MappingProxyType(
    {
        "alloy": "en-us+f5", "ash": "en-us+edward", "ballad": "en-gb+edward",
        "cedar": "en-us+edward", "coral": "en-us+f2", "echo": "en-us+klatt4",
        "fable": "en-gb+edward", "marin": "en-us+f2", "nova": "en-us+f5",
        "onyx": "en-us+klatt4", "sage": "en-us+f2", "shimmer": "en-gb+f5",
        "verse": "en-us+klatt4",
    }
)  # fmt: skip


class _CEvent(ctypes.Structure):
    """`espeak_EVENT` of espeak-ng's `speak_lib.h`."""

    _fields_ = (
        ("type", ctypes.c_int),
        ("unique_identifier", ctypes.c_uint),
        ("text_position", ctypes.c_int),
        ("length", ctypes.c_int),
        ("audio_position", ctypes.c_int),
        ("sample", ctypes.c_int),
        ("user_data", ctypes.c_void_p),
        ("id", ctypes.c_char * 8),
    )


_Callback = ctypes.CFUNCTYPE(
    ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.POINTER(_CEvent)
)


class EspeakSynthesiser:
    """A `Synthesiser` out of libespeak-ng."""

    _library_lock: ClassVar[threading.Lock] = threading.Lock()
    """Voice, rate and callback are the library's: there is one of each in a process.

    For the same reason the library is never terminated: another engine may be using it.
    """

    name = "espeak-ng"
    voices: Sequence[Voice] = tuple(
        Voice(ident, name, language, gender) for ident, name, language, gender, _ in _TABLE
    )
    openai_voices: Mapping[str, str] = _OPENAI_VOICES
    languages: Sequence[str] = tuple(sorted(_FILES_OF_LANGUAGES))
    blends = False
    sample_rate = _SAMPLE_RATE
    workers = 1
    max_size = 250

    def __init__(self) -> None:
        self._espeak: ctypes.CDLL | None = None

    def load(self) -> None:
        """See `Synthesiser.load`."""
        with self._library_lock:
            self._espeak = _opened()

    def close(self) -> None:
        """See `Synthesiser.close`; the library stays."""
        self._espeak = None

    def status(self) -> Mapping[str, object]:
        """See `Synthesiser.status`."""
        return {"engine": self.name, "model": self.name, "device": "cpu"}

    def phonemise(self, clause: Traced, manner: Manner) -> Sequence[Spelling]:
        """See `Synthesiser.phonemise`; espeak-ng reads Unicode."""
        return spellings(readable(clause), clause, self.name, self.max_size)

    def synthesise(self, phrases: Sequence[Spelling], manner: Manner) -> Sound:
        """See `Synthesiser.synthesise`."""
        text, (voice, _) = together(phrases), manner.voice[0]
        rate, tempo = _rate_and_tempo(manner.speed)
        with self._library_lock:
            samples, starts = self._spoken(text.text, _file(voice, manner.language), rate)
        faster = samples if tempo == 1 else at_tempo(samples, _SAMPLE_RATE, tempo)
        stretch = len(faster) / max(len(samples), 1)
        marks = [
            Mark(mark.at, mark.start_s * stretch, mark.end_s * stretch)
            for mark in _marks(samples, starts)
        ]
        sound = Sound(faster, timed_words(text, marks))
        spoken = spoken_part(faster, _SAMPLE_RATE)
        return seamed(sound, _SAMPLE_RATE, spoken, text.text, manner.speed)

    def _spoken(self, text: str, file: str, rate: int) -> tuple[Samples, list[tuple[int, int]]]:
        """The samples, and of each word its first character and its first sample."""
        espeak, heard = self._espeak, _Listener()
        callback = _Callback(heard.hear)
        assert espeak is not None, "the engine has been loaded"
        data = text.encode()
        results = (
            espeak.espeak_SetVoiceByName(file.encode()),
            espeak.espeak_SetParameter(_RATE_PARAMETER, rate, 0),
            espeak.espeak_SetSynthCallback(callback),
            espeak.espeak_Synth(data, len(data) + 1, 0, 0, 0, _UTF8, None, None),
        )
        if any(result not in (_OK, None) for result in results):
            raise EngineError("espeak-ng failed")
        return heard.samples(), heard.words


class _Listener:
    """Collects what the library gives to its callback.

    It does not hold the callback, which holds it: a cycle would keep the audio for the collector.
    """

    def __init__(self) -> None:
        self.words: list[tuple[int, int]] = []
        self._parts: list[bytes] = []

    def hear(
        self,
        wav: "ctypes._Pointer[ctypes.c_short]",
        length: int,
        events: "ctypes._Pointer[_CEvent]",
    ) -> int:
        if wav and length > 0:
            self._parts.append(ctypes.string_at(wav, 2 * length))
        self.words += [
            (e.text_position - 1, e.sample) for e in _until_end(events) if e.type == _WORD
        ]
        return 0

    def samples(self) -> Samples:
        return np.frombuffer(b"".join(self._parts), np.int16)


def _until_end(events: "ctypes._Pointer[_CEvent]") -> Iterator[_CEvent]:
    at = 0
    while events[at].type != _LIST_END:
        yield events[at]
        at += 1


def _marks(samples: Samples, starts: Sequence[tuple[int, int]]) -> Iterator[Mark]:
    """The library says where words start; they end where it falls silent, or with the next."""
    ends = [*(start for _, start in starts), len(samples)][1:]
    for (at, start), end in zip(starts, ends, strict=True):
        first = start / _SAMPLE_RATE
        yield Mark(at, first, first + spoken_part(samples[start:end], _SAMPLE_RATE)[1])


def _file(voice: str, language: str | None) -> str:
    """Of the voice, as it speaks the language."""
    if language in (None, _LANGUAGES[voice]):
        return _FILES[voice]
    _, plus, variant = _FILES[voice].partition("+")
    return f"{_FILES_OF_LANGUAGES[language]}{plus}{variant}"


def _rate_and_tempo(speed: float) -> tuple[int, float]:
    """Words per minute, and how much faster than that the samples have to be played.

    The library knows 80 to 450 words per minute; the tempo is for what is beyond.
    """
    wanted = _WORDS_PER_MINUTE * speed
    rate = round(min(max(wanted, _SLOWEST), _FASTEST))
    return rate, 1.0 if _SLOWEST <= wanted <= _FASTEST else wanted / rate


def _opened() -> ctypes.CDLL:
    try:
        import espeakng_loader

        espeak = ctypes.CDLL(str(espeakng_loader.get_library_path()))
    except (ImportError, OSError) as exc:
        raise SettingsError(
            "espeak-ng cannot be loaded: install the espeakng-loader wheel "
            "(pip install parley-tts[espeak]) or set TTS_ENGINE=flite."
        ) from exc
    data = str(espeakng_loader.get_data_path()).encode()
    rate = espeak.espeak_Initialize(_SYNCHRONOUS, 0, data, _DO_NOT_EXIT)
    if rate != _SAMPLE_RATE:
        raise SettingsError(f"espeak-ng could not start: it answered {rate}.")
    return _declared(espeak)


def _declared(espeak: ctypes.CDLL) -> ctypes.CDLL:
    """`espeak` with the types of the functions that are used."""
    espeak.espeak_SetVoiceByName.argtypes = [ctypes.c_char_p]
    espeak.espeak_SetSynthCallback.argtypes = [_Callback]
    espeak.espeak_SetSynthCallback.restype = None
    espeak.espeak_Synth.argtypes = [
        ctypes.c_char_p, ctypes.c_size_t, ctypes.c_uint, ctypes.c_int, ctypes.c_uint,
        ctypes.c_uint, ctypes.c_void_p, ctypes.c_void_p,
    ]  # fmt: skip
    return espeak
