"""The model as the transcription of one piece sees it.

faster-whisper's own `WhisperModel.transcribe` does the transcribing: windows, prompts, temperature
fallback, timestamps, alignment of words. It calls the methods of `ctranslate2.models.Whisper`, and
a lane stands in that place: each call becomes a step that waits for its turn.
"""

from collections.abc import Collection, Hashable, Sequence
from typing import Any

import numpy as np
from ctranslate2 import StorageView

from parley_stt.engines.whisper.calls import Align, Call, DetectLanguage, Encode, Generate, Model
from parley_stt.engines.whisper.device import Device, Job, Step


class Lane:
    """See the module; the methods are those of `ctranslate2.models.Whisper` that are called.

    Args:
        model: that the device runs.
        start_of_transcript: the token's id.
        offset_s: where the piece begins in its recording.
        languages: codes of those that may be detected; empty: all.
    """

    def __init__(
        self,
        device: Device,
        model: Model,
        job: Job,
        *,
        start_of_transcript: int,
        offset_s: float,
        languages: Collection[str],
    ) -> None:
        self.is_multilingual: bool = model.is_multilingual
        self.n_mels: int = model.n_mels
        self.device: str = model.device
        self.device_index: Sequence[int] = model.device_index
        self._device = device
        self._job = job
        self._deadline = job.arrival + job.patience_s + offset_s
        self._start_of_transcript = start_of_transcript
        self._languages = {f"<|{code}|>" for code in languages}
        self._last: tuple[StorageView, StorageView] | None = None

    def encode(self, features: StorageView, to_cpu: bool = False) -> StorageView:
        """The language is detected from what is then transcribed: that is encoded once."""
        if self._last is None or not _equal(self._last[0], features):
            self._last = features, self._run(Encode(), features)
        return self._last[1]

    def detect_language(self, encoded: StorageView) -> list[list[tuple[str, float]]]:
        found = self._run(DetectLanguage(), encoded)
        return [[one for one in found if not self._languages or one[0] in self._languages]]

    def generate(
        self, encoded: StorageView, prompts: Sequence[list[int]], **options: Any
    ) -> list[Any]:
        (prompt,) = prompts
        shape = len(prompt), prompt.index(self._start_of_transcript)
        call = Generate(shape, tuple(sorted((name, _hashable(v)) for name, v in options.items())))
        return [self._run(call, (encoded, prompt))]

    def align(
        self,
        encoded: StorageView,
        start_sequence: Sequence[int],
        text_tokens: Sequence[list[int]],
        num_frames: int,
        *,
        median_filter_width: int,
    ) -> list[Any]:
        (tokens,) = text_tokens
        call = Align(tuple(start_sequence), median_filter_width)
        return [self._run(call, (encoded, tokens, int(num_frames)))]

    def _run(self, call: Call, row: Any) -> Any:
        return self._device.run(Step(self._job, call, row, self._deadline))


def _equal(one: StorageView, other: StorageView) -> bool:
    return one is other or bool(np.array_equal(np.asarray(one), np.asarray(other)))


def _hashable(value: Any) -> Hashable:
    return tuple(value) if isinstance(value, list) else value
