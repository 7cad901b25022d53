"""Kokoro on torch: for CUDA, and for CPUs where ONNX Runtime is not wanted."""

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from parley_kit.errors import SettingsError
from parley_tts.engine import EngineError


class TorchRuntime:
    """A `Runtime`."""

    def __init__(self, model: Any, device: str, threads: int) -> None:
        """
        Args:
            model: a `KModel`.
            device: cpu or cuda.
            threads: of each call, on a CPU.

        Raises:
            SettingsError: torch cannot use the device.
        """
        if device == "cuda" and not torch.cuda.is_available():
            raise SettingsError(
                "TTS_DEVICE=cuda: this torch sees no CUDA device; install one that is built for "
                "CUDA, or set TTS_DEVICE=cpu."
            )
        if device == "cpu":
            torch.set_num_threads(threads)
        self._device = device
        try:
            self._model = model.to(device)
        except RuntimeError as exc:
            raise SettingsError(f"TTS_DEVICE={device}: the model does not fit there.") from exc

    def run(
        self, ids: NDArray[np.int64], style: NDArray[np.float32], speed: float
    ) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
        """See `Runtime.run`."""
        try:
            with torch.inference_mode():
                audio, durations = self._model.forward_with_tokens(
                    torch.from_numpy(ids)[None].to(self._device),
                    torch.from_numpy(style)[None].to(self._device),
                    speed,
                )
            return audio.cpu().numpy(), durations.cpu().numpy()
        except (RuntimeError, IndexError) as exc:  # out of memory is the former
            raise EngineError("torch failed") from exc
