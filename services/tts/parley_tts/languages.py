"""Languages by the names that callers give them: tags, English names, Kokoro's letters. Pure."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType

from parley_kit.errors import InvalidRequest

# The `lang_code` of Kokoro.
_LETTERS: Mapping[str, str] = MappingProxyType(
    {
        "a": "en-US", "b": "en-GB", "e": "es", "f": "fr", "h": "hi", "i": "it", "j": "ja",
        "p": "pt-BR", "z": "zh",
    }
)  # fmt: skip
_NAMES: Mapping[str, str] = MappingProxyType(
    {
        "american english": "en-US", "british english": "en-GB", "english": "en",
        "brazilian portuguese": "pt-BR", "portuguese": "pt", "mandarin": "zh",
        "mandarin chinese": "zh", "chinese": "zh", "castilian": "es", "spanish": "es",
        "czech": "cs", "danish": "da", "dutch": "nl", "finnish": "fi", "french": "fr",
        "german": "de", "greek": "el", "hindi": "hi", "hungarian": "hu", "italian": "it",
        "japanese": "ja", "norwegian": "nb", "polish": "pl", "romanian": "ro", "russian": "ru",
        "swedish": "sv", "turkish": "tr", "ukrainian": "uk",
    }
)  # fmt: skip
_SAME = MappingProxyType({"cmn": "zh", "no": "nb", "eng": "en"})
# Meant by those who name no region, unless the voice has another.
_USUAL = ("en-US", "pt-BR", "es-ES", "fr-FR", "zh-CN")


def resolved(name: str, supported: Sequence[str], of_voice: str, param: str) -> str:
    """The tag of those that are supported which `name` means.

    A name without region means that of the voice, where it speaks that language; a region that
    nobody speaks here means the language, where it is supported as such.

    Args:
        of_voice: the tag of the voice's own language.
        param: the field, for a refusal.

    Raises:
        InvalidRequest: nothing that is supported is meant.
    """
    wanted = _tag(name)
    for tag in supported:
        if _key(tag) == wanted:
            return tag
    language, region = wanted
    if not region:
        alike = [tag for tag in supported if _key(tag)[0] == language]
        ordered = [tag for tag in (of_voice, *_USUAL) if tag in alike] + alike
        if ordered:
            return ordered[0]
    elif (language, "") in map(_key, supported):
        return next(tag for tag in supported if _key(tag) == (language, ""))
    raise InvalidRequest(
        f"Invalid value for '{param}': supported values are {', '.join(supported)}, "
        "their English names, and Kokoro's letters for them.",
        param=param,
    )


def _tag(name: str) -> tuple[str, str]:
    lowered = name.strip().lower()
    return _key(_LETTERS.get(lowered) or _NAMES.get(lowered) or lowered)


def _key(tag: str) -> tuple[str, str]:
    """Language and region of a BCP 47 tag, in lower case; its script is left out."""
    language, *rest = tag.replace("_", "-").lower().split("-")
    parts = [part for part in rest if len(part) != _SCRIPT_LENGTH]
    return _SAME.get(language, language), "-".join(parts)


_SCRIPT_LENGTH = 4
