"""What holds of every process that Huafang starts: where its modules come from."""

import os
import sys
from pathlib import Path


def import_nothing_from_here(*, by_module: bool = False) -> None:
    """Never import from the folder that the user happens to stand in: a `socket.py` there would run in every child of this process.

    A child inherits PYTHONSAFEPATH, which keeps `python -c` and `python -m` from putting the current folder first. `by_module` says that this process itself
    was started by `python -m`; the folder is then taken off its own path, which children take over, unless the package lies there.
    """
    os.environ["PYTHONSAFEPATH"] = "1"
    if by_module and not sys.flags.safe_path and sys.path and Path(sys.path[0]).resolve() != Path(__file__).resolve().parents[1]:
        del sys.path[0]
