"""The stages of a turn, as they are named on the board, in metrics and on the admin page.

Those that follow one another add up to `FIRST_AUDIO`: what the caller waits for.
"""

ENDPOINT = "endpoint"
"""From the end of speech to the decision that the turn is over."""
TRANSCRIPT = "stt"
"""From that decision to the transcript; 0 if it was there already."""
FIRST_TEXT = "llm"
"""From the transcript to the model's first text, failed attempts included."""
FIRST_SPEECH = "tts"
"""From that text to the first audio of it."""
FIRST_AUDIO = "total"
"""From the end of speech to the first audio."""

IN_ORDER = (ENDPOINT, TRANSCRIPT, FIRST_TEXT, FIRST_SPEECH)
