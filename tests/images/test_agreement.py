"""Whether what we put into vLLM's Python agrees with what was there."""

from pathlib import Path
from types import ModuleType

import pytest

from tests.images.scripts import Installed, script

OURS = {"parley-llm", "fastapi"}
FASTAPI = Installed(Name="fastapi", Version="0.136.3")


@pytest.fixture(scope="module")
def agreement() -> ModuleType:
    return script("agreement")


def ours(*requires: str) -> Installed:
    return Installed(Name="parley_llm", Version="0.1.0", Requires_Dist=list(requires))


def theirs(*requires: str) -> Installed:
    return Installed(Name="vllm", Version="0.32.0", Requires_Dist=list(requires))


@pytest.mark.parametrize(
    ("installed", "said"),
    [
        ([ours("fastapi>=0.130"), FASTAPI, theirs("FastAPI[standard]<0.137")], []),
        (
            [ours("fastapi>=0.140"), FASTAPI],
            ["parley-llm requires fastapi>=0.140, and 0.136.3 is installed"],
        ),
        (
            [ours(), FASTAPI, theirs("fastapi<0.100")],
            ["vllm requires fastapi<0.100, and 0.136.3 is installed"],
        ),
        ([ours("httpx"), FASTAPI], ["parley-llm requires httpx, which is not installed"]),
        ([FASTAPI], ["parley-llm is not installed"]),
        ([ours("httpx; extra == 'more'", "tomli; python_version < '3'"), FASTAPI], []),
        ([ours(), FASTAPI, theirs("torch==9", "nothing")], []),
    ],
)
def test_requirements_of_ours_and_for_ours_have_to_be_met(
    agreement: ModuleType, installed: list[Installed], said: list[str]
) -> None:
    assert list(agreement.disagreements(OURS, installed)) == said


def test_the_names_are_read_from_a_lock_file(agreement: ModuleType) -> None:
    lock = "a_b==1.0 \\\n    --hash=sha256:00\n    # via c==2\nD==2 ; python_version > '3'\n"
    assert agreement.locked_names(lock) == {"a-b", "d"}


def test_a_build_ends_where_something_is_missing(
    agreement: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    lock = tmp_path / "lock.txt"
    lock.write_text("no-such-distribution==1.0\n")

    assert agreement.main(str(lock)) == 1
    assert capsys.readouterr().err == "no-such-distribution is not installed\n"
