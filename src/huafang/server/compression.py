"""gzip for the web studio's pages and for JSON answers."""

from collections.abc import Iterable

from starlette.middleware.gzip import GZipMiddleware
from starlette.types import ASGIApp, Receive, Scope, Send

MINIMUM_SIZE = 1000
"""Bytes below which compression saves nothing worth its time."""
LEVEL = 6
_BINARY = ("/api/assets", "/api/style-transfer", "/api/text-to-image")


class Compression:
    """ASGI middleware: GZipMiddleware for all answers but pictures and videos, which are compressed already and asked for in ranges, and event streams,
    which would be held back until a block is full.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._gzip = GZipMiddleware(app, minimum_size=MINIMUM_SIZE, compresslevel=LEVEL)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await (self._gzip if _is_compressible(scope) else self._app)(scope, receive, send)


def _is_compressible(scope: Scope) -> bool:
    if scope["type"] != "http":
        return False
    path: str = scope["path"]
    headers: Iterable[tuple[bytes, bytes]] = scope["headers"]
    return not path.startswith(_BINARY) and not path.endswith(("/events", "/example")) and not any(name == b"range" for name, _ in headers)
