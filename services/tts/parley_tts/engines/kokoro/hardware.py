"""What to run on: runtime, device, workers and threads. Pure, but for `probe`."""

import ctypes
import os
from dataclasses import dataclass, replace
from importlib.util import find_spec

from parley_kit.errors import SettingsError
from parley_tts.settings import TtsSettings

LONGEST = 510
"""Phonemes of one call of the model."""

# On a CPU a call of 400 phonemes takes longer than two of 200 (docs/decisions/0007), and keeps
# everybody else waiting for as long.
_LONGEST_ON_CPU = 250


@dataclass(frozen=True, slots=True)
class Machine:
    """What there is."""

    has_cuda: bool
    has_onnx_runtime: bool
    cores: int


@dataclass(frozen=True, slots=True)
class Hardware:
    """What is used.

    Args:
        runtime: onnx or torch.
        device: cpu or cuda.
        workers: calls of the model in parallel.
        threads: of each, on a CPU.
        why: where it is not what one would expect, the reason.
    """

    runtime: str
    device: str
    workers: int
    threads: int
    why: str = ""

    def on_torch(self, why: str) -> "Hardware":
        return replace(self, runtime="torch", why=why)

    @property
    def max_size(self) -> int:
        return LONGEST if self.device == "cuda" else _LONGEST_ON_CPU


def choose(settings: TtsSettings, machine: Machine) -> Hardware:
    """On a CPU ONNX Runtime is the faster one, on CUDA it is torch.

    Raises:
        SettingsError: the machine cannot do what is set.
    """
    device = _device(settings, machine)
    threads = settings.threads or max(1, machine.cores // settings.workers)
    if settings.runtime == "onnx" and not machine.has_onnx_runtime:
        raise SettingsError("TTS_RUNTIME=onnx: the package onnxruntime is not installed.")
    if device == "cuda" or settings.runtime == "torch":
        return Hardware("torch", device, settings.workers, threads)
    if not machine.has_onnx_runtime:
        why = "the package onnxruntime, which is faster, is not installed"
        return Hardware("torch", device, settings.workers, threads, why)
    return Hardware("onnx", device, settings.workers, threads)


def _device(settings: TtsSettings, machine: Machine) -> str:
    if settings.runtime == "onnx" and settings.device == "cuda":
        raise SettingsError("TTS_RUNTIME=onnx runs on the CPU: set TTS_RUNTIME=torch for CUDA.")
    if settings.device == "cuda" and not machine.has_cuda:
        raise SettingsError("TTS_DEVICE=cuda: no CUDA device is visible.")
    if settings.device == "auto" and settings.runtime != "onnx":
        return "cuda" if machine.has_cuda else "cpu"
    return "cpu" if settings.device == "auto" else settings.device


def probe() -> Machine:
    """This machine; without torch, whose import takes seconds and 200 MB."""
    return Machine(
        has_cuda=_count_cuda_devices() > 0,
        has_onnx_runtime=find_spec("onnxruntime") is not None,
        cores=len(os.sched_getaffinity(0)),
    )


def _count_cuda_devices() -> int:
    try:
        driver = ctypes.CDLL("libcuda.so.1")
    except OSError:
        return 0
    count = ctypes.c_int()
    if driver.cuInit(0) or driver.cuDeviceGetCount(ctypes.byref(count)):
        return 0
    return count.value
