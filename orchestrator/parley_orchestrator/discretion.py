"""No line of the log holds what was said: LiveKit's lines lose what they would tell.

It adds transcripts to some lines (`lk.pii.*`) and quotes texts in some exceptions.
"""

import logging

from parley_kit.logging import outline

_PRIVATE = "lk.pii."
_LOUDEST = {"livekit": logging.INFO, "livekit.agents": logging.INFO}


class _Discreet(logging.Filter):
    def filter(self, record: logging.LogRecord) -> bool:
        if not record.name.startswith("livekit"):
            return True
        for name in [name for name in vars(record) if name.startswith(_PRIVATE)]:
            delattr(record, name)
        if isinstance(record.args, tuple):
            record.args = tuple(_told(argument) for argument in record.args)
        if record.exc_info and record.exc_info[1]:
            record.msg, record.args = f"{record.getMessage()}: {outline(record.exc_info[1])}", ()
            record.exc_info = record.exc_text = None
        return True


def _told(argument: object) -> object:
    return type(argument).__name__ if isinstance(argument, BaseException) else argument


def keep_conversations_out_of_the_logs() -> None:
    """For all handlers that the root has by now; again is harmless."""
    for name, level in _LOUDEST.items():
        logger = logging.getLogger(name)
        logger.setLevel(max(logger.level, level))
    for handler in logging.getLogger().handlers:
        if not any(isinstance(known, _Discreet) for known in handler.filters):
            handler.addFilter(_Discreet())
