"""Voice activity: how likely it is that each frame of audio is speech, by the Silero VAD.

The network ships inside faster-whisper's wheel and runs in onnxruntime on one thread, 0.1 ms a
frame. Callers run it in a thread of their own, never on the event loop.
Source of its shapes: https://github.com/snakers4/silero-vad, version 6.
"""

from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from parley_kit.errors import SettingsError
from parley_kit.telemetry import refuse_telemetry

FRAME_SAMPLES = 512
"""Samples at 16 kHz that are judged at a time: 32 ms."""

_CONTEXT_SAMPLES = 64
_STATE_SHAPE = (1, 1, 128)
_BLOCK_FRAMES = 1024
_FULL_SCALE = np.float32(32_768)


class VoiceDetector:
    """The network; it has no state of its own, and any number of threads may use it."""

    def __init__(self) -> None:
        """
        Raises:
            SettingsError: a package is missing.
        """
        refuse_telemetry()
        try:
            import onnxruntime
        except ImportError as exc:
            raise SettingsError("Voice activity detection needs onnxruntime.") from exc
        options = onnxruntime.SessionOptions()
        options.inter_op_num_threads = options.intra_op_num_threads = 1
        options.enable_cpu_mem_arena = False
        options.log_severity_level = 4
        self._session: Any = onnxruntime.InferenceSession(
            str(_network()), options, providers=["CPUExecutionProvider"]
        )

    def stream(self) -> "VoiceStream":
        """For audio that arrives bit by bit."""
        return VoiceStream(self._session)

    def probabilities(self, samples: NDArray[np.int16]) -> NDArray[np.float32]:
        """The probability of speech in each frame of a whole recording.

        Args:
            samples: mono at 16 kHz; silence is added to fill the last frame.

        Returns:
            Shape (ceil(len(samples) / FRAME_SAMPLES),), each 0..1.
        """
        stream = self.stream()
        padded = np.pad(samples, (0, -len(samples) % FRAME_SAMPLES))
        return stream.feed(padded)


class VoiceStream:
    """What the network remembers of one stream of audio."""

    def __init__(self, session: Any) -> None:
        self._session = session
        self._hidden = np.zeros(_STATE_SHAPE, np.float32)
        self._cell = np.zeros(_STATE_SHAPE, np.float32)
        self._context = np.zeros(_CONTEXT_SAMPLES, np.float32)
        self._rest = np.zeros(0, np.int16)

    def feed(self, samples: NDArray[np.int16]) -> NDArray[np.float32]:
        """The probability of speech in each frame that is complete with these samples."""
        pending = np.concatenate((self._rest, samples)) if len(self._rest) else samples
        whole = len(pending) - len(pending) % FRAME_SAMPLES
        self._rest = pending[whole:].copy()
        frames = pending[:whole].reshape(-1, FRAME_SAMPLES)
        judged = [self._judge(block) for block in _blocks(frames)]
        return np.concatenate(judged) if judged else np.zeros(0, np.float32)

    def _judge(self, frames: NDArray[np.int16]) -> NDArray[np.float32]:
        audio = frames.astype(np.float32) / _FULL_SCALE
        tails = audio[:, -_CONTEXT_SAMPLES:]
        contexts = np.concatenate((self._context[None], tails[:-1]))
        self._context = tails[-1].copy()
        inputs = {
            "input": np.concatenate((contexts, audio), axis=1),
            "h": self._hidden,
            "c": self._cell,
        }
        judged: NDArray[np.float32]
        judged, self._hidden, self._cell = self._session.run(None, inputs)
        return judged.reshape(-1)


def _blocks(frames: NDArray[np.int16]) -> Iterator[NDArray[np.int16]]:
    """Half a minute at a time: an hour at once would take a gigabyte."""
    for start in range(0, len(frames), _BLOCK_FRAMES):
        yield frames[start : start + _BLOCK_FRAMES]


def _network() -> Path:
    """Found without importing faster-whisper, which would load CTranslate2.

    Raises:
        SettingsError: the package is missing.
    """
    package = find_spec("faster_whisper")
    if package is None or package.origin is None:
        raise SettingsError("Voice activity detection needs the network in faster-whisper's wheel.")
    return Path(package.origin).parent / "assets" / "silero_vad_v6.onnx"
