"""The voices that are there, by the names of their files: language, gender, name. Pure."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from parley_tts.engine import Gender, Voice


@dataclass(frozen=True, slots=True)
class Language:
    """A language of Kokoro's: the letter that it has there, and how espeak-ng calls it."""

    letter: str
    tag: str
    name: str
    espeak: str = ""


LANGUAGES = (
    Language("a", "en-US", "American English", "en-us"),
    Language("b", "en-GB", "British English", "en-gb"),
    Language("e", "es-ES", "Spanish", "es"),
    Language("f", "fr-FR", "French", "fr-fr"),
    Language("h", "hi", "Hindi", "hi"),
    Language("i", "it", "Italian", "it"),
    Language("j", "ja", "Japanese"),
    Language("p", "pt-BR", "Brazilian Portuguese", "pt-br"),
    Language("z", "zh-CN", "Mandarin Chinese"),
)

_BY_LETTER = MappingProxyType({language.letter: language for language in LANGUAGES})
_GENDERS: Mapping[str, Gender] = MappingProxyType({"f": "female", "m": "male"})

OF_KOKORO_V1 = (
    "af_alloy", "af_aoede", "af_bella", "af_heart", "af_jessica", "af_kore", "af_nicole", "af_nova",
    "af_river", "af_sarah", "af_sky", "am_adam", "am_echo", "am_eric", "am_fenrir", "am_liam",
    "am_michael", "am_onyx", "am_puck", "am_santa", "bf_alice", "bf_emma", "bf_isabella", "bf_lily",
    "bm_daniel", "bm_fable", "bm_george", "bm_lewis", "ef_dora", "em_alex", "em_santa", "ff_siwis",
    "hf_alpha", "hf_beta", "hm_omega", "hm_psi", "if_sara", "im_nicola", "jf_alpha",
    "jf_gongitsune", "jf_nezumi", "jf_tebukuro", "jm_kumo", "pf_dora", "pm_alex", "pm_santa",
    "zf_xiaobei", "zf_xiaoni", "zf_xiaoxiao", "zf_xiaoyi", "zm_yunjian", "zm_yunxi", "zm_yunxia",
    "zm_yunyang",
)  # fmt: skip
"""What is there before the files are."""

# Namesakes first; the others by character. Where one is missing, the first of the same gender.
_OPENAI_VOICES = MappingProxyType(
    {
        "alloy": "af_alloy", "ash": "am_adam", "ballad": "bm_george", "cedar": "am_michael",
        "coral": "af_bella", "echo": "am_echo", "fable": "bm_fable", "marin": "af_heart",
        "nova": "af_nova", "onyx": "am_onyx", "sage": "af_sarah", "shimmer": "af_sky",
        "verse": "am_puck",
    }
)  # fmt: skip


def catalogue(ids: Iterable[str], languages: Collection[str]) -> list[Voice]:
    """The voices among `ids` that speak one of `languages` (tags); the others are no voices."""
    found = (_voice(ident) for ident in sorted(ids))
    return [voice for voice in found if voice and voice.language in languages]


def openai_voices(voices: Sequence[Voice]) -> dict[str, str]:
    """For each of OpenAI's names the id of one of `voices`, of which there is at least one."""
    present = {voice.id for voice in voices}
    return {
        name: ident if ident in present else _stand_in(ident, voices)
        for name, ident in _OPENAI_VOICES.items()
    }


def _voice(ident: str) -> Voice | None:
    prefix, _, name = ident.partition("_")
    if len(prefix) != 2 or prefix[0] not in _BY_LETTER or prefix[1] not in _GENDERS or not name:
        return None
    language = _BY_LETTER[prefix[0]]
    shown = f"{name.capitalize()} ({language.name})"
    return Voice(ident, shown, language.tag, _GENDERS[prefix[1]])


def _stand_in(ident: str, voices: Sequence[Voice]) -> str:
    """The first of the language and gender of `ident`, or of its gender, or of all."""
    prefixes = (ident[:2], f"a{ident[1]}", f"b{ident[1]}")
    near = (voice.id for prefix in prefixes for voice in voices if voice.id.startswith(prefix))
    same = (voice.id for voice in voices if voice.gender == _GENDERS[ident[1]])
    return next(near, None) or next(same, voices[0].id)
