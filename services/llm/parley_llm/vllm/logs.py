"""vLLM's logs in this process: in our form, and without what its callers have said.

vLLM writes what it refuses into its log ("The model `...` does not exist", a validation error with
the input in it). Of what the modules that read requests warn of, the log keeps where it was said
and which errors led there, which is enough to look it up.
"""

import logging
from pathlib import Path

from parley_kit.logging import configure, outline
from parley_llm.settings import LlmSettings

_READ_REQUESTS = (
    "vllm.entrypoints", "vllm.inputs", "vllm.multimodal", "vllm.parser", "vllm.reasoning",
    "vllm.renderers", "vllm.tool_parsers", "vllm.transformers_utils", "vllm.v1.engine",
    "vllm.v1.structured_output",
)  # fmt: skip
_TAKEN_OVER = ("vllm", "uvicorn", "uvicorn.error")


class Discreet(logging.Filter):
    """Takes the words out of warnings about requests."""

    def filter(self, record: logging.LogRecord) -> bool:
        if record.levelno >= logging.WARNING and record.name.startswith(_READ_REQUESTS):
            record.msg = f"warned at {Path(record.pathname).name}:{record.lineno}"
            if record.exc_info and record.exc_info[1] is not None:
                record.msg += f": {outline(record.exc_info[1])}"
            record.args = None
            record.exc_info = record.exc_text = None
        return True


def take_over(settings: LlmSettings) -> None:
    """Send everything that is logged in this process to our handler."""
    configure(settings.log_format, settings.log_level)
    for name in _TAKEN_OVER:
        logger = logging.getLogger(name)
        logger.handlers.clear()
        logger.propagate = True
    for handler in logging.getLogger().handlers:
        handler.addFilter(Discreet())
