"""One file over HTTP: resumable, checked, cancelled at once.

HTTP is the standard library's: it needs streaming, a Range and the environment's proxies, no more, and huggingface_hub has changed its own client twice
in two major versions (requests, httpx, httpx2), so leaning on that one would tie us to its next choice.
"""

import contextlib
import errno
import hashlib
import json
import os
import queue
import shutil
import socket
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from http.client import HTTPException, HTTPMessage, HTTPResponse
from pathlib import Path
from typing import IO
from urllib.parse import urlsplit

from huafang.errors import BadInput, DiskFull, Unavailable
from huafang.models import modelfile
from huafang.models.catalogue import Source

Progress = Callable[[int, int], None]
"""Hears (bytes that are here, bytes in all; 0 if not known), several times a second even when nothing arrives; what it raises ends the download."""

CHUNK = 1 << 18
PATIENCE = 60.0
"""Seconds without a byte after which a server counts as gone."""
TRIES = 4
"""Connections in a row that may break without bringing a byte more."""
SPARE = 256 * 1024 * 1024
"""Bytes that a download leaves free on the disk."""
LOOPBACK = ("127.0.0.1", "localhost", "::1")


def silent(done: int, total: int) -> None:
    """Progress that nobody watches."""


def download(source: Source, place: Path, *, progress: Progress = silent) -> str:
    """Bring `source` to `place`, going on where an earlier try stopped (`place` + `.part`), and give its sha256.

    HTTPS only, but for this machine itself; no redirect to a host that is not in the source's `hosts`. The environment's proxies are used.
    Raises Unavailable (`pull.refused`, `pull.not_there`, `pull.interrupted`, `pull.wrong_hash`, `pull.redirected`), DiskFull, BadInput.
    """
    url = source.url
    _check_address(url)
    part = place.with_name(place.name + ".part")
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        _bring(url, part, source.hosts, progress)
        found = modelfile.sha256(part)
        for kind, wanted, is_there in (("sha256", source.sha256 or source.sha256_prefix, found), ("git blob id", source.git_blob, git_blob(part))):
            if wanted and not is_there.startswith(wanted):
                part.unlink()
                _note(part).unlink(missing_ok=True)
                raise Unavailable(
                    f"{_name(url)} came with the {kind} {is_there[:16]}…, and {wanted[:16]} was wanted: it was thrown away",
                    code="pull.wrong_hash",
                    hint="try again; if it stays so, the file at its source has been changed, and must not be used",
                )
        os.replace(part, place)
    except OSError as error:
        raise _disk_fault(url, place, error) from error
    _note(part).unlink(missing_ok=True)
    return found


def git_blob(path: Path) -> str:
    """What git calls a file of these bytes: the sha1 of its kind, its length and itself."""
    digest = hashlib.sha1(b"blob %d\x00" % path.stat().st_size, usedforsecurity=False)
    with path.open("rb") as file:
        while chunk := file.read(1 << 20):
            digest.update(chunk)
    return digest.hexdigest()


def _bring(url: str, part: Path, hosts: tuple[str, ...], progress: Progress) -> None:
    """Fill `part`, over as many connections as it takes."""
    idle = 0
    while True:
        before = _size(part)
        try:
            if _one_connection(url, part, hosts, progress):
                return
            why = "the connection ended early"
        except (TimeoutError, ConnectionError, HTTPException, urllib.error.URLError) as error:
            reason = getattr(error, "reason", error)
            why = str(reason) or type(reason).__name__
        idle = 0 if _size(part) > before else idle + 1
        if idle >= TRIES or (_size(part) == 0 and "refused" in why.lower()):
            code = "pull.interrupted" if _size(part) else "pull.refused"
            kept = f"; {_size(part):,} bytes are kept" if _size(part) else ""
            raise Unavailable(
                f"{_name(url)} was not brought from {urlsplit(url).hostname}: {why}{kept}",
                code=code,
                hint="check the connection and run it again: it goes on where it stopped",
            )
        _wait(0.2 * 2**idle, lambda: progress(_size(part), 0))


def _one_connection(url: str, part: Path, hosts: tuple[str, ...], progress: Progress) -> bool:
    """Ask for what is missing and append it. True when the file is whole."""
    here, mark = _size(part), _read_note(part)
    headers = {"User-Agent": "huafang", "Accept-Encoding": "identity"}
    if here and mark.get("url") == url and mark.get("validator"):
        headers |= {"Range": f"bytes={here}-", "If-Range": mark["validator"]}
    opener = urllib.request.build_opener(_SameHost({urlsplit(url).hostname or "", *hosts}))
    try:
        answer = opener.open(urllib.request.Request(url, headers=headers), timeout=PATIENCE)  # noqa: S310  # the scheme was checked
    except urllib.error.HTTPError as error:
        with error:
            if error.code == 416:  # asked for what lies behind the end: the part is whole, or not of this file
                part.unlink()
                return False
            raise _http_fault(url, error.code) from None
    with answer:
        if answer.status == 206 and answer.headers.get("Content-Range", "").startswith(f"bytes {here}-"):
            mode = "ab"
        else:
            mode, here = "wb", 0
        length = answer.headers.get("Content-Length")
        total = here + int(length) if length and length.isdigit() else 0
        _check_space(url, part, total - here)
        _note(part).write_text(json.dumps({"url": url, "validator": _validator(answer.headers)}))
        file: IO[bytes]
        with part.open(mode) as file:
            progress(here, total)
            for chunk in _chunks(answer, lambda: progress(file.tell(), total)):
                file.write(chunk)
                progress(file.tell(), total)
            return file.tell() == total if total else True


