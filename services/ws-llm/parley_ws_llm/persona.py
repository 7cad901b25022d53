"""The assistant's instructions. They stay on the server: no client sends or reads them."""

from importlib.resources import files
from pathlib import Path

from parley_kit.errors import SettingsError


def load(path: Path | None) -> str:
    """The instructions in `path`, or the healthcare assistant's.

    Raises:
        SettingsError: the file cannot be read or is empty.
    """
    if path is None:
        shipped = files("parley_ws_llm").joinpath("personas", "healthcare.md")
        return shipped.read_text(encoding="utf-8").strip()
    try:
        text = path.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as exc:
        raise SettingsError(f"WS_LLM_PERSONA_FILE: cannot read {path}.") from exc
    if not text:
        raise SettingsError(f"WS_LLM_PERSONA_FILE: {path} is empty.")
    return text
