"""What to run on: device, number type, threads and batch. Pure, but for `probe`."""

import os
from collections.abc import Callable, Collection
from dataclasses import dataclass

from parley_kit.errors import SettingsError
from parley_stt.settings import SttSettings

_GPU_ROWS = 16
_PREFERRED = {
    "cuda": ("float16", "int8_float16", "int8_float32", "float32"),
    "cpu": ("int8", "int8_float32", "float32"),
}


@dataclass(frozen=True, slots=True)
class Machine:
    """What there is.

    Args:
        supported: the compute types that a device can do.
    """

    cuda_devices: int
    cores: int
    supported: Callable[[str], Collection[str]]


@dataclass(frozen=True, slots=True)
class Hardware:
    """What is used.

    Args:
        workers: steps that run in parallel.
        threads: of each worker, on a CPU.
        rows: steps that go through the model together.
    """

    device: str
    compute_type: str
    workers: int
    threads: int
    rows: int


def choose(settings: SttSettings, machine: Machine) -> Hardware:
    """A batch pays on a GPU. On a CPU its cost is that of its rows, and parallel workers pay.

    Raises:
        SettingsError: the machine cannot do what is set.
    """
    device = settings.device
    if device == "auto":
        device = "cuda" if machine.cuda_devices else "cpu"
    if device == "cuda" and not machine.cuda_devices:
        raise SettingsError("STT_DEVICE=cuda: no CUDA device is visible.")
    compute_type = _compute_type(settings.compute_type, device, machine.supported(device))
    if device == "cuda":
        return Hardware(device, compute_type, 1, 0, settings.batch_size or _GPU_ROWS)
    threads = settings.cpu_threads or max(1, machine.cores // settings.workers)
    return Hardware(device, compute_type, settings.workers, threads, settings.batch_size or 1)


def _compute_type(wanted: str, device: str, supported: Collection[str]) -> str:
    if wanted == "auto":
        return next((name for name in _PREFERRED[device] if name in supported), "default")
    if wanted not in ("default", *supported):
        known = ", ".join(sorted(supported))
        raise SettingsError(f"STT_COMPUTE_TYPE: this {device} device can do auto, {known}.")
    return wanted


def probe() -> Machine:
    """This machine."""
    import ctranslate2

    return Machine(
        cuda_devices=ctranslate2.get_cuda_device_count(),
        cores=len(os.sched_getaffinity(0)),
        supported=ctranslate2.get_supported_compute_types,
    )
