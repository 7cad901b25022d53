"""What runs on a card of which size: the memory plan that the LLM shares with STT and TTS.

vLLM takes a share of the whole card, Whisper and Kokoro take what they need: together they have
to fit, and a card has somewhat less than its name says. GiB throughout.
"""

from collections.abc import Mapping
from dataclasses import dataclass

# CUDA graphs, activations and the CUDA context of vLLM.
_OVERHEAD_GIB = 2.0


@dataclass(frozen=True, slots=True)
class Card:
    """One row of the plan."""

    memory_gib: float
    """What the smallest card of this class really has."""
    model: str
    weights_gib: float
    kv_cache_gib: float
    """56 KiB a token for Qwen2.5-7B: a GiB holds four conversations of 4,500 tokens."""
    context_tokens: int
    stt_gib: float
    """large-v3-turbo in float16: weights 1.5, CUDA 0.5, and for a batch of 16 windows 1.3 for the
    encoder's attention (20 heads of 1500 x 1500) and half a GiB for the rest."""
    tts_gib: float

    @property
    def llm_gib(self) -> float:
        return self.weights_gib + self.kv_cache_gib + _OVERHEAD_GIB

    @property
    def spare_gib(self) -> float:
        return self.memory_gib - self.llm_gib - self.stt_gib - self.tts_gib


_AWQ = ("Qwen/Qwen2.5-7B-Instruct-AWQ", 5.2)
_BF16 = ("Qwen/Qwen2.5-7B-Instruct", 14.2)

CARDS: Mapping[str, Card] = {
    "16": Card(14.6, *_AWQ, 1.75, 8_192, stt_gib=3.8, tts_gib=1.5),
    "24": Card(22.0, *_AWQ, 8.0, 8_192, stt_gib=4.0, tts_gib=2.0),
    "48": Card(44.0, *_BF16, 16.0, 16_384, stt_gib=5.0, tts_gib=2.0),
    "80": Card(79.0, *_BF16, 40.0, 32_768, stt_gib=6.0, tts_gib=3.0),
}
"""By the number of gigabytes in a card's name (`GPU_MEMORY_GB`)."""
