"""Which runtime is the faster one for Kokoro on this CPU, at equal weights and threads.

    .venv-kokoro/bin/python -m parley.bench.kokoro_runtimes [--threads N] [--model DIRECTORY]

Without a directory the model has Kokoro's 82 million parameters, made up. For each length the
runtimes take turns; a figure is the best of three, in seconds.
"""

import argparse
import asyncio
import os
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from parley.bench import random_kokoro
from parley_kit.downloads import Download
from parley_tts.engines.kokoro import exporting, weights
from parley_tts.engines.kokoro.runtimes import Runtime

_LENGTHS = (10, 25, 50, 100, 200, 400)
_ROUNDS = 3
_HEAD = "{threads} threads\nphonemes {0:>14} {1:>8}    ratio  audio, s"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)))
    parser.add_argument("--model", type=Path)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        model = given.model or random_kokoro.write(Path(folder) / "model", random_kokoro.FULL)
        runtimes = asyncio.run(_runtimes(model, Path(folder), given.threads))
        print(_HEAD.format(*runtimes, threads=given.threads))
        for length in _LENGTHS:
            print(
                "{:8} {:14.2f} {:8.2f} {:8.2f} {:9.2f}".format(length, *_figures(length, runtimes))
            )


async def _runtimes(model: Path, scratch: Path, threads: int) -> dict[str, Runtime]:
    from parley_tts.engines.kokoro import kmodel
    from parley_tts.engines.kokoro.runtimes.onnx import OnnxRuntime
    from parley_tts.engines.kokoro.runtimes.torch import TorchRuntime

    files = await weights.find(str(model), Download())
    export = await exporting.exported(files, scratch, print)
    loaded = kmodel.load(files.config, files.weights)
    return {
        "ONNX Runtime": OnnxRuntime(export.model, threads),
        "torch": TorchRuntime(loaded, "cpu", threads),
    }


def _figures(length: int, runtimes: Mapping[str, Runtime]) -> tuple[float, float, float, float]:
    rng = np.random.default_rng(length)
    ids = np.array([0, *rng.integers(43, 160, length), 0])
    style = (0.3 * rng.standard_normal(256)).astype(np.float32)
    times: dict[str, list[float]] = {name: [] for name in runtimes}
    samples = 0
    for _ in range(_ROUNDS):
        for name, runtime in runtimes.items():
            started = time.perf_counter()
            audio, _ = runtime.run(ids, style, 1.0)
            times[name].append(time.perf_counter() - started)
            samples = len(audio)
    onnx, torch = (min(found) for found in times.values())
    return onnx, torch, onnx / torch, samples / 24_000


if __name__ == "__main__":
    main()
