"""Voices by the names that callers give them, alone or blended: `af_bella(2)+af_sky`. Pure."""

import math
import re
from collections import defaultdict
from collections.abc import Mapping, Sequence

from parley_kit.errors import InvalidRequest
from parley_tts.engine import Blend, Voice

MOST_PARTS = 8
_PART = re.compile(r"\s*([^\s()+]+)\s*(?:\(\s*(\d{1,6}(?:\.\d{1,6})?|\.\d{1,6})\s*\))?\s*")


def resolved(
    name: str, voices: Sequence[Voice], openai_voices: Mapping[str, str], *, blends: bool
) -> Blend:
    """The voices that `name` stands for; the weights of a blend become shares.

    Args:
        blends: whether the engine can make one voice out of several.

    Raises:
        InvalidRequest: there is no such voice, or the engine cannot make it.
    """
    known = _known(voices, openai_voices)
    if name in known:
        return ((known[name], 1.0),)
    if "+" not in name and "(" not in name:
        raise _unknown(known)
    if not blends:
        raise _refused("this engine cannot blend voices")
    return _shares(_weights(name, known))


def language_of(blend: Blend, voices: Sequence[Voice]) -> str:
    """That of the voice with the greatest share."""
    main = max(blend, key=lambda part: part[1])[0]
    return next(voice.language for voice in voices if voice.id == main)


def _known(voices: Sequence[Voice], openai_voices: Mapping[str, str]) -> dict[str, str]:
    """Ids by the names of voices; the engine's own win."""
    return {**openai_voices, **{voice.id: voice.id for voice in voices}}


def _weights(name: str, known: Mapping[str, str]) -> dict[str, float]:
    parts = name.split("+")
    if len(parts) > MOST_PARTS:
        raise _refused(f"at most {MOST_PARTS} voices can be blended")
    weights: defaultdict[str, float] = defaultdict(float)
    for part in parts:
        match = _PART.fullmatch(part)
        if match is None:
            raise _refused("a blend is written like first(2)+second, each weight above 0")
        if match[1] not in known:
            raise _unknown(known)
        weights[known[match[1]]] += float(match[2] or 1)
    if not all(weights.values()):
        raise _refused("each weight of a blend has to be above 0")
    return dict(weights)


def _shares(weights: Mapping[str, float]) -> Blend:
    total = math.fsum(weights.values())
    return tuple((voice, weight / total) for voice, weight in weights.items())


def _unknown(known: Mapping[str, str]) -> InvalidRequest:
    own = [name for name, voice in known.items() if name == voice]
    mapped = [name for name, voice in known.items() if name != voice]
    return _refused(f"supported values are {', '.join([*own, *mapped])}")


def _refused(why: str) -> InvalidRequest:
    return InvalidRequest(f"Invalid value for 'voice': {why}.", param="voice")
