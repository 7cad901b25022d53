"""Uploaded files in, 16 kHz mono samples out."""

SAMPLE_RATE = 16_000
