"""Agreement: interim text that is never taken back. Pure.

A word is said when two successive hypotheses agree on it and on all before it (LocalAgreement-2,
Macháček, Dabre, Bojar: Turning Whisper into Real-Time Transcription System, 2023).
"""

import re

# A word with the space before it; where a script has no spaces (Thai, Lao, Khmer, Burmese,
# kana, Han, Hangul is spaced), one letter.
_UNSPACED = "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff"
_TOKEN = re.compile(rf" ?(?:[{_UNSPACED}]|[^\s{_UNSPACED}]+)")
# What ends a hypothesis often, and is another mark or none as soon as more has been heard.
_UNSURE = " .,;:!?…-\u2013\u2014。、\uff0c\uff01\uff1f؟।"


class Agreement:
    """What of one utterance has been said to the client."""

    def __init__(self) -> None:
        self.said = ""
        self._last: list[str] = []

    def interim(self, hypothesis: str) -> str:
        """What can be said after a hypothesis about all of the utterance so far; may be empty."""
        tokens = _TOKEN.findall(_spaced(hypothesis))
        agreed = "".join(_common(self._last, tokens)).rstrip(_UNSURE)
        self._last = tokens
        if not agreed.startswith(self.said):
            return ""
        return self._say(agreed[len(self.said) :])

    def final(self, transcript: str) -> str:
        """The rest of the transcript; empty where it contradicts what has been said."""
        begins = r"\s+".join(map(re.escape, self.said.split(" ")))
        match = re.match(begins, transcript)
        return self._say(transcript[match.end() :]) if match else ""

    def _say(self, delta: str) -> str:
        self.said += delta
        return delta


def _spaced(text: str) -> str:
    return " ".join(text.split())


def _common(one: list[str], other: list[str]) -> list[str]:
    common = []
    for a, b in zip(one, other, strict=False):
        if a != b:
            break
        common.append(a)
    return common
