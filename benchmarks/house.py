"""What the house costs beyond the method's own time: help, server start, and a job from submit to result with a warm worker.

Peers: a bare `python -c pass` for the help, a bare FastAPI application under uvicorn for the start, and the same method run in-process for the job.
"""

import json
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

from _harness import spread, timed, write

from huafang import images
from huafang.api import Bench

PYTHON = sys.executable
BARE = "import uvicorn, fastapi; app = fastapi.FastAPI(); app.get('/')(lambda: 1); uvicorn.run(app, port=0)"


def call(url: str, body: bytes | None = None, kind: str = "application/json") -> dict:
    request = urllib.request.Request(url, body, {"content-type": kind})
    with urllib.request.urlopen(request) as answer:
        return json.load(answer)


def upload(base: str, data: bytes) -> str:
    body = b'--x\r\ncontent-disposition: form-data; name="file"; filename="a.png"\r\n\r\n' + data + b"\r\n--x--\r\n"
    return call(f"{base}api/assets", body, "multipart/form-data; boundary=x")["id"]


def started(words: list[str], pattern: str, environment: dict[str, str]) -> tuple[subprocess.Popen, float, str]:
    """Start a process, wait for the line that says it answers; the process, the seconds, what the pattern found."""
    begun = time.perf_counter()
    process = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=environment)
    for line in process.stdout:
        if found := re.search(pattern, line):
            return process, time.perf_counter() - begun, found[1] if found.groups() else ""
    raise RuntimeError("it ended before it answered")


def starts(words: list[str], pattern: str, repeats: int = 5) -> list[float]:
    seconds = []
    for _ in range(repeats):
        with tempfile.TemporaryDirectory() as home:
            process, took, _ = started(words, pattern, {**os.environ, "HUAFANG_HOME": home})
            process.terminate()
            process.wait()
            seconds.append(took)
    return seconds


def job_overhead(jobs: int = 30) -> list[float]:
    """Seconds from submit to the end of the event stream, less the method's own seconds, of each of `jobs` after a warm one."""
    photo = images.encode(__import__("torch").rand(1, 3, 256, 256))
    with tempfile.TemporaryDirectory() as home:
        process, _, base = started([PYTHON, "-m", "huafang", "serve", "--port", "0"], r"(http://\S+)", {**os.environ, "HUAFANG_HOME": home})
        try:
            content, style = upload(base, photo), upload(base, photo)
            params = {"method": "colour_transfer", "content": content, "style": [style]}
            over = []
            for index in range(jobs + 3):
                begun = time.perf_counter()
                job = call(f"{base}api/jobs", json.dumps({"params": {**params, "strength": 1 - index / 1000}}).encode())
                with urllib.request.urlopen(f"{base}api/jobs/{job['id']}/events") as stream:
                    stream.read()  # it ends with the job
                over.append(time.perf_counter() - begun - call(f"{base}api/jobs/{job['id']}")["seconds"])
            return over[3:]
        finally:
            process.terminate()
            process.wait()


def method_alone() -> list[float]:
    """The same method in this process, for scale."""
    with Bench() as bench:
        photo = images.encode(__import__("torch").rand(1, 3, 256, 256))
        params = bench.params("colour_transfer", {"content": photo, "style": photo})
        return timed(lambda: bench.run(params), 10, 3)


def main() -> None:
    run = lambda words: timed(lambda: subprocess.run(words, check=True, capture_output=True), 7)  # noqa: E731
    bare, help_, method_help = run([PYTHON, "-c", "pass"]), run([PYTHON, "-m", "huafang", "--help"]), run([PYTHON, "-m", "huafang", "gatys", "--help"])
    serve = starts([PYTHON, "-m", "huafang", "serve", "--port", "0"], r"Huafang is open")
    peer = starts([PYTHON, "-c", BARE], r"Uvicorn running")
    over = job_overhead()
    rows = [
        {"what": "python -c pass (peer)", **spread(bare)},
        {"what": "huafang --help", **spread(help_), "ratio_to_peer": statistics.median(help_) / statistics.median(bare)},
        {"what": "huafang gatys --help", **spread(method_help), "ratio_to_peer": statistics.median(method_help) / statistics.median(bare)},
        {"what": "bare FastAPI until it answers (peer)", **spread(peer)},
        {"what": "huafang serve until it answers", **spread(serve), "ratio_to_peer": statistics.median(serve) / statistics.median(peer)},
        {"what": "colour_transfer 256 px in this process (for scale)", **spread(method_alone())},
        {"what": "job overhead beyond the method's own seconds, warm worker", **spread(over)},
    ]
    write("house", "What the house costs beyond the method's own time.", rows)


if __name__ == "__main__":
    assert Path(PYTHON).exists()
    main()
