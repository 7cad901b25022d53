"""The fixed texts, with the numbers of one region in them."""

import re
import tomllib
from collections.abc import Iterator, Mapping
from importlib.resources import files

from parley_kit.errors import SettingsError

_DEFAULT = "default"
_SENTENCE = re.compile(r"\S.*?[.?!](?=\s|$)\s*")


class Replies:
    """What is answered to each category."""

    def __init__(self, region: str) -> None:
        """
        Args:
            region: a country's two letters, `EU`, a locale such as `en-GB`, or empty.

        Raises:
            SettingsError: there are no numbers for the region.
        """
        path = files("parley_ws_llm.screen").joinpath("data", "replies.toml")
        data = tomllib.loads(path.read_text(encoding="utf-8"))
        numbers = _numbers(data["regions"], region)
        texts: Mapping[str, str] = data["texts"]
        self._texts = {name: text.format(**numbers) for name, text in texts.items()}

    def text(self, category: str) -> str:
        return self._texts[category]

    def sentences(self, category: str) -> Iterator[str]:
        """The text in the pieces that are streamed: speech can begin with the first."""
        yield from _SENTENCE.findall(self._texts[category])


def _numbers(regions: Mapping[str, Mapping[str, object]], region: str) -> dict[str, object]:
    country = re.split(r"[-_]", region.strip())[-1].upper() or _DEFAULT
    for name, numbers in regions.items():
        listed = numbers.get("in", [])
        if country == name or (isinstance(listed, list) and country in listed):
            return dict(numbers)
    known = ", ".join(sorted(name for name in regions if name != _DEFAULT))
    raise SettingsError(f"WS_LLM_REGION: there are no emergency numbers for it; known are {known}.")
