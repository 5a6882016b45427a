"""Datasets: pictures to learn from, each with a caption, as one stored asset: a manifest of (asset id, caption) pairs. No torch here.

A field of kind "dataset" takes the ids of pictures and of manifests alike; `expand` makes them one list.
"""

from collections.abc import Iterable
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from huafang.assets import Assets
from huafang.errors import BadInput, NotFound
from huafang.params import PICTURE, clean

MEDIA_TYPE = "application/vnd.huafang.dataset+json"
MOST = 5_000
_MARK = b'{"huafang":"dataset"'
_PNG = b"\x89PNG"


class Example(BaseModel):
    """A picture by its asset id, and what is to be seen in it; "" where nobody said."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    asset: Annotated[str, Field(pattern=PICTURE)]
    caption: Annotated[str, Field(max_length=10_000), AfterValidator(clean)] = ""


class Manifest(BaseModel):
    """A dataset as it is stored."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    huafang: Literal["dataset"] = "dataset"
    version: Literal[1] = 1
    examples: Annotated[tuple[Example, ...], Field(min_length=1, max_length=MOST, strict=False)]


def store(examples: Iterable[Example], assets: Assets) -> str:
    """Keep a dataset and give its id. Raises BadInput where it has no examples or too many, or one is no picture; NotFound where one is not stored here."""
    many = tuple(examples)
    if not 1 <= len(many) <= MOST:
        raise BadInput(f"a dataset has 1 to {MOST:,} pictures, and this one has {len(many):,}", code="dataset.bad")
    manifest = Manifest(examples=many)
    _check(manifest, assets)
    return assets.put(manifest.model_dump_json().encode())


def is_dataset(head: bytes) -> bool:
    """Whether a stored file that begins so is a dataset."""
    return head.startswith(_MARK)


def read(asset: str, assets: Assets) -> tuple[Example, ...]:
    """The examples of the stored dataset `asset`. Raises NotFound; BadInput for what is no dataset."""
    try:
        return Manifest.model_validate_json(assets.read(asset)).examples
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(map(str, first["loc"]))
        raise BadInput(f"the dataset {asset[:12]}… cannot be read: {where}: {first['msg']}", code="dataset.bad") from None


def expand(ids: Iterable[str], assets: Assets) -> list[Example]:
    """The examples that a field of kind "dataset" speaks of: those of its datasets, and its pictures, without captions. Raises NotFound, BadInput."""
    found: list[Example] = []
    for asset in ids:
        found += read(asset, assets) if is_dataset(assets.head(asset)) else [Example(asset=asset)]
    return found


def _check(manifest: Manifest, assets: Assets) -> None:
    for number, example in enumerate(manifest.examples, 1):
        try:
            head = assets.head(example.asset)
        except NotFound:
            raise NotFound(
                f"picture {number} of the dataset, {example.asset[:12]}…, is not stored here", code="asset.missing", hint="upload its pictures first"
            ) from None
        if not head.startswith(_PNG):
            raise BadInput(
                f"number {number} of the dataset, {example.asset[:12]}…, is no picture", code="dataset.bad", hint="films and datasets cannot be in one"
            )
