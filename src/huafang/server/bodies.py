"""A cheap look at a request's body before anything is validated.

Validation makes an error object for each wrong item, and it runs on the event loop: a megabyte of wrong items would hold up every other request for
seconds. So a body is refused here, by counts that cost milliseconds, when it holds more than any request of the API can use.
"""

import json
import re
from collections.abc import Awaitable, Callable
from typing import Any

from huafang.errors import BadInput, HuafangError
from huafang.server.guard import Message, Receive, Scope, Send, answer

COMMAS = 60_000
"""Commas in a JSON body, those in its texts included: 5,000 pictures and two prompts of 10,000 commas are fewer."""
ITEMS = 5_000
"""Items of one list: as many as the longest field takes (`params.Dataset`)."""
MEMBERS = 200
"""Members of one object: the largest method has fewer than 50 fields."""
DEEPEST = 16
FIELDS = 1_000
"""Fields of a URL-encoded form, Starlette's own limit for multipart forms."""


class CheckedBodies:
    """ASGI middleware: JSON and URL-encoded bodies, whose size the Guard bounds, are read and checked; multipart bodies are streamed on unread."""

    def __init__(self, app: Callable[[Scope, Receive, Send], Awaitable[None]]) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = dict(scope["headers"]) if scope["type"] == "http" else {}
        kind, _, parameters = headers.get(b"content-type", b"").decode("latin1").lower().partition(";")
        rest: Receive | None = receive
        try:
            _check_encoding(headers.get(b"content-encoding", b"").decode("latin1"))
            if kind.strip() == "multipart/form-data":
                _check_form(parameters)
            elif check := _check_of(kind.strip()):
                body = await _whole(receive)
                if body is None:  # the sender has hung up
                    return
                rest = None
                check(body)
                receive = _again(body, receive)
        except HuafangError as error:
            await answer(rest, send, 415 if error.code == "request.encoding" else error.http_status, error.code, error.message, hint=error.hint)
            return
        await self._app(scope, receive, send)


def _check_of(kind: str) -> Callable[[bytes], None] | None:
    main, _, subtype = kind.partition("/")
    if main == "application" and (subtype == "json" or subtype.endswith("+json")):
        return check_json
    return check_fields if kind == "application/x-www-form-urlencoded" else None


def _check_encoding(encoding: str) -> None:
    if encoding.strip().lower() not in ("", "identity"):
        raise BadInput(f"the body came with content-encoding {encoding[:40]!r}", code="request.encoding", hint="send it as it is, not compressed")


def _check_form(parameters: str) -> None:
    charset = re.search(r'charset\s*=\s*"?([^";\s]*)', parameters)
    if charset and charset[1] not in ("utf-8", "utf8", "us-ascii"):  # some of Python's codecs take quadratic time
        raise BadInput(f"the form's charset is {charset[1][:40]!r}; forms are read as UTF-8", code="request.charset")
    boundary = re.search(r'boundary\s*=\s*("[^"]+"|[^\s";]+)', parameters)
    if not boundary:
        raise BadInput("this multipart form names no boundary in its content-type", code="request.form", hint="let your HTTP library set the header: curl -F")


def check_json(body: bytes) -> None:
    """Refuse what is no JSON, or holds more than a request can use. An empty body is passed on. Raises BadInput."""
    if not body.strip():
        return
    if (commas := body.count(b",")) > COMMAS:
        raise BadInput(f"the JSON has {commas:,} commas, and so about as many values; at most {COMMAS:,} are taken", code="request.values")
    try:
        value = json.loads(body.decode())
    except UnicodeDecodeError as error:
        raise BadInput(f"the JSON is not UTF-8: byte {error.start + 1} is 0x{body[error.start]:02x}", code="request.json") from None
    except json.JSONDecodeError as error:
        raise BadInput(f"this is no JSON: {error.msg}, line {error.lineno}, column {error.colno}", code="request.json") from None
    except RecursionError:
        raise _too_deep() from None
    except ValueError:  # Python's limit for whole numbers, 4,300 digits
        raise BadInput("the JSON holds a whole number of thousands of digits", code="request.json") from None
    if not isinstance(value, dict):
        name = {list: "an array", str: "a string", bool: "true or false", type(None): "null"}.get(type(value), "a number")
        raise BadInput(f"the JSON is {name}; an object is wanted: {{…}}", code="request.json")
    _check_value(value)


def _check_value(value: Any) -> None:
    level, values = 0, [("the JSON", value)]
    while values:
        level += 1
        inner: list[tuple[str, Any]] = []
        for name, item in values:
            size, most, what = (len(item), MEMBERS, "members") if isinstance(item, dict) else (len(item), ITEMS, "items")
            if size > most:
                raise BadInput(f"{name} has {size:,} {what}; at most {most:,} are taken", code="request.values")
            members = item.items() if isinstance(item, dict) else ((name, each) for each in item)
            inner += [(_short(key), each) for key, each in members if isinstance(each, dict | list)]
        if level == DEEPEST and inner:
            raise _too_deep()
        values = inner


def _too_deep() -> BadInput:
    return BadInput(f"the JSON is nested more than {DEEPEST} levels deep", code="request.json")


def _short(name: str) -> str:
    return name if len(name) <= 60 else name[:57] + "…"


def check_fields(body: bytes) -> None:
    """Refuse a URL-encoded form of more than FIELDS fields. Raises BadInput."""
    if (fields := body.count(b"&") + 1) > FIELDS:
        raise BadInput(f"the form has {fields:,} fields; at most {FIELDS:,} are taken", code="request.values")


async def _whole(receive: Receive) -> bytes | None:
    """The body; None where the sender hung up in the middle of it."""
    parts: list[bytes] = []
    while True:
        message = await receive()
        if message["type"] != "http.request":
            return None
        parts.append(message.get("body", b""))
        if not message.get("more_body", False):
            return b"".join(parts)


def _again(body: bytes, receive: Receive) -> Receive:
    """A `receive` that gives the body once more, and then whatever follows."""
    messages: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def replay() -> Message:
        return messages.pop() if messages else await receive()

    return replay
