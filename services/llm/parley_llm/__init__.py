"""OpenAI-compatible LLM service."""
