"""The caller's prompt and keywords, cut so that Whisper's context keeps room for its answer. Pure.

The context is 448 tokens. Half is for the answer, as in OpenAI's code; faster-whisper would fill
the other half with the prompt, and once more with the keywords.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

_HINT_TOKENS = 223
_KEYWORD_TOKENS = _HINT_TOKENS // 2


@dataclass(frozen=True, slots=True)
class Hints:
    """What faster-whisper is given: the prompt as tokens, the keywords as text."""

    prompt: Sequence[int]
    keywords: str


def fitting(prompt: str, keywords: Sequence[str], encode: Callable[[str], Sequence[int]]) -> Hints:
    """Whole keywords from the first on, and the end of the prompt, as OpenAI takes it."""
    kept, size = _first(keywords, encode)
    tokens = encode(f" {prompt.strip()}") if prompt.strip() else ()
    return Hints(tokens[-(_HINT_TOKENS - size) :], kept)


def _first(keywords: Sequence[str], encode: Callable[[str], Sequence[int]]) -> tuple[str, int]:
    kept, size = "", 0
    for keyword in keywords:
        longer = f"{kept} {keyword}".strip()
        tokens = len(encode(f" {longer}"))
        if tokens > _KEYWORD_TOKENS:
            break
        kept, size = longer, tokens
    return kept, size
