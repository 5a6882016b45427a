"""The server's own state: made once at the start, given to every route."""

import asyncio
import shutil
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path

from fastapi import Request

from huafang.assets import Assets
from huafang.jobs.dispatcher import Dispatcher
from huafang.jobs.store import Store
from huafang.places import Places
from huafang.server.decoder import Decoder
from huafang.weights import Weights

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
    weights: Weights
    device: str = "cpu"
    decoder: Decoder = field(default_factory=Decoder)
    closing: asyncio.Event = field(default_factory=asyncio.Event)
    uploads: int = 0

    @property
    def version(self) -> str:
        return version("huafang")

    def disk_free(self) -> int:
        place = self.places.root
        while not place.exists():
            place = place.parent
        return shutil.disk_usage(place).free


def studio_of(request: Request) -> Studio:
    """The dependency by which a route gets the studio."""
    studio: Studio = request.app.state.studio
    return studio
