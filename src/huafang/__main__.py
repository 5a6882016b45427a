"""`python -m huafang`."""

from huafang.cli import main

main()
