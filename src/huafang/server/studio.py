"""The server's own state: made once at the start, given to every route."""

import asyncio
import shutil
import threading
import unicodedata
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path

from fastapi import Request

from huafang.assets import Assets, write_whole
from huafang.jobs.dispatcher import Dispatcher
from huafang.jobs.store import Store
from huafang.models.store import ModelStore
from huafang.places import Places
from huafang.server.decoder import Decoder
from huafang.server.events import Hub
from huafang.server.files import Streams

PAGES = Path(__file__).parents[1] / "static"
"""The built web studio, where it was built."""
UPLOAD_BYTES = 64 * 1024 * 1024
UPLOADS_AT_ONCE = 8
LOW_DISK = 1_000_000_000


@dataclass
class Studio:
    """What the routes work with."""

    places: Places
    store: Store
    dispatcher: Dispatcher
    assets: Assets
    weights: ModelStore
    device: str = "cpu"
    decoder: Decoder = field(default_factory=Decoder)
    closing: asyncio.Event = field(default_factory=asyncio.Event)
    hub: Hub = field(default_factory=Hub)
    reading: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(UPLOADS_AT_ONCE))
    """Whole uploads in memory at one time."""
    streams: Streams = field(default_factory=Streams)
    _counting: threading.Lock = field(default_factory=threading.Lock)
    _placed: tuple[int, dict[str, int]] | None = None

    @property
    def version(self) -> str:
        return version("huafang")

    def positions(self) -> dict[str, int]:
        """Where each waiting job stands, 1 for the next. Asked of the database once for each change, however many ask."""
        with self._counting:
            changes = self.hub.changes
            if self._placed is None or self._placed[0] != changes:
                self._placed = changes, {row.id: index for index, row in enumerate(self.store.waiting(), 1)}
            return self._placed[1]

    def note_name(self, asset: str, name: str) -> None:
        """Remember what an upload was called, as text and nothing more: control characters out, 200 characters at most."""
        plain = "".join(letter for letter in unicodedata.normalize("NFC", name) if letter.isprintable()).strip()[:200]
        if plain:
            write_whole(self.places.names / asset, plain.encode(errors="replace"))

    def name_of(self, asset: str) -> str:
        """What an upload was called last; empty if nobody said."""
        try:
            return (self.places.names / asset).read_text("utf-8")
        except (OSError, ValueError):
            return ""

    def disk_free(self) -> int:
        place = self.places.root
        while not place.exists():
            place = place.parent
        return shutil.disk_usage(place).free


def studio_of(request: Request) -> Studio:
    """The dependency by which a route gets the studio."""
    studio: Studio = request.app.state.studio
    return studio
