"""The embedded engines themselves: which is chosen, what their voices are, what they leave."""

import gc
import itertools
import resource
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from statistics import median
from typing import get_args

import espeakng_loader
import httpx2
import numpy as np
import pytest
import soxr
from pocketsphinx import Decoder

from parley_kit.errors import SettingsError
from parley_tts.app import create_app, create_engine
from parley_tts.engine import Gender
from parley_tts.engines import espeak, flite
from parley_tts.engines.espeak import EspeakSynthesiser
from parley_tts.engines.flite import FliteSynthesiser
from parley_tts.settings import TtsSettings
from parley_tts.tempo import at_tempo
from tests.serving import error_of, serve
from tests.tts.embedded import LETTERS, Embedded, said
from tests.tts.sounds import Samples, loudness, sound_alike, timbre_distance
from tests.tts.test_speech import OPENAI_VOICES

SENTENCE = "Radio seven is on the air."
NOWHERE = "libnowhere.so.1"


def test_each_of_openai_s_voices_stands_for_one_that_is_listed(synthesiser: Embedded) -> None:
    listed = {voice.id for voice in synthesiser.voices}

    assert set(synthesiser.openai_voices) == set(OPENAI_VOICES)
    assert set(synthesiser.openai_voices.values()) <= listed
    assert len(set(synthesiser.openai_voices.values())) >= 4


def test_what_is_listed_of_a_voice_is_complete(synthesiser: Embedded) -> None:
    assert len({voice.id for voice in synthesiser.voices}) == len(synthesiser.voices)
    for voice in synthesiser.voices:
        assert voice.gender in get_args(Gender)
        assert voice.language
        assert voice.name


def test_flite_s_voices_are_as_many_as_are_listed(flite_: FliteSynthesiser) -> None:
    spoken = [said(flite_, SENTENCE, voice.id).samples for voice in flite_.voices]

    for one, other in itertools.combinations(spoken, 2):
        assert timbre_distance(one, other) > 0.3


def test_the_files_of_espeak_s_voices_exist() -> None:
    """The library takes a variant that does not exist without a word, and leaves it out."""
    data = Path(str(espeakng_loader.get_data_path()))
    for file in espeak._FILES.values():
        voice, _, variant = file.partition("+")
        assert (data / "lang" / voice).is_file()
        assert not variant or (data / "voices" / "!v" / variant).is_file()


def test_engines_in_one_process_do_not_disturb_each_other(synthesiser: Embedded) -> None:
    voice, other = synthesiser.voices[0].id, synthesiser.voices[3].id
    before = said(synthesiser, SENTENCE, voice)
    second = type(synthesiser)()
    second.load()
    said(second, SENTENCE, other, speed=3.0)
    second.close()

    assert sound_alike(said(synthesiser, SENTENCE, voice).samples, before.samples)


def test_threads_that_speak_at_once_do_not_disturb_each_other(synthesiser: Embedded) -> None:
    voices = [voice.id for voice in synthesiser.voices[:4]]
    alone = [said(synthesiser, SENTENCE, voice) for voice in voices]
    with ThreadPoolExecutor(4) as threads:
        beside = list(threads.map(lambda voice: said(synthesiser, SENTENCE, voice), voices * 2))

    for one, other in zip(alone * 2, beside, strict=True):
        assert sound_alike(one.samples, other.samples)
        assert [word.span for word in one.words] == [word.span for word in other.words]


def test_no_memory_is_lost_from_speech_to_speech(synthesiser: Embedded) -> None:
    def speak(times: int) -> int:
        for _ in range(times):
            said(synthesiser, SENTENCE, synthesiser.voices[3].id)
        pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
        return pages * resource.getpagesize()

    once = speak(20)

    assert speak(80) - once < 4_000_000, "80 speeches have more than 6 MB"


def test_what_espeak_has_said_does_not_wait_for_the_collector(espeak_: EspeakSynthesiser) -> None:
    gc.collect()
    gc.disable()
    try:
        said(espeak_, SENTENCE)
        kept = [thing for thing in gc.get_objects() if isinstance(thing, espeak._Listener)]
    finally:
        gc.enable()

    assert not kept


@pytest.mark.parametrize("tempo", [0.5, 2.0])
def test_nothing_is_nothing_at_any_tempo(tempo: float) -> None:
    assert not at_tempo(np.zeros(0, np.int16), 22_050, tempo).size


def test_voices_are_equally_loud(synthesiser: Embedded) -> None:
    digits = "1, 2, 3, 4, 5, 6, 7, 8, 9, 10."  # in the language of each
    decibels = {
        voice.id: 20 * np.log10(loudness(said(synthesiser, digits, voice.id).samples))
        for voice in synthesiser.voices
    }

    middle = median(decibels.values())
    assert {voice: level for voice, level in decibels.items() if abs(level - middle) > 3} == {}


def test_no_voice_of_flite_s_is_cut_off(flite_: FliteSynthesiser) -> None:
    for voice in flite_.voices:
        assert np.abs(said(flite_, LETTERS, voice.id).samples.astype(int)).max() < 32_700


