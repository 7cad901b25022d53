"""The scripts that run while an image is built, and what they look at."""

from importlib.metadata import Distribution
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType
from typing import Any

REQUIREMENTS = Path(__file__).parents[2] / "requirements"


def script(name: str) -> ModuleType:
    """A script of `requirements`, imported."""
    spec = spec_from_file_location(name, REQUIREMENTS / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


class Installed(Distribution):
    """A distribution that is nothing but its metadata."""

    def __init__(self, **fields: str | list[str]) -> None:
        self._text = "".join(
            f"{name.replace('_', '-')}: {value}\n"
            for name, values in {"Name": "A.Package", "Version": "1.2", **fields}.items()
            for value in (values if isinstance(values, list) else [values])
        )

    def read_text(self, filename: str) -> str | None:
        return self._text if filename == "METADATA" else None

    def locate_file(self, path: Any) -> Any:
        raise NotImplementedError
