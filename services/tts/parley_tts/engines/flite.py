"""flite: a small engine with English voices that most distributions have.

The library is loaded through ctypes when the engine starts; Debian's package is `libflite1`.
"""

import ctypes
import threading
from collections.abc import Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import ClassVar

import numpy as np

from parley_kit.errors import SettingsError
from parley_tts.engine import EngineError, Manner, Samples, Voice
from parley_tts.engines.silence import seamed, spoken_part
from parley_tts.engines.spelling import Spelling, readable, spellings, together
from parley_tts.engines.synthesiser import Sound
from parley_tts.engines.transliteration import in_ascii
from parley_tts.engines.word_times import Mark, timed_words
from parley_tts.traced import Traced

_SAMPLE_RATE = 16_000
_LIBRARY = "libflite.so.1"
_VOICE_LIBRARY = "libflite_cmu_us_{}.so.1"
_STRETCH = b"duration_stretch"

# Paths of flite's features, from a word.
_PAST_TOKEN = b"R:Token.parent.file_pos"
_START = b"R:SylStructure.daughter1.daughter1.R:Segment.p.end"
_END = b"R:SylStructure.daughtern.daughtern.R:Segment.end"

# `kal` is left out: at 8 kHz a recogniser mishears every fourth word of it.
_VOICES = (
    Voice("rms", "RMS (US English)", "en-US", "male"),
    Voice("slt", "SLT (US English)", "en-US", "female"),
    Voice("awb", "AWB (Scottish English)", "en-GB", "male"),
    Voice("kal16", "KAL (US English, synthetic)", "en-US", "male"),
)
# What makes them equally loud, about 21 dB below the loudest there is: measured, as is that none
# is cut off (`kal16` by itself is 13 dB below `slt`).
_GAINS = MappingProxyType({"rms": 0.9, "slt": 0.43, "awb": 0.78, "kal16": 2.05})
_OPENAI_VOICES = MappingProxyType(
    {
        "alloy": "rms", "ash": "rms", "ballad": "awb", "cedar": "rms", "coral": "slt",
        "echo": "kal16", "fable": "awb", "marin": "slt", "nova": "slt", "onyx": "rms",
        "sage": "slt", "shimmer": "slt", "verse": "awb",
    }
)  # fmt: skip


class _CWave(ctypes.Structure):
    """`cst_wave` of flite's `cst_wave.h`."""

    _fields_ = (
        ("type", ctypes.c_char_p),
        ("sample_rate", ctypes.c_int),
        ("num_samples", ctypes.c_int),
        ("num_channels", ctypes.c_int),
        ("samples", ctypes.POINTER(ctypes.c_short)),
    )


class _CVoice(ctypes.Structure):
    """The beginning of `cst_voice` of flite's `cst_voice.h`."""

    _fields_ = (("name", ctypes.c_char_p), ("features", ctypes.c_void_p))


class FliteSynthesiser:
    """A `Synthesiser` out of libflite."""

    _library_lock: ClassVar[threading.Lock] = threading.Lock()
    """Voices, and how fast they speak, are the library's: there is one of each in a process."""

    name = "flite"
    voices: Sequence[Voice] = _VOICES
    openai_voices: Mapping[str, str] = _OPENAI_VOICES
    languages: Sequence[str] = ("en-US", "en-GB")
    blends = False
    sample_rate = _SAMPLE_RATE
    workers = 1
    max_size = 250

    def __init__(self) -> None:
        self._flite: ctypes.CDLL | None = None
        self._voices: dict[str, int] = {}

    def load(self) -> None:
        """See `Synthesiser.load`."""
        with self._library_lock:
            flite = _declared(_open(_LIBRARY))
            flite.flite_init()
            self._voices = {voice.id: _register(voice.id) for voice in self.voices}
            self._flite = flite

    def close(self) -> None:
        """See `Synthesiser.close`; the library stays, another engine may be using it."""
        self._flite = None

    def status(self) -> Mapping[str, object]:
        """See `Synthesiser.status`."""
        return {"engine": self.name, "model": self.name, "device": "cpu"}

    def phonemise(self, clause: Traced, manner: Manner) -> Sequence[Spelling]:
        """See `Synthesiser.phonemise`; flite skips whatever is not ASCII."""
        return spellings(in_ascii(readable(clause)), clause, self.name, self.max_size)

    def synthesise(self, phrases: Sequence[Spelling], manner: Manner) -> Sound:
        """See `Synthesiser.synthesise`."""
        text, (voice, _) = together(phrases), manner.voice[0]
        samples, marks = self._spoken(text.text, voice, manner.speed)
        samples = _amplified(samples, _GAINS[voice])
        spoken = (
            (marks[0].start_s, marks[-1].end_s) if marks else spoken_part(samples, _SAMPLE_RATE)
        )
        sound = Sound(samples, timed_words(text, marks))
        return seamed(sound, _SAMPLE_RATE, spoken, text.text, manner.speed)

    def _spoken(self, text: str, voice: str, speed: float) -> tuple[Samples, list[Mark]]:
        flite, pointer = self._flite, self._voices[voice]
        assert flite is not None, "the engine has been loaded"
        features = _CVoice.from_address(pointer).features
        with self._library_lock:
            usual = flite.flite_get_param_float(features, _STRETCH, 1.0)
            flite.flite_feat_set_float(features, _STRETCH, usual / speed)
            try:
                utterance = flite.flite_synth_text(f"{text} ".encode("ascii"), pointer)
            finally:
                flite.flite_feat_set_float(features, _STRETCH, usual)
            if not utterance:
                raise EngineError("flite made no utterance")
            try:
                return _samples_of(utterance, flite), list(_marks(utterance, flite))
            finally:
                flite.delete_utterance(utterance)


