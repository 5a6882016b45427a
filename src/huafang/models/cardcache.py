"""Cards of models, cached on disk by path, modification time and size. No torch."""

import json
import logging
import os
import stat
import threading
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

from huafang.assets import write_whole
from huafang.errors import HuafangError
from huafang.models import card, catalogue, modelfile
from huafang.models.card import ModelCard

log = logging.getLogger(__name__)
VERSION = 1
"""Raised whenever a card would be read otherwise, so that older ones are forgotten."""


class CardCache:
    """Cards by path, modification time and size, in one file: what has not changed is not opened again."""

    def __init__(self, place: Path) -> None:
        self._place = place
        self._cards: dict[str, tuple[list[int], ModelCard]] | None = None
        self._lock = threading.Lock()

    def cards(self, paths: list[Path]) -> dict[Path, ModelCard]:
        """The card of each path. New ones are written down for the next process; cards of files that are gone are forgotten then."""
        with self._lock:
            known = self._load()
            found: dict[Path, ModelCard] = {}
            kept: dict[str, tuple[list[int], ModelCard]] = {}
            changed = False
            for path in paths:
                mark = _mark(path)
                old = known.get(str(path))
                if old is None or mark is None or old[0] != mark:
                    changed = True
                    old = (mark or [], card.read(path))
                found[path] = old[1]
                kept[str(path)] = old
            if changed and not all(path.is_relative_to(catalogue.BUILT_IN) for path in paths):  # a machine without models of its own is left as it is
                self._cards = {key: old for key, old in known.items() if key in kept or Path(key).exists()} | kept
                self._write()
        return found

    def _load(self) -> dict[str, tuple[list[int], ModelCard]]:
        if self._cards is None:
            try:
                told = json.loads(self._place.read_bytes())
                self._cards = {path: (mark, _card(body)) for path, (mark, body) in told["cards"].items()} if told["version"] == VERSION else {}
            except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):  # none yet, or damaged: it is only a cache
                self._cards = {}
        return self._cards

    def _write(self) -> None:
        assert self._cards is not None, "it was loaded"
        body = {"version": VERSION, "cards": {path: (mark, asdict(card)) for path, (mark, card) in self._cards.items()}}
        try:
            write_whole(self._place, json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace"))
        except HuafangError as error:  # it is only a cache
            log.debug("the cards of the models could not be cached: %s", error)


def _mark(path: Path) -> list[int] | None:
    """What changes with the file: time and size; of a folder, of its index and its networks' configs; and of the small files beside it."""
    place = str(path)  # plain strings: for hundreds of files, making paths takes longer than asking the disk
    try:
        found = os.stat(place)
    except OSError:
        return None
    if stat.S_ISDIR(found.st_mode):
        beside = [os.path.join(place, "model_index.json"), os.path.join(place, "unet", "config.json")]
    else:
        stem = place.removesuffix(path.suffix)
        beside = [f"{stem}.json", f"{stem}.civitai.info"]
    return [found.st_mtime_ns, found.st_size, *(_mtime(item) for item in [*beside, str(modelfile.sidecar_place(path))])]


def _mtime(place: str) -> int:
    try:
        return os.stat(place).st_mtime_ns
    except OSError:
        return 0


_FIELDS = {one.name for one in fields(ModelCard)}


def _card(body: dict[str, Any]) -> ModelCard:
    """A card out of the cache. Raises TypeError or KeyError for one of another shape."""
    if body.keys() != _FIELDS:
        raise KeyError("fields")
    tags: tuple[Any, ...] = tuple(map(tuple, body["tags"]))  # tens of thousands of them: this is what takes the time
    return ModelCard(**{**body, "ranks": tuple(body["ranks"]), "trigger_words": tuple(body["trigger_words"]), "tags": tags})
