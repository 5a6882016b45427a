"""What a file of weights is, whom it fits and what it would change: the card of its header, its hashes, faults of its numbers, and a trial on base models."""

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from huafang.diffusion.adapters import lora
from huafang.diffusion.model import load
from huafang.errors import HuafangError
from huafang.models import card, kinds, modelfile, tensorfile
from huafang.models.card import Hashes, ModelCard

BAR = 24
"""Characters of the longest bar."""


@dataclass(frozen=True)
class Fit:
    """A LoRA on one base model: what it would do there, or why it does not fit."""

    model: str
    effect: lora.Effect | None = None
    error: str | None = None


@dataclass(frozen=True)
class Report:
    """`faults` are what is wrong with the file, empty when all is well; `remarks` what other tools may take otherwise."""

    name: str
    path: Path
    card: ModelCard
    hashes: Hashes | None
    faults: tuple[str, ...] = ()
    fits: tuple[Fit, ...] = ()
    remarks: tuple[str, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """The report as plain values."""
        found = asdict(self.card) | {"title": self.card.title, "kind_title": str(kinds.of(self.card.kind).title)}
        hashes = {"sha256": self.hashes.sha256, "autov2": self.hashes.autov2, "autov3": self.hashes.autov3} if self.hashes else None
        fits = [{"model": one.model, "effect": asdict(one.effect) if one.effect else None, "error": one.error} for one in self.fits]
        return {
            "name": self.name,
            "path": str(self.path),
            "card": found,
            "hashes": hashes,
            "faults": list(self.faults),
            "remarks": list(self.remarks),
            "fits": fits,
        }

    def lines(self) -> list[str]:
        """The report in words, a line each."""
        found = self.card
        rows: dict[str, object] = {
            "file": self.path,
            "kind": f"{kinds.of(found.kind).title}{f', layout {found.layout}' if found.layout else ''}",
            "family": kinds.FAMILIES.get(found.family or "", "not told"),
            "size": modelfile.shown_bytes(found.bytes) + (f", {found.tensors} tensors: {', '.join(found.dtypes)}" if found.tensors else ""),
            "rank": f"{_range(found.ranks)}, alpha {found.alpha:g}" if found.ranks and found.alpha is not None else _range(found.ranks),
            "trigger words": ", ".join(found.trigger_words),
            "trained with": ", ".join(f"{key} {value}" for key, value in found.training.items()),
            "base model": found.base_model,
            "tags": ", ".join(f"{tag} ({count})" for tag, count in found.tags[:12]),
            "title": found.title,
            "author": found.author,
            "licence": found.licence,
            "from": found.source,
            "sha256": self.hashes.sha256 if self.hashes else None,
            "AutoV2, AutoV3": f"{self.hashes.autov2}, {self.hashes.autov3}" if self.hashes else None,
        }
        said = [f"{key + ':':<16}{value}" for key, value in rows.items() if value]
        said += [f"{'fault:':<16}{fault}" for fault in self.faults] + [f"{'note:':<16}{remark}" for remark in self.remarks]
        for one in self.fits:
            said += ["", f"on {one.model}: {one.effect.note() if one.effect else one.error}", *(_bars(one.effect.blocks) if one.effect else ())]
        return said


def report(name: str, path: Path, bases: Mapping[str, Path]) -> Report:
    """Look at the file or model folder at `path`; try a LoRA on each of the `bases`, which are loaded on the CPU one after another."""
    found = card.read(path)
    if found.fault:
        return Report(name, path, found, None, (found.fault,))
    hashes = card.hashes(path) if path.is_file() else None
    faults = tuple(_faults(path, found))
    fits = tuple(_fit(path, model, place) for model, place in bases.items()) if found.kind == "lora" else ()
    remarks = ("it names no alpha: the rank is taken for it, as other tools do",) if found.kind == "lora" and found.ranks and found.alpha is None else ()
    return Report(name, path, found, hashes, faults, fits, remarks)


def _faults(path: Path, found: ModelCard) -> Iterable[str]:
    """What is wrong with the numbers of a file."""
    for file in modelfile.tensor_files(path):
        try:
            tensorfile.load(file, any_name=True)
        except HuafangError as error:
            yield error.message
    if 0 in found.ranks:
        yield "some of its modules have rank 0"


def _fit(path: Path, model: str, place: Path) -> Fit:
    try:
        return Fit(model, lora.effect(load.load(place), lora.Use(path.stem, path)))
    except HuafangError as error:
        return Fit(model, error=error.message)


def _range(numbers: tuple[int, ...]) -> str:
    return "" if not numbers else f"{numbers[0]}" if len(set(numbers)) == 1 else f"{min(numbers)} to {max(numbers)}"


def _bars(blocks: Mapping[str, float]) -> list[str]:
    """‖ΔW‖ / ‖W‖ of each block, as bars."""
    largest = max(blocks.values(), default=0.0) or 1.0
    return [f"  {block or 'elsewhere':<10}{'█' * max(1, round(BAR * share / largest)):<{BAR}} {share:.2%}" for block, share in blocks.items()]
