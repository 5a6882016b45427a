"""Many jobs on one server: memory and open files of its processes stay where they are."""

from pathlib import Path

import pytest

from tests.server.conftest import Server, picture, wait

pytestmark = [pytest.mark.slow, pytest.mark.timeout(3600)]

WARM, ROUNDS = 3, 25
"""Rounds before the first measurement, in which models are loaded and code is compiled; rounds in all."""
GROWTH = 60e6


def children(pid: int) -> list[int]:
    """The processes below `pid`."""
    found = [int(one) for one in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    return [*found, *(other for one in found for other in children(one))]


def resident(pid: int) -> int:
    line = next(line for line in Path(f"/proc/{pid}/status").read_text().splitlines() if line.startswith("VmRSS"))
    return int(line.split()[1]) * 1024


def taken(server: Server) -> tuple[int, int]:
    """Resident bytes and open files of the server and all of its processes."""
    pids = [server.process.pid, *children(server.process.pid)]
    return sum(map(resident, pids)), sum(len(list(Path(f"/proc/{pid}/fd").iterdir())) for pid in pids)


def test_a_hundred_jobs_leave_no_memory_and_no_files_behind(tmp_path):
    with Server(tmp_path, real=True) as server:
        photo, style = server.upload(picture(320, 240)), server.upload(picture(200, 150, colour=(20, 60, 160)))
        kinds = [
            {"method": "image_filters", "content": photo, "filter": "oil"},
            {"method": "stroke_rendering", "content": photo, "style": [style]},
            {"method": "colour_transfer", "content": photo, "style": [style]},
            {"method": "micro_ast", "content": photo, "style": [style]},
        ]

        def done(job: str) -> bool:
            state = server.json("GET", f"/api/jobs/{job}")["state"]
            assert state in ("queued", "running", "done"), state
            return bool(state == "done")

        for number in range(ROUNDS):
            jobs = [server.json("POST", "/api/jobs", {"params": {**kind, "seed": number}})["id"] for kind in kinds]
            for job in jobs:
                wait(lambda job=job: done(job), 600)
            if number == WARM:
                memory, files = taken(server)
        memory_now, files_now = taken(server)
        assert memory_now - memory < GROWTH
        assert files_now <= files + 4
