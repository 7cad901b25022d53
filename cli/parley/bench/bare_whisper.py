"""The bare library that the faster-whisper engine is measured against."""

import os
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

Samples = NDArray[np.int16]


class BareWhisper:
    """`WhisperModel.transcribe` on a CPU, called from a pool of threads of the model's size."""

    def __init__(self, folder: Path, workers: int, threads: int) -> None:
        from faster_whisper import WhisperModel

        self.workers, self.threads = workers, threads
        self._model = WhisperModel(
            str(folder),
            device="cpu",
            compute_type="int8",
            cpu_threads=threads,
            num_workers=workers,
            local_files_only=True,
        )

    def transcribe(self, samples: Samples) -> float:
        """Seconds for the whole transcript: greedy, with the fallback and the VAD."""
        started = time.perf_counter()
        audio = samples.astype(np.float32) / np.float32(32_768)
        segments, _ = self._model.transcribe(audio, language="en", beam_size=1, vad_filter=True)
        assert list(segments), "the model said nothing"
        return time.perf_counter() - started

    def throughput(self, samples: Samples, times: int) -> float:
        """Transcripts a second with as many callers as workers."""
        started = time.perf_counter()
        with ThreadPoolExecutor(self.workers) as pool:
            list(pool.map(self.transcribe, [samples] * times))
        return times / (time.perf_counter() - started)


def pools(folder: Path) -> list[BareWhisper]:
    """Each number of workers that shares out the cores evenly."""
    cores = len(os.sched_getaffinity(0))
    return [BareWhisper(folder, n, cores // n) for n in range(1, cores + 1) if cores % n == 0]


def best(pools: Sequence[BareWhisper], samples: Samples, times: int) -> BareWhisper:
    """The pool that does most in the same time."""
    for pool in pools:
        pool.throughput(samples, pool.workers)  # warms up
    return max(pools, key=lambda pool: pool.throughput(samples, times))
