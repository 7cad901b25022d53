"""The GPU against the memory plan of `GPU_MEMORY_GB`: what is there, free, and needed."""

import csv
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from parley.doctor.findings import Line, failure, ok, skipped, warning
from parley_llm.settings import LlmSettings
from parley_llm.vllm.cards import CARDS, Card

_MIB_PER_GIB = 1024
QUERY = "index,uuid,driver_version,name,memory.total,memory.free"
"""What `nvidia-smi --query-gpu` is asked for."""


@dataclass(frozen=True, slots=True)
class Gpu:
    """One GPU, as its driver tells; memory in GiB."""

    index: str
    uuid: str
    driver: str
    name: str
    total_gib: float
    free_gib: float


def read_gpus(text: str) -> Sequence[Gpu]:
    """From `nvidia-smi --format=csv,noheader,nounits`; rows that cannot be read are left out."""
    return [gpu for row in csv.reader(text.splitlines()) if (gpu := _gpu(row))]


def _gpu(row: Sequence[str]) -> Gpu | None:
    try:
        *told, total, free = (cell.strip() for cell in row)
        index, uuid, driver, name = told
        return Gpu(
            index, uuid, driver, name, float(total) / _MIB_PER_GIB, float(free) / _MIB_PER_GIB
        )
    except ValueError:
        return None


def named(gpus: Sequence[Gpu], number: str) -> Gpu | None:
    """The card of this number, or of a UUID that begins so; None: there is none."""
    return next(
        (gpu for gpu in gpus if number and (number == gpu.index or gpu.uuid.startswith(number))),
        None,
    )


def judge_cards(
    gpus: Sequence[Gpu],
    reserved: Mapping[str, Sequence[str]],
    settings: LlmSettings,
    *,
    running: Collection[str],
) -> Sequence[Line]:
    """A line for each card: what the stack has on it, or that it has nothing there.

    Args:
        reserved: of each service that computes on the GPU the cards that it gets.
        running: the services that are up.
    """
    numbers = sorted({number for each in reserved.values() for number in each})
    lines = [_missing(gpus, number) for number in numbers if not named(gpus, number)]
    for gpu in gpus:
        there = [
            name
            for name, numbers in reserved.items()
            if gpu in [named(gpus, number) for number in numbers]
        ]
        spread = [name for name in there if len(reserved[name]) > 1]
        if spread:
            lines.append(skipped(f"{_card(gpu)}: {spread[0]} is spread, the plan is for one card"))
        elif there:
            in_use = [name for name in there if name in running]
            lines.append(judge_memory(plan(settings, there), gpu, running=in_use))
        else:
            lines.append(
                skipped(f"{_card(gpu)}: not for this stack", "GPU_DEVICE in .env names a card.")
            )
    return lines


def _missing(gpus: Sequence[Gpu], number: str) -> Line:
    return failure(
        f"there is no card {number}: this machine has {', '.join(gpu.index for gpu in gpus)}",
        "Set GPU_DEVICE in .env to one of those that `nvidia-smi -L` lists.",
    )


def _card(gpu: Gpu) -> str:
    return f"card {gpu.index} ({gpu.name}, {gpu.total_gib:.1f} GiB)"


@dataclass(frozen=True, slots=True)
class Plan:
    """What the chosen preset takes of a card for the services that use it, in GiB."""

    preset: str
    card: Card
    needed_gib: float
    vllm_share: float
    """The part of the whole card that vLLM wants to find free; 0 without vLLM."""


def plan(settings: LlmSettings, on_gpu: Collection[str]) -> Plan:
    """
    Args:
        on_gpu: of `llm`, `stt` and `tts` those that compute on the GPU.
    """
    card = CARDS[settings.gpu_memory_gb]
    llm = card.llm_gib - card.kv_cache_gib + (settings.kv_cache_gib or card.kv_cache_gib)
    parts = {"llm": llm, "stt": card.stt_gib, "tts": card.tts_gib}
    share = settings.gpu_memory_share or llm / card.memory_gib
    return Plan(
        settings.gpu_memory_gb,
        card,
        sum(gib for service, gib in parts.items() if service in on_gpu),
        share if "llm" in on_gpu else 0.0,
    )


def judge_memory(plan: Plan, gpu: Gpu, *, running: Collection[str]) -> Line:
    """Whether the card is large enough, and enough of it is free.

    Args:
        running: the services that are up; what they use is not free, and need not be.
    """
    card = _card(gpu)
    if gpu.total_gib < plan.needed_gib:
        return failure(
            f"{card}: GPU_MEMORY_GB={plan.preset} takes {plan.needed_gib:.1f} GiB",
            _smaller(gpu),
        )
    if running:
        return ok(f"{card}: in use by the stack that runs")
    wanted = max(plan.needed_gib, plan.vllm_share * gpu.total_gib)
    if gpu.free_gib < wanted:
        return failure(
            f"{card}: GPU_MEMORY_GB={plan.preset} needs {wanted:.1f} GiB free, "
            f"{gpu.free_gib:.1f} are",
            "Stop what else uses the GPU (`nvidia-smi` lists it), or choose a smaller preset.",
        )
    better = _largest(gpu)
    if better and float(better) > float(plan.preset):
        return warning(
            f"{card}: more than GPU_MEMORY_GB={plan.preset} makes use of",
            f"Set GPU_MEMORY_GB={better} for a larger model or more conversations at a time.",
        )
    return ok(f"{card}: {gpu.free_gib:.1f} free, GPU_MEMORY_GB={plan.preset} takes {wanted:.1f}")


def _largest(gpu: Gpu) -> str | None:
    """The largest preset that the card is large enough for."""
    fitting = [name for name, card in CARDS.items() if card.memory_gib <= gpu.total_gib]
    return max(fitting, key=int, default=None)


def _smaller(gpu: Gpu) -> str:
    better = _largest(gpu)
    if better:
        return f"Set GPU_MEMORY_GB={better} in .env."
    return (
        "Use a GPU of 16 GB or more, or a stack without one: "
        "COMPOSE_FILE=docker-compose.yml:compose.cpu.yml in .env."
    )
