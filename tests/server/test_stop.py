"""How Ctrl-C is heard while the main thread is in native code and runs no handler."""

import signal
import subprocess
import sys

import pytest

BUSY = """
import hashlib
from huafang.server.serve import Stop
with Stop() as stop:
    stop.then(lambda: print("asked", flush=True))
    print("ready", flush=True)
    input()
    hashlib.pbkdf2_hmac("sha256", b"", b"", 2_000_000_000)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="signals are different there")
@pytest.mark.parametrize("first", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_second_ctrl_c_is_heard_in_native_code(first: signal.Signals):
    running = subprocess.Popen([sys.executable, "-c", BUSY], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        assert running.stdin is not None
        assert running.stdout is not None
        assert running.stdout.readline() == "ready\n"
        running.send_signal(first)
        assert running.stdout.readline() == "asked\n"
        running.stdin.write("\n")
        running.stdin.flush()
        with pytest.raises(subprocess.TimeoutExpired):
            running.wait(1)
        running.send_signal(signal.SIGINT)
        assert running.wait(60) == 130
    finally:
        running.kill()
        running.communicate()


@pytest.mark.skipif(sys.platform == "win32", reason="signals are different there")
def test_once_is_not_twice():
    running = subprocess.Popen([sys.executable, "-c", BUSY], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        assert running.stdout is not None
        assert running.stdout.readline() == "ready\n"
        running.send_signal(signal.SIGTERM)
        assert running.stdout.readline() == "asked\n"
        running.send_signal(signal.SIGTERM)
        assert running.stdout.readline() == "asked\n", "a service manager may ask as often as it likes"
        assert running.poll() is None
    finally:
        running.kill()
        running.communicate()
