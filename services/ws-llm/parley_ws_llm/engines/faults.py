"""The one border where the exceptions of OpenAI's client become ours."""

import json
import logging
from collections.abc import Iterator
from contextlib import contextmanager

import httpx2
from openai import APIConnectionError, APIStatusError, APITimeoutError, OpenAIError

from parley_kit.errors import UpstreamFailed

log = logging.getLogger("parley.upstream")

# The client builds its objects without validating them: what is missing in an answer, or of
# another type, shows when it is read.
_FAULTY = (OpenAIError, httpx2.HTTPError, json.JSONDecodeError, AttributeError, TypeError)


@contextmanager
def upstream_errors() -> Iterator[None]:
    """
    Raises:
        UpstreamFailed: says what happened in words of our own; what the upstream wrote may quote
            the caller or tell of the inside.
    """
    try:
        yield
    except (TimeoutError, APITimeoutError) as exc:
        raise UpstreamFailed("no answer in time", code="upstream_timeout") from exc
    except APIConnectionError as exc:
        raise UpstreamFailed("it cannot be reached", code="upstream_unreachable") from exc
    except APIStatusError as exc:
        raise _refused(exc.status_code) from exc
    except _FAULTY as exc:
        log.warning("faulty answer of the upstream", exc_info=exc)
        raise UpstreamFailed("the answer was faulty", code="upstream_faulty") from exc


def _refused(status: int) -> UpstreamFailed:
    log.warning("the upstream refused", extra={"data": {"status": status}})
    if status == 429 or status == 503:
        return UpstreamFailed("it is busy, please try again", code="upstream_busy")
    return UpstreamFailed("the request was refused", code="upstream_refused")
