"""OpenAI-compatible text-to-speech service."""