def is_installed() -> bool:
    """Whether flite can be loaded here."""
    try:
        _open(_LIBRARY)
    except SettingsError:
        return False
    return True


def _open(library: str) -> ctypes.CDLL:
    try:
        return ctypes.CDLL(library)
    except OSError as exc:
        raise SettingsError(
            f"{library} cannot be loaded: install flite (Debian: libflite1) "
            "or set TTS_ENGINE=espeak."
        ) from exc


def _declared(flite: ctypes.CDLL) -> ctypes.CDLL:
    """`flite` with the types of the functions that are used."""
    pointer, name = ctypes.c_void_p, ctypes.c_char_p
    flite.flite_synth_text.argtypes = [name, pointer]
    flite.flite_synth_text.restype = pointer
    flite.delete_utterance.argtypes = [pointer]
    flite.delete_utterance.restype = None
    flite.utt_wave.argtypes = [pointer]
    flite.utt_wave.restype = ctypes.POINTER(_CWave)
    flite.utt_relation.argtypes = [pointer, name]
    flite.utt_relation.restype = pointer
    for step in (flite.relation_head, flite.item_next):
        step.argtypes, step.restype = [pointer], pointer
    flite.flite_ffeature_float.argtypes = [pointer, name]
    flite.flite_ffeature_float.restype = ctypes.c_float
    flite.flite_ffeature_int.argtypes = [pointer, name]
    flite.flite_ffeature_int.restype = ctypes.c_int
    flite.flite_get_param_float.argtypes = [pointer, name, ctypes.c_float]
    flite.flite_get_param_float.restype = ctypes.c_float
    flite.flite_feat_set_float.argtypes = [pointer, name, ctypes.c_float]
    flite.flite_feat_set_float.restype = None
    return flite


def _register(voice: str) -> int:
    register = getattr(_open(_VOICE_LIBRARY.format(voice)), f"register_cmu_us_{voice}")
    register.argtypes, register.restype = [ctypes.c_char_p], ctypes.c_void_p
    pointer: int = register(None)
    return pointer


def _samples_of(utterance: int, flite: ctypes.CDLL) -> Samples:
    wave = flite.utt_wave(utterance)
    if not wave:
        raise EngineError("flite made no wave")
    length = wave.contents.num_samples
    if not length:
        return np.zeros(0, np.int16)
    return np.ctypeslib.as_array(wave.contents.samples, (length,)).copy()


def _marks(utterance: int, flite: ctypes.CDLL) -> Iterator[Mark]:
    """When the words of flite's expansion are spoken; `Mark.at` is the last of their token.

    Flite has looked at one character more than the token has, which is why a space ends the text.
    """
    word = flite.relation_head(flite.utt_relation(utterance, b"Word"))
    while word:
        start = flite.flite_ffeature_float(word, _START)
        end = flite.flite_ffeature_float(word, _END)
        if end > start:
            yield Mark(flite.flite_ffeature_int(word, _PAST_TOKEN) - 2, start, end)
        word = flite.item_next(word)


def _amplified(samples: Samples, gain: float) -> Samples:
    loudest = np.iinfo(np.int16)
    return np.clip(np.round(samples * gain), loudest.min, loudest.max).astype(np.int16)
