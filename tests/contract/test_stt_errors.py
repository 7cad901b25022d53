"""Every way to be refused by the STT service: its status, its body and what the SDK makes of it."""

from typing import Any

import httpx2
import openai
import pytest
from openai import OpenAI

from tests.contract.conftest import KEY
from tests.serving import error_of

TRANSCRIPTIONS = "/v1/audio/transcriptions"
AUTHORISED = {"authorization": f"Bearer {KEY}"}
FORM = {"data": {"model": "whisper-1"}, "files": {"file": ("upload", b"no audio")}}


@pytest.mark.parametrize(
    ("method", "path", "request_", "status", "type_", "code"),
    [
        ("POST", TRANSCRIPTIONS, {**FORM, "headers": {}}, 401, "invalid_request_error",
         "invalid_api_key"),
        ("POST", "/v1/audio/nothing", {}, 404, "invalid_request_error", "unknown_url"),
        ("GET", "/v1/models/gpt-9", {}, 404, "invalid_request_error", "model_not_found"),
        ("POST", TRANSCRIPTIONS, {**FORM, "data": {"model": "gpt-9"}}, 404,
         "invalid_request_error", "model_not_found"),
        ("GET", TRANSCRIPTIONS, {}, 405, "invalid_request_error", "method_not_allowed"),
        ("POST", TRANSCRIPTIONS, {"json": {"model": "whisper-1"}}, 400, "invalid_request_error",
         None),
        ("POST", TRANSCRIPTIONS, {"content": b"{"}, 400, "invalid_request_error", None),
        ("POST", TRANSCRIPTIONS, FORM, 400, "invalid_request_error", None),
        ("POST", "/v1/audio/translations", FORM, 400, "invalid_request_error", None),
        ("POST", TRANSCRIPTIONS, {"content": bytes(27_000_000)}, 413, "server_error", None),
    ],
)  # fmt: skip
def test_a_refusal_has_openais_status_and_envelope(
    stack: str, method: str, path: str, request_: dict[str, Any], status: int, type_: str,
    code: str | None,
) -> None:  # fmt: skip
    response = httpx2.request(
        method, f"{stack}/stt{path}", **{"headers": AUTHORISED, **request_}, timeout=30
    )

    assert response.status_code == status
    assert (error_of(response)["type"], error_of(response)["code"]) == (type_, code)


@pytest.mark.parametrize(
    ("fields", "raised"),
    [
        ({"file": b"no audio"}, openai.BadRequestError),
        ({"language": "tlh"}, openai.BadRequestError),
        ({"model": "gpt-9"}, openai.NotFoundError),
        ({"file": bytes(27_000_000)}, openai.APIStatusError),
    ],
)
def test_the_sdk_raises_the_error_that_is_meant(
    stack: str, question: bytes, fields: dict[str, Any], raised: type[openai.APIStatusError]
) -> None:
    with (
        OpenAI(base_url=f"{stack}/stt/v1", api_key=KEY, max_retries=0) as sdk,
        pytest.raises(raised) as refused,
    ):
        sdk.audio.transcriptions.create(**{"file": question, "model": "whisper-1", **fields})

    assert type(refused.value) is raised
    assert refused.value.request_id
    assert isinstance(refused.value.body, dict)
    assert set(refused.value.body) == {"message", "type", "param", "code"}
