"""flite: a small engine with English voices that most distributions have.

The library is loaded through ctypes when the engine starts; Debian's package is `libflite1`.
"""

import ctypes
import ctypes.util
import threading
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import ClassVar

import numpy as np

from parley_kit.errors import SettingsError
from parley_tts.engine import EngineError, Samples, Voice
from parley_tts.speakable import to_ascii

_LIBRARY = "libflite.so.1"
_VOICE_LIBRARY = "libflite_cmu_us_{}.so.1"
_STRETCH = b"duration_stretch"

# `kal` is left out: at 8 kHz a recogniser mishears every fourth word of it.
_VOICES = (
    Voice("rms", "RMS (US English)", "en-US", "male"),
    Voice("slt", "SLT (US English)", "en-US", "female"),
    Voice("awb", "AWB (Scottish English)", "en-GB", "male"),
    Voice("kal16", "KAL (US English, synthetic)", "en-US", "male"),
)
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
    sample_rate = 16_000

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

    def spelling(self, text: str) -> str:
        """See `Synthesiser.spelling`; flite skips whatever is not ASCII."""
        return to_ascii(text)

    def synthesise(self, text: str, voice: str, speed: float) -> Samples:
        """See `Synthesiser.synthesise`."""
        flite, pointer = self._flite, self._voices[voice]
        assert flite is not None, "the engine has been started"
        features = _CVoice.from_address(pointer).features
        with self._library_lock:
            usual = flite.flite_get_param_float(features, _STRETCH, 1.0)
            flite.flite_feat_set_float(features, _STRETCH, usual / speed)
            try:
                wave = flite.flite_text_to_wave(text.encode("ascii"), pointer)
            finally:
                flite.flite_feat_set_float(features, _STRETCH, usual)
            return _samples_of(wave, flite)


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
    flite.flite_text_to_wave.argtypes = [name, pointer]
    flite.flite_text_to_wave.restype = ctypes.POINTER(_CWave)
    flite.delete_wave.argtypes = [ctypes.POINTER(_CWave)]
    flite.delete_wave.restype = None
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


def _samples_of(wave: "ctypes._Pointer[_CWave]", flite: ctypes.CDLL) -> Samples:
    if not wave:
        raise EngineError("flite made no wave")
    try:
        length = wave.contents.num_samples
        if not length:
            return np.zeros(0, np.int16)
        return np.ctypeslib.as_array(wave.contents.samples, (length,)).copy()
    finally:
        flite.delete_wave(wave)
