"""Content-addressed files: `put(bytes)` gives the sha256 that `read(id)` takes. No torch here.

A file is written beside its place, synced, and renamed into it, so that an id either names whole bytes or nothing.
"""

import contextlib
import errno
import hashlib
import os
import re
import secrets
import shutil
import stat
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import BinaryIO

from huafang.errors import DiskFull, NotFound, Unavailable

_ID = re.compile(r"[0-9a-f]{64}")
DRAFT = ".part-huafang-"
SCRATCH = "huafang-"
LOCK = ".lock"
YOUNG = 60.0
"""Seconds within which a file may have been made and not yet locked."""
_tidied: set[Path] = set()
"""Folders in which this process has looked for what others left."""


class Assets:
    """A folder of files named by their sha256, two levels deep.

    `beside` are folders of what was made from, or noted about, an asset under the same name (thumbnails, upload names); it is deleted with the asset.
    """

    def __init__(self, root: Path, beside: Sequence[Path] = ()) -> None:
        self.root = root
        self._beside = tuple(beside)

    def put(self, data: bytes) -> str:
        """Keep `data` and give its id. Twice the same bytes is one file, as young as the last time; one that was damaged is made whole.

        Raises DiskFull or Unavailable; then nothing is left behind.
        """
        asset = hashlib.sha256(data).hexdigest()
        place = self._place(asset)
        try:
            whole = self.read(asset) == data
            os.utime(place)
        except (NotFound, OSError):
            whole = False
        if not whole:
            write_whole(place, data)
        return asset

    def take(self, path: Path) -> str:
        """Keep the file at `path`, of any size, and give its id: read in pieces, and a second name of the same file where the disk has such, else a copy.

        The file must not be written to afterwards; it may be removed or replaced. Raises DiskFull, Unavailable.
        """
        with _said(path.parent, 0), open(path, "rb") as file:
            asset = hashlib.file_digest(file, "sha256").hexdigest()
        place = self._place(asset)
        if self._is_whole(asset):
            os.utime(place)
            return asset
        copy_whole(path, place, link=True)
        return asset

    def _is_whole(self, asset: str) -> bool:
        try:
            with open(self._place(asset), "rb", opener=_plainly) as file:
                return hashlib.file_digest(file, "sha256").hexdigest() == asset
        except OSError:
            return False

    def read(self, asset: str) -> bytes:
        """The bytes of `asset`. Raises NotFound if there are none, or if they are no longer the ones that were put."""
        place = self._place(asset)
        try:
            with open(place, "rb", opener=_plainly) as file:
                data = file.read()
        except OSError:
            raise _missing(asset) from None
        if hashlib.sha256(data).hexdigest() != asset:
            raise NotFound(f"asset {asset[:12]}… was changed on disk: its bytes are no longer those that were stored", code="asset.changed")
        return data

    def head(self, asset: str, count: int = 256) -> bytes:
        """The first bytes of `asset`, by which its kind is told. Raises NotFound."""
        with self.open(asset) as file:
            return file.read(count)

    def open(self, asset: str) -> BinaryIO:
        """`asset` as a file, for those who read it in pieces; its bytes are not held against its id. Raises NotFound."""
        try:
            return open(self._place(asset), "rb", opener=_plainly)
        except OSError:
            raise _missing(asset) from None

    def exists(self, asset: str) -> bool:
        return self._place(asset).is_file()

    def size(self, asset: str) -> int:
        """Bytes of `asset`. Raises NotFound."""
        try:
            return self._place(asset).stat().st_size
        except OSError:
            raise NotFound(f"no asset {asset[:12]}…", code="asset.missing") from None

    def delete(self, asset: str) -> None:
        """Delete `asset` and what lies beside it."""
        self._place(asset).unlink(missing_ok=True)
        self._forget(asset)

    def discard(self, asset: str, mtime: int) -> bool:
        """Delete `asset` unless it was stored again since it had the modification time `mtime` (nanoseconds). False if it was, and is kept."""
        place = self._place(asset)
        aside = place.with_name(f".discarded-{asset}")
        try:
            os.replace(place, aside)  # a writer that comes now finds no file and writes it anew
        except FileNotFoundError:
            self._forget(asset)
            return True
        if aside.stat().st_mtime_ns != mtime:
            os.replace(aside, place)
            return False
        aside.unlink()
        self._forget(asset)
        return True

    def restore(self) -> None:
        """Put back what a `discard` that was killed had taken aside. Call it while nobody else deletes."""
        for aside in self.root.glob("*/.discarded-*"):
            asset = aside.name.removeprefix(".discarded-")
            if _ID.fullmatch(asset):
                with contextlib.suppress(OSError):
                    os.replace(aside, self._place(asset))

    def mtime(self, asset: str) -> int | None:
        """When `asset` was stored last, in nanoseconds by the file system's clock; None if it is not here."""
        try:
            return self._place(asset).stat().st_mtime_ns
        except OSError:
            return None

    def _forget(self, asset: str) -> None:
        for folder in self._beside:
            with contextlib.suppress(OSError):
                (folder / asset).unlink(missing_ok=True)

    def ids(self) -> Iterator[str]:
        """Every id that is stored."""
        for place in self.root.glob("*/*"):
            if _ID.fullmatch(place.name):
                yield place.name

    def _place(self, asset: str) -> Path:
        if not _ID.fullmatch(asset):
            raise NotFound(f"{asset[:80]!r} is no asset id: an id is 64 hexadecimal digits", code="asset.missing")
        return self.root / asset[:2] / asset


