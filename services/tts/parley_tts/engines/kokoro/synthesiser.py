"""Kokoro as a `Synthesiser`: text through misaki, phonemes through the model."""

import asyncio
import logging
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from parley_kit.downloads import Download
from parley_kit.errors import InvalidRequest, SettingsError
from parley_tts.engine import Blend, EngineError, Manner, Samples, Voice
from parley_tts.engines.kokoro import hardware, voices, weights
from parley_tts.engines.kokoro.exporting import ExportFailed, exported
from parley_tts.engines.kokoro.g2p import readers
from parley_tts.engines.kokoro.hardware import LONGEST, Hardware
from parley_tts.engines.kokoro.loading import Loading
from parley_tts.engines.kokoro.phrases import KokoroPhrase, pieces, together
from parley_tts.engines.kokoro.runtimes import Runtime
from parley_tts.engines.kokoro.timings import SAMPLE_RATE, Timeline
from parley_tts.engines.kokoro.weights import ModelFiles
from parley_tts.engines.silence import seamed
from parley_tts.engines.spelling import has_sound
from parley_tts.engines.synthesiser import Sound
from parley_tts.engines.word_times import timed_words
from parley_tts.settings import TtsSettings
from parley_tts.traced import Traced

log = logging.getLogger("parley.tts.kokoro")

Packs = Mapping[str, NDArray[np.float32]]
"""Of each voice its styles: row n - 1, of shape (256,), is for n phonemes."""

_FULL_SCALE = 32_767
_STYLE = 256


