"""Keys in settings: what no header can carry is a typing error, told when it is read."""

from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, SecretStr

from parley_kit.auth import split_keys


def checked_key(value: SecretStr) -> SecretStr:
    """The key without the white space around it, such as the line's end of the file it was in.

    Raises:
        ValueError: it holds more than the characters of a key.
    """
    key = value.get_secret_value().strip()
    if not all("!" <= character <= "~" for character in key):
        raise ValueError(
            "this is no key: it holds white space, or a character that is not plain ASCII"
        )
    return SecretStr(key)


def first_key(value: object) -> object:
    """Of several keys with commas between them the newest, which is the first."""
    return next(iter(split_keys(value)), "") if isinstance(value, str) else value


Key = Annotated[SecretStr, AfterValidator(checked_key)]
FirstKey = Annotated[Key, BeforeValidator(first_key)]
