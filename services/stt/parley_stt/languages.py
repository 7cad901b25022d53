"""Languages by the names that callers give them. Pure."""

from collections.abc import Iterable, Mapping

from parley_kit.errors import InvalidRequest
from parley_stt.engine import SttEngine

_NAMED = 8


def asked_for(
    language: str,
    languages: Iterable[str],
    engine: SttEngine,
    *,
    path: str = "",
    code: str | None = None,
) -> tuple[str, ...]:
    """Codes of those asked for that the engine hears: `language`, else `languages`; empty: any.

    Args:
        path: where the two fields are in the request, for the param of a refusal.
        code: of a refusal.

    Raises:
        InvalidRequest: it hears none of them.
    """
    field, names = ("language", [language]) if language else ("languages", list(languages))
    codes = (code_of(name, engine.languages) for name in names)
    heard = tuple(dict.fromkeys(code for code in codes if code))
    if any(names) and not heard:
        raise InvalidRequest(
            f"The model {engine.models[0]} hears {listed(engine.languages)}, not this.",
            param=f"{path}{field}",
            code=code,
        )
    return heard


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
