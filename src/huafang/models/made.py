"""Models that a training made: which names are free for one, and which files it may write again. No torch."""

import json
import os
from pathlib import Path

from huafang import newfile
from huafang.assets import write_whole
from huafang.errors import BadInput, Conflict
from huafang.models import catalogue, scan
from huafang.models.modelfile import fingerprint, sha256


class MadeModels:
    """The part of the store at `root` that trainings use; `folders` are the owner's."""

    root: Path
    folders: tuple[Path, ...]

    def check_new(self, name: str, *, run: str | None = None) -> None:
        """See that a model that is made here may be called `name`, before hours are spent on it; upper and lower case count as one, as some disks have it.

        Raises BadInput (`params.bad`) for a name of the catalogue's or of a built-in model, which stays free for that one; Conflict (`weights.exists`) where
        there is a model of that name, unless the training run `run` (by default, of the same name) made it: that one may write it again.
        """
        plain = name.casefold()
        for known, what in ((catalogue.built_in(), "comes with Huafang"), (catalogue.entries(), "can be pulled")):
            if taken := next((other for other in known if other.casefold() == plain), None):
                raise BadInput(f"name: {taken} is a model that {what}", code="params.bad", hint=f"take another name, such as my-{name}")
        for place in self._places_of(plain):
            if not self.is_made_by(place, run or name):
                free = newfile.free_name(self.root / f"{name}.safetensors").stem
                raise Conflict(
                    f"name: there is a model {name!r} already, which this run did not make",
                    code="weights.exists",
                    hint=f"take another name, such as {free if free != name else f'{name}-2'}, or remove that model first",
                )

    def check_target(self, place: Path, run: str) -> None:
        """See that the weights that the training run `run` makes may be written to `place`, a file of the caller's own.

        Raises BadInput (`weights.exists`) where a file is there that this run did not write.
        """
        if os.path.lexists(place) and not (place.is_file() and sha256(place) in self._made(run).values()):
            raise newfile.exists(place)

    def _places_of(self, plain: str) -> list[Path]:
        """What lies in the store or in a folder of the owner's under the case-folded name `plain`."""
        found = [path for name, path in scan.found((self.root, *self.folders)).items() if name.casefold() == plain]
        try:
            here = [item for item in self.root.resolve().iterdir() if item.name.casefold() in (plain, f"{plain}.safetensors")]
        except OSError:
            here = []
        return list(dict.fromkeys(found + here))

    def note_made(self, name: str, place: Path) -> None:
        """Write down that the training run `name` made the model at `place`, as it is now."""
        made = {**self._made(name), place.name: fingerprint(place)}
        write_whole(self.root / ".training" / name / "made.json", json.dumps(made, indent=1).encode())

    def is_made_by(self, place: Path, name: str) -> bool:
        """Whether the file or folder at `place`, as it is now, was made by the training run `name`."""
        try:
            return place.parent == self.root.resolve() and self._made(name).get(place.name) == fingerprint(place)
        except OSError:
            return False

    def _made(self, name: str) -> dict[str, str]:
        try:
            told = json.loads((self.root / ".training" / name / "made.json").read_text("utf-8"))
        except (OSError, ValueError):
            return {}
        return told if isinstance(told, dict) else {}
