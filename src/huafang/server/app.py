"""The application: routes, errors as `application/problem+json`, the pages, and the guard around it all."""

import logging
import re
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
from huafang.server.bodies import CheckedBodies
from huafang.server.compression import Compression
from huafang.server.guard import UPLOADS, Guard
from huafang.server.routes import aliases, assets, jobs, models, styles
from huafang.server.routes import methods as method_routes
from huafang.server.schemas import Preview, Problem, Progress
from huafang.server.studio import PAGES, UPLOAD_BYTES, UPLOADS_AT_ONCE, Studio

log = logging.getLogger(__name__)
FAULTS = 10
SAID = 4_000
"""Faults that one answer explains, and its length: a request of a million wrong fields is answered as quickly as any."""
FORM = "send a multipart form, each picture in a part of its own with a file name: curl -F file=@photo.jpg"
BROKEN_FORMS = {
    "There was an error parsing the body": "the body could not be read",
    "Invalid multipart data": "the multipart form is damaged, or breaks off",
    "Missing boundary": "this multipart form names no boundary in its content-type",
    'The Content-Disposition header field "name"': "a part of the form has no name",
    "Part exceeded": "a field of the form that is no file is longer than 1 MB",
    "Field exceeded": "a field of the form is longer than 1 MB",
    "Too many files": "the form has more than 1,000 files",
    "Too many fields": "the form has more than 1,000 fields",
}
"""What Starlette says of a form that it cannot read, by its beginning, and what we say."""
ERRORS: dict[int | str, dict[str, object]] = {status: {"model": Problem} for status in (404, 409, 413, 422, 429, 507)}


def create_app(studio: Studio, *, hosts: Iterable[str] = ("127.0.0.1", "localhost", "[::1]"), token: str | None = None) -> Guard:
    """The ASGI application over `studio`, whose dispatcher the caller starts and stops."""
    return Guard(CheckedBodies(create_api(studio)), hosts=hosts, token=token, upload_bytes=UPLOAD_BYTES, uploads=UPLOADS_AT_ONCE)


def create_api(studio: Studio) -> FastAPI:
    """The routes alone, without the checks on who calls and what comes: what the OpenAPI document describes."""

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
    for router in (method_routes.router, assets.router, jobs.router, models.router, styles.router, aliases.router):
        app.include_router(router)
    _name_event_types(app)
    app.add_api_route("/{path:path}", _page, methods=["GET", "HEAD"], include_in_schema=False, response_class=Response)
    return app


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
        return _not_found(f"/{path}")
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


def _not_found(path: str) -> Response:
    return _problem(404, "not_found", f"there is no {path[:80]}", "what there is: /openapi.json")


def _page_file(path: str) -> Path | None:
    """The file of the built pages that `path` names, if there is one."""
    try:
        place = (PAGES / path).resolve()
        return place if place.is_relative_to(PAGES.resolve()) and place.is_file() else None
    except (ValueError, OSError):  # a NUL in it, or longer than a file's name may be
        return None


_LONG = re.compile(r"[^\s]{200,}")
"""What came and is echoed whole: no word of ours is as long."""


def _problem(status: int, code: str, detail: str, hint: str | None = None, headers: dict[str, str] | None = None) -> JSONResponse:
    detail = _LONG.sub(lambda word: word[0][:100] + "…", detail)[:SAID].encode("utf-8", "backslashreplace").decode()  # what came may hold half a surrogate pair
    body = Problem(title=detail.partition(":")[0][:120], status=status, detail=detail, code=code, hint=hint)
    return JSONResponse(body.model_dump(), status, headers, media_type="application/problem+json")


async def _on_ours(_: Request, error: Exception) -> Response:
    assert isinstance(error, HuafangError)
    headers = {"retry-after": str(round(error.retry_after + 0.5))} if isinstance(error, QueueFull) else None
    return _problem(error.http_status, error.code, error.message, error.hint, headers)


async def _on_invalid(request: Request, error: Exception) -> Response:
    """What was wrong, field by field; what came is quoted in part and never as a number that JSON cannot hold."""
    assert isinstance(error, RequestValidationError)
    faults = error.errors()
    if any(fault["loc"] == ("body",) and isinstance(fault["input"], bytes) for fault in faults):
        return _problem(422, "request.json", "the body did not come as JSON", "send an object with the header content-type: application/json")
    more = f"; and {len(faults) - FAULTS} more" if len(faults) > FAULTS else ""
    hint = FORM if request.url.path in UPLOADS and any(fault["loc"][:1] == ("body",) for fault in faults) else None
    return _problem(422, "params.bad", methods.explain(faults[:FAULTS])[: SAID - 40] + more, hint)


async def _on_http(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    headers = {name.lower(): value for name, value in (error.headers or {}).items()}
    if error.status_code == 405 and request.url.path.startswith("/api") and request.scope.get("endpoint") is _page:
        return _not_found(request.url.path)
    if error.status_code == 405:
        headers["allow"] = _allowed(request.app, request.url.path) or headers.get("allow", "")
        return _problem(405, "http.405", f"{request.method} is not for {request.url.path}; allowed: {headers['allow']}", headers=headers)
    if error.status_code == 400 and (said := next((ours for theirs, ours in BROKEN_FORMS.items() if str(error.detail).startswith(theirs)), None)):
        return _problem(400, "request.form", said, FORM)
    return _problem(error.status_code, f"http.{error.status_code}", str(error.detail), headers=headers)


def _allowed(app: FastAPI, path: str) -> str:
    """What may be done at `path`, by all of its routes: the error speaks of the first of them alone."""
    found: set[str] = set()
    for template, operations in app.openapi()["paths"].items():
        if re.fullmatch(re.sub(r"\\{[^}]*\\}", "[^/]+", re.escape(template)), path):
            found |= {operation.upper() for operation in operations}
    return ", ".join(sorted(found | {"HEAD"} if "GET" in found else found))


async def _on_bug(request: Request, error: Exception) -> Response:
    log.error("%s %s failed", request.method, request.url.path, exc_info=error)
    return _problem(500, "bug", "Huafang made a mistake of its own; its log has the details")
