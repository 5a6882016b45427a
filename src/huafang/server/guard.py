"""The door: who may come in, how much they may bring, and what every answer says to the browser.

A page of another site can make a browser send requests here, and a name of its own can be made to point at 127.0.0.1 (DNS rebinding). So: the Host
must be one of ours, the request must come from our own page or from no page at all, and there are no CORS headers and no cookies.
"""

import hmac
import json
import time
from collections import deque
from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from typing import Any

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

JSON_BYTES = 1_000_000
HEADERS = {
    b"content-security-policy": (
        b"default-src 'self'; img-src 'self' blob: data:; media-src 'self' blob:; style-src 'self' 'unsafe-inline'; object-src 'none'; base-uri 'none'; "
        b"form-action 'self'; frame-ancestors 'none'"
    ),
    b"x-content-type-options": b"nosniff",
    b"referrer-policy": b"no-referrer",
    b"cross-origin-opener-policy": b"same-origin",
    b"cross-origin-resource-policy": b"same-origin",
}
WRONG_TOKENS = 20
"""Wrong tokens a minute after which the door stays shut for the rest of that minute."""


class Guard:
    """ASGI middleware around the whole application.

    `hosts` are the names we answer to; `token`, if any, is wanted of every API request; `upload_bytes` bounds `POST /api/assets` and the form routes,
    everything else is bounded by JSON_BYTES.
    """

    def __init__(self, app: Callable[[Scope, Receive, Send], Awaitable[None]], *, hosts: Iterable[str], token: str | None, upload_bytes: int) -> None:
        self._app = app
        self._hosts = {host.lower() for host in hosts}
        self._token = token
        self._upload_bytes = upload_bytes
        self._wrong: deque[float] = deque(maxlen=WRONG_TOKENS)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            if scope["type"] == "lifespan":
                await self._app(scope, receive, send)
            return  # no websockets here
        headers = {name.lower(): value for name, value in scope["headers"]}
        refused = self._refusal(scope, headers)
        if refused:
            await _answer(send, *refused)
            return
        limit = self._limit(scope, headers)
        length = headers.get(b"content-length", b"0")
        if not length.isdigit() or int(length) > limit:
            await _answer(send, 413, "request.too_large", f"the request is {length.decode('latin1')[:20]} bytes; at most {limit:,} are taken")
            return
        await self._app(scope, _bounded(receive, limit), _dressed(send))

    def _refusal(self, scope: Scope, headers: dict[bytes, bytes]) -> tuple[int, str, str] | None:
        host = headers.get(b"host", b"").decode("latin1").lower()
        if _name(host) not in self._hosts:
            return 403, "host.refused", f"this studio does not answer to the name {_name(host)[:80]!r}; start it with --host or --allow-host to change that"
        site = headers.get(b"sec-fetch-site", b"").decode("latin1")
        navigates = scope["method"] in ("GET", "HEAD") and headers.get(b"sec-fetch-mode") == b"navigate" and headers.get(b"sec-fetch-dest") == b"document"
        if site not in ("", "same-origin", "none") and not (navigates and not scope["path"].startswith("/api/")):
            return 403, "origin.refused", "requests from other sites' pages are refused"
        origin = headers.get(b"origin")
        if origin is not None and origin.decode("latin1").lower().partition("://")[2] != host:
            return 403, "origin.refused", "requests from other sites' pages are refused"
        if self._token and scope["path"].startswith(("/api/", "/openapi.json", "/docs")):
            return self._check_token(headers)
        return None

    def _check_token(self, headers: dict[bytes, bytes]) -> tuple[int, str, str] | None:
        now = time.monotonic()
        if len(self._wrong) == WRONG_TOKENS and now - self._wrong[0] < 60:
            return 429, "token.too_many", "too many wrong tokens; wait a minute"
        scheme, _, given = headers.get(b"authorization", b"").partition(b" ")
        assert self._token is not None
        if scheme.lower() == b"bearer" and hmac.compare_digest(given.strip(), self._token.encode()):
            return None
        if given:
            self._wrong.append(now)
        return 401, "token.wrong", "a token is needed: open the address that the studio printed when it started"

    def _limit(self, scope: Scope, headers: dict[bytes, bytes]) -> int:
        form = headers.get(b"content-type", b"").startswith((b"multipart/form-data", b"application/x-www-form-urlencoded"))
        pictures = {"/api/assets": 1, "/api/style-transfer": 2}.get(scope["path"], 0)
        return pictures * self._upload_bytes + 100_000 if form and pictures else JSON_BYTES


def _name(host: str) -> str:
    """`host:port` without its port."""
    return host[: host.index("]") + 1] if host.startswith("[") and "]" in host else host.partition(":")[0]


def _bounded(receive: Receive, limit: int) -> Receive:
    """Hang up on a body that is longer than it may be, whatever length it announced."""
    seen = 0

    async def bounded() -> Message:
        nonlocal seen
        message = await receive()
        seen += len(message.get("body", b""))
        if seen > limit:
            return {"type": "http.disconnect"}
        return message

    return bounded


def _dressed(send: Send) -> Send:
    async def dressed(message: Message) -> None:
        if message["type"] == "http.response.start":
            there = {name.lower() for name, _ in message["headers"]}
            message["headers"] = [*message["headers"], *((name, value) for name, value in HEADERS.items() if name not in there)]
        await send(message)

    return dressed


async def _answer(send: Send, status: int, code: str, detail: str) -> None:
    body = json.dumps({"type": "about:blank", "title": detail, "status": status, "detail": detail, "code": code, "hint": None}).encode()
    headers = [(b"content-type", b"application/problem+json"), *HEADERS.items()]
    if status == 429:
        headers.append((b"retry-after", b"60"))
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
