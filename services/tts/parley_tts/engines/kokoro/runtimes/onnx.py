"""Kokoro on ONNX Runtime: the faster one on a CPU, and without torch in the process."""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from parley_kit.errors import SettingsError
from parley_kit.telemetry import refuse_telemetry
from parley_tts.engine import EngineError


class OnnxRuntime:
    """A `Runtime`."""

    def __init__(self, model: Path, threads: int) -> None:
        """
        Args:
            threads: of each call.

        Raises:
            SettingsError: the file cannot be loaded.
        """
        refuse_telemetry()
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        # It would keep a plan for every length of text that there ever was.
        options.enable_mem_pattern = False
        self._failures = _failures(onnxruntime)
        try:
            self._session: Any = onnxruntime.InferenceSession(
                str(model), options, providers=["CPUExecutionProvider"]
            )
        except self._failures as exc:
            raise SettingsError(
                f"{model.name} cannot be loaded: delete it, and start again."
            ) from exc

    def run(
        self, ids: NDArray[np.int64], style: NDArray[np.float32], speed: float
    ) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
        """See `Runtime.run`."""
        inputs = {"ids": ids[None], "style": style[None], "speed": np.array(speed, np.float32)}
        try:
            audio, durations = self._session.run(None, inputs)
        except self._failures as exc:
            raise EngineError("ONNX Runtime failed") from exc
        return audio, durations


def _failures(onnxruntime: Any) -> tuple[type[Exception], ...]:
    state = onnxruntime.capi.onnxruntime_pybind11_state
    names = ("Fail", "InvalidArgument", "InvalidGraph", "InvalidProtobuf", "NoSuchFile",
             "NotImplemented", "RuntimeException")  # fmt: skip
    return (RuntimeError, ValueError, *(getattr(state, name) for name in names))
