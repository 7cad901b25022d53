"""Base URLs as users have them."""

import pytest

from parley_kit.urls import service_url


@pytest.mark.parametrize(
    ("base", "url"),
    [
        ("http://host:8000", "http://host:8000/stt/v1"),
        ("http://host:8000/", "http://host:8000/stt/v1"),
        ("http://host/parley", "http://host/parley/stt/v1"),
        ("http://host/stt/v1/", "http://host/stt/v1"),
        ("https://api.openai.com/v1", "https://api.openai.com/v1"),
    ],
)
def test_a_base_that_is_whole_is_taken_as_it_is(base: str, url: str) -> None:
    assert service_url(base, "stt") == url
