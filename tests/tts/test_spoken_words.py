"""When the embedded engines say that a word is spoken, and how they join clauses."""

# ruff: noqa: RUF001  what looks like another character is what is tested

import unicodedata

import numpy as np
import pytest

from parley_kit.errors import InvalidRequest
from parley_tts.engine import Manner, TimedWord
from parley_tts.engines.espeak import EspeakSynthesiser
from parley_tts.engines.flite import FliteSynthesiser
from parley_tts.engines.synthesiser import Sound
from parley_tts.traced import Traced
from tests.tts.embedded import LETTERS, Embedded, said
from tests.tts.sounds import loudness, sound_alike


def words_of(sound: Sound, text: str) -> list[str]:
    return [text[word.span.start : word.span.end] for word in sound.words]


def test_every_word_of_the_caller_s_has_its_time(synthesiser: Embedded) -> None:
    sound = said(synthesiser, LETTERS)

    assert words_of(sound, LETTERS) == [
        word.strip("(),.") if "$" not in word else word for word in LETTERS.split()
    ]
    assert_in_order(sound, synthesiser.sample_rate)


def assert_in_order(sound: Sound, sample_rate: int) -> None:
    """Words follow each other, none outside of the samples, none without a time."""
    at = 0.0
    for word in sound.words:
        assert at <= word.start_s < word.end_s
        at = word.end_s
    assert at <= len(sound.samples) / sample_rate


@pytest.mark.parametrize("speed", [0.25, 0.6, 1.0, 2.0, 4.0])
def test_what_sounds_is_within_the_times_of_the_words(synthesiser: Embedded, speed: float) -> None:
    rate = synthesiser.sample_rate
    for voice in {synthesiser.openai_voices[name] for name in ("alloy", "ballad", "echo", "nova")}:
        sound = said(synthesiser, LETTERS, voice, speed=speed)
        outside = sound.samples.astype(float)
        for word in sound.words:
            part = slice(round(word.start_s * rate), round(word.end_s * rate))
            assert loudness(sound.samples[part]) > 0.1 * loudness(sound.samples)
            outside[part] = 0

        assert np.sum(outside**2) < 0.02 * np.sum(sound.samples.astype(float) ** 2)
        assert len(sound.samples) / rate - sound.words[-1].end_s < 0.4 / speed
        assert_in_order(sound, rate)


def test_at_twice_the_speed_words_come_in_half_the_time(synthesiser: Embedded) -> None:
    usual, fast = said(synthesiser, LETTERS), said(synthesiser, LETTERS, speed=2.0)

    assert len(fast.samples) == pytest.approx(len(usual.samples) / 2, rel=0.1)
    assert len(fast.words) == len(usual.words)
    usual_s, fast_s = (len(sound.samples) / synthesiser.sample_rate for sound in (usual, fast))
    for one, other in zip(usual.words, fast.words, strict=True):
        assert other.end_s / fast_s == pytest.approx(one.end_s / usual_s, abs=0.05)


def test_words_that_flite_reads_as_many_are_one(flite_: FliteSynthesiser) -> None:
    text = "Call 555-1234 by 10:30 (U.S.A.)"
    sound = said(flite_, text)

    assert words_of(sound, text) == ["Call", "555-1234", "by", "10:30", "U.S.A"]
    assert seconds_of(sound.words[1]) > 5 * seconds_of(sound.words[2])


def seconds_of(word: TimedWord) -> float:
    return word.end_s - word.start_s


def test_words_that_espeak_runs_together_have_their_times(espeak_: EspeakSynthesiser) -> None:
    text = "One of the men is in the house"

    assert words_of(said(espeak_, text), text) == text.split()


def test_chinese_words_have_their_times(espeak_: EspeakSynthesiser) -> None:
    text = "你好世界，今天天气很好。"
    sound = said(espeak_, text, "cmn")

    assert words_of(sound, text) == ["你好", "世", "界", "今", "天", "天", "气", "很好"]
    assert_in_order(sound, espeak_.sample_rate)


