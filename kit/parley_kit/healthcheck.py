"""`python -m parley_kit.healthcheck`: whether the service in this container is ready.

It asks `http://127.0.0.1:{LISTEN_PORT}/readyz`, or the URL that it is given, and exits with 0 for a
status of 2xx. It runs every few seconds, so it imports little.
"""

import http.client
import os
import sys
from collections.abc import Sequence
from urllib.parse import urlsplit

_DEADLINE_S = 2.0


def ready(url: str) -> bool:
    """Whether there is an answer of 2xx within two seconds."""
    address = urlsplit(url)
    connection = http.client.HTTPConnection(address.netloc, timeout=_DEADLINE_S)
    try:
        connection.request("GET", address.path or "/")
        return 200 <= connection.getresponse().status < 300
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def main(arguments: Sequence[str]) -> int:
    port = os.environ.get("LISTEN_PORT") or "8000"
    url = arguments[0] if arguments else f"http://127.0.0.1:{port}/readyz"
    return 0 if ready(url) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
