"""The one border where what goes wrong with the upstream becomes an error of ours."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager

from parley_kit.errors import UpstreamFailed
from parley_kit.upstream import TIMED_OUT, Reply

log = logging.getLogger("parley.upstream")

# What is missing in an answer, or of another type, shows when it is read; ValueError is also
# that of JSON and of models.
_FAULTY = (AttributeError, KeyError, TypeError, ValueError, RecursionError)


@contextmanager
def upstream_errors() -> Iterator[None]:
    """
    Raises:
        UpstreamFailed: says what happened in words of our own; what the upstream wrote may quote
            the caller or tell of the inside.
    """
    try:
        yield
    except TimeoutError as exc:
        raise UpstreamFailed("no answer in time", code=TIMED_OUT) from exc
    except _FAULTY as exc:
        log.warning("faulty answer of the upstream", exc_info=exc)
        raise UpstreamFailed("the answer was faulty", code="upstream_faulty") from exc


def require_ok(reply: Reply) -> None:
    """
    Raises:
        UpstreamFailed: the upstream answered with anything but 200.
    """
    status = reply.status
    if status == 200:
        return
    log.warning("the upstream refused", extra={"data": {"status": status}})
    if status in (429, 503):
        raise UpstreamFailed("it is busy, please try again", code="upstream_busy")
    raise UpstreamFailed("the request was refused", code="upstream_refused")
