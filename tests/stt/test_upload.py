"""Forms come back as they were sent, in whatever pieces, and any bytes are a form or refused."""

from contextlib import suppress
from itertools import pairwise

import anyio
import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.requests import Request

from parley_kit.errors import InvalidRequest
from parley_stt import upload
from parley_stt.upload import Upload

_HEAD = '--x\r\ncontent-disposition: form-data; name="{}"'


def form(file: bytes, fields: list[tuple[str, str]]) -> bytes:
    parts = [f"{_HEAD.format(name)}\r\n\r\n{value}\r\n".encode() for name, value in fields]
    head = f'{_HEAD.format("file")}; filename="a.wav"\r\ncontent-type: audio/wav\r\n\r\n'
    return b"".join(parts) + head.encode() + file + b"\r\n--x--\r\n"


def read(body: bytes, cuts: list[int]) -> Upload:
    bounds = [0, *sorted(min(cut, len(body)) for cut in cuts), len(body)]
    pieces = [body[start:end] for start, end in pairwise(bounds)]

    async def receive() -> dict[str, object]:
        piece = pieces.pop(0)
        return {"type": "http.request", "body": piece, "more_body": bool(pieces)}

    headers = [(b"content-type", b'Multipart/Form-Data; boundary="x"')]
    scope = {"type": "http", "method": "POST", "headers": headers}
    return anyio.run(upload.read, Request(scope, receive))


@given(
    file=st.binary(min_size=1, max_size=300).filter(lambda file: b"\r\n--x" not in b"\r\n" + file),
    fields=st.lists(
        st.tuples(
            st.sampled_from(["model", "language", "é", "timestamp_granularities[]"]),
            st.text(max_size=20).filter(lambda text: "\r\n--x" not in "\r\n" + text),
        ),
        max_size=4,
    ),
    cuts=st.lists(st.integers(0, 900), max_size=6),
)
def test_a_form_comes_back_as_it_was_sent(
    file: bytes, fields: list[tuple[str, str]], cuts: list[int]
) -> None:
    uploaded = read(form(file, fields), cuts)

    assert uploaded.file == file
    assert list(uploaded.fields) == fields


@given(
    start=st.integers(0, 200),
    damage=st.binary(max_size=20),
    cuts=st.lists(st.integers(0, 300), max_size=3),
)
def test_a_damaged_form_is_read_or_refused(start: int, damage: bytes, cuts: list[int]) -> None:
    body = form(b"RIFF", [("model", "whisper-1")])
    with suppress(InvalidRequest):
        uploaded = read(body[:start] + damage + body[start + len(damage) :], cuts)
        assert 0 < len(uploaded.file) < len(body) + len(damage)


def test_a_field_may_not_be_as_long_as_a_file() -> None:
    with pytest.raises(InvalidRequest, match="too long"):
        read(form(b"RIFF", [("prompt", "x" * 70_000)]), [])
    assert len(read(form(b"x" * 70_000, []), []).file) == 70_000


def test_a_part_without_a_name_is_refused() -> None:
    with pytest.raises(InvalidRequest, match="no name"):
        read(b"--x\r\ncontent-type: audio/wav\r\n\r\nRIFF\r\n--x--\r\n", [])


def test_a_part_with_endless_headers_is_refused() -> None:
    with pytest.raises(InvalidRequest):
        read(b"--x\r\n" + b"a: b\r\n" * 1_000 + b"\r\n", [])
