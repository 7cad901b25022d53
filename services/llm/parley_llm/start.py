"""Which process this becomes: a service of ours, or vLLM with our edge in it."""

import sys

from parley_kit.errors import SettingsError
from parley_kit.settings import load
from parley_llm.settings import LlmSettings


def start() -> int:
    """Serve as the environment says.

    Returns:
        The exit status, where the process was not replaced by vLLM.
    """
    try:
        settings = load(LlmSettings)
        if settings.engine == "vllm":
            from parley_llm.vllm.launch import launch

            launch(settings)
    except SettingsError as exc:
        print(exc, file=sys.stderr)  # noqa: T201  the one line that a person has to read
        return 2
    # Not needed by vLLM, whose environment is its own.
    from parley_kit.server import main
    from parley_llm.app import create_app

    return main(LlmSettings, create_app)
