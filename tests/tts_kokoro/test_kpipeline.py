"""Kokoro's own pipeline on the same weights: the same phonemes, lengths and times."""

import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from kokoro import KPipeline

from parley.bench import random_kokoro
from parley_tts.engines.kokoro import kmodel
from parley_tts.engines.kokoro.g2p import readers
from parley_tts.engines.kokoro.runtimes.onnx import OnnxRuntime
from parley_tts.engines.kokoro.runtimes.torch import TorchRuntime
from parley_tts.engines.kokoro.synthesiser import KokoroSynthesiser
from parley_tts.engines.kokoro.timings import Timeline
from parley_tts.engines.kokoro.voices import LANGUAGES, Language
from parley_tts.traced import Traced
from tests.tts_kokoro.speech import SENTENCES

REPOSITORY = "hexgrad/Kokoro-82M"


@pytest.fixture(scope="module")
def model(folder: Path) -> Any:
    return kmodel.load(folder / "config.json", folder / random_kokoro.WEIGHTS)


def pipeline(language: Language, model: Any) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return KPipeline(language.letter, repo_id=REPOSITORY, model=model)


@pytest.mark.usefixtures("spacy_model")
@pytest.mark.parametrize("language", LANGUAGES, ids=lambda language: language.tag)
def test_phonemes_and_lengths_are_those_of_the_pipeline(
    language: Language, model: Any, folder: Path, tmp_path: Path
) -> None:
    text = SENTENCES[language.tag]
    reader = readers.load(model.vocab, tmp_path).by_language[language.tag]
    theirs = next(iter(pipeline(language, model)(text, str(folder / "voices/af_heart.pt"))))
    phrase = reader(Traced.of(text))
    ids = [model.vocab[p] for p in phrase.phonemes if p in model.vocab]
    style = torch.load(folder / "voices/af_heart.pt")[phrase.size - 1, 0].numpy()
    audio, durations = TorchRuntime(model, "cpu", 1).run(np.array([0, *ids, 0]), style, 1.0)

    assert phrase.phonemes == theirs.phonemes
    assert len(audio) == len(theirs.audio)
    assert durations.tolist() == theirs.pred_dur.tolist()


@pytest.mark.usefixtures("spacy_model")
def test_words_of_english_have_the_times_of_the_pipeline(
    model: Any, folder: Path, tmp_path: Path
) -> None:
    language, text = LANGUAGES[0], SENTENCES["en-US"]
    phrase = readers.load(model.vocab, tmp_path).by_language["en-US"](Traced.of(text))
    theirs = next(iter(pipeline(language, model)(text, str(folder / "voices/af_heart.pt"))))
    timeline = Timeline(phrase, model.vocab, theirs.pred_dur.numpy())

    spoken = [token for token in theirs.tokens if any(p.isalpha() for p in token.phonemes)]
    assert [(mark.start_s, mark.end_s) for mark in timeline.marks()] == [
        (pytest.approx(token.start_ts), pytest.approx(token.end_ts)) for token in spoken
    ]


@pytest.mark.parametrize("size", [1, 80])
def test_the_export_makes_what_the_model_makes(
    size: int, model: Any, folder: Path, on_onnx: KokoroSynthesiser
) -> None:
    """But for noise, which both throw in by themselves: spectra are alike, not samples."""
    export = next(folder.glob("*.onnx"))
    ids = np.random.default_rng(size).integers(41, 170, size + 2)
    style = on_onnx._packs["af_sky"][size - 1]
    ours, theirs = OnnxRuntime(export, 1), TorchRuntime(model, "cpu", 1)
    for speed in (0.7, 1.3):
        audio, durations = ours.run(ids, style, speed)
        expected, expected_durations = theirs.run(ids, style, speed)
        again, _ = theirs.run(ids, style, speed)

        assert durations.tolist() == expected_durations.tolist()
        assert len(audio) == len(expected) == 600 * durations.sum()
        noise = likeness(again, expected)
        assert likeness(audio, expected) > noise - 2 * (1 - noise)
        assert loudness(audio) == pytest.approx(loudness(expected), rel=0.1)


def likeness(one: Any, other: Any) -> float:
    return float(np.corrcoef(spectrum(one), spectrum(other))[0, 1])


def loudness(audio: Any) -> float:
    return float(np.sqrt(np.mean(audio**2)))


def spectrum(audio: Any) -> Any:
    """The mean spectrum, in dB, of 120 bands."""
    frames = audio[: len(audio) // 600 * 600].reshape(-1, 600)
    power = (np.abs(np.fft.rfft(frames * np.hanning(600))) ** 2).mean(axis=0)
    return 10 * np.log10(power[:300].reshape(-1, 5).mean(axis=1) + 1e-12)
