"""OpenAI-compatible speech-to-text service."""
