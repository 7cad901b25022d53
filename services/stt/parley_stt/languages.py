"""Languages by the names that callers give them. Pure."""

from collections.abc import Mapping

_NAMED = 8


def code_of(language: str, known: Mapping[str, str]) -> str | None:
    """The code in `known` (code to lower-case English name) that is meant; None: none of them.

    `en`, `en-US`, `en_us` and `English` are the same language.
    """
    name = language.strip().lower()
    base = name.replace("_", "-").partition("-")[0]
    if base in known:
        return base
    return next((code for code, known_name in known.items() if known_name == name), None)


def listed(known: Mapping[str, str]) -> str:
    """Some of `known` for people to read, and how many more there are."""
    names = [f"{name} ({code})" for code, name in known.items()]
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return ", ".join(names[:_NAMED]) + more
