"""Which language a name means."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from parley_kit.errors import InvalidRequest
from parley_tts.languages import resolved

KOKORO = ("en-US", "en-GB", "es-ES", "fr-FR", "hi", "it", "ja", "pt-BR", "zh-CN")
ESPEAK = ("cs", "de", "en-GB", "en-US", "es-419", "es-ES", "nb", "pt-BR", "pt-PT", "zh-CN")


@pytest.mark.parametrize(
    ("name", "tag"),
    [
        ("a", "en-US"), ("b", "en-GB"), ("e", "es-ES"), ("f", "fr-FR"), ("h", "hi"), ("i", "it"),
        ("j", "ja"), ("p", "pt-BR"), ("z", "zh-CN"),
        ("en", "en-US"), ("en-US", "en-US"), ("en-gb", "en-GB"), ("EN_us", "en-US"),
        (" en ", "en-US"), ("pt-br", "pt-BR"), ("pt", "pt-BR"), ("zh", "zh-CN"),
        ("cmn", "zh-CN"), ("zh-Hans", "zh-CN"),
        ("zh-Hans-CN", "zh-CN"), ("it-IT", "it"), ("ja-JP", "ja"), ("eng", "en-US"),
        ("English", "en-US"), ("british english", "en-GB"), ("Brazilian Portuguese", "pt-BR"),
        ("Japanese", "ja"), ("Mandarin", "zh-CN"),
    ],
)  # fmt: skip
def test_letters_tags_and_names_are_understood(name: str, tag: str) -> None:
    assert resolved(name, KOKORO, "en-US", "lang_code") == tag


@pytest.mark.parametrize(
    ("name", "of_voice", "tag"),
    [
        ("en", "en-GB", "en-GB"),
        ("en", "de", "en-US"),
        ("es", "de", "es-ES"),
        ("es", "es-419", "es-419"),
        ("pt", "de", "pt-BR"),
        ("no", "de", "nb"),
        ("de-AT", "de", "de"),
    ],
)
def test_a_name_without_region_means_that_of_the_voice(name: str, of_voice: str, tag: str) -> None:
    assert resolved(name, ESPEAK, of_voice, "language") == tag


@pytest.mark.parametrize(
    "name", ["", "x", "de", "klingon", "en-AU", "es-MX", "zh-TW", "a-b-c", "-"]
)
def test_what_is_not_spoken_is_refused_with_what_is(name: str) -> None:
    with pytest.raises(InvalidRequest) as refused:
        resolved(name, KOKORO, "en-US", "lang_code")

    assert refused.value.param == "lang_code"
    assert all(tag in refused.value.message for tag in KOKORO)


@given(st.text(max_size=20))
def test_any_name_means_a_language_or_is_refused(name: str) -> None:
    with suppress(InvalidRequest):
        assert resolved(name, KOKORO, "en-US", "language") in KOKORO
