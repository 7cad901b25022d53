"""G.711, the telephone's two ways to put 14 bits into 8. Source: ITU-T G.711 (11/88)."""

import numpy as np
from numpy.typing import NDArray

Table = NDArray[np.int16]
"""Shape (256,): the sample that each byte stands for."""


def mu_law() -> Table:
    """`audio/pcmu`."""
    code = ~np.arange(256, dtype=np.uint8)
    exponent, mantissa = (code >> 4).astype(np.int32) & 7, code.astype(np.int32) & 15
    magnitude = (((mantissa << 3) + 132) << exponent) - 132
    return np.where(code & 0x80, -magnitude, magnitude).astype(np.int16)


def a_law() -> Table:
    """`audio/pcma`."""
    code = np.arange(256, dtype=np.uint8) ^ 0x55
    exponent, mantissa = (code >> 4).astype(np.int32) & 7, code.astype(np.int32) & 15
    linear = (mantissa << 4) + 8
    magnitude = np.where(exponent == 0, linear, (linear + 256) << np.maximum(exponent - 1, 0))
    return np.where(code & 0x80, magnitude, -magnitude).astype(np.int16)
