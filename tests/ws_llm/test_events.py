"""Reading an upstream's stream: however its bytes are cut, and whatever they are."""

import asyncio
import json
from collections.abc import AsyncIterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from parley_kit.errors import UpstreamFailed
from parley_ws_llm.engine import Item
from parley_ws_llm.engines.events import Events, EventTooLong
from parley_ws_llm.engines.faults import upstream_errors
from parley_ws_llm.engines.reading import read

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=8,
)
deltas = st.fixed_dictionaries({}, optional={"content": json_values, "tool_calls": json_values})
choices = st.fixed_dictionaries({}, optional={"delta": deltas, "finish_reason": json_values})
chunks = st.fixed_dictionaries(
    {}, optional={"choices": st.lists(choices | json_values), "usage": json_values}
)


def events_in(*pieces: bytes) -> list[bytes]:
    events = Events()
    return [data for piece in pieces for data in events.feed(piece)]


@pytest.mark.parametrize("end", [b"\n", b"\r\n"])
def test_comments_and_other_fields_are_passed_over(end: bytes) -> None:
    lines = (b": hello", b"event: x", b"data: one", b"", b"", b"data:two", b"data: lines", b"", b"")

    assert events_in(end.join(lines)) == [b"one", b"two\nlines"]


@given(st.lists(st.binary(max_size=20), max_size=4), st.data())
def test_it_does_not_matter_where_the_bytes_are_cut(
    bodies: list[bytes], data: st.DataObject
) -> None:
    lines = [body.replace(b"\r", b"").replace(b"\n", b"") for body in bodies]
    stream = b"".join(b"data: " + line + b"\r\n\r\n" for line in lines)
    cut = data.draw(st.integers(0, len(stream)))

    assert events_in(stream[:cut], stream[cut:]) == events_in(stream) == lines


def test_an_event_without_end_is_not_collected_for_ever() -> None:
    with pytest.raises(EventTooLong):
        events_in(*[b"x" * 100_000] * 11)


@given(st.lists(chunks | json_values, max_size=4))
def test_any_stream_is_an_answer_or_one_failure(told: list[object]) -> None:
    stream = b"".join(b"data: %s\n\n" % json.dumps(chunk).encode() for chunk in told)

    items = asyncio.run(answer_of(stream))

    assert items is None or items


async def answer_of(stream: bytes) -> list[Item] | None:
    """The items, or None for a failure of the upstream."""

    async def pieces() -> AsyncIterator[bytes]:
        yield stream

    try:
        with upstream_errors():
            return [item async for item in read(pieces())]
    except UpstreamFailed:
        return None
