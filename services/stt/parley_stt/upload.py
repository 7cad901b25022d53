"""Reads an upload: a multipart form with one file, under explicit limits."""

from collections.abc import Sequence
from dataclasses import dataclass

from starlette.datastructures import UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser
from starlette.requests import Request

from parley_kit.errors import InvalidRequest

_MAX_FIELDS = 256
_MAX_FIELD_BYTES = 64 << 10


class _InMemory(MultiPartParser):
    """What callers say is not written to disk; the edge bounds the size of the whole body."""

    spool_max_size = 1 << 40


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
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "multipart/form-data":
        raise InvalidRequest("Send the request as multipart/form-data with a part named 'file'.")
    parser = _InMemory(
        request.headers,
        request.stream(),
        max_files=1,
        max_fields=_MAX_FIELDS,
        max_part_size=_MAX_FIELD_BYTES,
    )
    try:
        form = await parser.parse()
    except MultiPartException as exc:
        raise InvalidRequest(exc.message) from exc
    try:
        fields = [(key, part) for key, part in form.multi_items() if isinstance(part, str)]
        return Upload(await _file(form.get("file")), fields)
    finally:
        await form.close()


async def _file(part: UploadFile | str | None) -> bytes:
    if part is None:
        raise InvalidRequest("Missing required parameter: 'file'.", param="file")
    if isinstance(part, str):
        raise InvalidRequest("'file' must be sent as a file, with a filename.", param="file")
    file = await part.read()
    if not file:
        raise InvalidRequest("The file is empty.", param="file")
    return file
