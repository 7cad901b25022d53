"""The body of a request for another server's model: checked, and changed only where it has to be.

Nothing that is not named here is looked at, so that fields which only the other server knows reach
it. A body that needs no change goes on as the same bytes.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NoReturn

from parley_kit.errors import InvalidRequest, ModelNotFound

# Where each endpoint has its messages.
_MESSAGES = {"/v1/chat/completions": "messages", "/v1/responses": "input"}


@dataclass(frozen=True, slots=True)
class BodyRules:
    """What a request may ask for."""

    max_n: int
    """Answers of one request, whichever way they are asked for (CVE-2026-34756)."""
    max_messages: int
    upstream_names: Mapping[str, str] = field(default_factory=dict)
    """The other server's name of each model that is served; empty: names go on as they are."""


def revise(path: str, body: bytes, rules: BodyRules) -> bytes:
    """The body as it goes on.

    Args:
        path: of the endpoint, below the root path.

    Raises:
        ApiError: it is no JSON object, or asks for what the rules forbid.
    """
    request = _parse(body)
    _bound_answers(request, rules.max_n)
    # Both are applied, so no `or`.
    changed = [_rename_model(request, rules), _rename_developer(request, path, rules)]
    return json.dumps(request, separators=(",", ":")).encode() if any(changed) else body


def _parse(body: bytes) -> dict[str, Any]:
    try:
        request = json.loads(body, parse_constant=_no_constant)
    except (ValueError, RecursionError) as exc:
        raise InvalidRequest("We could not parse the JSON body of your request.") from exc
    if not isinstance(request, dict):
        raise InvalidRequest("The body of your request must be a JSON object.")
    return request


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


def _bound_answers(request: Mapping[str, Any], limit: int) -> None:
    prompts = _prompts(request.get("prompt"))
    if prompts > limit:
        raise InvalidRequest(f"Too many prompts: at most {limit} are allowed.", param="prompt")
    for name in ("n", "best_of"):
        count = request.get(name)
        if count is None:
            continue
        # Servers that are lenient read "5000" and 5000.0 as numbers.
        if type(count) is not int or count < 1:
            raise InvalidRequest(f"{name} must be a positive integer.", param=name)
        if count * prompts > limit:
            raise InvalidRequest(
                f"Too many answers: at most {limit} are given to a request.", param=name
            )


def _prompts(prompt: object) -> int:
    """How many prompts there are; a list of numbers is one, in tokens."""
    if isinstance(prompt, list) and prompt and not isinstance(prompt[0], int):
        return len(prompt)
    return 1


def _rename_model(request: dict[str, Any], rules: BodyRules) -> bool:
    if not rules.upstream_names:
        return False
    model = request.get("model")
    if not isinstance(model, str):
        raise InvalidRequest("Missing required parameter: 'model'.", param="model")
    if model not in rules.upstream_names:
        raise ModelNotFound(model)
    name = rules.upstream_names[model]
    request["model"] = name
    return name != model


def _rename_developer(request: Mapping[str, Any], path: str, rules: BodyRules) -> bool:
    """Call developers "system": chat templates drop messages of a role that they do not know."""
    name = _MESSAGES.get(path, "")
    messages = request.get(name)
    if not isinstance(messages, list):
        return False
    if len(messages) > rules.max_messages:
        raise InvalidRequest(
            f"Too many messages: at most {rules.max_messages} are allowed.", param=name
        )
    named = [m for m in messages if isinstance(m, dict) and m.get("role") == "developer"]
    for message in named:
        message["role"] = "system"
    return bool(named)
