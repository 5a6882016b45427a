"""What is deleted for good, and when: jobs that were in the trash for long enough, and files that no job uses.

A file is deleted only if all of this holds:

- this database recorded it, as an upload or as a picture of a job that was purged from the trash; a file that is merely unknown is never touched;
- no job of this database uses it, and every job's list of files can be read;
- no other database has ever stored pictures in this folder (`assets/.databases` has a file for each), and this database is the one that was used here last,
  not an older copy of it (its `stamp`);
- all that was observed for long enough. Time is added up in steps of one day at most, so a clock that is set ahead empties nothing.
"""

import contextlib
import itertools
import json
import logging
import secrets
import time

from huafang.assets import Assets, write_whole
from huafang.errors import HuafangError
from huafang.jobs.store import Store
from huafang.notes import Note

log = logging.getLogger(__name__)

DAY = 86400.0
TRASH_DAYS = 30
UNUSED_DAYS = 7
"""Uploads that no job uses are kept this long."""
PURGED_DAYS = UNUSED_DAYS - 1
"""What the files of a purged job are credited with: they were in the trash already. The day that is left is for a job that has just made the same file."""
UNKNOWN = "unknown"
"""Stands in `assets/.databases` for pictures that were there before any database was recorded."""
COUNTED = 100_000


