"""Files and folders of models below a folder, and the names that they have by their place. No torch."""

import logging
import re
from collections.abc import Iterable
from pathlib import Path

from huafang.models import catalogue
from huafang.models.modelfile import is_model_folder

log = logging.getLogger(__name__)


def found(homes: Iterable[Path]) -> dict[str, Path]:
    """Name -> place of every model below `homes`, the first of a name. Links that lead out of their folder are passed over, with a warning."""
    models: dict[str, Path] = {}
    for base in homes:
        home = base.resolve()
        for place in models_below(home):
            name = "/".join(slug(part) for part in place.relative_to(home).with_suffix("").parts) if place.is_file() else slug_path(place, home)
            if not _is_inside(place, home):
                log.warning("passed over %s: it is a link that leads out of %s", ascii(str(place)), ascii(str(home)))
                continue
            if name in catalogue.built_in():
                log.warning("passed over %s: %s is the name of a model that comes with Huafang", ascii(str(place)), name)
                continue
            models.setdefault(name, place)
    return models


def _is_inside(place: Path, home: Path) -> bool:
    """Whether `place`, found below `home` through no linked folder above depth one, does not lead out of it."""
    if place.parent == home and not place.is_symlink():
        return True  # most files: nothing need be resolved
    return place.resolve().is_relative_to(home)


def models_below(home: Path, depth: int = 3) -> list[Path]:
    """`.safetensors` files and folders of models at most `depth` folders down; sockets, pipes, devices and dead links are passed over, with a warning."""
    try:
        items = sorted(home.iterdir())
    except OSError:
        return []
    places: list[Path] = []
    for item in items:
        if item.name.startswith("."):
            continue
        try:
            places += models_at(item, depth)
        except OSError as error:
            log.warning("passed over %s: %s", ascii(str(item)), error.strerror)
    return places


def models_at(item: Path, depth: int) -> list[Path]:
    if item.is_dir():
        if is_model_folder(item):
            return [item]
        return models_below(item, depth - 1) if depth > 1 and not item.is_symlink() else []
    if item.suffix.lower() != ".safetensors":
        return []
    if not item.is_file():
        log.warning("passed over %s: it is no regular file", ascii(str(item)))
        return []
    return [item]


def slug(text: str) -> str:
    return re.sub(r"^[^\w]+|[^\w.\-]+", "_", text)[:120] or "_"


def slug_path(place: Path, home: Path) -> str:
    return "/".join(slug(part) for part in place.relative_to(home).parts)
