"""Reads an upload: a multipart form with one file, under explicit limits.

What callers say is not written to disk, and 25 MiB of it are copied once: Starlette's own reader
would take half as much CPU again from the event loop. The edge bounds the size of the whole body.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from io import BytesIO
from typing import TYPE_CHECKING

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header
from starlette.requests import Request

from parley_kit.errors import InvalidRequest

if TYPE_CHECKING:
    from python_multipart.multipart import MultipartCallbacks

_MAX_FIELDS = 256
_MAX_FIELD_BYTES = 64 << 10


@dataclass(frozen=True, slots=True)
class Upload:
    """The file's bytes, and the other fields in their order. Names of files are not read."""

    file: bytes
    fields: Sequence[tuple[str, str]]


async def read(request: Request) -> Upload:
    """
    Raises:
        InvalidRequest: the body is no such form, or has no file that is not empty.
    """
    form = _Form()
    try:
        parser = MultipartParser(_boundary(request), form.callbacks())
        async for chunk in request.stream():
            parser.write(chunk)
        parser.finalize()
    except FormParserError as exc:
        raise InvalidRequest("The body is no well-formed multipart/form-data.") from exc
    return Upload(form.file(), form.fields)


def _boundary(request: Request) -> bytes:
    kind, options = parse_options_header(request.headers.get("content-type", ""))
    if kind != b"multipart/form-data":
        raise InvalidRequest("Send the request as multipart/form-data with a part named 'file'.")
    if b"boundary" not in options:
        raise InvalidRequest("The Content-Type has no boundary.")
    return options[b"boundary"]


class _Form:
    """Collects the parts as the parser comes across them."""

    def __init__(self) -> None:
        self.fields: list[tuple[str, str]] = []
        self._files: list[tuple[str, bytes]] = []
        self._begin_part()

    def callbacks(self) -> "MultipartCallbacks":
        return {
            "on_part_begin": self._begin_part,
            "on_header_field": self._take_header_name,
            "on_header_value": self._take_header_value,
            "on_header_end": self._end_header,
            "on_headers_finished": self._end_headers,
            "on_part_data": self._take_content,
            "on_part_end": self._end_part,
        }

    def file(self) -> bytes:
        for name, content in self._files:
            if name == "file":
                if not content:
                    raise InvalidRequest("The file is empty.", param="file")
                return content
        if any(name == "file" for name, _ in self.fields):
            raise InvalidRequest("'file' must be sent as a file, with a filename.", param="file")
        raise InvalidRequest("Missing required parameter: 'file'.", param="file")

    def _begin_part(self) -> None:
        self._header_name = self._header_value = self._disposition = b""
        self._name = ""
        self._is_file = False
        self._content = BytesIO()

    def _take_header_name(self, data: bytes, start: int, end: int) -> None:
        self._header_name += data[start:end]

    def _take_header_value(self, data: bytes, start: int, end: int) -> None:
        self._header_value += data[start:end]

    def _end_header(self) -> None:
        if self._header_name.lower() == b"content-disposition":
            self._disposition = self._header_value
        self._header_name = self._header_value = b""

    def _end_headers(self) -> None:
        _, options = parse_options_header(self._disposition)
        if b"name" not in options:
            raise InvalidRequest("A part of the form has no name.")
        self._name = _text(options[b"name"])
        self._is_file = b"filename" in options
        if self._is_file and self._files:
            raise InvalidRequest("Too many files: send one.", param="file")
        if len(self.fields) >= _MAX_FIELDS:
            raise InvalidRequest(f"Too many fields: at most {_MAX_FIELDS}.")

    def _take_content(self, data: bytes, start: int, end: int) -> None:
        if not self._is_file and self._content.tell() + end - start > _MAX_FIELD_BYTES:
            raise InvalidRequest(f"A field is too long: at most {_MAX_FIELD_BYTES >> 10} KiB.")
        self._content.write(memoryview(data)[start:end])

    def _end_part(self) -> None:
        content = self._content.getvalue()
        if self._is_file:
            self._files.append((self._name, content))
        else:
            self.fields.append((self._name, _text(content)))


def _text(raw: bytes) -> str:
    try:
        return raw.decode()
    except UnicodeDecodeError:
        return raw.decode("latin-1")