def check_writable(folder: Path) -> None:
    """Make `folder` if need be and see that a file can be written there, before hours are spent on what would go into it. Raises as `write_whole` does."""
    with _said(folder, 0):
        folder.mkdir(parents=True, exist_ok=True)
        _discard(*_new_draft(folder))


def write_whole(place: Path, data: bytes) -> None:
    """Write `data` to `place` so that a reader, or a crash, sees all of it or none of it. The umask says who may read it.

    Raises DiskFull when there is no room, Unavailable when the folder cannot be written.
    """
    with _said(place.parent, len(data)):
        place.parent.mkdir(parents=True, exist_ok=True)
        with draft(place) as writing, open(writing, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        _sync_folder(place.parent)


def copy_whole(source: Path, place: Path, *, link: bool = False) -> None:
    """Write a copy of the file `source` to `place`, piece by piece, whole or not at all; with `link`, a second name of it where the disk has such.

    Raises as `write_whole` does.
    """
    with _said(place.parent, source.stat().st_size):
        place.parent.mkdir(parents=True, exist_ok=True)
        if link and _linked(source, place):
            return
        with draft(place) as writing, open(source, "rb") as reading, open(writing, "wb") as file:
            shutil.copyfileobj(reading, file, 1 << 20)
            file.flush()
            os.fsync(file.fileno())
        _sync_folder(place.parent)


def _linked(source: Path, place: Path) -> bool:
    """Whether `place` could be made a second name of `source`."""
    beside = place.with_name(f"{DRAFT}{secrets.token_hex(8)}")
    try:
        os.link(source, beside)
    except OSError:  # another disk, or one without such names
        return False
    os.replace(beside, place)
    beside.unlink(missing_ok=True)  # to replace a file by another name of itself does nothing
    _sync_folder(place.parent)
    return True


@contextlib.contextmanager
def draft(place: Path, *, move: Callable[[Path, Path], None] | None = None) -> Iterator[Path]:
    """An empty file beside `place`, which must have a folder; at the end it replaces `place`, or does what `move` says, and after an exception it is
    removed. Raises OSError.

    It is locked for as long as this process lives, so that one that was left by a killed process is known for what it is, and is removed by the next writer.
    """
    handle, writing = _new_draft(place.parent, place.suffix)
    try:
        yield writing
        if os.name == "nt":  # an open file cannot be renamed there
            os.close(handle)
            handle = -1
        (move or os.replace)(writing, place)
    except BaseException:
        _discard(handle, writing)
        raise
    if handle >= 0:
        os.close(handle)


class Scratch(tempfile.TemporaryDirectory[str]):
    """A folder for a while, this user's alone, in the system's place for such. Those that killed processes of this user left there are removed."""

    def __init__(self) -> None:
        parent = Path(tempfile.gettempdir())
        if parent not in _tidied:
            _tidied.add(parent)
            for left in parent.glob(f"{SCRATCH}????????"):
                _remove_scratch(left)
        super().__init__(prefix=SCRATCH, ignore_cleanup_errors=True)
        self._handle = os.open(Path(self.name, LOCK), os.O_CREAT | os.O_RDWR, 0o600)
        _lock(self._handle)

    def cleanup(self) -> None:
        handle, self._handle = self._handle, -1
        if handle >= 0:
            os.close(handle)
        super().cleanup()


def tidy(folder: Path, pattern: str = f"{DRAFT}*") -> int:
    """Remove the drafts in `folder` whose writers are gone. Returns how many there were."""
    gone = 0
    with contextlib.suppress(OSError):
        for left in folder.glob(pattern):
            with contextlib.suppress(OSError), _abandoned(left) as ours:
                if ours:
                    left.unlink()
                    gone += 1
    return gone


def tidy_tree(root: Path) -> int:
    """`tidy` for `root` and every folder in it, where every draft is ours, those of earlier versions among them. Links are not followed."""
    return sum(tidy(Path(folder), ".part-*") for folder, _, _ in os.walk(root))


def _new_draft(folder: Path, suffix: str = "") -> tuple[int, Path]:
    if folder not in _tidied:
        _tidied.add(folder)
        tidy(folder)
    while True:
        place = folder / f"{DRAFT}{secrets.token_hex(8)}{suffix}"
        with contextlib.suppress(FileExistsError):
            handle = os.open(place, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o666)
            _lock(handle)
            return handle, place


def _discard(handle: int, place: Path) -> None:
    if os.name == "nt" and handle >= 0:
        os.close(handle)
        handle = -1
    with contextlib.suppress(OSError):
        place.unlink()
    if handle >= 0:
        os.close(handle)


def _lock(handle: int) -> bool:
    """Lock an open file for this process. False if another one has it. Where there are no such locks the file is merely never taken for an abandoned one."""
    try:
        import fcntl
    except ImportError:  # on Windows an open file cannot be deleted, which comes to the same
        return True
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


@contextlib.contextmanager
def _abandoned(place: Path) -> Iterator[bool]:
    """Whether the file `place` is this user's and nobody has it locked; it is locked meanwhile. Raises OSError."""
    handle = os.open(place, os.O_RDWR | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0))
    try:
        found = os.fstat(handle)
        mine = not hasattr(os, "getuid") or found.st_uid == os.getuid()
        old = abs(time.time() - found.st_mtime) > YOUNG
        yield stat.S_ISREG(found.st_mode) and mine and old and _lock(handle)
    finally:
        os.close(handle)


