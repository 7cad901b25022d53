"""The one border where what goes wrong with the upstream becomes an error of ours."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager

import httpx2

from parley_kit.errors import UpstreamFailed

log = logging.getLogger("parley.upstream")

# What is missing in an answer, or of another type, shows when it is read; ValueError is also
# that of JSON and of models.
_FAULTY = (httpx2.HTTPError, AttributeError, KeyError, TypeError, ValueError, RecursionError)


@contextmanager
def upstream_errors() -> Iterator[None]:
    """
    Raises:
        UpstreamFailed: says what happened in words of our own; what the upstream wrote may quote
            the caller or tell of the inside.
    """
    try:
        yield
    except (TimeoutError, httpx2.TimeoutException) as exc:
        raise UpstreamFailed("no answer in time", code="upstream_timeout") from exc
    except httpx2.TransportError as exc:
        raise UpstreamFailed("it cannot be reached", code="upstream_unreachable") from exc
    except _FAULTY as exc:
        log.warning("faulty answer of the upstream", exc_info=exc)
        raise UpstreamFailed("the answer was faulty", code="upstream_faulty") from exc


def require_ok(response: httpx2.Response) -> None:
    """
    Raises:
        UpstreamFailed: the upstream answered with anything but 200.
    """
    status = response.status_code
    if status == 200:
        return
    log.warning("the upstream refused", extra={"data": {"status": status}})
    if status in (429, 503):
        raise UpstreamFailed("it is busy, please try again", code="upstream_busy")
    raise UpstreamFailed("the request was refused", code="upstream_refused")
