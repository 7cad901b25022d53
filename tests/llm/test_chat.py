"""`POST /v1/chat/completions` with the scripted engine, over a socket."""

from collections.abc import Iterator

import httpx2
import pytest

from parley_llm.app import create_app
from parley_llm.settings import LlmSettings
from tests.serving import error_of, serve

QUESTION = {"role": "user", "content": "How long does the flu last?"}


@pytest.fixture(scope="module")
def client() -> Iterator[httpx2.Client]:
    app = create_app(LlmSettings(allow_anonymous=True, max_messages=20))
    with serve(app) as url, httpx2.Client(base_url=f"{url}/llm/v1") as client:
        yield client


def test_an_unknown_model_is_404(client: httpx2.Client) -> None:
    response = client.post("/chat/completions", json={"model": "gpt-9", "messages": [QUESTION]})

    assert response.status_code == 404
    assert error_of(response)["code"] == "model_not_found"