def _remove_scratch(folder: Path) -> None:
    with contextlib.suppress(OSError):
        if stat.S_ISDIR(folder.lstat().st_mode):
            with _abandoned(folder / LOCK) as ours:
                if ours:
                    shutil.rmtree(folder, ignore_errors=True)


def unwritable(folder: Path) -> AbstractContextManager[None]:
    """Within, an OSError is said in words: DiskFull, Unavailable."""
    return _said(folder, 0)


@contextlib.contextmanager
def _said(folder: Path, size: int) -> Iterator[None]:
    """Say in words why nothing could be written."""
    try:
        yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
            raise DiskFull(f"no room on the disk to write {size:,} bytes to {folder}", hint="free some space and try again") from error
        raise Unavailable(
            f"cannot write to {folder}: {error.strerror}", code="disk.unwritable", hint="check that the folder exists and is yours to write"
        ) from error


def _sync_folder(folder: Path) -> None:
    """A rename outlives a power cut once its folder is synced. Windows has no such call, and some network disks refuse it."""
    with contextlib.suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def _plainly(place: str, flags: int) -> int:
    """Open a regular file and nothing else: no link, no folder, and no pipe, on which an ordinary open would wait for ever. Raises OSError."""
    handle = os.open(place, flags | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0))
    if not stat.S_ISREG(os.fstat(handle).st_mode):
        os.close(handle)
        raise OSError(errno.EINVAL, "no regular file", place)
    return handle


def _missing(asset: str) -> NotFound:
    return NotFound(f"no asset {asset[:12]}…: it was deleted, or never stored here", code="asset.missing")
