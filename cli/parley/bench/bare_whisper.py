"""The bare library that the faster-whisper engine is measured against."""

import os
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
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


@contextmanager
def best_pool(folder: Path, samples: Samples, times: int) -> Iterator[BareWhisper]:
    """The number of workers, with the cores shared out among them, that does most."""
    cores = len(os.sched_getaffinity(0))
    sizes = [count for count in range(1, cores + 1) if cores % count == 0]
    pools = [BareWhisper(folder, count, cores // count) for count in sizes]
    for pool in pools:
        pool.throughput(samples, pool.workers)  # warms up
    yield max(pools, key=lambda pool: pool.throughput(samples, times))
