"""`huafang serve` with fake lanes in the place of painters: python -m tests.server.host <arguments of `huafang serve`>.

HUAFANG_TEST_PATIENCE="head,patience" makes the server's patience with slow senders shorter, in seconds.
"""

import os
import sys

from huafang.cli import main
from huafang.server import patience, serve
from tests.server import lanes

if __name__ == "__main__":
    serve.lane = lanes.lane
    if given := os.environ.get("HUAFANG_TEST_PATIENCE"):
        patience.HEAD, patience.PATIENCE = map(float, given.split(","))
    main(["serve", *sys.argv[1:]])
