"""Every way to be refused by the TTS service: its status, its body and what the SDK makes of it."""

from typing import Any

import httpx2
import openai
import pytest
from openai import OpenAI

from tests.contract.conftest import KEY
from tests.serving import error_of

SPEECH = "/v1/audio/speech"
AUTHORISED = {"authorization": f"Bearer {KEY}"}
HELLO = {"model": "tts-1", "voice": "alloy", "input": "Hello."}


@pytest.mark.parametrize(
    ("method", "path", "request_", "status", "type_", "code"),
    [
        ("POST", SPEECH, {"json": HELLO, "headers": {}}, 401, "invalid_request_error",
         "invalid_api_key"),
        ("POST", "/v1/audio/nothing", {}, 404, "invalid_request_error", "unknown_url"),
        ("GET", "/v1/models/tts-9", {}, 404, "invalid_request_error", "model_not_found"),
        ("POST", SPEECH, {"json": HELLO | {"model": "tts-9"}}, 404, "invalid_request_error",
         "model_not_found"),
        ("GET", SPEECH, {}, 405, "invalid_request_error", "method_not_allowed"),
        ("POST", "/v1/audio/voices", {"data": {"name": "me"}}, 405, "invalid_request_error",
         "method_not_allowed"),
        ("POST", "/v1/audio/voice_consents", {}, 404, "invalid_request_error", "unknown_url"),
        ("POST", SPEECH, {"data": HELLO}, 400, "invalid_request_error", None),
        ("POST", SPEECH, {"content": b"{"}, 400, "invalid_request_error", None),
        ("POST", SPEECH, {"json": HELLO | {"input": "x" * 4097}}, 400, "invalid_request_error",
         "string_above_max_length"),
        ("POST", SPEECH, {"json": HELLO | {"input": "x" * 27_000_000}}, 413, "server_error", None),
    ],
)  # fmt: skip
def test_a_refusal_has_openais_status_and_envelope(
    stack: str, method: str, path: str, request_: dict[str, Any], status: int, type_: str,
    code: str | None,
) -> None:  # fmt: skip
    response = httpx2.request(
        method, f"{stack}/tts{path}", **{"headers": AUTHORISED, **request_}, timeout=30
    )

    assert response.status_code == status
    assert (error_of(response)["type"], error_of(response)["code"]) == (type_, code)


@pytest.mark.parametrize(
    ("fields", "raised", "param"),
    [
        ({"voice": "nobody"}, openai.BadRequestError, "voice"),
        ({"voice": "alloy+nova"}, openai.BadRequestError, "voice"),
        ({"input": ""}, openai.BadRequestError, "input"),
        ({"speed": 5}, openai.BadRequestError, "speed"),
        ({"response_format": "midi"}, openai.BadRequestError, "response_format"),
        ({"extra_body": {"word_timestamps": True}}, openai.BadRequestError, "word_timestamps"),
        ({"extra_body": {"sample_rate": 12_345}}, openai.BadRequestError, "sample_rate"),
        ({"extra_body": {"lang_code": "z"}}, openai.BadRequestError, "lang_code"),
        ({"model": "tts-9"}, openai.NotFoundError, "model"),
    ],
)
def test_the_sdk_raises_the_error_that_is_meant(
    stack: str, fields: dict[str, Any], raised: type[openai.APIStatusError], param: str
) -> None:
    with (
        OpenAI(base_url=f"{stack}/tts/v1", api_key=KEY, max_retries=0) as sdk,
        pytest.raises(raised) as refused,
    ):
        sdk.audio.speech.create(**{**HELLO, **fields})

    assert type(refused.value) is raised
    assert refused.value.request_id
    assert isinstance(refused.value.body, dict)
    assert set(refused.value.body) == {"message", "type", "param", "code"}
    assert refused.value.body["param"] == param
