"""What the model says on either runtime: how long, which words when, in whose voice."""

import numpy as np
import pytest

from parley_kit.errors import InvalidRequest
from parley_tts.engine import EngineError, Manner
from parley_tts.engines.kokoro.synthesiser import KokoroSynthesiser
from tests.tts_kokoro.speech import SENTENCES, manner, read, say, texts

SENTENCE = SENTENCES["en-US"]


@pytest.mark.parametrize("language", sorted(SENTENCES))
def test_words_of_every_language_are_timed_in_order_inside_the_audio(
    synthesiser: KokoroSynthesiser, language: str
) -> None:
    text = SENTENCES[language]
    sound = say(synthesiser, text, manner(language=language))

    times = [time for word in sound.words for time in (word.start_s, word.end_s)]
    assert times == sorted(times)
    assert 0 <= times[0] < times[-1] <= len(sound.samples) / synthesiser.sample_rate
    letters = [char for char in text if char.isalnum()]
    assert [c for word in texts(sound.words, text) for c in word if c.isalnum()] == letters


def test_every_word_of_a_sentence_has_a_time_of_its_own(synthesiser: KokoroSynthesiser) -> None:
    sound = say(synthesiser, SENTENCE)

    assert " ".join(texts(sound.words, SENTENCE)) == (
        "Hello world this is number 25 of the well-known cats"
    )
    assert all(word.end_s > word.start_s for word in sound.words)


def test_twice_the_speed_takes_half_the_time(synthesiser: KokoroSynthesiser) -> None:
    slow, fast = (
        len(say(synthesiser, SENTENCE, manner(speed=speed)).samples) for speed in (0.5, 1.0)
    )

    assert fast / slow == pytest.approx(0.5, abs=0.05)


def test_every_voice_sounds_like_itself(synthesiser: KokoroSynthesiser) -> None:
    voices = [voice.id for voice in synthesiser.voices]
    sounds = {say(synthesiser, "Hello.", manner(voice)).samples.tobytes() for voice in voices}

    assert len(sounds) == len(voices) == 11


def test_a_blend_has_as_much_of_each_voice_as_its_share(synthesiser: KokoroSynthesiser) -> None:
    one, other = (synthesiser._style(((v, 1.0),), 7) for v in ("af_heart", "am_echo"))
    blend = (("af_heart", 0.75), ("am_echo", 0.25))

    assert synthesiser._style(blend, 7) == pytest.approx(0.75 * one + 0.25 * other)
    assert len(say(synthesiser, "Hello.", Manner(blend, 1.0, "en-US")).samples)


def test_phrases_are_spoken_together_with_the_words_of_each(
    synthesiser: KokoroSynthesiser,
) -> None:
    text = "Good morning, we are open. Come in!"
    clauses = ["Good morning,", "we are open.", "Come in!"]
    phrases = [phrase for clause in clauses for phrase in read(synthesiser, clause)]
    sound = synthesiser.synthesise(phrases, manner())

    assert texts(sound.words, clauses[0])[:2] == ["Good", "morning"]
    assert len(sound.words) == len(text.split())
    assert len(sound.samples) > len(synthesiser.synthesise(phrases[:1], manner()).samples)


def test_a_long_clause_becomes_phrases_that_lose_nothing(synthesiser: KokoroSynthesiser) -> None:
    text = " ".join(["considerable"] * 200)
    phrases = read(synthesiser, text)

    assert len(phrases) > 2
    assert all(phrase.size + 1 <= synthesiser.max_size for phrase in phrases)
    assert " ".join(phrase.phonemes for phrase in phrases).split() == (
        [read(synthesiser, "considerable")[0].phonemes] * 200
    )
    assert sum(len(phrase.spoken) for phrase in phrases) == 200


def test_a_word_longer_than_a_call_is_said_to_its_end(synthesiser: KokoroSynthesiser) -> None:
    phrases = read(synthesiser, f"[x](/{'a' * 1000}/)")

    assert "".join(phrase.phonemes for phrase in phrases) == "a" * 1000
    assert all(phrase.size + 1 <= synthesiser.max_size for phrase in phrases)


def test_phonemes_that_the_model_does_not_know_are_left_out(synthesiser: KokoroSynthesiser) -> None:
    text = "[one](/wˈʌ☃n/) [two](/☃☃/) [three](/θɹˈi/)"
    sound = say(synthesiser, text)

    assert sound.words[0].end_s > sound.words[0].start_s
    assert sound.words[-1].end_s <= len(sound.samples) / synthesiser.sample_rate


@pytest.mark.parametrize("text", ["...", " ", "!?"])
def test_what_has_no_sound_has_no_phrase(synthesiser: KokoroSynthesiser, text: str) -> None:
    assert not read(synthesiser, text)


def test_words_that_cannot_be_read_are_refused(synthesiser: KokoroSynthesiser) -> None:
    with pytest.raises(InvalidRequest, match="cannot read this as hi") as refusal:
        read(synthesiser, "[x](/☃/)", manner(language="hi"))

    assert refusal.value.param == "input"


def test_a_failure_of_the_runtime_is_the_engines(synthesiser: KokoroSynthesiser) -> None:
    runtime = synthesiser._runtime
    assert runtime is not None
    unknown = np.array([0, 10_000, 0])

    with pytest.raises(EngineError):
        runtime.run(unknown, np.zeros(256, np.float32), 1.0)


def test_the_status_tells_what_runs(synthesiser: KokoroSynthesiser) -> None:
    status = synthesiser.status()

    assert status["engine"] == "kokoro"
    assert status["model"] == "small"
    assert status["device"] == "cpu"
    assert status["stage"] is None
    languages = status["languages"]
    assert isinstance(languages, dict)
    assert "espeak-ng, because spaCy's en_core_web_sm" in languages["en-US"]
