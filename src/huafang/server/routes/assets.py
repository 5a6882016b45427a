"""`/api/assets`: pictures in, pictures and films out, by content id."""

import asyncio
import logging
import unicodedata
from functools import partial
from typing import Annotated, Literal
from urllib.parse import quote

from fastapi import APIRouter, Depends, File, Header, Response, UploadFile

from huafang.assets import write_whole
from huafang.errors import TooLarge, Unavailable
from huafang.server.files import FileStream, wanted_range
from huafang.server.schemas import Asset, Dataset, NewDataset, Words
from huafang.server.studio import UPLOAD_BYTES, Studio, studio_of

log = logging.getLogger(__name__)
router = APIRouter(prefix="/api/assets", tags=["assets"])
House = Annotated[Studio, Depends(studio_of)]

FOREVER = "private, max-age=31536000, immutable"
INLINE = {b"\x89PNG\r\n": "image/png", b"\xff\xd8\xff": "image/jpeg", b"GIF8": "image/gif"}
DEVICES = {"CON", "PRN", "AUX", "NUL", *(f"{port}{number}" for port in ("COM", "LPT") for number in range(10))}
"""Names that Windows gives to devices, whatever their ending."""
NAME_BYTES = 200
"""Of a file name that is offered for a download: file systems take 255."""


@router.post("", status_code=201)
async def create_asset(studio: House, file: Annotated[UploadFile, File()]) -> Asset:
    """Upload a picture or a film. A picture is checked by its header, decoded in a process of its own, and stored as a new PNG without the sender's metadata.
    Of a film the pictures and the sound are copied into a new container, and nothing else: only methods whose field says `film` take it.
    """
    return await keep(studio, file)


async def keep(studio: Studio, file: UploadFile) -> Asset:
    """Ingest and store a stranger's picture or film. Raises BadInput, TooLarge, DiskFull."""
    async with studio.reading:
        data = await file.read(UPLOAD_BYTES + 1)
        if len(data) > UPLOAD_BYTES:
            raise TooLarge(f"the file is larger than {UPLOAD_BYTES // 2**20} MB", code="image.too_large")
        picture = await studio.decoder.ingest(data)
        asset = await asyncio.to_thread(studio.dispatcher.keep_upload, picture.data)
        await asyncio.to_thread(studio.note_name, asset, file.filename or "")
    return Asset(
        id=asset,
        width=picture.width,
        height=picture.height,
        bytes=len(picture.data),
        warnings=[Words(en=said, zh=said.zh) for said in picture.warnings],
        made_with=picture.made_with,
        seconds=picture.seconds,
    )


@router.post("/datasets", status_code=201)
def create_dataset(studio: House, dataset: NewDataset) -> Dataset:
    """Store pictures that were uploaded, and their captions, as one dataset: a value for the field `dataset` of the methods that learn."""
    asset = studio.dispatcher.keep_dataset(dataset.examples)
    return Dataset(id=asset, examples=len(dataset.examples))


@router.get("/{asset}", response_class=Response, responses={200: {"content": {"image/png": {}, "image/gif": {}, "video/mp4": {}}}})
def get_asset(
    studio: House,
    asset: str,
    download: str | None = None,
    range: Annotated[str | None, Header()] = None,
    if_range: Annotated[str | None, Header()] = None,
    if_none_match: Annotated[str | None, Header()] = None,
) -> Response:
    """A stored picture or film; with `download`, as a file of that name. One range of bytes may be asked for, without which no browser seeks in a film."""
    head, size = studio.assets.head(asset), studio.assets.size(asset)
    kind = _kind(head)
    tag = f'"{asset}"'  # the id is the content's own hash: nothing need be hashed to compare
    headers = {"cache-control": FOREVER, "content-security-policy": "sandbox; default-src 'none'", "etag": tag, "accept-ranges": "bytes"}
    if tag in (if_none_match or ""):
        return Response(status_code=304, headers=headers)
    if download is not None or kind == "application/octet-stream":
        headers["content-disposition"] = _as_file(download or asset)
    asked = wanted_range(range or "", size) if if_range in (None, tag) else None
    first, last = asked or (0, size - 1)
    if asked and first > last:
        return Response(status_code=416, headers={"content-range": f"bytes */{size}"})
    if asked:
        headers["content-range"] = f"bytes {first}-{last}/{size}"
    return FileStream(partial(studio.assets.open, asset), studio.streams, first, last, status=206 if asked else 200, headers=headers, media_type=kind)


@router.get("/{asset}/thumbnail", response_class=Response, responses={200: {"content": {"image/webp": {}}}})
async def get_thumbnail(studio: House, asset: str, size: Literal["256", "512"] = "256") -> Response:
    """A small WebP of a stored picture, or of a film's first frame, made once and kept."""
    await asyncio.to_thread(studio.assets.size, asset)  # a thumbnail does not outlive its picture
    place = studio.places.thumbnails / size / asset
    try:
        small = await asyncio.to_thread(place.read_bytes)
    except OSError:
        small = await studio.decoder.thumbnail(studio.assets, asset, int(size))
        try:
            await asyncio.to_thread(write_whole, place, small)
        except Unavailable as error:  # it is only a cache: the picture is shown all the same
            log.warning("a thumbnail could not be kept: %s", error)
    return Response(small, media_type="image/webp", headers={"cache-control": FOREVER})


def _as_file(name: str) -> str:
    """`content-disposition` for a name that came from outside: letters and their marks, digits, dots, dashes and spaces stay; its ending is kept when it
    is too long.
    """
    shown = "".join(mark if mark in "._- " or unicodedata.category(mark)[0] in "LNM" else "_" for mark in unicodedata.normalize("NFC", name))
    stem, dot, ending = shown.strip(". ").rpartition(".")
    if not stem or len(ending) > 10:
        stem, dot, ending = shown, "", ""
    available = NAME_BYTES - len((dot + ending).encode())
    wide = stem.encode("utf-8", "replace")[:available].decode("utf-8", "ignore").strip(". ") + dot + ending if stem.strip(". ") else "picture"
    if wide.partition(".")[0].strip().upper() in DEVICES:
        wide = "_" + wide
    plain = wide.encode("ascii", "replace").decode().replace("?", "_")
    return f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(wide)}"


def _kind(data: bytes) -> str:
    """Content type by the bytes themselves; what we do not show is a download."""
    for mark, kind in INLINE.items():
        if data.startswith(mark):
            return kind
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "image/webp"
    if data[:4] == b"\x1aE\xdf\xa3" and b"\x42\x82\x84webm" in data[:64]:  # the header's DocType (RFC 8794, 11.2.6)
        return "video/webm"
    return "video/mp4" if data[4:8] == b"ftyp" else "application/octet-stream"