def _chunks(answer: HTTPResponse, tick: Callable[[], None]) -> Iterator[bytes]:
    """The body of an answer, read by a thread of its own, so that a server that falls silent does not keep us from hearing a cancel."""
    came: queue.Queue[bytes | Exception] = queue.Queue(maxsize=16)
    over = threading.Event()

    def put(item: bytes | Exception) -> None:
        while not over.is_set():
            with contextlib.suppress(queue.Full):
                came.put(item, timeout=0.1)
                return

    def read() -> None:
        try:
            while not over.is_set() and (chunk := answer.read1(CHUNK)):
                put(chunk)
            put(b"")
        except Exception as error:  # raised again on the other side
            put(error)

    threading.Thread(target=read, daemon=True).start()
    try:
        while True:
            try:
                item = came.get(timeout=0.25)
            except queue.Empty:
                tick()
                continue
            if isinstance(item, Exception):
                raise item
            if not item:
                return
            yield item
    finally:
        over.set()
        # Wakes the reader, which would else keep `answer.close` waiting for it; an answer that was read to its end has let go of its socket by itself.
        with contextlib.suppress(OSError, ValueError, AttributeError), socket.socket(fileno=os.dup(answer.fileno())) as line:
            line.shutdown(socket.SHUT_RDWR)


class _SameHost(urllib.request.HTTPRedirectHandler):
    """Follows a redirect only to the hosts that were named, and never from HTTPS to less."""

    def __init__(self, hosts: set[str]) -> None:
        self._hosts = hosts

    def redirect_request(
        self, req: urllib.request.Request, fp: IO[bytes], code: int, msg: str, headers: HTTPMessage, newurl: str
    ) -> urllib.request.Request | None:
        host = urlsplit(newurl).hostname
        try:
            _check_address(newurl)
            if host not in self._hosts:
                raise Unavailable(
                    f"{urlsplit(req.full_url).hostname} sends us on to {host}, which is not a host we know for this file",
                    code="pull.redirected",
                    hint="nothing was brought from there; the file's address may have changed: look for a newer version of Huafang",
                )
        except BaseException:
            fp.close()
            raise
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def _check_address(url: str) -> None:
    parts = urlsplit(url)
    if parts.scheme != "https" and not (parts.scheme == "http" and parts.hostname in LOOPBACK):
        raise BadInput(f"{url[:200]} is no https address; weights come by https only", code="pull.insecure")


def _check_space(url: str, part: Path, needed: int) -> None:
    free = shutil.disk_usage(part.parent).free
    if needed + SPARE > free:
        raise DiskFull(
            f"{_name(url)} needs {needed / 1e6:,.0f} MB more, and {part.parent} has {free / 1e6:,.0f} MB free",
            hint=f"free some space ({SPARE / 1e6:.0f} MB are left free in any case), or choose another place with --data",
        )


def _http_fault(url: str, status: int) -> Unavailable:
    host = urlsplit(url).hostname
    if status in (404, 410):
        return Unavailable(
            f"{_name(url)} is no longer at {host} (it answers {status})",
            code="pull.not_there",
            hint="its address may have changed: look for a newer version of Huafang",
        )
    if status in (401, 403):
        return Unavailable(
            f"{host} does not give us {_name(url)} (it answers {status})",
            code="pull.forbidden",
            hint="it may want an account, or a licence to be accepted on its page",
        )
    return Unavailable(f"{host} cannot give us {_name(url)} now (it answers {status})", code="pull.refused", hint="try again later")


def _disk_fault(url: str, place: Path, error: OSError) -> Unavailable:
    if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
        return DiskFull(f"no room on the disk for {_name(url)} in {place.parent}", hint="free some space and run it again: it goes on where it stopped")
    return Unavailable(
        f"{_name(url)} cannot be written to {place.parent}: {error.strerror or error}", code="disk.unwritable", hint="check that the folder is yours to write"
    )


def _validator(headers: HTTPMessage) -> str | None:
    """What If-Range takes: a strong ETag or else a date (RFC 9110, section 13.1.5)."""
    tag = headers.get("ETag")
    return tag if tag and not tag.startswith("W/") else headers.get("Last-Modified")


def _note(part: Path) -> Path:
    return part.with_name(part.name + ".json")


def _read_note(part: Path) -> dict[str, str]:
    try:
        note = json.loads(_note(part).read_text())
    except (OSError, ValueError):
        return {}
    return note if isinstance(note, dict) else {}


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


def _name(url: str) -> str:
    return urlsplit(url).path.rsplit("/", 1)[-1] or url


def _wait(seconds: float, tick: Callable[[], None]) -> None:
    until = time.monotonic() + seconds
    while (left := until - time.monotonic()) > 0:
        tick()
        time.sleep(min(left, 0.1))
