"""Feed-forward networks over pictures of any size in bounded memory, and compiled CPU kernels for their layers. `run` is the one entry point."""

from huafang.kernels.tiled import run as run
