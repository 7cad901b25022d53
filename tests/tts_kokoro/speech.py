"""Short ways to have a synthesiser speak."""

from collections.abc import Sequence

from parley_tts.engine import Manner, TimedWord
from parley_tts.engines.kokoro.phrases import KokoroPhrase
from parley_tts.engines.kokoro.synthesiser import KokoroSynthesiser
from parley_tts.engines.synthesiser import Sound
from parley_tts.traced import Traced

SENTENCES = {
    "en-US": "Hello world, this is number 25 of the well-known cats.",
    "en-GB": "Hello world, this is number 25 of the well-known cats.",
    "es-ES": "Hola, ¿cómo estás hoy? Son las 25 casas.",
    "fr-FR": "C'est l'ami de Jean, il a 25 ans.",
    "hi": "नमस्ते, आप कैसे हैं?",
    "it": "Buongiorno, oggi sono 25 gatti.",
    "ja": "これはテストです。今日は良い天気ですね！",
    "pt-BR": "Bom dia, hoje são 25 gatos.",
    "zh-CN": "你好，世界。今天是二零二六年。",
}


def manner(voice: str = "af_heart", language: str = "en-US", speed: float = 1.0) -> Manner:
    return Manner(((voice, 1.0),), speed, language)


def read(
    synthesiser: KokoroSynthesiser, text: str, how: Manner | None = None
) -> Sequence[KokoroPhrase]:
    return synthesiser.phonemise(Traced.of(text), how or manner())


def say(synthesiser: KokoroSynthesiser, text: str, how: Manner | None = None) -> Sound:
    return synthesiser.synthesise(read(synthesiser, text, how), how or manner())


def phonemes(synthesiser: KokoroSynthesiser, text: str, language: str = "en-US") -> str:
    phrases = read(synthesiser, text, manner(language=language))
    return " ".join(phrase.phonemes for phrase in phrases)


def texts(words: Sequence[TimedWord], text: str) -> list[str]:
    """The words as the caller wrote them."""
    return [text[word.span.start : word.span.end] for word in words]