class KokoroSynthesiser:
    """See the module."""

    name = "kokoro"
    blends = True
    sample_rate = SAMPLE_RATE

    def __init__(self, settings: TtsSettings) -> None:
        """
        Raises:
            SettingsError: the machine cannot do what is set.
        """
        self._settings = settings
        self._hardware = hardware.choose(settings, hardware.probe())
        self._download = Download()
        self._loading = Loading()
        self._scratch: Path | None = None
        self._stage: str | None = None
        self._readers = readers.Readers()
        self._runtime: Runtime | None = None
        self._packs: Packs = {}
        self._vocabulary: Mapping[str, int] = {}
        self.workers = self._hardware.workers
        self.max_size = self._hardware.max_size
        self.languages: Sequence[str] = tuple(language.tag for language in voices.LANGUAGES)
        known = weights.voices_in(settings.model) or voices.OF_KOKORO_V1
        self._offer(voices.catalogue(known, self.languages))

    def load(self) -> None:
        """See `Synthesiser.load`."""
        self._loading.run(self._load())

    def close(self) -> None:
        """See `Synthesiser.close`; may be called while it loads."""
        self._loading.abandon()
        self._runtime = None
        if self._scratch is not None:
            shutil.rmtree(self._scratch, ignore_errors=True)

    def status(self) -> Mapping[str, object]:
        """See `Synthesiser.status`."""
        used = self._hardware
        return {
            "engine": self.name,
            "model": weights.served_name(self._settings.model),
            "device": used.device,
            "runtime": used.runtime,
            "runtime_note": used.why or None,
            "parallel": used.workers,
            "threads": used.threads,
            "languages": self._readers.notes,
            "download": self._download.status(),
            "stage": self._stage,
        }

    def phonemise(self, clause: Traced, manner: Manner) -> Sequence[KokoroPhrase]:
        """See `Synthesiser.phonemise`."""
        assert manner.language is not None, "the engine has resolved it"
        phrase = self._readers.by_language[manner.language](clause)
        if not any(p in self._vocabulary and has_sound(p) for p in phrase.phonemes):
            if has_sound(clause.text):
                raise InvalidRequest(
                    f"Kokoro cannot read this as {manner.language}.", param="input"
                )
            return ()
        return tuple(pieces(phrase, self.max_size - 1))

    def synthesise(self, phrases: Sequence[KokoroPhrase], manner: Manner) -> Sound:
        """See `Synthesiser.synthesise`."""
        assert self._runtime is not None, "the engine has been loaded"
        whole = together(phrases)
        known = [self._vocabulary[p] for p in whole.phonemes if p in self._vocabulary]
        style = self._style(manner.voice, whole.size)
        audio, durations = self._runtime.run(np.array([0, *known, 0]), style, manner.speed)
        timeline = Timeline(whole, self._vocabulary, durations)
        words = timed_words(whole.text, timeline.marks())
        sound = Sound(_pcm(audio), words)
        return seamed(sound, SAMPLE_RATE, timeline.spoken(), whole.phonemes, manner.speed)

    def _style(self, blend: Blend, size: int) -> NDArray[np.float32]:
        rows = [share * self._packs[voice][size - 1] for voice, share in blend]
        style: NDArray[np.float32] = np.sum(rows, axis=0, dtype=np.float32)
        return style

    async def _load(self) -> None:
        if self._hardware.why:
            log.warning("Kokoro runs on the %s: %s", self._hardware.device, self._hardware.why)
        files = await weights.find(self._settings.model, self._download)
        self._scratch = scratch = Path(tempfile.mkdtemp(prefix="parley-kokoro-"))
        self._enter("loading the languages")
        self._readers = await asyncio.to_thread(readers.load, files.vocabulary, scratch)
        self._runtime, self._packs = await self._load_model(files, scratch)
        _check(self._packs)
        self._vocabulary = files.vocabulary
        self.languages = tuple(self._readers.by_language)
        self._offer(voices.catalogue(self._packs, self.languages))
        self._stage = None

    async def _load_model(self, files: ModelFiles, scratch: Path) -> tuple[Runtime, Packs]:
        if self._hardware.runtime == "onnx":
            try:
                return await self._load_onnx(files, scratch)
            except ExportFailed as exc:
                if self._settings.runtime == "onnx":
                    raise SettingsError(f"TTS_RUNTIME=onnx: {exc}.") from exc
                log.warning("torch instead of ONNX Runtime: %s", exc)
                self._hardware = self._hardware.on_torch(str(exc))
        self._enter("loading the weights")
        return await asyncio.to_thread(_load_torch, files, self._hardware)

    async def _load_onnx(self, files: ModelFiles, scratch: Path) -> tuple[Runtime, Packs]:
        from parley_tts.engines.kokoro.runtimes.onnx import OnnxRuntime

        export = await exported(files, scratch, self._enter)
        self._enter("loading the weights")
        runtime = await asyncio.to_thread(OnnxRuntime, export.model, self._hardware.threads)
        with np.load(export.voices) as packs:
            return runtime, dict(packs)

    def _enter(self, stage: str) -> None:
        self._stage = stage

    def _offer(self, found: Sequence[Voice]) -> None:
        """
        Raises:
            SettingsError: there is no voice.
        """
        if not found:
            raise SettingsError("TTS_MODEL: it has no voice of a language that can be read here.")
        self.voices: Sequence[Voice] = found
        self.openai_voices: Mapping[str, str] = voices.openai_voices(found)


def _load_torch(files: ModelFiles, used: Hardware) -> tuple[Runtime, Packs]:
    from parley_tts.engines.kokoro import kmodel
    from parley_tts.engines.kokoro.runtimes.torch import TorchRuntime

    model = kmodel.load(files.config, files.weights)
    return TorchRuntime(model, used.device, used.threads), kmodel.packs(files.voices)


def _check(packs: Packs) -> None:
    """
    Raises:
        SettingsError: the styles of a voice are not those of such a model.
    """
    for voice, pack in packs.items():
        if pack.shape != (LONGEST, _STYLE) or not np.isfinite(pack).all():
            raise SettingsError(
                f"TTS_MODEL: voices/{voice}.pt has the shape {pack.shape} and not "
                f"({LONGEST}, {_STYLE}), or is not finite."
            )


def _pcm(audio: NDArray[np.float32]) -> Samples:
    """
    Raises:
        EngineError: the model made no numbers.
    """
    if not np.isfinite(audio).all():
        raise EngineError("the model made samples that are no numbers")
    return (np.clip(audio, -1.0, 1.0) * _FULL_SCALE).round().astype(np.int16)
