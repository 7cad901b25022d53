"""Who may open a socket."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from parley_ws_llm.access import ForeignOrigin, authorization, check_origin, same_origin
from parley_ws_llm.rate import TokenBucket
from parley_ws_llm.settings import WsLlmSettings


@pytest.mark.parametrize(
    ("origin", "host"),
    [
        ("http://localhost:8000", "localhost:8000"),
        ("https://chat.example", "chat.example"),
        ("https://chat.example", "chat.example:443"),
        ("https://Chat.Example", "chat.example"),
        ("http://[::1]:8000", "[::1]:8000"),
    ],
)
def test_a_page_may_connect_to_where_it_came_from(origin: str, host: str) -> None:
    assert same_origin(origin, host)


@pytest.mark.parametrize(
    ("origin", "host"),
    [
        ("https://evil.example", "chat.example"),
        ("https://chat.example.evil.example", "chat.example"),
        ("https://evil.example/chat.example", "chat.example"),
        ("http://localhost:3000", "localhost:8000"),
        ("https://chat.example:8443", "chat.example"),
        ("null", "chat.example"),
        ("file://", "chat.example"),
        ("", ""),
        ("https://", ""),
        ("https://[bad", "chat.example"),
        ("https://chat.example:x", "chat.example"),
    ],
)
def test_a_page_of_another_origin_may_not(origin: str, host: str) -> None:
    assert not same_origin(origin, host)


@given(st.text(), st.text())
def test_no_origin_or_host_breaks_the_comparison(origin: str, host: str) -> None:
    assert same_origin(origin, host) in (True, False)


def test_what_is_not_a_browser_sends_no_origin() -> None:
    check_origin(None, "chat.example", frozenset())


def test_listed_origins_replace_the_own_one() -> None:
    allowed = frozenset({"https://app.example"})

    check_origin("https://app.example", "chat.example", allowed)
    with pytest.raises(ForeignOrigin):
        check_origin("https://chat.example", "chat.example", allowed)


@pytest.mark.parametrize(
    ("header", "subprotocols", "found"),
    [
        (None, [], None),
        (None, ["parley"], None),
        (None, ["parley", "parley-key.abc"], "Bearer abc"),
        ("Bearer xyz", ["parley", "parley-key.abc"], "Bearer xyz"),
    ],
)
def test_a_key_comes_in_a_header_or_a_subprotocol(
    header: str | None, subprotocols: list[str], found: str | None
) -> None:
    assert authorization(header, subprotocols) == found


def test_a_bucket_lets_a_minutes_worth_through_at_once_and_then_its_rate() -> None:
    bucket = TokenBucket(60, now=0.0)

    assert all(bucket.take(0.0) for _ in range(60))
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
