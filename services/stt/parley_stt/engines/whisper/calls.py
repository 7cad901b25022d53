"""The calls into the model. Equal calls can be one call: what differs is in their rows."""

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from ctranslate2 import DataType, Device, StorageView
from numpy.typing import NDArray

Model = Any
"""`ctranslate2.models.Whisper`, which has no type information."""


class Call(Hashable, Protocol):
    """One kind of call, with the arguments that all rows of a batch share."""

    def run(self, model: Model, rows: Sequence[Any]) -> Sequence[Any]:
        """One result for each row.

        Raises:
            RuntimeError, ValueError: CTranslate2's.
        """


@dataclass(frozen=True, slots=True)
class Encode:
    """A row is log-mel features, shape (1, n_mels, 3000)."""

    def run(self, model: Model, rows: Sequence[StorageView]) -> Sequence[StorageView]:
        return _split(model.encode(_stack(rows)), len(rows))


@dataclass(frozen=True, slots=True)
class DetectLanguage:
    """A row is encoded audio, shape (1, 1500, d_model)."""

    def run(self, model: Model, rows: Sequence[StorageView]) -> Sequence[Any]:
        languages: Sequence[Any] = model.detect_language(_stack(rows))
        return languages


@dataclass(frozen=True, slots=True)
class Generate:
    """A row is encoded audio and its prompt.

    Args:
        prompt: length, and where the start of the transcript is in it: CTranslate2 refuses a
            batch in which that differs.
        options: of `Whisper.generate`, as sorted pairs.
    """

    prompt: tuple[int, int]
    options: tuple[tuple[str, Hashable], ...]

    def run(self, model: Model, rows: Sequence[tuple[StorageView, list[int]]]) -> Sequence[Any]:
        encoded = _stack([audio for audio, _ in rows])
        prompts = [prompt for _, prompt in rows]
        results: Sequence[Any] = model.generate(encoded, prompts, **dict(self.options))
        return results


@dataclass(frozen=True, slots=True)
class Align:
    """A row is encoded audio, the tokens of its text and its number of frames."""

    start_sequence: tuple[int, ...]
    median_filter_width: int

    def run(
        self, model: Model, rows: Sequence[tuple[StorageView, list[int], int]]
    ) -> Sequence[Any]:
        results: Sequence[Any] = model.align(
            _stack([audio for audio, _, _ in rows]),
            list(self.start_sequence),
            [tokens for _, tokens, _ in rows],
            [frames for _, _, frames in rows],
            median_filter_width=self.median_filter_width,
        )
        return results


def _stack(rows: Sequence[StorageView]) -> StorageView:
    """One row stays where it is; several meet in the host's memory, a few MB each."""
    if len(rows) == 1:
        return rows[0]
    return StorageView.from_array(np.concatenate([_on_host(row) for row in rows]))


def _split(batch: StorageView, count: int) -> Sequence[StorageView]:
    if count == 1:
        return [batch]
    host = _on_host(batch)
    return [StorageView.from_array(host[index : index + 1].copy()) for index in range(count)]


def _on_host(view: StorageView) -> NDArray[Any]:
    if view.device != "cpu":
        view = view.to_device(Device.cpu)
    if view.dtype == DataType.bfloat16:  # numpy has none
        view = view.to(DataType.float32)
    return np.asarray(view)
