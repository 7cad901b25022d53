"""Turns what is written into what is said, and keeps the way back to what was written."""

from parley_tts.normalising.normaliser import normalised
from parley_tts.normalising.pronunciations import without_pronunciations

__all__ = ["normalised", "without_pronunciations"]
