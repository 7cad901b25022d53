"""`python -m parley_tts.fetch`: fetch the model that the settings name, and end."""

import sys
from pathlib import Path

from parley_kit import fetching
from parley_kit.downloads import Wanted
from parley_tts.app import speaks_with_kokoro
from parley_tts.engines.kokoro import weights
from parley_tts.settings import TtsSettings


def wanted(settings: TtsSettings) -> Wanted | None:
    """What the service will need of the hub; a path is for the service alone to look at.

    Raises:
        SettingsError: there is no model of this name.
    """
    if not speaks_with_kokoro(settings) or Path(settings.model).is_absolute():
        return None
    return weights.wanted(settings.model)


if __name__ == "__main__":
    sys.exit(fetching.main("tts", TtsSettings, wanted))
