"""Which runtime is the faster one for Kokoro on this CPU, at equal weights and threads.

    .venv-kokoro/bin/python -m parley.bench.kokoro_runtimes [--threads N]

The model has Kokoro's 82 million parameters, made up. For each length the runtimes take turns;
a figure is the best of three, in seconds. The figures of docs/decisions/0007 come from it.
"""

import argparse
import asyncio
import os
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.table import Table

from parley.bench import random_kokoro
from parley_kit.downloads import Download
from parley_tts.engines.kokoro import exporting, weights
from parley_tts.engines.kokoro.runtimes import Runtime

_LENGTHS = (10, 25, 50, 100, 200, 400)
_ROUNDS = 3


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)))
    threads = parser.parse_args().threads
    console = Console()
    with tempfile.TemporaryDirectory() as folder:
        runtimes = asyncio.run(_runtimes(Path(folder), threads, console.log))
        table = Table("phonemes", *(f"{name}, s" for name in runtimes), "ONNX / torch", "audio, s")
        for length in _LENGTHS:
            table.add_row(*_row(length, runtimes))
        console.print(f"{threads} threads", table)


async def _runtimes(folder: Path, threads: int, log: Callable[[str], None]) -> dict[str, Runtime]:
    from parley_tts.engines.kokoro import kmodel
    from parley_tts.engines.kokoro.runtimes.onnx import OnnxRuntime
    from parley_tts.engines.kokoro.runtimes.torch import TorchRuntime

    model = random_kokoro.write(folder / "model", random_kokoro.FULL, voices=["af_sky"])
    files = await weights.find(str(model), Download())
    export = await exporting.exported(files, folder, log)
    loaded = kmodel.load(files.config, files.weights)
    return {
        "ONNX Runtime": OnnxRuntime(export.model, threads),
        "torch": TorchRuntime(loaded, "cpu", threads),
    }


def _row(length: int, runtimes: Mapping[str, Runtime]) -> list[str]:
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
    figures = (onnx, torch, onnx / torch, samples / 24_000)
    return [str(length), *(f"{figure:.2f}" for figure in figures)]


if __name__ == "__main__":
    main()
