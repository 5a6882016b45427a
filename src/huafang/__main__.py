"""`python -m huafang`."""

from huafang.processes import import_nothing_from_here

import_nothing_from_here(by_module=True)

from huafang.cli import main  # noqa: E402  # the path comes first

main()
