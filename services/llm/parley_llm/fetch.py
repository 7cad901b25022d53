"""`python -m parley_llm.fetch`: fetch the model that the settings name, and end."""

import sys
from pathlib import Path

from parley_kit import fetching
from parley_kit.downloads import Wanted
from parley_llm.settings import LlmSettings
from parley_llm.vllm import weights


def wanted(settings: LlmSettings) -> Wanted | None:
    """What the service will need of the hub; a path is for the service alone to look at.

    Raises:
        SettingsError: there is no model of this name.
    """
    if settings.engine != "vllm" or Path(settings.model).is_absolute():
        return None
    return weights.wanted(settings)


if __name__ == "__main__":
    sys.exit(fetching.main("llm", LlmSettings, wanted))
