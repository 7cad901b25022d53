"""Every error has OpenAI's shape."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, ValidationError

from parley_kit import errors
from parley_kit.errors import ApiError, ModelNotFound, from_validation


def all_errors() -> list[type[ApiError]]:
    return [
        value
        for value in vars(errors).values()
        if isinstance(value, type) and issubclass(value, ApiError) and value.__name__[0] != "_"
    ]


@pytest.mark.parametrize("error", all_errors())
def test_an_error_has_a_status_that_fits_its_type(error: type[ApiError]) -> None:
    assert 400 <= error.status <= 599
    if error.status >= 500:
        assert error.type == "server_error"


def test_the_docstring_draws_the_whole_tree() -> None:
    assert errors.__doc__ is not None
    for error in all_errors():
        assert error.__name__ in errors.__doc__


def test_a_very_long_model_name_is_not_echoed_whole() -> None:
    assert len(ModelNotFound("x" * 10_000).message) < 300


class Inner(BaseModel):
    words: list[int]


class Outer(BaseModel):
    inner: Inner
    tag: str


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(),
        lambda inner: (
            st.lists(inner) | st.dictionaries(st.sampled_from(["inner", "words", "tag"]), inner)
        ),
    )
)
def test_any_invalid_body_becomes_one_error_that_names_a_field_of_the_model(body: object) -> None:
    try:
        Outer.model_validate(body)
    except ValidationError as exc:
        error = from_validation(exc.errors())
        assert error.status == 400
        assert error.param is None or error.param.split(".")[0].split("[")[0] in ("inner", "tag")
