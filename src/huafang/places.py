"""Where things lie on this machine: one data folder, named by `--data`, HUAFANG_HOME, or the system's own place for it."""

import contextlib
import os
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Places:
    """The folders of one data folder. Nothing is made until it is written to."""

    root: Path

    def make(self) -> None:
        """Make the data folder and the folders of what users made, for this user alone; those that are there stay as they are. Raises OSError."""
        for folder in (self.root, self.assets, self.outbox, self.names, self.root / "cache", self.work):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)

    @property
    def assets(self) -> Path:
        return self.root / "assets"

    @property
    def models(self) -> Path:
        return self.root / "models"

    @property
    def wildcards(self) -> Path:
        """The user's wildcards for prompts: text files, a choice a line."""
        return self.root / "wildcards"

    @property
    def styles(self) -> Path:
        """The user's styles: a file NAME.json each, with its preview NAME.webp beside it."""
        return self.root / "styles"

    @property
    def outbox(self) -> Path:
        """Results that a lane has finished and the dispatcher has not yet booked."""
        return self.root / "outbox"

    @property
    def names(self) -> Path:
        """What uploads were called, by asset id."""
        return self.root / "names"

    @property
    def thumbnails(self) -> Path:
        return self.root / "cache" / "thumbnails"

    @property
    def things(self) -> Path:
        """Rendered pictures of things that the built-in model is trained on."""
        return self.root / "cache" / "things"

    @property
    def work(self) -> Path:
        """Finished parts of long runs that are not done yet."""
        return self.root / "work"

    @property
    def database(self) -> str:
        """SQLAlchemy address of the default database."""
        return f"sqlite:///{self.root / 'huafang.db'}"


def places(data: Path | None = None) -> Places:
    """`data` if given, else HUAFANG_HOME, else the system's folder for programs' data."""
    if data is None and (named := os.environ.get("HUAFANG_HOME")):
        data = Path(named)
    if data is None:
        import platformdirs

        data = Path(platformdirs.user_data_dir("huafang", appauthor=False))
    return Places(data.expanduser().resolve())


def caches() -> list[Path]:
    """Folders for what can be made again, the best first: HUAFANG_HOME's own if that is set, and the system's folder for programs' caches."""
    import platformdirs

    roots = [Path(named).expanduser() / "cache"] if (named := os.environ.get("HUAFANG_HOME")) else []
    with contextlib.suppress(RuntimeError, OSError):  # no home folder can be told
        roots.append(Path(platformdirs.user_cache_dir("huafang", appauthor=False)).expanduser())
    return [root.absolute() for root in roots]
