"""Keys: several, rotated, compared without a hint."""

import os
from pathlib import Path

import httpx2
import pytest

from parley_kit.auth import Authenticator
from parley_kit.errors import InvalidApiKey, SettingsError
from tests.kit.demo import demo_service
from tests.serving import error_of, serve


def bearer(key: str) -> dict[str, str]:
    return {"authorization": f"Bearer {key}"}


def test_each_of_several_keys_opens_and_has_an_id_of_its_own() -> None:
    with serve(demo_service(allow_anonymous=False, api_keys="old-key, new-key")) as url:
        ids = [
            httpx2.get(f"{url}/v1/closed", headers=bearer(key)).json()["key"]
            for key in ("old-key", "new-key")
        ]

    assert len(set(ids)) == 2
    assert not {"old-key", "new-key"} & set(ids)


@pytest.mark.parametrize(
    "headers",
    [
        {},
        bearer("wrong"),
        {"authorization": "Bearer"},
        {"authorization": "Basic k1"},
        {"authorization": "k1"},
    ],
)
def test_anything_but_a_key_in_use_is_401(headers: dict[str, str]) -> None:
    with serve(demo_service(allow_anonymous=False, api_keys="k1")) as url:
        response = httpx2.get(f"{url}/v1/closed", headers=headers)

    assert response.status_code == 401
    assert response.headers["www-authenticate"] == "Bearer"
    assert error_of(response)["code"] == "invalid_api_key"


@pytest.mark.parametrize("path", ["/livez", "/readyz", "/demo/livez", "/v1/open"])
def test_probes_and_listings_are_open_without_a_key(path: str) -> None:
    with serve(demo_service(allow_anonymous=False, api_keys="k1")) as url:
        assert httpx2.get(f"{url}{path}").status_code == 200


@pytest.mark.parametrize("path", ["/metrics", "/status", "/v1/closed", "/v1/models"])
def test_all_else_needs_a_key(path: str) -> None:
    with serve(demo_service(allow_anonymous=False, api_keys="k1")) as url:
        assert httpx2.get(f"{url}{path}").status_code == 401
        assert httpx2.get(f"{url}{path}", headers=bearer("k1")).status_code == 200


def test_without_any_key_a_service_refuses_to_exist() -> None:
    with pytest.raises(SettingsError, match="API_KEYS"):
        demo_service(allow_anonymous=False)


def test_allow_anonymous_does_not_open_a_service_that_has_keys() -> None:
    with serve(demo_service(allow_anonymous=True, api_keys="k1")) as url:
        assert httpx2.get(f"{url}/v1/closed").status_code == 401


def test_openai_api_key_counts_only_when_nothing_else_is_set() -> None:
    alone = demo_service(allow_anonymous=False, openai_api_key="sdk-key")
    beside = demo_service(allow_anonymous=False, openai_api_key="sdk-key", api_keys="k1")

    assert alone.authenticator.identify("Bearer sdk-key")
    with pytest.raises(InvalidApiKey):
        beside.authenticator.identify("Bearer sdk-key")


def test_a_changed_key_file_is_read_again_without_a_restart(tmp_path: Path) -> None:
    now = [0.0]
    file = tmp_path / "keys"
    file.write_text("# keys in use\nfirst\n\n")
    authenticator = Authenticator((), file, clock=lambda: now[0])
    assert authenticator.identify("Bearer first")

    _replace(file, "second\n")
    now[0] += 2

    assert authenticator.identify("Bearer second")
    with pytest.raises(InvalidApiKey):
        authenticator.identify("Bearer first")


def test_a_key_file_that_is_away_for_a_moment_keeps_its_keys(tmp_path: Path) -> None:
    now = [0.0]
    file = tmp_path / "keys"
    file.write_text("first\n")
    authenticator = Authenticator((), file, clock=lambda: now[0])

    file.unlink()
    now[0] += 2

    assert authenticator.identify("Bearer first")


def test_a_key_file_that_is_emptied_opens_nothing(tmp_path: Path) -> None:
    now = [0.0]
    file = tmp_path / "keys"
    file.write_text("first\n")
    authenticator = Authenticator((), file, clock=lambda: now[0])

    _replace(file, "")
    now[0] += 2

    with pytest.raises(InvalidApiKey):
        authenticator.identify(None)


def test_a_key_file_that_is_missing_at_the_start_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"API_KEYS_FILE: cannot read .*nowhere"):
        Authenticator((), tmp_path / "nowhere")


def _replace(file: Path, text: str) -> None:
    new = file.with_suffix(".new")
    new.write_text(text)
    os.replace(new, file)
