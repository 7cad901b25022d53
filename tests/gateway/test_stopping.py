"""A gateway that is stopped finishes what is in flight."""

import signal
from concurrent.futures import ThreadPoolExecutor

import httpx2

from parley.bench.gateway_nginx import gateway
from tests.gateway.behind import demo, where
from tests.kit.demo import Demo
from tests.serving import serve, wait_until


def test_a_request_in_flight_is_answered_and_no_new_one_is_taken() -> None:
    engine = Demo()
    service = demo("stt", engine)

    @service.post("/v1/release")
    async def release() -> None:
        engine.release.set()

    with (
        serve(service) as url,
        gateway({"stt": where(url)}) as front,
        ThreadPoolExecutor(1) as threads,
    ):
        reply = threads.submit(httpx2.post, f"{front.url}/stt/v1/work", timeout=20)
        wait_until(lambda: engine.work_started == 1, 5, "the work starts")
        front.process.send_signal(signal.SIGQUIT)
        wait_until(lambda: refused(front.url), 5, "it takes no new connection")
        httpx2.post(f"{url}/v1/release")
        answered = reply.result(20)
        status = front.process.wait(10)

    assert answered.json() == {"done": "yes"}
    assert status == 0


def refused(url: str) -> bool:
    try:
        httpx2.get(f"{url}/livez", timeout=1)
    except httpx2.ConnectError:
        return True
    return False
