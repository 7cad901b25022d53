"""How much disk the images and models of the chosen engines take, against what is free."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass

from parley.doctor.findings import Line, failure, ok, warning
from parley.doctor.project import Project
from parley_llm.vllm.cards import CARDS

GB = 1_000_000_000

IMAGES_GB: Mapping[str, float] = {
    "parley/llm:vllm": 30.0,
    "parley/stt:faster-whisper": 3.0,
    "parley/stt:faster-whisper-cpu": 0.6,
    "parley/tts:kokoro": 8.0,
    "parley/tts:kokoro-cpu": 2.5,
    "parley/llama:server-b11176": 0.5,
}
"""Unpacked; the others are small. Of what nobody has built here yet it is an estimate."""
KOKORO_CPU = "parley/tts:kokoro-cpu"
_TORCH_INDEX = "TORCH_INDEX_URL"
_SMALL_IMAGE_GB = 0.5
_WHISPER_GB = {"tiny": 0.1, "base": 0.2, "small": 0.5, "medium": 1.6, "large-v3": 3.1}
_TURBO_GB = 1.7
_KOKORO_GB = 0.4
_LLAMA_GB = 1.2
_ROOM_GB = 3.0
"""For what a build leaves over, logs, and the system itself."""
_TIGHT = 1.2


@dataclass(frozen=True, slots=True)
class Need:
    """Disk in GB (10^9 bytes)."""

    images_gb: float
    models_gb: float

    @property
    def total_gb(self) -> float:
        return self.images_gb + self.models_gb + _ROOM_GB


def need(project: Project, images_there: Collection[str], *, models_there: Collection[str]) -> Need:
    """
    Args:
        images_there: tags that are built or pulled already.
        models_there: names of the volumes that exist; one that does has its models.
    """
    missing = set(project.images.values()) - set(images_there)
    downloaded = f"{project.name}_models" in models_there
    sizes = dict(IMAGES_GB)
    if _has_torch_for_cuda_on_a_cpu(project):
        sizes[KOKORO_CPU] = sizes["parley/tts:kokoro"]
    return Need(
        images_gb=sum(sizes.get(image, _SMALL_IMAGE_GB) for image in missing),
        models_gb=0.0 if downloaded else sum(_models_gb(project)),
    )


def _models_gb(project: Project) -> list[float]:
    found = []
    stt, tts, llm = (project.environments.get(name, {}) for name in ("stt", "tts", "llm"))
    if stt.get("STT_ENGINE") == "faster-whisper":
        found.append(_WHISPER_GB.get(stt.get("STT_MODEL", ""), _TURBO_GB))
    if tts.get("TTS_ENGINE") == "kokoro":
        found.append(_KOKORO_GB)
    if llm.get("LLM_ENGINE") == "vllm":
        card = CARDS.get(llm.get("GPU_MEMORY_GB", "24"), CARDS["24"])
        found.append(card.weights_gib * 1.08)
    if "llama" in project.environments:
        found.append(_LLAMA_GB)
    return found


def _has_torch_for_cuda_on_a_cpu(project: Project) -> bool:
    return any(
        project.images[service] == KOKORO_CPU and _TORCH_INDEX not in args
        for service, args in project.build_args.items()
    )


def judge_torch(project: Project, images_there: Collection[str]) -> Iterator[Line]:
    """A warning where an image for a CPU would be built with libraries for a GPU."""
    if KOKORO_CPU not in images_there and _has_torch_for_cuda_on_a_cpu(project):
        more_gb = IMAGES_GB["parley/tts:kokoro"] - IMAGES_GB[KOKORO_CPU]
        yield warning(
            f"Kokoro's image would get torch's build for CUDA, {more_gb:.1f} GB that a CPU has no "
            "use for",
            f"Set {_TORCH_INDEX} in .env to the address behind --index-url that "
            "https://pytorch.org/get-started/locally/ shows for Pip and CPU.",
        )


def judge_disk(need: Need, free_bytes: int, where: str) -> Line:
    """Whether it fits, and not just so."""
    free_gb = free_bytes / GB
    parts = f"images {need.images_gb:.1f}, models {need.models_gb:.1f}, room {_ROOM_GB:.0f}"
    if free_gb < need.total_gb:
        return failure(
            f"{free_gb:.1f} GB free at {where}, about {need.total_gb:.1f} needed ({parts})",
            "Make room (`docker system df` and `docker system prune` help), or move Docker's "
            "data-root to a larger disk.",
        )
    if free_gb < need.total_gb * _TIGHT:
        return warning(
            f"{free_gb:.1f} GB free at {where}, about {need.total_gb:.1f} needed ({parts})",
            "It fits, with little left: make room before the next upgrade.",
        )
    return ok(f"{free_gb:.1f} GB free at {where}, about {need.total_gb:.1f} needed")
