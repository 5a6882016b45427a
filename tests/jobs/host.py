"""A process that hosts a dispatcher over fake lanes, for tests that kill it: queues three jobs (once), waits for their ends, and leaves."""

import sys
from pathlib import Path

from tests.jobs.conftest import draft, ended, open_dispatcher


def main() -> None:
    dispatcher = open_dispatcher(Path(sys.argv[1]))
    dispatcher.start()
    jobs = [dispatcher.submit(draft(tag, key=tag, steps=3, dt=0.01)).id for tag in "abc"]
    for job in jobs:
        ended(dispatcher, job, 60)
    dispatcher.stop(1)


if __name__ == "__main__":
    main()
