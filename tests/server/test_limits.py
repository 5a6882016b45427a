"""A real server: signals, ports, locks, listeners, and requests that no HTTP library would send."""

import contextlib
import json
import os
import re
import signal
import socket
import sqlite3
import subprocess
import sys
import threading
import time
import urllib.request
from pathlib import Path

import pytest

from huafang.jobs.rows import open_database
from huafang.jobs.store import Store
from tests.server.conftest import Server, multipart, picture, upload_request, wait

TOKEN = "a-token-of-tests"


def run(data: Path, *options: str) -> tuple[int, str]:
    command = [sys.executable, "-m", "huafang", "serve", "--device", "cpu", "--data", str(data), *options]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert "Traceback" not in done.stderr
    return done.returncode, done.stderr


def listen(server: Server, path: str, **headers: str) -> socket.socket:
    stream = server.connect()
    more = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in headers.items())
    stream.sendall(f"GET {path} HTTP/1.1\r\nhost: 127.0.0.1:{server.port}\r\n{more}\r\n".encode())
    return stream


def hear(stream: socket.socket, until: bytes, heard: bytes = b"") -> bytes:
    while until not in heard:
        part = stream.recv(65536)
        assert part, heard[-500:]
        heard += part
    return heard


def test_bad_input_55_a_port_in_use_is_one_line(tmp_path, server):
    code, said = run(tmp_path, "--port", str(server.port))
    assert code == 3
    assert said.splitlines()[0] == f"error: port {server.port} on 127.0.0.1 cannot be opened: Address already in use"
    assert "--port" in said.splitlines()[1]


def test_bad_input_56_one_server_for_one_folder(server, tmp_path):
    data = server.process.args[server.process.args.index("--data") + 1]
    code, said = run(Path(data), "--port", "0")
    assert code == 3
    assert "another Huafang is using" in said


def test_what_listens_everywhere_is_told_by_an_address_that_one_can_open(tmp_path):
    # 0.0.0.0 is where it listens: no browser opens it everywhere, and the guard answers to no such name
    command = [sys.executable, "-m", "huafang", "serve", "--device", "cpu", "--data", str(tmp_path), "--host", "0.0.0.0", "--port", "0", "--token", TOKEN]
    running = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env={**os.environ, "PYTHONUNBUFFERED": "1"})
    try:
        assert running.stdout is not None
        said = running.stdout.readline()
        address = re.search(rf"http://127\.0\.0\.1:(\d+)/#token={TOKEN} ", said)
        assert address, said
        request = urllib.request.Request(f"http://127.0.0.1:{address[1]}/api/health", headers={"authorization": f"Bearer {TOKEN}"})
        with urllib.request.urlopen(request) as answer:
            assert answer.status == 200
    finally:
        running.send_signal(signal.SIGINT)
        rest = running.communicate(timeout=30)[0]
    assert "0.0.0.0" not in said + rest
    for other in re.findall(r"http://([^:]+):", rest):
        assert not other.startswith("127.")


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--token", "a"], "1 characters, which can be guessed; at least 16"),
        (["--token", "fifteen-letters"], "15 characters"),
        (["--host", "0.0.0.0", "--token", ""], "needs a token"),
        (["--token", "twenty letters and a space"], "spaces"),
        (["--token", "twenty\nletters-and-more"], "control characters"),
    ],
)
def test_bad_input_63_a_token_that_can_be_guessed(tmp_path, options, said):
    code, heard = run(tmp_path, "--port", "0", *options)
    assert code == 2
    assert said in heard
    offered = re.search(r"--token (\S+)", heard.splitlines()[1])
    assert len(offered[1]) >= 16, "the hint is a token that can be used"


def test_a_proxy_that_is_no_address(tmp_path):
    code, heard = run(tmp_path, "--port", "0", "--trusted-proxy", "proxy.example")
    assert code == 2
    assert "'proxy.example' is no address" in heard


@pytest.mark.parametrize("trusted", [False, True])
def test_who_a_client_is_is_told_by_a_trusted_proxy_alone(tmp_path, trusted):
    """Wrong tokens are counted for their sender: with the address that X-Forwarded-For names, where it is believed."""
    with Server(tmp_path, "--token", TOKEN, *(["--trusted-proxy", "127.0.0.1"] if trusted else [])) as server:
        codes = [server.ask("GET", "/api/jobs", authorization="Bearer x", x_forwarded_for=f"10.0.0.{number}")[0] for number in range(30)]
        assert codes == [401] * (30 if trusted else 20) + [429] * (0 if trusted else 10)
        assert server.ask("GET", "/api/jobs", authorization=f"Bearer {TOKEN}")[0] == 200


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1", ""])
def test_bad_input_63_no_token_no_open_door(tmp_path, host):
    code, said = run(tmp_path, "--host", host, "--port", "0")
    assert code == 2
    assert "needs a token" in said


