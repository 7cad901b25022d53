"""Languages by the names that callers give them. Pure."""

from collections.abc import Mapping


def code_of(language: str, known: Mapping[str, str]) -> str | None:
    """The code in `known` (code to lower-case English name) that is meant; None: none of them.

    `en`, `en-US`, `en_us` and `English` are the same language.
    """
    name = language.strip().lower()
    base = name.replace("_", "-").partition("-")[0]
    if base in known:
        return base
    return next((code for code, known_name in known.items() if known_name == name), None)
