"""Becomes vLLM: the process is replaced, so that signals and the exit status are vLLM's own."""

import os
import shutil
import sys
from collections.abc import Mapping, Sequence
from importlib.metadata import PackageNotFoundError, distribution
from importlib.util import find_spec
from typing import NoReturn

from parley_kit.auth import Authenticator
from parley_kit.errors import SettingsError
from parley_llm.settings import LlmSettings
from parley_llm.vllm.command import MODULE, SERVE, build_command


def launch(settings: LlmSettings) -> NoReturn:
    """
    Raises:
        SettingsError: vLLM is not installed, or something is wrong with the settings.
    """
    _check_access(settings, os.environ)
    command = build_command(settings, _start())
    env = {**os.environ, "PATH": _search_path(), **command.env}
    os.execvpe(command.argv[0], tuple(command.argv), env)


def _check_access(settings: LlmSettings, environment: Mapping[str, str]) -> None:
    """Say now what the edge would say once the model is loaded, minutes later."""
    Authenticator.from_settings(settings)
    if environment.get("VLLM_API_KEY"):
        raise SettingsError(
            "VLLM_API_KEY is set, but here vLLM does not ask for a key of its own: put the key "
            "into API_KEYS, where several can rotate, and unset it."
        )


def _start() -> Sequence[str]:
    """`vllm serve`, or the module: builds for a CPU have another name, which `vllm` looks up."""
    if find_spec("vllm") is not None and not _is_distributed_as_vllm():
        return (sys.executable, *MODULE[1:])
    if shutil.which("vllm", path=_search_path()) is None:
        raise SettingsError(
            "LLM_ENGINE=vllm needs vLLM beside this package: use the LLM image, or install vllm."
        )
    return SERVE


def _is_distributed_as_vllm() -> bool:
    try:
        distribution("vllm")
    except PackageNotFoundError:
        return False
    return True


def _search_path() -> str:
    """Where this Python's own programs are, then the PATH."""
    return os.pathsep.join((os.path.dirname(sys.executable), os.environ.get("PATH", "")))
