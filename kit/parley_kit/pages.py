"""The pages that services bring: a few static files, one shared stylesheet, nothing from elsewhere.

A page's files live in its package's `static` folder, are read once, and are served with a content
security policy under which only files of the same origin run, so that text of a user or a model
can never become code even where a page had a mistake.
"""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from importlib.resources import files
from typing import Self

from fastapi import APIRouter, Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute, Match
from starlette.types import Receive, Scope, Send

STYLESHEET = "/style.css"

_MEDIA_TYPES = {
    "html": "text/html; charset=utf-8",
    "css": "text/css; charset=utf-8",
    "js": "text/javascript; charset=utf-8",
    "svg": "image/svg+xml",
}
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
    "img-src 'self' data:; base-uri 'none'; frame-ancestors 'none'; form-action 'none'"
)
HEADERS: Mapping[str, str] = {
    "content-security-policy": _POLICY,
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
    # A browser asks each time and is told 304, so a new release shows at once.
    "cache-control": "no-cache",
}


@dataclass(frozen=True, slots=True)
class Asset:
    """One file of a page."""

    content: bytes
    media_type: str
    etag: str

    @classmethod
    def load(cls, package: str, name: str) -> Self:
        """The file `name` of the package's `static` folder."""
        content = files(package).joinpath("static", name).read_bytes()
        etag = f'"{hashlib.sha256(content).hexdigest()[:16]}"'
        return cls(content, _MEDIA_TYPES[name.rpartition(".")[2]], etag)

    def response(self, if_none_match: str | None) -> Response:
        """The file, or 304 when the browser has it."""
        headers = {**HEADERS, "etag": self.etag}
        if if_none_match is not None and self.etag in if_none_match:
            return Response(status_code=304, headers=headers)
        return Response(self.content, media_type=self.media_type, headers=headers)


def page_routes(package: str, names: Mapping[str, str]) -> APIRouter:
    """Routes for the files of one page, by path, and for the shared stylesheet."""
    assets = {path: Asset.load(package, name) for path, name in names.items()}
    assets[STYLESHEET] = Asset.load("parley_kit", "style.css")
    router = APIRouter()
    for path, asset in assets.items():
        _serve(router, path, asset)
    return router


class BareRoot(BaseRoute):
    """The root without its slash: a browser is sent to where the page's links work.

    Starlette would redirect to an absolute URL, with the scheme that it sees behind the gateway.
    """

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        found = scope["type"] == "http" and is_bare_root(scope)
        return (Match.FULL if found else Match.NONE), {}

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        there = f"{scope['path'].rpartition('/')[2]}/"
        await RedirectResponse(there, status_code=308)(scope, receive, send)


def is_bare_root(scope: Scope) -> bool:
    """Whether a request is for `/<name>` itself."""
    return bool(scope["path"] == scope.get("root_path"))


def open_paths(paths: Iterable[str]) -> frozenset[tuple[str, str]]:
    """What a service opens so that a browser, which has no key yet, can load the page."""
    return frozenset((method, path) for path in (*paths, STYLESHEET) for method in ("GET", "HEAD"))


def _serve(router: APIRouter, path: str, asset: Asset) -> None:
    @router.api_route(path, methods=["GET", "HEAD"])
    async def serve(request: Request) -> Response:
        return asset.response(request.headers.get("if-none-match"))