class Retention:
    """The only code that deletes stored pictures. Not locked: the dispatcher sees to that."""

    def __init__(self, store: Store, assets: Assets) -> None:
        self.notices: list[Note] = []
        """What the user should know about this database and this folder."""
        self._store = store
        self._assets = assets
        self._folder = assets.root / ".databases"
        self._identity = ""
        self._opened = False
        self._registered = False
        self._swept: float | None = None
        self._warned = False

    def open(self) -> None:
        """Compare the database with the folder of pictures, once, before anything is stored. Where a disk is full it is done later, before the first sweep."""
        try:
            self._open()
        except HuafangError as error:
            log.warning("nothing is deleted for now: %s", error)

    def _open(self) -> None:
        self._assets.restore()
        self._identity = self._store.setting("identity") or ""
        recorded = self._recorded(self._identity)
        if recorded is None and not self._store.in_use():
            self._tell_of_empty_database()
        else:
            if recorded is None or recorded not in (self._store.setting("stamp"), self._store.setting("stamp.before")):
                self._store.restart_expiry()
                if recorded is not None:
                    self._tell_of_older_database()
            self.register()
            if others := self._others():
                self._tell_of_others(others)
        self._opened = True

    def register(self) -> None:
        """Record that this database has pictures here, before its first one is stored. Raises DiskFull, Unavailable."""
        if self._registered:
            return
        known = self._assets.root.is_dir() and (self._recorded(self._identity) is not None or self._others())
        if not known and any(self._assets.ids()) and not any(self._assets.exists(asset) for asset in self._store.used_assets() or ()):
            self._record(UNKNOWN, "unknown", "")
        self._stamp()
        self._registered = True

    def note_unused(self, asset: str) -> None:
        """Record a stored file that no job uses yet, or that none will use. Nothing is recorded of a file that is not here."""
        if (mtime := self._assets.mtime(asset)) is not None:
            self._store.note_unused(asset, mtime)

    def sweep(self) -> int:
        """Count the time that has passed, purge the trash, delete what may be deleted. Returns how many files went."""
        if not self._opened:
            self._open()
        self.count_time()
        current = self._registered
        if current:
            try:
                self._stamp()
            except HuafangError as error:
                log.warning("nothing is deleted for now: %s", error)
                current = False
        self._store.purge(TRASH_DAYS * DAY, PURGED_DAYS * DAY, self._assets.mtime)
        if self._store.used_assets() is None and not self._warned:
            self._warned = True
            self._notify(
                f"an entry of the database {self._store.address} is damaged, so it cannot be told which pictures are in use, and none is deleted",
                f"数据库 {self._store.address} 中有记录已损坏，无法判断哪些图片仍在使用，因此不会删除任何图片。",
            )
        due = self._store.unused(UNUSED_DAYS * DAY, self._assets.mtime)
        if not current or self._others():
            return 0
        gone = 0
        for asset, mtime in due:
            try:
                gone += self._assets.discard(asset, mtime)
            except OSError as error:
                log.warning("a stored picture cannot be deleted: %s", error)
        return gone

    def count_time(self) -> None:
        """Add what has passed since the last call, in this process or an earlier one, to all that waits to be deleted; a day at the most."""
        now, ticks = time.time(), time.monotonic()
        try:
            seen = float(self._store.setting("clock") or now)
        except ValueError:
            seen = now
        ran = ticks - self._swept if self._swept is not None else 0.0
        self._swept = ticks
        self._store.pass_time(min(max(ran, now - seen, 0.0), DAY), max(seen, now))

    def _stamp(self) -> None:
        """Put the same new mark on database and folder, by which an older copy is recognised next time. Raises DiskFull, Unavailable."""
        stamp = secrets.token_hex(16)
        self._store.restamp(stamp)
        self._record(self._identity, self._store.address, stamp)

    def _record(self, identity: str, address: str, stamp: str) -> None:
        write_whole(self._folder / f"{identity}.json", json.dumps({"database": address, "stamp": stamp}, ensure_ascii=False).encode())

    def _recorded(self, identity: str) -> str | None:
        """The folder's mark of a database; None if it was never recorded, and one that matches nothing if it cannot be read."""
        place = self._folder / f"{identity}.json"
        with contextlib.suppress(OSError, ValueError, KeyError, TypeError, RecursionError):
            return str(json.loads(place.read_bytes())["stamp"])
        return "unreadable" if place.exists() or place.is_symlink() else None

    def _others(self) -> dict[str, str]:
        """Files of other databases that are recorded here, and their addresses where those can be read."""
        found = {}
        for place in sorted(self._folder.glob("*.json")):
            if place.stem != self._identity:
                with contextlib.suppress(OSError, ValueError, KeyError, TypeError, RecursionError):
                    found[place.name] = str(json.loads(place.read_bytes())["database"])[:300]
                found.setdefault(place.name, "unknown")
        return found

    def _tell_of_empty_database(self) -> None:
        count = sum(1 for _ in itertools.islice(self._assets.ids(), COUNTED))
        if not count:
            return
        others = self._others()
        replaced = self._store.address in others.values()
        en = f"the database {self._store.address} is empty, and {count} stored pictures are in {self._assets.root}; none of them is deleted"
        zh = f"数据库 {self._store.address} 是空的，而 {self._assets.root} 中存有 {count} 张图片；这些图片都不会被删除"
        if replaced:
            en += ". It was emptied or replaced: to see them again, stop Huafang and put a backup of the database in its place"
            zh += "。它已被清空或替换：要找回作品列表，请停止画坊并放回数据库的备份"
        elif others:
            en += f". They belong to {', '.join(others.values())}: name it with --database to see them"
            zh += f"。它们属于 {'、'.join(others.values())}：用 --database 指定它即可看到"
        self._notify(en, zh + "。")

    def _tell_of_older_database(self) -> None:
        self._notify(
            f"the database {self._store.address} is an older copy, or another copy was used since: its trash begins its {TRASH_DAYS} days again, "
            "and pictures that it does not know are kept",
            f"数据库 {self._store.address} 是较早的副本，或另有副本在它之后使用过：回收站重新计 {TRASH_DAYS} 天，它不认识的图片都会保留。",
        )

    def _tell_of_others(self, others: dict[str, str]) -> None:
        names, files, here = ", ".join(others.values()), ", ".join(others), self._assets.root
        self._notify(
            f"pictures of another database ({names}) are in {here} too, so nothing is deleted from there; "
            f"once you no longer need it, remove its file from {self._folder}: {files}",
            f"{here} 中还有另一个数据库（{names}）的图片，因此不会从中删除任何文件；确定不再需要它时，请删除 {self._folder} 中的 {files}。",
        )

    def _notify(self, en: str, zh: str) -> None:
        log.warning("%s", en)
        self.notices.append(Note(en, zh))
