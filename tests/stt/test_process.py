"""`python -m parley_stt` as a process of its own: what it logs, and how it ends."""

import os
import signal
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tests.serving import wait_until
from tests.stt.breakable import is_gone, process
from tests.stt.recordings import WEATHER, WEATHER_TEXT, long_speech

CANARY = "zebrafish"
SAID = ("weather", "paris", "country", "fellow")


def test_it_logs_nothing_of_what_callers_send_or_say(tmp_path: Path) -> None:
    log, speech = tmp_path / "log", WEATHER.read_bytes()
    with process(log, f"key-{CANARY}") as (service, stt), ThreadPoolExecutor() as pool:
        heard = stt.transcribe(speech, prompt=CANARY, **{CANARY: CANARY, "keywords[]": CANARY})
        assert heard.json()["text"] == WEATHER_TEXT
        assert stt.transcribe(speech, stream="true").status_code == 200
        assert stt.transcribe(CANARY.encode()).status_code == 400
        for field in ("temperature", "language", "response_format", "chunking_strategy"):
            assert stt.transcribe(speech, **{field: CANARY}).status_code == 400
        assert stt.transcribe(speech, model=CANARY).status_code == 404
        doomed = pool.submit(stt.transcribe, long_speech())
        os.kill(stt.await_work(), signal.SIGKILL)
        assert doomed.result().status_code == 500
        metrics = stt.client.get("/metrics").text
        service.send_signal(signal.SIGTERM)
        assert service.wait(10) == 0

    told = log.read_text() + metrics
    assert '"status": 500' in told
    assert [secret for secret in (CANARY, *SAID) if secret in told.lower()] == []
    assert "Warning" not in told
    assert "Traceback" not in told


def test_ctrl_c_at_a_terminal_is_for_the_service_and_not_for_its_workers(tmp_path: Path) -> None:
    with process(tmp_path / "log") as (service, stt):
        groups = {os.getpgid(worker) for worker in stt.workers}

        assert os.getpgid(service.pid) not in groups


def test_its_workers_die_with_it(tmp_path: Path) -> None:
    with process(tmp_path / "log") as (service, stt):
        workers = stt.workers
        service.kill()

        assert len(workers) == 2
        wait_until(lambda: all(map(is_gone, workers)), 2, "the workers are gone")