def test_espeak_s_voices_speak_other_languages(espeak_: EspeakSynthesiser) -> None:
    """In the timbre of the voice, with the sounds of the language."""
    digits = "1, 2, 3, 4."
    english = said(espeak_, digits, "en-us+f5").samples
    german = said(espeak_, digits, "en-us+f5", language="de").samples

    assert sound_alike(said(espeak_, digits, "en-us+f5", language="en-US").samples, english)
    assert sound_alike(
        said(espeak_, digits, "de", language="en-US").samples,
        said(espeak_, digits, "en-us").samples,
    )
    assert not sound_alike(german, english)
    assert not sound_alike(german, said(espeak_, digits, "de").samples)


@pytest.mark.parametrize("tempo", [0.5, 0.8, 1.5, 2.0])
def test_tempo_changes_the_time_and_not_the_pitch(tempo: float) -> None:
    rate = 22_050
    tone: Samples = (np.sin(np.arange(2 * rate) * 2 * np.pi * 440 / rate) * 10_000).astype(np.int16)
    heard = at_tempo(tone, rate, tempo)

    assert len(heard) == pytest.approx(len(tone) / tempo, rel=0.03)
    loudest = np.argmax(np.abs(np.fft.rfft(heard.astype(float)))) * rate / len(heard)
    assert loudest == pytest.approx(440, abs=5)


@pytest.fixture(scope="module")
def decoder() -> Decoder:
    return Decoder(loglevel="FATAL")


@pytest.mark.parametrize("voice", ["alloy", "nova"])
def test_a_recogniser_understands_flite(
    voice: str, decoder: Decoder, flite_: FliteSynthesiser
) -> None:
    """Word errors over the sentences stay below what a call can bear, 15 %."""
    errors, words = 0, 0
    for sentence in (
        "please call me back when you have the results of my blood test",
        "the train leaves the station at half past seven in the evening",
        "can you tell me the way to the nearest hospital",
        "it is important to drink enough water when it is hot",
    ):
        speech = said(flite_, sentence, flite_.openai_voices[voice]).samples
        expected, heard = sentence.split(), _heard(speech, decoder)
        errors, words = errors + _distance(expected, heard), words + len(expected)

    assert errors / words < 0.15


@pytest.mark.parametrize("speed", [0.7, 1.0])
def test_a_recogniser_finds_the_words_where_they_are_said_to_be_spoken(
    speed: float, synthesiser: Embedded
) -> None:
    text = "please call me back when you have the results of my blood test"
    aligner = Decoder(loglevel="FATAL")
    aligner.set_align_text(text)
    for name in ("ash", "coral"):
        sound = said(synthesiser, text, synthesiser.openai_voices[name], speed=speed)
        _heard(soxr.resample(sound.samples, synthesiser.sample_rate, 16_000), aligner)
        found = [part for part in aligner.seg() if part.word[0] not in "<["]

        assert [part.word.split("(")[0] for part in found] == text.split()
        for told, part in zip(sound.words, found, strict=True):
            assert told.start_s == pytest.approx(part.start_frame / 100, abs=0.15)
            assert told.end_s == pytest.approx(part.end_frame / 100, abs=0.15)


def _heard(speech: Samples, decoder: Decoder) -> list[str]:
    at_24_khz = soxr.resample(speech, 16_000, 24_000)
    decoder.start_utt()
    decoder.process_raw(soxr.resample(at_24_khz, 24_000, 16_000).tobytes(), full_utt=True)
    decoder.end_utt()
    hypothesis = decoder.hyp()
    return hypothesis.hypstr.split() if hypothesis else []


def _distance(expected: list[str], heard: list[str]) -> int:
    row = list(range(len(heard) + 1))
    for i, word in enumerate(expected, 1):
        diagonal, row[0] = row[0], i
        for j, other in enumerate(heard, 1):
            best = min(row[j] + 1, row[j - 1] + 1, diagonal + (word != other))
            diagonal, row[j] = row[j], best
    return row[-1]


def test_flite_is_chosen_where_it_is_installed() -> None:
    assert create_engine(TtsSettings(engine="auto")).models[0] == "flite"


def test_espeak_is_chosen_where_flite_is_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(flite, "_LIBRARY", NOWHERE)

    assert create_engine(TtsSettings(engine="auto")).models[0] == "espeak-ng"


def test_espeak_is_chosen_when_asked_for() -> None:
    assert create_engine(TtsSettings(engine="espeak")).models[0] == "espeak-ng"


def test_a_missing_flite_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(flite, "_LIBRARY", NOWHERE)
    app = create_app(TtsSettings(allow_anonymous=True, engine="flite"))
    with serve(app) as url, httpx2.Client(base_url=url) as client:
        status = client.get("/status").json()
        speech = {"model": "flite", "voice": "rms", "input": "Hello."}
        refused = client.post("/tts/v1/audio/speech", json=speech)

    assert status["state"] == "failed"
    assert "libflite1" in status["reason"]
    assert (refused.status_code, error_of(refused)["code"]) == (503, "not_ready")


def test_a_missing_espeak_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(espeakng_loader, "get_library_path", lambda: NOWHERE)

    with pytest.raises(SettingsError, match="espeakng-loader"):
        EspeakSynthesiser().load()
