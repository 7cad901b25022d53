"""The stages of a turn, as they are named on the board, in metrics and on the admin page.

Each is the part of the wait that it is the reason for, so that those of `IN_ORDER` add up to
`FIRST_AUDIO`: a model that began to think while it was still being decided whether the caller had
finished has made nobody wait until then.
"""

from collections.abc import Mapping
from typing import Any

TRANSCRIPT = "stt"
"""From the end of speech to its transcript."""
END_OF_TURN = "endpoint"
"""From the transcript to the decision that the caller has finished."""
FIRST_TEXT = "llm"
"""From that decision to the words that are spoken first, failed attempts included."""
FIRST_SPEECH = "tts"
"""From these words to the first audio of them."""
FIRST_AUDIO = "total"
"""From the end of speech to the first audio."""

IN_ORDER = (TRANSCRIPT, END_OF_TURN, FIRST_TEXT, FIRST_SPEECH)


def stages_of(question: Mapping[str, Any], answer: Mapping[str, Any]) -> dict[str, float]:
    """Seconds by stage, from LiveKit's `MetricsReport` of the two messages of a turn.

    LiveKit measures the model's and the speech's times from when each was asked, which may be
    before the turn was over.

    Args:
        answer: with its `e2e_latency`.
    """
    total = max(0.0, answer["e2e_latency"])
    decided = min(question.get("end_of_turn_delay", 0.0), total)
    transcript = min(question.get("transcription_delay", 0.0), decided)
    making = answer.get("tts_node_ttfb", 0.0) + answer.get("playback_latency", 0.0)
    speech = min(making, total - decided)
    return {
        TRANSCRIPT: transcript,
        END_OF_TURN: decided - transcript,
        FIRST_TEXT: total - decided - speech,
        FIRST_SPEECH: speech,
        FIRST_AUDIO: total,
    }
