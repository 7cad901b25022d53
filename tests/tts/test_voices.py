"""Which voices a name stands for."""

import math
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from parley_kit.errors import InvalidRequest
from parley_tts.engine import Blend, Voice
from parley_tts.voices import MOST_PARTS, language_of, resolved

KOKORO = ("af_bella", "af_sky", "bm_fable")
VOICES = tuple(
    Voice(name, name, "en-GB" if name[0] == "b" else "en-US", "female") for name in KOKORO
)
OPENAI = {"alloy": "af_sky", "fable": "bm_fable"}


def blended(name: str) -> dict[str, float]:
    return dict(resolved(name, VOICES, OPENAI, blends=True))


def refusal(name: str, *, blends: bool = True) -> str:
    with pytest.raises(InvalidRequest) as refused:
        resolved(name, VOICES, OPENAI, blends=blends)
    assert refused.value.param == "voice"
    return refused.value.message


@pytest.mark.parametrize(
    ("name", "shares"),
    [
        ("af_sky", {"af_sky": 1}),
        ("alloy", {"af_sky": 1}),
        ("af_bella+af_sky", {"af_bella": 0.5, "af_sky": 0.5}),
        ("af_bella(2)+af_sky(1)", {"af_bella": 2 / 3, "af_sky": 1 / 3}),
        ("af_bella(2)+af_sky", {"af_bella": 2 / 3, "af_sky": 1 / 3}),
        ("af_bella(0.7)+af_sky(0.3)", {"af_bella": 0.7, "af_sky": 0.3}),
        ("af_bella(.5) + af_sky( 1.5 )", {"af_bella": 0.25, "af_sky": 0.75}),
        ("af_bella(999999)+af_sky(999999)", {"af_bella": 0.5, "af_sky": 0.5}),
        ("af_bella(3)", {"af_bella": 1}),
        ("af_bella+af_sky+af_bella(2)", {"af_bella": 0.75, "af_sky": 0.25}),
        ("alloy+af_sky+bm_fable(2)", {"af_sky": 0.5, "bm_fable": 0.5}),
        ("+".join(["af_sky"] * MOST_PARTS), {"af_sky": 1}),
    ],
)
def test_a_blend_has_shares_by_weight(name: str, shares: dict[str, float]) -> None:
    assert blended(name) == pytest.approx(shares)


@pytest.mark.parametrize(
    "name",
    [
        "", "+", "af_sky+", "+af_sky", "af_sky++af_bella", "af_sky(0)", "af_sky(0)+af_bella",
        "af_sky(0.0)+af_sky(0)+af_bella", "af_sky(-1)+af_bella", "af_sky(1e9)", "af_sky(nan)",
        "af_sky(inf)+af_bella", "af_sky()", "af_sky(1", "af_sky 1)", "af_sky(1)(2)",
        "af_sky(1234567)", "(2)af_sky", "af_sky-af_bella", "af_bella+nobody", "af_sky af_bella",
        "+".join(["af_sky"] * (MOST_PARTS + 1)), "AF_SKY", "a" * 1_000 + "(" * 1_000,
    ],
)  # fmt: skip
def test_what_is_no_blend_is_refused(name: str) -> None:
    refusal(name)


def test_a_refusal_lists_all_voices_and_does_not_repeat_what_was_sent() -> None:
    message = refusal("af_bella+nobody")

    assert "nobody" not in message
    assert all(name in message for name in (*KOKORO, *OPENAI))


def test_an_engine_that_cannot_blend_says_so() -> None:
    assert "cannot blend" in refusal("af_bella+af_sky", blends=False)
    assert "cannot blend" in refusal("af_bella(2)", blends=False)


def test_a_voice_with_a_plus_in_its_name_is_no_blend() -> None:
    voices = (Voice("en-us+f5", "F5", "en-US", "female"),)

    assert resolved("en-us+f5", voices, {}, blends=False) == (("en-us+f5", 1.0),)


def test_an_own_voice_wins_over_the_name_of_one_of_openai_s() -> None:
    voices = (*VOICES, Voice("alloy", "Alloy", "en-US", "female"))

    assert resolved("alloy", voices, OPENAI, blends=True) == (("alloy", 1.0),)


WEIGHTS = st.one_of(
    st.integers(1, 999_999).map(str), st.decimals("0.000001", "9999", places=6).map(str)
)


@given(st.lists(st.tuples(st.sampled_from(KOKORO), WEIGHTS), min_size=1, max_size=MOST_PARTS))
def test_shares_are_positive_and_sum_to_one_with_every_voice_once(
    parts: list[tuple[str, str]],
) -> None:
    found: Blend = resolved(
        "+".join(f"{voice}({weight})" for voice, weight in parts), VOICES, OPENAI, blends=True
    )

    assert [voice for voice, _ in found] == list(dict.fromkeys(voice for voice, _ in parts))
    assert all(share > 0 for _, share in found)
    assert math.isclose(sum(share for _, share in found), 1)


@given(st.text(alphabet="abf_sky()+.0123456789 \n", max_size=60))
def test_any_name_is_a_blend_or_refused(name: str) -> None:
    with suppress(InvalidRequest):
        assert sum(blended(name).values()) == pytest.approx(1)


def test_a_blend_speaks_the_language_of_its_greatest_share() -> None:
    assert language_of((("af_sky", 0.4), ("bm_fable", 0.6)), VOICES) == "en-GB"
