"""What is answered without the model: red flags first, then attempts on the instructions."""

import asyncio
from dataclasses import dataclass

from parley_ws_llm.screen.screen import Screen

# Beyond this a screening may take the event loop milliseconds: a thread does it.
_LONG_TEXT = 1_000


@dataclass(frozen=True, slots=True)
class Verdict:
    """The fixed text to answer with."""

    category: str
    red_flag: bool


class Triage:
    """Applies the screens in their order."""

    def __init__(self, red_flags: Screen, probes: Screen) -> None:
        self._red_flags = red_flags
        self._probes = probes

    async def judge(self, text: str) -> Verdict | None:
        if len(text) > _LONG_TEXT:
            return await asyncio.to_thread(self.judge_now, text)
        return self.judge_now(text)

    def judge_now(self, text: str) -> Verdict | None:
        if (category := self._red_flags(text)) is not None:
            return Verdict(category, red_flag=True)
        if (category := self._probes(text)) is not None:
            return Verdict(category, red_flag=False)
        return None
