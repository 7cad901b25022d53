"""What the engine runs on is decided by what the machine has and by the settings."""

from typing import Any

import pytest

from parley_kit.errors import SettingsError
from parley_stt.engines.whisper.hardware import Hardware, Machine, choose, probe
from parley_stt.settings import SttSettings


def machine(cuda_devices: int = 0, cores: int = 8, supported: str = "int8 float32") -> Machine:
    return Machine(cuda_devices, cores, lambda device: supported.split())


def settings(**values: Any) -> SttSettings:
    return SttSettings(workers=2, **values)


def test_a_gpu_is_used_where_there_is_one_and_takes_batches() -> None:
    found = choose(settings(), machine(cuda_devices=1, supported="float16 int8_float16 float32"))

    assert found == Hardware("cuda", "float16", workers=1, threads=0, rows=16)


def test_an_old_gpu_gets_a_type_that_it_can_do() -> None:
    found = choose(settings(), machine(cuda_devices=1, supported="int8_float32 float32"))

    assert found.compute_type == "int8_float32"


def test_a_cpu_has_parallel_workers_that_share_the_cores() -> None:
    assert choose(settings(), machine(cores=8)) == Hardware("cpu", "int8", 2, threads=4, rows=1)


def test_a_worker_has_one_thread_at_least() -> None:
    assert choose(settings(), machine(cores=1)).threads == 1


def test_settings_win_over_what_would_be_chosen() -> None:
    wanted = settings(device="cpu", compute_type="float32", cpu_threads=3, batch_size=4)

    assert choose(wanted, machine(cuda_devices=2)) == Hardware("cpu", "float32", 2, 3, 4)


def test_a_gpu_that_is_not_there_is_a_clear_error() -> None:
    with pytest.raises(SettingsError, match="STT_DEVICE=cuda: no CUDA device"):
        choose(settings(device="cuda"), machine())


def test_a_type_that_the_device_cannot_do_is_a_clear_error() -> None:
    with pytest.raises(SettingsError, match=r"STT_COMPUTE_TYPE: .* can do auto, float32, int8\."):
        choose(settings(compute_type="float16"), machine())


def test_this_machine_can_be_probed() -> None:
    found = choose(settings(), probe())

    assert found.device in ("cpu", "cuda")
    assert found.compute_type in probe().supported(found.device)
