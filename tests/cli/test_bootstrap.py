"""The bootstrap: what it says where it cannot go on."""

import ast
import importlib.util
import os
import shutil
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture
def bootstrap() -> ModuleType:
    spec = importlib.util.spec_from_file_location("bootstrap", ROOT / "bootstrap.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_an_old_python_can_read_it() -> None:
    ast.parse((ROOT / "bootstrap.py").read_text(), feature_version=(3, 4))


def test_an_old_python_with_no_newer_one_beside_it_is_told_so(
    bootstrap: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "version_info", (3, 9, 1))
    monkeypatch.setenv("PATH", "")

    with pytest.raises(bootstrap.BootstrapError, match=r"Python 3\.9 cannot run Parley: install"):
        bootstrap.supported_python()


def test_an_old_python_uses_a_newer_one_beside_it(
    bootstrap: ModuleType, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    newer = tmp_path / "python{}.{}".format(*sys.version_info)
    newer.symlink_to(sys.executable)
    monkeypatch.setattr(sys, "version_info", (3, 9, 1))
    monkeypatch.setenv("PATH", str(tmp_path))

    assert bootstrap.supported_python() == str(newer)


def test_without_a_package_index_it_says_so_and_leaves_nothing_half_done(tmp_path: Path) -> None:
    for name in ("bootstrap.py", "requirements", "kit", "services", "cli", "orchestrator"):
        source = ROOT / name
        copy = shutil.copytree if source.is_dir() else shutil.copy
        copy(source, tmp_path / name)
    no_index = {"PIP_INDEX_URL": "http://127.0.0.1:9/simple", "PIP_CONFIG_FILE": os.devnull}
    run = subprocess.run(
        [sys.executable, "bootstrap.py", "cli"],
        cwd=tmp_path,
        env={**os.environ, **no_index, "PIP_NO_CACHE_DIR": "1", "PIP_FIND_LINKS": ""},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )

    assert run.returncode == 1
    assert "pip needs a package index that it can reach" in run.stderr
    assert "PIP_INDEX_URL" in run.stderr
    assert "Traceback" not in run.stderr
    assert not (tmp_path / ".venv" / "parley-lock").exists()
