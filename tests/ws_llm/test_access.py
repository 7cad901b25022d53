"""How much a caller may ask, and where the upstream is."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from parley_ws_llm.rate import TokenBucket
from parley_ws_llm.settings import WsLlmSettings


def test_a_bucket_lets_ten_seconds_worth_through_at_once_and_then_its_rate() -> None:
    bucket = TokenBucket(60, now=0.0)

    assert all(bucket.take(0.0) for _ in range(10))
    assert not bucket.take(0.5)
    assert bucket.take(1.5)
    assert not bucket.take(1.6)


@given(st.lists(st.floats(0, 10), max_size=200))
def test_a_bucket_never_lets_more_through_than_its_rate(pauses: list[float]) -> None:
    bucket, now, passed = TokenBucket(30, now=0.0), 0.0, 0
    for pause in pauses:
        now += pause
        passed += bucket.take(now)

    assert passed <= 30 + now / 2 + 1e-6


@pytest.mark.parametrize(
    ("base", "llm", "url"),
    [
        ("http://llm:8000", "", "http://llm:8000/llm/v1"),
        ("http://llm:8000/", "", "http://llm:8000/llm/v1"),
        ("http://llm:8000/llm/v1", "", "http://llm:8000/llm/v1"),
        ("https://api.openai.com/v1/", "", "https://api.openai.com/v1"),
        ("http://llm:8000", "http://ollama:11434/v1/", "http://ollama:11434/v1"),
    ],
)
def test_the_upstream_is_where_the_settings_say(base: str, llm: str, url: str) -> None:
    settings = WsLlmSettings(openai_base_url=base, llm_base_url=llm)

    assert settings.upstream_url == url