def test_bad_input_62_a_device_that_is_not_here_is_named_before_the_door_opens(tmp_path):
    code, said = run(tmp_path, "--port", "0", "--device", "cuda:99")
    assert code == 3
    assert "cuda:99" in said
    assert not (tmp_path / "huafang.db").exists()


def test_bad_input_54_a_data_folder_that_cannot_be(tmp_path):
    (tmp_path / "file").write_text("")
    code, said = run(tmp_path / "file" / "data", "--port", "0")
    assert code == 3
    assert "cannot be written" in said


def test_bad_input_60_a_damaged_and_a_newer_database(tmp_path):
    place = tmp_path / "huafang.db"
    place.write_bytes(b"this is no database, it is a letter to my aunt " * 50)
    code, said = run(tmp_path, "--port", "0")
    assert code == 3
    assert "damaged or no database" in said
    assert place.read_bytes().startswith(b"this is no database"), "nothing was changed"
    place.unlink()
    open_database(f"sqlite:///{place}").dispose()
    with sqlite3.connect(place) as database:
        database.execute("update setting set value = '99' where name = 'schema'")
    database.close()
    code, said = run(tmp_path, "--port", "0")
    assert code == 3
    assert "newer Huafang" in said


def test_bad_input_60_a_database_that_is_locked_for_a_while(server):
    data = server.process.args[server.process.args.index("--data") + 1]
    asset = server.upload(picture())
    other = sqlite3.connect(Path(data) / "huafang.db", isolation_level=None)
    other.execute("begin immediate")
    answers = []
    body = {"params": {"method": "stroke_rendering", "content": asset, "seed": 1}}
    asking = threading.Thread(target=lambda: answers.append(server.json("POST", "/api/jobs", body)))
    asking.start()
    time.sleep(1)
    assert server.ask("GET", "/api/methods")[0] == 200, "others are answered meanwhile"
    stream = listen(server, "/api/events")
    hear(stream, b"200 OK")
    assert not answers
    other.execute("rollback")
    other.close()
    asking.join(30)
    stream.close()
    assert answers[0]["state"] in ("queued", "running", "done")


def test_bad_input_57_sigterm_in_mid_job_with_an_open_stream(tmp_path):
    with Server(tmp_path) as server:
        job = server.paint(5000)
        stream = listen(server, f"/api/jobs/{job}/events")
        everything = listen(server, "/api/events")
        hear(stream, b"event: progress")
        hear(everything, b"event: progress")
        asked = time.monotonic()
        server.process.send_signal(signal.SIGTERM)
        assert server.process.wait(20) == 0
        assert time.monotonic() - asked < 9
        stream.close()
        everything.close()
        assert "Traceback" not in server.process.stderr.read()
    store = Store(open_database(f"sqlite:///{tmp_path / 'huafang.db'}"))
    row = store.get(job)
    store.close()
    assert (row.state, row.crashes) == ("queued", 0), "it waits in the queue, and nobody is blamed"


def test_bad_input_57_a_second_ctrl_c_leaves_at_once(tmp_path):
    with Server(tmp_path) as server:
        job = server.paint(200)
        stream = listen(server, f"/api/jobs/{job}/events")
        hear(stream, b"event: progress")
        form, kind = multipart(picture())
        half = server.connect()
        half.sendall(upload_request(server, form, kind)[:-20])  # the orderly stop waits for it
        time.sleep(0.2)
        pids = children_of(server.process.pid)
        server.process.send_signal(signal.SIGINT)
        time.sleep(0.5)
        assert server.process.poll() is None, "once is to stop in order"
        asked = time.monotonic()
        server.process.send_signal(signal.SIGINT)
        assert server.process.wait(20) == 130
        assert time.monotonic() - asked < 10
        assert "Traceback" not in server.process.stderr.read()
        wait(lambda: not [pid for pid in pids if _lives(pid)], 5)
        stream.close()
        half.close()
    assert not list(tmp_path.rglob(".part-*"))
    with Server(tmp_path) as again:
        wait(lambda: again.json("GET", f"/api/jobs/{job}")["state"] == "done")
        assert len(again.json("GET", f"/api/jobs/{job}")["outputs"]) == 1


def test_bad_input_48_no_process_outlives_a_killed_server(tmp_path):
    with Server(tmp_path) as server:
        server.upload(picture())
        pids = children_of(server.process.pid)
        assert len(pids) >= 3, "two lanes and a decoder"
        server.process.kill()
        server.process.wait()
        wait(lambda: not [pid for pid in pids if _lives(pid)], 10)


