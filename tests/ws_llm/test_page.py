"""The chat page's files: open without a key, never stale, unable to run anything else."""

from collections.abc import Iterator

import httpx2
import pytest

from parley_ws_llm.routes import PAGE
from tests.serving import error_of, serve
from tests.ws_llm.talking import assistant

FILES = (*PAGE, "/style.css")


@pytest.fixture(scope="module")
def client() -> Iterator[httpx2.Client]:
    app = assistant("http://127.0.0.1:9", api_keys="k")
    with serve(app, wait_for_ready=False) as url, httpx2.Client(base_url=url) as client:
        yield client


@pytest.mark.parametrize("path", FILES)
@pytest.mark.parametrize("root", ["/ws-llm", ""])
def test_the_pages_files_need_no_key(client: httpx2.Client, root: str, path: str) -> None:
    response = client.get(f"{root}{path}")

    assert response.status_code == 200
    assert response.content


@pytest.mark.parametrize("path", FILES)
def test_nothing_but_the_pages_own_files_can_run(client: httpx2.Client, path: str) -> None:
    headers = client.get(f"/ws-llm{path}").headers

    policy = dict(part.split(" ", 1) for part in headers["content-security-policy"].split("; "))
    assert policy == {
        "default-src": "'none'",
        "script-src": "'self'",
        "style-src": "'self'",
        "connect-src": "'self'",
        "img-src": "'self' data:",
        "base-uri": "'none'",
        "frame-ancestors": "'none'",
        "form-action": "'none'",
    }
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "no-referrer"


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/", "text/html; charset=utf-8"),
        ("/chat.js", "text/javascript; charset=utf-8"),
        ("/style.css", "text/css; charset=utf-8"),
        ("/icon.svg", "image/svg+xml"),
    ],
)
def test_each_file_says_what_it_is(client: httpx2.Client, path: str, kind: str) -> None:
    assert client.get(f"/ws-llm{path}").headers["content-type"] == kind


def test_a_browser_asks_again_and_is_told_that_nothing_changed(client: httpx2.Client) -> None:
    first = client.get("/ws-llm/")

    again = client.get("/ws-llm/", headers={"if-none-match": first.headers["etag"]})

    assert first.headers["cache-control"] == "no-cache"
    assert (again.status_code, again.content) == (304, b"")


def test_head_has_no_body(client: httpx2.Client) -> None:
    response = client.head("/ws-llm/")

    assert (response.status_code, response.content) == (200, b"")


def test_the_root_without_its_slash_leads_to_the_page(client: httpx2.Client) -> None:
    response = client.get("/ws-llm")

    assert (response.status_code, response.headers["location"]) == (308, "ws-llm/")
    assert client.get("/ws-llm", follow_redirects=True).status_code == 200


@pytest.mark.parametrize("path", ["/ws-llm/chat.html", "/ws-llm/nothing", "/ws-llm/status"])
def test_the_rest_needs_a_key(client: httpx2.Client, path: str) -> None:
    response = client.get(path)

    assert response.status_code == 401
    assert error_of(response)["code"] == "invalid_api_key"
