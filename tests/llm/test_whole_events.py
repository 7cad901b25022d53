"""A stream of events is cut only where one ends, and nothing is lost."""

from hypothesis import given
from hypothesis import strategies as st

from parley_llm.whole_events import MAX_HELD, WholeEvents

events = st.lists(
    st.sampled_from([b"data: {}\n\n", b"data: a\r\n\r\n", b": x\n\n", b"data: \xc3\xa9\n\n"])
)


@given(events, st.data())
def test_however_the_bytes_come_whole_events_go_on(
    stream: list[bytes], data: st.DataObject
) -> None:
    whole = b"".join(stream)
    cutter, out, at = WholeEvents(), b"", 0
    while at < len(whole):
        size = data.draw(st.integers(1, len(whole) - at))
        piece = cutter.push(whole[at : at + size])
        at += size
        assert piece == b"" or piece.endswith((b"\n\n", b"\r\n\r\n"))
        out += piece

    assert out == whole
    assert not cutter.torn


@given(st.binary())
def test_what_is_held_is_torn_unless_it_is_blank(tail: bytes) -> None:
    cutter = WholeEvents()
    out = cutter.push(b"data: {}\n\n") + cutter.push(tail)

    assert (b"data: {}\n\n" + tail).startswith(out)
    held = (b"data: {}\n\n" + tail)[len(out) :]
    assert cutter.torn == bool(held.strip())


def test_a_stream_is_done_after_its_last_word() -> None:
    cutter = WholeEvents()
    cutter.push(b'data: {"choices":[]}\n\n')
    assert not cutter.done
    cutter.push(b"data: [DONE]\n\n")
    assert cutter.done


def test_an_endless_event_is_not_kept_in_memory() -> None:
    cutter = WholeEvents()
    out = b"".join(cutter.push(b"x" * 65536) for _ in range(40))

    assert len(out) >= 40 * 65536 - MAX_HELD - 65536
