"""The application: routes, errors as `application/problem+json`, the pages, and the guard around it all."""

import logging
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from pathlib import Path

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import FileResponse, JSONResponse
from fastapi.routing import APIRoute
from starlette.exceptions import HTTPException

from huafang import methods
from huafang.errors import HuafangError, QueueFull
from huafang.server.compression import Compression
from huafang.server.guard import Guard
from huafang.server.routes import aliases, assets, jobs, models
from huafang.server.routes import methods as method_routes
from huafang.server.schemas import Preview, Problem, Progress
from huafang.server.studio import PAGES, UPLOAD_BYTES, UPLOADS_AT_ONCE, Studio

log = logging.getLogger(__name__)
FAULTS = 10
SAID = 4_000
"""Faults that one answer explains, and its length: a request of a million wrong fields is answered as quickly as any."""
ERRORS: dict[int | str, dict[str, object]] = {status: {"model": Problem} for status in (404, 409, 413, 422, 429, 507)}


def create_app(studio: Studio, *, hosts: Iterable[str] = ("127.0.0.1", "localhost", "[::1]"), token: str | None = None) -> Guard:
    """The ASGI application over `studio`, whose dispatcher the caller starts and stops."""

    @asynccontextmanager
    async def life(_: FastAPI) -> AsyncIterator[None]:
        studio.hub.open(studio.dispatcher)
        studio.decoder.warm()
        yield
        studio.hub.close()
        studio.decoder.close()

    app = FastAPI(
        title="Huafang", version=studio.version, lifespan=life, responses=ERRORS, generate_unique_id_function=_operation, redoc_url=None, docs_url=None
    )
    app.add_middleware(Compression)
    app.state.studio = studio
    app.add_exception_handler(HuafangError, _on_ours)
    app.add_exception_handler(RequestValidationError, _on_invalid)
    app.add_exception_handler(HTTPException, _on_http)
    app.add_exception_handler(Exception, _on_bug)
    for router in (method_routes.router, assets.router, jobs.router, models.router, aliases.router):
        app.include_router(router)
    _name_event_types(app)
    app.add_api_route("/{path:path}", _page, methods=["GET", "HEAD"], include_in_schema=False, response_class=Response)
    return Guard(app, hosts=hosts, token=token, upload_bytes=UPLOAD_BYTES, uploads=UPLOADS_AT_ONCE)


def _operation(route: APIRoute) -> str:
    return route.name


def _name_event_types(app: FastAPI) -> None:
    """Server-sent events have no schema of their own in a client; put what they carry among the named types."""
    original = app.openapi

    def openapi() -> dict[str, object]:
        document = original()
        for model in (Progress, Preview):
            document["components"]["schemas"].setdefault(model.__name__, model.model_json_schema())
        return document

    app.openapi = openapi  # type: ignore[method-assign]  # FastAPI's documented way to extend the document


async def _page(path: str) -> Response:
    """The web studio. Unknown names are its own to route, unless they are the API's."""
    if path.startswith("api/") or path == "api":
        return _problem(404, "not_found", f"there is no /{path[:80]}")
    if path and (place := _page_file(path)):
        cache = "public, max-age=31536000, immutable" if path.startswith("assets/") else "no-cache"
        return FileResponse(place, headers={"cache-control": cache})
    if (PAGES / "index.html").is_file():
        return FileResponse(PAGES / "index.html", headers={"cache-control": "no-cache"})
    return Response(
        "The web studio's pages are not built. The API is at /api and /openapi.json.\n"
        "To build them: install again with npm's registry within reach, or run `npm ci && npm run build` in web/ and copy web/dist to src/huafang/static.\n",
        503,
        media_type="text/plain; charset=utf-8",
    )


def _page_file(path: str) -> Path | None:
    """The file of the built pages that `path` names, if there is one."""
    try:
        place = (PAGES / path).resolve()
        return place if place.is_relative_to(PAGES.resolve()) and place.is_file() else None
    except (ValueError, OSError):  # a NUL in it, or longer than a file's name may be
        return None


def _problem(status: int, code: str, detail: str, hint: str | None = None, headers: dict[str, str] | None = None) -> JSONResponse:
    detail = detail[:SAID].encode("utf-8", "backslashreplace").decode()  # what came may hold half a surrogate pair
    body = Problem(title=detail.partition(":")[0][:120], status=status, detail=detail, code=code, hint=hint)
    return JSONResponse(body.model_dump(), status, headers, media_type="application/problem+json")


async def _on_ours(_: Request, error: Exception) -> Response:
    assert isinstance(error, HuafangError)
    headers = {"retry-after": str(round(error.retry_after + 0.5))} if isinstance(error, QueueFull) else None
    return _problem(error.http_status, error.code, error.message, error.hint, headers)


async def _on_invalid(_: Request, error: Exception) -> Response:
    """What was wrong, field by field; what came is quoted in part and never as a number that JSON cannot hold."""
    assert isinstance(error, RequestValidationError)
    faults = error.errors()
    more = f"; and {len(faults) - FAULTS} more" if len(faults) > FAULTS else ""
    return _problem(422, "params.bad", methods.explain(faults[:FAULTS])[: SAID - 40] + more)


async def _on_http(_: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    return _problem(error.status_code, f"http.{error.status_code}", str(error.detail), headers=dict(error.headers or {}))


async def _on_bug(request: Request, error: Exception) -> Response:
    log.error("%s %s failed", request.method, request.url.path, exc_info=error)
    return _problem(500, "bug", "Huafang made a mistake of its own; its log has the details")
