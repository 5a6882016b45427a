"""The door: who may come in, how much they may bring, and what every answer says to the browser.

A page of another site can make a browser send requests here, and a name of its own can be made to point at 127.0.0.1 (DNS rebinding). So: the Host
must be one of ours, the request must come from our own page or from no page at all, and there are no CORS headers and no cookies.
"""

import asyncio
import contextlib
import hmac
import json
import time
from collections import Counter, OrderedDict, deque
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
UPLOADS = {"/api/assets": 1, "/api/style-transfer": 2}
"""Where pictures are taken in, and how many in one request."""
WRONG_TOKENS = 20
"""Wrong tokens a minute after which their sender is told to wait; the right one is let in all the same."""
CLIENTS = 10_000
"""Senders of wrong tokens that are remembered."""
DRAIN = 5.0
"""Seconds for which the rest of a refused request is still taken, and thrown away: a browser that is cut off in the middle never reads why."""


class Guard:
    """ASGI middleware around the whole application.

    `hosts` are the names we answer to; `token`, if any, is wanted of every API request; `upload_bytes` bounds a picture in the UPLOADS, of which
    `uploads` may be under way at once at each address; everything else is bounded by JSON_BYTES.
    """

    def __init__(
        self, app: Callable[[Scope, Receive, Send], Awaitable[None]], *, hosts: Iterable[str], token: str | None, upload_bytes: int, uploads: int
    ) -> None:
        self._app = app
        self._hosts = {host.lower() for host in hosts}
        self._token = token
        self._upload_bytes = upload_bytes
        self._uploads = uploads
        self._under_way: Counter[str] = Counter()
        self._wrong: OrderedDict[str, deque[float]] = OrderedDict()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            if scope["type"] == "lifespan":
                await self._app(scope, receive, send)
            return  # no websockets here
        headers = {name.lower(): value for name, value in scope["headers"]}
        refused = self._refusal(scope, headers)
        if refused:
            await answer(receive, send, *refused)
            return
        pictures = UPLOADS.get(scope["path"], 0) if scope["method"] == "POST" and _is_form(headers) else 0
        limit = pictures * self._upload_bytes + 100_000 if pictures else JSON_BYTES
        length = headers.get(b"content-length", b"0")
        if not length.isdigit() or len(length) > 15 or int(length) > limit:
            await answer(receive, send, 413, "request.too_large", f"the request is {length.decode('latin1')[:20]} bytes; at most {limit:,} are taken")
            return
        if scope["method"] == "HEAD" and scope["path"].startswith("/api/"):
            await _Bounded(receive, send, limit).run(_HeadersOnly(self._app), scope)
        elif not pictures:
            await _Bounded(receive, send, limit).run(self._app, scope)
        elif self._under_way[scope["path"]] >= self._uploads:
            await answer(receive, send, 429, "queue.full", f"{self._uploads} uploads are under way already", retry_after=1)
        else:
            self._under_way[scope["path"]] += 1
            try:
                await _Bounded(receive, send, limit).run(self._app, scope)
            finally:
                self._under_way[scope["path"]] -= 1

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
            return self._check_token(headers, str((scope.get("client") or ("",))[0]))
        return None

    def _check_token(self, headers: dict[bytes, bytes], client: str) -> tuple[int, str, str] | None:
        """Compare first, count wrong ones only: who has the right token is never locked out by others who guess from the same address."""
        scheme, _, given = headers.get(b"authorization", b"").partition(b" ")
        assert self._token is not None
        if scheme.lower() == b"bearer" and hmac.compare_digest(given.strip(), self._token.encode()):
            return None
        now = time.monotonic()
        wrong = self._wrong.get(client, deque())
        if len(wrong) == WRONG_TOKENS and now - wrong[0] < 60:
            return 429, "token.too_many", "too many wrong tokens; wait a minute"
        if given:
            self._wrong.setdefault(client, deque(maxlen=WRONG_TOKENS)).append(now)
            self._wrong.move_to_end(client)
            if len(self._wrong) > CLIENTS:
                self._wrong.popitem(last=False)
        return 401, "token.wrong", "a token is needed: open the address that the studio printed when it started"


def _is_form(headers: dict[bytes, bytes]) -> bool:
    return headers.get(b"content-type", b"").lower().startswith(b"multipart/form-data")


def _name(host: str) -> str:
    """`host:port` without its port."""
    return host[: host.index("]") + 1] if host.startswith("[") and "]" in host else host.partition(":")[0]


class _HeadersOnly:
    """Answers HEAD as GET would be, and ends as soon as the headers are there: a stream of events has no end of its own."""

    def __init__(self, app: Callable[[Scope, Receive, Send], Awaitable[None]]) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        answered = asyncio.Event()

        async def headers_only(message: Message) -> None:
            if message["type"] == "http.response.start":
                await send(message)
                await send({"type": "http.response.body", "body": b""})
                answered.set()

        tasks = [asyncio.ensure_future(self._app({**scope, "method": "GET"}, receive, headers_only)), asyncio.ensure_future(answered.wait())]
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in tasks:
                task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await tasks[0]


class _Bounded:
    """One request: its body counted, whatever length it announced, and its answer dressed. A body that is too long is answered 413, whatever the
    application makes of the hang-up that it sees instead.
    """

    def __init__(self, receive: Receive, send: Send, limit: int) -> None:
        self._receive_on, self._send_on, self._limit = receive, send, limit
        self._seen = 0
        self._more = True
        self._over = False
        self._answering = False

    async def run(self, app: Callable[[Scope, Receive, Send], Awaitable[None]], scope: Scope) -> None:
        try:
            await app(scope, self._receive, self._send)
        except Exception:
            if not self._over or self._answering:
                raise
        if self._over and not self._answering:
            detail = f"the request is longer than the {self._limit:,} bytes that are taken"
            await answer(self._receive_on if self._more else None, self._send_on, 413, "request.too_large", detail)

    async def _receive(self) -> Message:
        if self._over:
            return {"type": "http.disconnect"}
        message = await self._receive_on()
        self._seen += len(message.get("body", b""))
        self._more = message.get("more_body", False)
        if self._seen > self._limit:
            self._over = True
            return {"type": "http.disconnect"}
        return message

    async def _send(self, message: Message) -> None:
        if self._over and not self._answering:
            return
        if message["type"] == "http.response.start":
            self._answering = True
            there = {name.lower() for name, _ in message["headers"]}
            message["headers"] = [*message["headers"], *((name, value) for name, value in HEADERS.items() if name not in there)]
        await self._send_on(message)


async def answer(receive: Receive | None, send: Send, status: int, code: str, detail: str, *, hint: str | None = None, retry_after: int = 60) -> None:
    """Refuse a request, and throw away what `receive` still brings of its body."""
    title = detail.partition(":")[0][:120]
    body = json.dumps({"type": "about:blank", "title": title, "status": status, "detail": detail, "code": code, "hint": hint}).encode()
    headers = [(b"content-type", b"application/problem+json"), (b"content-length", str(len(body)).encode()), *HEADERS.items()]
    if status == 429:
        headers.append((b"retry-after", str(retry_after).encode()))
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body, "more_body": True})
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(DRAIN):
            while receive and (await receive()).get("more_body"):
                pass
    await send({"type": "http.response.body", "body": b""})
