"""What a running job has to say, on both routes that show it."""

import json
from pathlib import Path

from tests.server.conftest import Server, wait
from tests.server.lanes import TALKS
from tests.server.test_limits import hear, listen


def test_a_running_jobs_messages_are_in_its_answer_and_in_the_event_streams(tmp_path: Path) -> None:
    said = [{"en": "goes on from step 534", "zh": "中文 goes on from step 534"}]
    with Server(tmp_path) as server:
        everything = listen(server, "/api/events")
        hear(everything, b"200 OK")
        job = server.paint(TALKS)
        wait(lambda: server.json("GET", f"/api/jobs/{job}")["notes"] == said)
        assert server.json("GET", f"/api/jobs/{job}")["state"] == "running"
        one = listen(server, f"/api/jobs/{job}/events")
        for stream in (one, everything):
            hear(stream, json.dumps({"notes": said}, ensure_ascii=False, separators=(",", ":"))[1:-1].encode())
            stream.close()
        assert server.json("POST", f"/api/jobs/{job}/cancel")["notes"] == said
        wait(lambda: server.json("GET", f"/api/jobs/{job}")["state"] == "cancelled")
        assert server.json("GET", f"/api/jobs/{job}")["notes"] == said, "it is still there to be read"