def children_of(pid: int) -> set[str]:
    return {child for place in Path(f"/proc/{pid}/task").glob("*/children") for child in place.read_text().split()}


def _lives(pid: str) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def test_bad_input_59_200_idle_listeners_and_a_slow_one(server):
    streams = [listen(server, "/api/events") for _ in range(200)]
    for stream in streams:
        hear(stream, b"200 OK")
    slow = listen(server, "/api/events")  # reads nothing
    began = time.monotonic()
    job = server.paint(10)
    for stream in (streams[0], streams[-1]):
        heard = hear(stream, b'"state":"done"')
        while job.encode() not in heard:
            heard = hear(stream, b'"state":"done"')
    assert time.monotonic() - began < 20
    assert server.ask("GET", "/api/health")[0] == 200
    for stream in [*streams, slow]:
        stream.close()


def test_bad_input_59_who_comes_back_gets_the_state_and_then_what_follows(server):
    job = server.paint(60)
    stream = listen(server, f"/api/jobs/{job}/events", last_event_id="999999")
    heard = hear(stream, b'"state":"done"').decode()
    stream.close()
    events = re.findall(r"^event: (\w+)", heard, re.M)
    assert events[0] == "job", "the state as it stands comes first"
    assert events[-1] == "job"
    assert "progress" in events
    seqs = [json.loads(data)["seq"] for kind, data in re.findall(r"event: (\w+)\r?\ndata: (.*)", heard) if kind == "job"]
    assert seqs == sorted(seqs)
    again = listen(server, f"/api/jobs/{job}/events", last_event_id="1")
    assert b'"state":"done"' in hear(again, b"\n\n")
    again.close()


def raw(server: Server, request: bytes) -> bytes:
    with server.connect() as line:
        with contextlib.suppress(ConnectionError):  # it may hang up before it has heard all
            line.sendall(request)
        line.settimeout(10)
        heard = b""
        try:
            while part := line.recv(65536):
                heard += part
                if b"\r\n\r\n" in heard and b"problem+json" in heard and heard.endswith(b"}"):
                    break
        except (TimeoutError, ConnectionError):
            pass
        return heard


def test_bad_input_64_requests_that_no_library_sends(server):
    host = b"host: 127.0.0.1\r\n"
    assert b" 200 " not in raw(server, b"GET / HTTP/1.1\r\n" + host + b"x: " + b"a" * 1_000_000 + b"\r\n\r\n")[:13]
    assert b" 400 " in raw(server, b"GET / HTTP/1.1\r\n" + host + b"host: evil.test\r\n\r\n")[:13]
    assert b" 400 " in raw(server, b"POST /api/jobs HTTP/1.1\r\n" + host + b"content-length: 5\r\ncontent-length: 9\r\n\r\nhello")[:13]
    assert b" 403 " in raw(server, b"GET / HTTP/1.0\r\n\r\n")[:13]
    assert b" 400 " in raw(server, b"nonsense\r\n\r\n")[:13]
    chunked = (
        b"POST /api/jobs HTTP/1.1\r\n"
        + host
        + b"content-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n"
        + b"186a0\r\n%s\r\n" % (b"x" * 100_000) * 20
    )
    assert b" 413 " in raw(server, chunked + b"0\r\n\r\n")[:13]
    assert b" 413 " in raw(server, chunked)[:13], "at the limit, not at the end of what never ends"
    assert b"upgrade" not in raw(
        server, b"GET /api/events2 HTTP/1.1\r\n" + host + b"upgrade: websocket\r\nconnection: upgrade, close\r\nsec-websocket-key: x\r\n\r\n"
    )
    short = server.connect()
    short.sendall(b"POST /api/jobs HTTP/1.1\r\n" + host + b"content-type: application/json\r\ncontent-length: 500\r\n\r\n{")
    short.close()  # announced more than it brought
    assert server.ask("GET", "/api/health")[0] == 200


def test_bad_input_22_many_uploads_at_once_stay_within_memory(server):
    """40 of 20 MB each (BMP): most are told to come back, all that are taken are stored, and the server does not grow by them."""
    form, kind = multipart(picture(2600, 2600, "BMP"))
    status = Path(f"/proc/{server.process.pid}/status")
    codes: list[int] = []

    def send() -> None:
        codes.append(server.ask("POST", "/api/assets", form, content_type=kind)[0])

    threads = [threading.Thread(target=send) for _ in range(40)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert set(codes) <= {201, 429}
    assert 201 in codes
    assert 429 in codes
    peak = int(re.search(r"VmHWM:\s+(\d+)", status.read_text())[1]) / 1024
    assert peak < 900, f"{peak:.0f} MB"
    assert server.ask("GET", "/api/health")[0] == 200
