"""The routes of a service whose engine is another server with OpenAI's API.

Bodies go through as bytes: what either side knows and this service does not stays as it is.
"""

from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import AsyncExitStack

from fastapi import APIRouter, Request
from starlette.responses import Response
from starlette.routing import Route

from parley_kit import sse
from parley_kit.app import Service
from parley_kit.context import RequestContext, context_of
from parley_kit.errors import ModelNotFound, UpstreamFailed
from parley_kit.models import model_routes
from parley_kit.upstream import UNREACHABLE, Headers, Reply
from parley_llm.engines.proxy import MAX_REPLY_BYTES, Proxy
from parley_llm.foreign_errors import MAX_BYTES, translate
from parley_llm.request_body import BodyRules, revise
from parley_llm.settings import LlmSettings
from parley_llm.whole_events import WholeEvents

ENDPOINTS = ("/v1/chat/completions", "/v1/completions", "/v1/responses")
# Where the last event of a stream is `[DONE]`.
_ENDS_WITH_DONE = frozenset({"/v1/chat/completions", "/v1/completions"})
_EVENT_STREAM = b"text/event-stream"

# What a caller's headers may tell the upstream; keys, cookies and addresses stay here.
_PASSED_ON = frozenset(
    {
        b"accept", b"idempotency-key", b"openai-beta", b"openai-organization", b"openai-project",
        b"traceparent", b"tracestate", b"user-agent",
    }
)  # fmt: skip
# What is about the upstream's connection, or is said by this service itself.
_NOT_PASSED_BACK = frozenset(
    {
        b"alt-svc", b"cache-control", b"connection", b"content-length", b"content-type", b"date",
        b"keep-alive", b"proxy-authenticate", b"proxy-connection", b"server", b"set-cookie",
        b"strict-transport-security", b"te", b"trailer", b"transfer-encoding", b"upgrade",
        b"x-accel-buffering", b"x-request-id",
    }
)  # fmt: skip


def relay_routes(service: Service, settings: LlmSettings, upstream: Proxy) -> APIRouter:
    """Routes for the endpoints and the models of the upstream."""
    router = APIRouter()
    names = (
        dict.fromkeys(settings.served_models, settings.upstream_model)
        if settings.upstream_model
        else {}
    )
    rules = BodyRules(settings.max_n, settings.max_messages, names)
    for path in ENDPOINTS:
        _relay(router, path, service, upstream, rules)
    router.include_router(
        model_routes(settings.served_models) if names else _upstream_models(upstream)
    )
    return router


def _relay(
    router: APIRouter, path: str, service: Service, upstream: Proxy, rules: BodyRules
) -> None:
    async def relay(request: Request) -> Response:
        # For the access log and the metrics, as FastAPI's own routes do.
        request.scope["route"] = route
        service.health.require_serving()
        context = context_of(request.scope)
        service.admission.check(context.key_id)
        body = revise(path, await request.body(), rules)
        headers = _asked_with(request, context)
        async with AsyncExitStack() as stack:
            await stack.enter_async_context(service.admission.slot(context.key_id))
            reply = await stack.enter_async_context(
                upstream.ask("POST", path.removeprefix("/v1"), headers, body)
            )
            if reply.status == 200 and reply.media_type == _EVENT_STREAM:
                events = _events(stack.pop_all(), reply, path in _ENDS_WITH_DONE)
                return _with_headers(await sse.respond(events, context), reply)
            return await _whole(reply)
        raise AssertionError("a context that holds a place swallows nothing")

    # Starlette's own route: FastAPI's would look for parameters, in vain, before the first token.
    route = Route(path, relay, methods=["POST"])
    router.routes.append(route)


def _asked_with(request: Request, context: RequestContext) -> Headers:
    passed = [(name, value) for name, value in request.headers.raw if name in _PASSED_ON]
    return [
        *passed,
        (b"content-type", b"application/json"),
        (b"x-request-id", context.request_id.encode("latin-1")),
    ]


async def _events(
    held: AsyncExitStack, reply: Reply, ends_with_done: bool
) -> AsyncGenerator[bytes, None]:
    """The upstream's events; a stream that just stops is a failure."""
    events = WholeEvents()
    async with held:
        async for piece in reply.chunks:
            if whole := events.push(piece):
                yield whole
        if events.torn or (ends_with_done and not events.done):
            message = "The model's server stopped in the middle of its answer."
            raise UpstreamFailed(message, code=UNREACHABLE)


async def _whole(reply: Reply) -> Response:
    if not 200 <= reply.status < 300:
        raise translate(reply.status, await _beginning(reply.chunks), reply.by_name)
    if reply.media_type != b"application/json":
        raise UpstreamFailed("The model's server answered with something that is not JSON.")
    body = await reply.read(MAX_REPLY_BYTES)
    return _with_headers(Response(body, reply.status, media_type="application/json"), reply)


async def _beginning(chunks: AsyncIterator[bytes]) -> bytes:
    """As much of an error's body as is read; one that breaks off says as much."""
    body = b""
    try:
        async for chunk in chunks:
            body += chunk
            if len(body) >= MAX_BYTES:
                break
    except UpstreamFailed:
        return body
    return body


def _with_headers(response: Response, reply: Reply) -> Response:
    response.raw_headers.extend(h for h in reply.headers if h[0] not in _NOT_PASSED_BACK)
    return response


def _upstream_models(upstream: Proxy) -> APIRouter:
    """Models as the upstream describes them; not every server can describe one of them."""
    router = APIRouter(prefix="/v1")

    @router.get("/models")
    async def list_models() -> dict[str, object]:
        return {"object": "list", "data": await upstream.models()}

    @router.get("/models/{model:path}")
    async def retrieve_model(model: str) -> dict[str, object]:
        for known in await upstream.models():
            if known.get("id") == model:
                return known
        raise ModelNotFound(model)

    return router
