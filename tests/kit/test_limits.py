"""Admission: who is let in, who waits, who is refused."""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import httpx2
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from parley_kit.errors import Overloaded, RateLimited
from parley_kit.limits import Admission
from tests.kit.demo import Demo, demo_service
from tests.serving import error_of, open_request, serve, wait_until


class Caller:
    """One caller of an admission, driven from outside."""

    def __init__(self, admission: Admission, key: str = "k") -> None:
        self.inside = False
        self._leave = asyncio.Event()
        self.task = asyncio.create_task(self._call(admission, key))

    async def _call(self, admission: Admission, key: str) -> None:
        async with admission.slot(key):
            self.inside = True
            await self._leave.wait()

    async def leave(self) -> None:
        self._leave.set()
        await asyncio.wait([self.task])


async def settle() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


@pytest.mark.anyio
async def test_callers_are_served_in_the_order_they_came() -> None:
    admission = Admission(1, 10)
    callers = [Caller(admission) for _ in range(4)]
    for expected in callers:
        await settle()
        assert [caller.inside for caller in callers].index(True) == callers.index(expected)
        await expected.leave()
        expected.inside = False


@pytest.mark.anyio
async def test_a_full_queue_refuses_at_once_and_says_when_to_come_back() -> None:
    admission = Admission(1, 1)
    callers = [Caller(admission), Caller(admission)]
    await settle()

    with pytest.raises(Overloaded) as refused:
        async with admission.slot("k"):
            pass

    assert refused.value.headers is not None
    assert 1 <= int(refused.value.headers["retry-after"]) <= 30
    for caller in callers:
        await caller.leave()


@pytest.mark.anyio
async def test_one_key_cannot_take_every_place() -> None:
    admission = Admission(1, 10, max_in_flight_per_key=2)
    callers = [Caller(admission, "greedy"), Caller(admission, "greedy")]
    await settle()

    with pytest.raises(RateLimited):
        admission.check("greedy")
    admission.check("modest")
    for caller in callers:
        await caller.leave()
    admission.check("greedy")


@pytest.mark.anyio
async def test_a_caller_cancelled_in_the_moment_of_admission_hands_the_place_on() -> None:
    admission = Admission(1, 10)
    first, second, third = (Caller(admission) for _ in range(3))
    await settle()

    first._leave.set()
    await asyncio.wait([first.task])  # the place is the second's now, which has not run yet
    second.task.cancel()
    await asyncio.wait([second.task])
    await settle()

    assert third.inside
    await third.leave()
    assert admission.load.running == 0


steps = st.lists(
    st.tuples(st.sampled_from(["arrive", "leave", "cancel"]), st.integers(0, 20)), max_size=60
)


@settings(deadline=None, max_examples=150)
@given(concurrency=st.integers(1, 3), queue=st.integers(0, 3), steps=steps)
def test_whatever_callers_do_the_bounds_hold_and_no_place_is_lost(
    concurrency: int, queue: int, steps: list[tuple[str, int]]
) -> None:
    asyncio.run(_drive(concurrency, queue, steps))


async def _drive(concurrency: int, queue: int, steps: list[tuple[str, int]]) -> None:
    admission = Admission(concurrency, queue)
    callers: list[Caller] = []
    for step, which in steps:
        if step == "arrive":
            callers.append(Caller(admission))
        elif callers:
            caller = callers[which % len(callers)]
            if step == "leave" and caller.inside:
                caller._leave.set()
            else:
                caller.task.cancel()
        if which % 2:
            await settle()
        load = admission.load
        assert 0 <= load.running <= concurrency
        assert 0 <= load.queued <= queue
    for caller in callers:
        caller.task.cancel()
    results = await asyncio.gather(*(c.task for c in callers), return_exceptions=True)
    assert all(r is None or isinstance(r, asyncio.CancelledError | Overloaded) for r in results)
    assert (admission.load.running, admission.load.queued) == (0, 0)


def test_a_full_queue_is_503_in_the_envelope_over_http() -> None:
    engine = Demo()
    service = demo_service(engine, max_concurrency=1, max_queue=0)
    with serve(service) as url, _in_flight(url, lambda: engine.work_started == 1):
        response = httpx2.get(f"{url}/v1/work")

    assert response.status_code == 503
    assert int(response.headers["retry-after"]) >= 1
    assert error_of(response)["code"] == "overloaded"


def test_a_greedy_key_is_429_in_the_envelope_over_http() -> None:
    engine = Demo()
    service = demo_service(engine, max_in_flight_per_key=1)
    with serve(service) as url, _in_flight(url, lambda: engine.work_started == 1):
        response = httpx2.get(f"{url}/v1/work")

    assert response.status_code == 429
    assert int(response.headers["retry-after"]) >= 1
    assert error_of(response)["type"] == "rate_limit_exceeded"


@contextmanager
def _in_flight(url: str, started: Callable[[], bool]) -> Iterator[None]:
    """A request that is being worked on while the body of the `with` runs, then is given up."""
    with open_request(url, "GET /v1/work"):
        wait_until(started, 5, "the request is being worked on")
        yield
