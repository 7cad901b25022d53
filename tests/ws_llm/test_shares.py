"""What one key may take of the service, where nobody said."""

from collections.abc import Iterator

import pytest
from websockets.exceptions import InvalidStatus

from tests.serving import serve
from tests.ws_llm.talking import assistant, talk
from tests.ws_llm.upstreams import Exchange, Upstream, upstream

pytestmark = pytest.mark.anyio


def never_answers(exchange: Exchange) -> None:
    exchange.wait_for_hang_up()


@pytest.fixture
def silent() -> Iterator[Upstream]:
    with upstream(never_answers) as server:
        yield server


async def asked(url: str, count: int, key: str = "k1") -> str:
    """The code of the first chat that is refused, of so many at a time."""
    header = {"authorization": f"Bearer {key}"}
    async with talk(url, additional_headers=header) as client:
        for number in range(count):
            await client.chat("hello", id=str(number))
        return str((await client.receive())["code"])


async def test_where_everybody_is_one_key_it_has_every_place_and_the_queue(
    silent: Upstream,
) -> None:
    with serve(assistant(silent.url, max_concurrency=4, max_queue=1)) as url:
        assert await asked(url, 6) == "overloaded"


async def test_so_has_the_only_key(silent: Upstream) -> None:
    with serve(assistant(silent.url, api_keys="k1", max_concurrency=4, max_queue=1)) as url:
        assert await asked(url, 6) == "overloaded"


async def test_of_several_keys_none_has_every_place(silent: Upstream) -> None:
    settings = {"api_keys": "k1,k2", "max_concurrency": 4, "max_queue": 9}
    with serve(assistant(silent.url, **settings)) as url:
        assert await asked(url, 4) == "rate_limit_exceeded"


async def test_what_is_set_counts(silent: Upstream) -> None:
    settings = {"api_keys": "k1,k2", "max_concurrency": 4, "max_in_flight_per_key": 5}
    with serve(assistant(silent.url, **settings)) as url:
        assert await asked(url, 6) == "rate_limit_exceeded"


async def test_a_key_among_several_leaves_connections_to_the_others(silent: Upstream) -> None:
    settings = {"api_keys": "k1,k2", "max_connections": 2}
    first = {"additional_headers": {"authorization": "Bearer k1"}}
    second = {"additional_headers": {"authorization": "Bearer k2"}}
    with serve(assistant(silent.url, **settings)) as url:
        async with talk(url, **first):
            with pytest.raises(InvalidStatus, match="429"):
                async with talk(url, **first):
                    pass
            async with talk(url, **second):
                pass
