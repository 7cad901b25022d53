"""What to run on: runtime, device, workers and threads. Pure, but for `probe`."""

import ctypes
import os
import runpy
from dataclasses import dataclass, replace
from importlib.util import find_spec
from pathlib import Path

from parley_kit.errors import SettingsError
from parley_tts.settings import TtsSettings

LONGEST = 510
"""Phonemes of one call of the model."""

# On a CPU a call of 200 phonemes takes longer than two of 100 (docs/decisions/0007), and keeps
# everybody else waiting for as long.
_LONGEST_ON_CPU = 250


@dataclass(frozen=True, slots=True)
class Machine:
    """What there is.

    Args:
        has_cuda: whether the driver has a CUDA device.
        why_not_cuda: why the torch that is installed cannot use it; empty if it can.
    """

    has_cuda: bool
    has_onnx_runtime: bool
    cores: int
    why_not_cuda: str = ""


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
    device, why = _device(settings, machine)
    threads = settings.threads or max(1, machine.cores // settings.workers)
    if settings.runtime == "onnx" and not machine.has_onnx_runtime:
        raise SettingsError("TTS_RUNTIME=onnx: the package onnxruntime is not installed.")
    if device == "cuda" or settings.runtime == "torch":
        return Hardware("torch", device, settings.workers, threads, why)
    if not machine.has_onnx_runtime:
        slow = "the package onnxruntime, which is faster on a CPU, is not installed"
        why = f"{why}; {slow}" if why else slow
        return Hardware("torch", device, settings.workers, threads, why)
    return Hardware("onnx", device, settings.workers, threads, why)


def _device(settings: TtsSettings, machine: Machine) -> tuple[str, str]:
    """The device, and why it is not the one that one would expect."""
    if settings.runtime == "onnx" and settings.device == "cuda":
        raise SettingsError("TTS_RUNTIME=onnx runs on the CPU: set TTS_RUNTIME=torch for CUDA.")
    if settings.device == "cuda" and not machine.has_cuda:
        raise SettingsError("TTS_DEVICE=cuda: no CUDA device is visible.")
    if settings.device != "auto":
        return settings.device, ""
    if settings.runtime == "onnx" or not machine.has_cuda:
        return "cpu", ""
    if machine.why_not_cuda:
        return "cpu", f"the CUDA device is not used: {machine.why_not_cuda}"
    return "cuda", ""


def probe() -> Machine:
    """This machine; without torch, whose import takes seconds and 200 MB."""
    devices, driver = _cuda_driver()
    return Machine(
        has_cuda=devices > 0,
        has_onnx_runtime=find_spec("onnxruntime") is not None,
        cores=len(os.sched_getaffinity(0)),
        why_not_cuda=_why_not_cuda(driver) if devices else "",
    )


def _cuda_driver() -> tuple[int, int]:
    """How many devices it has, and the major version of CUDA up to which it runs programs."""
    try:
        driver = ctypes.CDLL("libcuda.so.1")
    except OSError:
        return 0, 0
    count, version = ctypes.c_int(), ctypes.c_int()
    if driver.cuInit(0) or driver.cuDeviceGetCount(ctypes.byref(count)):
        return 0, 0
    driver.cuDriverGetVersion(ctypes.byref(version))
    return count.value, version.value // 1000


def _why_not_cuda(driver: int) -> str:
    built_for = _cuda_of_torch()
    if built_for is None:
        return "no torch that is built for CUDA is installed"
    if int(built_for.partition(".")[0]) > driver:
        return f"torch is built for CUDA {built_for}, and the driver is for CUDA {driver}"
    return ""


def _cuda_of_torch() -> str | None:
    """The version of CUDA that the torch which is installed is built for."""
    torch = find_spec("torch")
    if torch is None or torch.origin is None:
        return None
    built: str | None = runpy.run_path(str(Path(torch.origin).with_name("version.py"))).get("cuda")
    return built
