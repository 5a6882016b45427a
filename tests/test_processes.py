"""A process that Huafang starts does not outlive it, whatever it is doing."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from huafang.processes import child

PARENT = """
import subprocess, sys
from huafang import processes
print(subprocess.Popen([sys.executable, "-P", *processes.child("busy", *sys.argv[1:])[2:]]).pid, flush=True)
sys.stdin.read()
"""
BUSY = {
    "waits": "import time\ntime.sleep(600)",
    "computes": "while True: pass",
    "is in native code": "import ctypes\nctypes.PyDLL(None).sleep(600)",  # it holds the interpreter's lock
}


def lives(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


@pytest.mark.skipif(sys.platform != "linux", reason="it is looked for in /proc")
@pytest.mark.parametrize("how", BUSY)
def test_a_child_ends_with_its_parent(tmp_path: Path, how: str):
    (tmp_path / "busy.py").write_text(f"open({str(tmp_path / 'begun')!r}, 'w').close()\n{BUSY[how]}\n")
    environment = {**os.environ, "PYTHONPATH": f"{tmp_path}:{os.environ.get('PYTHONPATH', '')}"}
    parent = subprocess.Popen([sys.executable, "-c", PARENT], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment)
    assert parent.stdout is not None
    pid = int(parent.stdout.readline())
    deadline = time.monotonic() + 60
    while not (tmp_path / "begun").exists() and time.monotonic() < deadline:
        time.sleep(0.01)
    assert lives(pid)
    parent.kill()
    parent.communicate()
    while lives(pid) and time.monotonic() < deadline:
        time.sleep(0.01)
    assert not lives(pid)


def test_a_child_whose_parent_is_gone_already_does_not_begin(tmp_path: Path):
    (tmp_path / "begin.py").write_text("print('begun')")
    command = child("begin")
    environment = {**os.environ, "PYTHONPATH": str(tmp_path)}
    assert subprocess.run(command, env=environment, capture_output=True, text=True, check=False).stdout == "begun\n"
    command[command.index(str(os.getpid()))] = "1"
    assert subprocess.run(command, env=environment, capture_output=True, text=True, check=False).stdout == ""


def test_arguments_and_exit_codes_pass_through(tmp_path: Path):
    (tmp_path / "told.py").write_text("import sys\nprint(sys.argv[1:], __name__)\nsys.exit(7)")
    done = subprocess.run(child("told", "a b", ""), env={**os.environ, "PYTHONPATH": str(tmp_path)}, capture_output=True, text=True, check=False)
    assert (done.stdout, done.returncode) == ("['a b', ''] __main__\n", 7)
