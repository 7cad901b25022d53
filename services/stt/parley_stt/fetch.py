"""`python -m parley_stt.fetch`: fetch the model that the settings name, and end."""

import sys
from pathlib import Path

from parley_kit import fetching
from parley_kit.downloads import Wanted
from parley_stt.engines.whisper import weights
from parley_stt.settings import SttSettings


def wanted(settings: SttSettings) -> Wanted | None:
    """What the service will need of the hub; a path is for the service alone to look at.

    Raises:
        SettingsError: there is no model of this name.
    """
    if settings.engine != "faster-whisper" or Path(settings.model).is_absolute():
        return None
    return weights.wanted(settings.model)


if __name__ == "__main__":
    sys.exit(fetching.main("stt", SttSettings, wanted))