@pytest.mark.parametrize("text", ["Café Zoë cost £5 – no!", "Ｆｕｌｌ width… “so”"])
def test_words_that_are_respelled_keep_their_places(synthesiser: Embedded, text: str) -> None:
    found = words_of(said(synthesiser, text), text)

    assert found == [word for word in (w.strip("…!“”") for w in text.split()) if word != "–"]


def test_phrases_are_spoken_in_one_breath(synthesiser: Embedded) -> None:
    manner = Manner(((synthesiser.voices[0].id, 1.0),))
    first, second = "The first of all,", "then the next."
    clauses = [Traced.of(first), Traced.of(second, start=len(first) + 1)]
    phrases = [phrase for one in clauses for phrase in synthesiser.phonemise(one, manner)]
    sound = synthesiser.synthesise(phrases, manner)

    text = f"{first} {second}"
    assert words_of(sound, text) == [word.strip(",.") for word in text.split()]
    assert len(phrases) == 2
    assert sound_alike(sound.samples, said(synthesiser, text).samples)


def test_a_clause_that_is_too_long_becomes_phrases(synthesiser: Embedded) -> None:
    text = "again and " * 100 + "x" * 600
    phrases = synthesiser.phonemise(Traced.of(text), Manner((("any", 1.0),)))

    assert all(phrase.size < synthesiser.max_size for phrase in phrases)
    assert "".join(phrase.text.text for phrase in phrases).replace(" ", "") == text.replace(" ", "")


@pytest.mark.parametrize("text", ["", " ", "...", "\x00", "—", "😀"])
def test_what_has_no_sound_makes_no_phrase(synthesiser: Embedded, text: str) -> None:
    assert not synthesiser.phonemise(Traced.of(text), Manner((("any", 1.0),)))


@pytest.mark.parametrize("speed", [0.25, 1.0, 4.0])
def test_a_letter_that_espeak_makes_nothing_of_is_silent(
    espeak_: EspeakSynthesiser, speed: float
) -> None:
    sound = said(espeak_, "ꜰ", speed=speed)

    assert not sound.words
    assert not sound.samples.any()


def test_flite_refuses_what_it_cannot_read(flite_: FliteSynthesiser) -> None:
    with pytest.raises(InvalidRequest) as refused:
        flite_.phonemise(Traced.of("日本語です。"), Manner((("rms", 1.0),)))

    assert refused.value.param == "input"


@pytest.mark.parametrize("code", [*range(32), 0x7F, 0x85, 0xAD, 0x200B, 0xD800, 0xE000, 0x10FFFF])
def test_nothing_that_a_c_library_stumbles_over_is_given_to_it(
    synthesiser: Embedded, code: int
) -> None:
    text = f"Hello{chr(code)} {chr(code)}there"
    manner = Manner(((synthesiser.voices[0].id, 1.0),), normalise=False)
    (phrase,) = synthesiser.phonemise(Traced.of(text), manner)

    assert not any(unicodedata.category(char)[0] == "C" for char in phrase.text.text)
    assert words_of(synthesiser.synthesise([phrase], manner), text) == ["Hello", "there"]


def test_marked_up_pronunciations_are_read_as_the_word(synthesiser: Embedded) -> None:
    text = "I say [tomato](/təˈmɑːtəʊ/) here"

    assert words_of(said(synthesiser, text), text) == ["I", "say", "tomato", "here"]


def test_no_pause_is_made_where_a_sentence_is_cut(synthesiser: Embedded) -> None:
    """What is silent at a seam: little within a sentence, more at a comma, most at its end."""
    rate = synthesiser.sample_rate
    within, comma, end = (
        said(synthesiser, text) for text in ("My house", "My house,", "My house.")
    )

    assert within.words[0].start_s <= 0.051
    for sound, least, most in ((within, 0.0, 0.1), (comma, 0.1, 0.2), (end, 0.25, 0.4)):
        assert least < len(sound.samples) / rate - sound.words[-1].end_s < most
