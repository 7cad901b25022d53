"""What runs the model: ONNX Runtime, or torch."""

from typing import Protocol

import numpy as np
from numpy.typing import NDArray


class Runtime(Protocol):
    """The model, loaded; may be called by several threads at once."""

    def run(
        self, ids: NDArray[np.int64], style: NDArray[np.float32], speed: float
    ) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
        """
        Args:
            ids: phonemes, with a 0 before and after them.
            style: of a voice, of shape (256,).

        Returns:
            Samples at 24 kHz, between -1 and 1 but for a few, and how many frames of 600 samples
            each of `ids` lasts.

        Raises:
            EngineError: it failed.
        """
