"""`/api/assets`: pictures in, pictures and films out, by content id."""

import asyncio
import re
from typing import Annotated, Literal
from urllib.parse import quote

from fastapi import APIRouter, Depends, File, Query, Response, UploadFile

from huafang import metadata
from huafang.assets import write_whole
from huafang.errors import QueueFull, TooLarge
from huafang.server.schemas import Asset
from huafang.server.studio import UPLOAD_BYTES, UPLOADS_AT_ONCE, Studio, studio_of

router = APIRouter(prefix="/api/assets", tags=["assets"])
House = Annotated[Studio, Depends(studio_of)]

FOREVER = "private, max-age=31536000, immutable"
INLINE = {b"\x89PNG\r\n": "image/png", b"\xff\xd8\xff": "image/jpeg", b"GIF8": "image/gif"}


@router.post("", status_code=201)
async def create_asset(studio: House, file: Annotated[UploadFile, File()]) -> Asset:
    """Upload a picture. It is checked by its header, decoded in a process of its own, and stored as a new PNG without the sender's metadata."""
    if studio.uploads >= UPLOADS_AT_ONCE:
        raise QueueFull(f"{UPLOADS_AT_ONCE} uploads are under way already", retry_after=1)
    studio.uploads += 1
    try:
        data = await file.read(UPLOAD_BYTES + 1)
        if len(data) > UPLOAD_BYTES:
            raise TooLarge(f"the file is larger than {UPLOAD_BYTES // 2**20} MB", code="image.too_large")
        return await keep(studio, data)
    finally:
        studio.uploads -= 1


async def keep(studio: Studio, data: bytes) -> Asset:
    """Ingest and store a stranger's picture. Raises BadInput, TooLarge, DiskFull."""
    picture = await studio.decoder.ingest(data)
    asset = await asyncio.to_thread(studio.assets.put, picture.data)
    made_with = metadata.read(picture.text)
    return Asset(id=asset, width=picture.width, height=picture.height, bytes=len(picture.data), warnings=list(picture.warnings), made_with=made_with)


@router.get("/{asset}", response_class=Response, responses={200: {"content": {"image/png": {}, "image/gif": {}, "video/mp4": {}}}})
def get_asset(studio: House, asset: str, download: Annotated[str | None, Query(max_length=200)] = None) -> Response:
    """A stored picture or film; with `download`, as a file of that name."""
    data = studio.assets.read(asset)
    kind = _kind(data)
    headers = {"cache-control": FOREVER, "content-security-policy": "sandbox; default-src 'none'"}
    if download is not None or kind == "application/octet-stream":
        headers["content-disposition"] = _as_file(download or asset)
    return Response(data, media_type=kind, headers=headers)


@router.get("/{asset}/thumbnail", response_class=Response, responses={200: {"content": {"image/webp": {}}}})
async def get_thumbnail(studio: House, asset: str, size: Literal["256", "512"] = "256") -> Response:
    """A small WebP of a stored picture, made once and kept."""
    place = studio.places.thumbnails / size / (asset if re.fullmatch(r"[0-9a-f]{64}", asset) else "none")
    if place.is_file():
        small = await asyncio.to_thread(place.read_bytes)
    else:
        small = await studio.decoder.thumbnail(await asyncio.to_thread(studio.assets.read, asset), int(size))
        await asyncio.to_thread(write_whole, place, small)
    return Response(small, media_type="image/webp", headers={"cache-control": FOREVER})


def _as_file(name: str) -> str:
    """`content-disposition` for a name that came from outside: letters, digits, dots and dashes stay."""
    wide = re.sub(r"[^\w.\- ]", "_", name)[:100].strip(". ") or "picture"
    plain = wide.encode("ascii", "replace").decode().replace("?", "_")
    return f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(wide)}"


def _kind(data: bytes) -> str:
    """Content type by the bytes themselves; what we do not show is a download."""
    for mark, kind in INLINE.items():
        if data.startswith(mark):
            return kind
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "image/webp"
    return "video/mp4" if data[4:8] == b"ftyp" else "application/octet-stream"
