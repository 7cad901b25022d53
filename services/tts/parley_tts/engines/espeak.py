"""espeak-ng: a formant engine that speaks many languages, small and robotic.

espeak-ng is under the GPL (version 3 or later). It is optional: neither part of this package nor
linked with it, but loaded through ctypes when this engine is chosen and the `espeakng-loader`
wheel (the extra `espeak`), which carries library and data, is installed.
"""

import ctypes
import threading
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import ClassVar

import numpy as np

from parley_kit.errors import SettingsError
from parley_tts.engine import EngineError, Gender, Samples, Voice
from parley_tts.tempo import at_tempo

# Constants of espeak-ng's `speak_lib.h`.
_SYNCHRONOUS = 2
_DO_NOT_EXIT = 0x8000
_UTF8, _PAUSE_AT_END = 0x0001, 0x1000
_RATE_PARAMETER = 1
_OK = 0

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

_Callback = ctypes.CFUNCTYPE(
    ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.c_void_p
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
    sample_rate = _SAMPLE_RATE

    def __init__(self) -> None:
        self._espeak: ctypes.CDLL | None = None

    def load(self) -> None:
        """See `Synthesiser.load`."""
        with self._library_lock:
            self._espeak = _opened()

    def spelling(self, text: str) -> str:
        """See `Synthesiser.spelling`; espeak-ng reads Unicode."""
        return text

    def synthesise(self, text: str, voice: str, speed: float) -> Samples:
        """See `Synthesiser.synthesise`."""
        rate, tempo = _rate_and_tempo(speed)
        with self._library_lock:
            samples = self._spoken(text, voice, rate)
        return samples if tempo == 1 else at_tempo(samples, _SAMPLE_RATE, tempo)

    def _spoken(self, text: str, voice: str, rate: int) -> Samples:
        espeak, heard = self._espeak, _Listener()
        assert espeak is not None, "the engine has been started"
        data = text.encode()
        results = (
            espeak.espeak_SetVoiceByName(_FILES[voice].encode()),
            espeak.espeak_SetParameter(_RATE_PARAMETER, rate, 0),
            espeak.espeak_SetSynthCallback(heard.callback),
            espeak.espeak_Synth(data, len(data) + 1, 0, 0, 0, _UTF8 | _PAUSE_AT_END, None, None),
        )
        if any(result not in (_OK, None) for result in results):
            raise EngineError("espeak-ng failed")
        return heard.samples()


class _Listener:
    """Collects what the library gives to its callback; has to outlive the call."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []
        self.callback = _Callback(self._hear)

    def _hear(self, wav: "ctypes._Pointer[ctypes.c_short]", length: int, _events: int) -> int:
        if wav and length > 0:
            self._parts.append(ctypes.string_at(wav, 2 * length))
        return 0

    def samples(self) -> Samples:
        return np.frombuffer(b"".join(self._parts), np.int16)


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
