"""`GET /v1/models` and `GET /v1/models/{id}`, the same for every service that serves models."""

from collections.abc import Callable, Mapping, Sequence

from fastapi import APIRouter

from parley_kit.errors import ModelNotFound

# A constant, so that a reply does not change from call to call: the day of the first release.
_CREATED = 1_795_219_200


def model_object(model: str) -> dict[str, object]:
    """A model as OpenAI describes one."""
    return {"id": model, "object": "model", "created": _CREATED, "owned_by": "parley"}


def model_routes(
    models: Sequence[str], beside: Callable[[], Mapping[str, object]] = dict
) -> APIRouter:
    """Routes that list `models`; ids may contain slashes.

    Args:
        beside: what each has that OpenAI's have not.
    """
    router = APIRouter(prefix="/v1")

    @router.get("/models")
    async def list_models() -> dict[str, object]:
        return {"object": "list", "data": [{**model_object(model), **beside()} for model in models]}

    @router.get("/models/{model:path}")
    async def retrieve_model(model: str) -> dict[str, object]:
        if model not in models:
            raise ModelNotFound(model)
        return {**model_object(model), **beside()}

    return router
