"""`huafang serve` with fake lanes in the place of painters: python -m tests.server.host <arguments of `huafang serve`>."""

import sys

from huafang.cli import main
from huafang.server import serve
from tests.server import lanes

if __name__ == "__main__":
    serve.lane = lanes.lane
    main(["serve", *sys.argv[1:]])
