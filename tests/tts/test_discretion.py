"""What a caller wrote is heard by the caller alone."""

import logging
from contextlib import suppress

import httpx2
import pytest

from tests.tts.breakable import service

CANARY = "zebrafish"


@pytest.mark.parametrize(
    "body",
    [
        {"input": f"My {CANARY} is ill. So is my other {CANARY}."},
        {"input": f"Hello. My {CANARY} will fail."},
        {"input": f"My {CANARY} will fail."},
        {"input": f"Hello {CANARY}.", "voice": CANARY},
        {"input": f"Hello {CANARY}.", "model": CANARY},
        {"input": f"Hello {CANARY}.", "response_format": CANARY},
        {"input": [CANARY]},
    ],
)
def test_no_log_line_quotes_the_text(
    body: dict[str, object],
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
) -> None:
    caplog.set_level(logging.DEBUG)
    with service() as tts:
        for stream_format in ("sse", "audio"):
            request = tts.body("") | body | {"stream_format": stream_format}
            with suppress(httpx2.RemoteProtocolError):  # the engine fails in mid-stream
                tts.client.post("/audio/speech", json=request)

    ours = [record for record in caplog.records if record.name.startswith(("parley", "uvicorn"))]
    told = [record.getMessage() for record in ours if record.name == "parley.access"]
    assert sum("/audio/speech" in line for line in told) == 2
    for record in ours:
        assert CANARY not in logging.Formatter().format(record)
    assert CANARY not in "".join(capfd.readouterr())
