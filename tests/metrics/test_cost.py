"""Seconds and peak memory of what runs inside, and of nothing else."""

import subprocess
import sys
from pathlib import Path

import pytest

from huafang.metrics import cost


def test_seconds_are_those_inside(monkeypatch):
    clock = iter([10.0, 10.25])
    monkeypatch.setattr(cost.time, "perf_counter", lambda: next(clock))
    with cost.Meter() as meter:
        pass
    assert meter.cost
    assert meter.cost.seconds == 0.25


PEAKS = """
import torch
from huafang.metrics import cost
before = torch.ones(40_000_000)  # 160 MB
del before
with cost.Meter() as meter:
    for _ in range(3):  # one after the other: their memory does not add up
        assert torch.ones(20_000_000).sum() > 0  # 80 MB
with cost.Meter() as small:
    pass
print(meter.cost.memory, small.cost.memory)
"""


@pytest.mark.skipif(not cost.RESET.exists(), reason="only Linux tells a peak that can be reset")
def test_the_peak_is_that_of_the_run_and_not_of_what_came_before():
    """In a process of its own: in the tests' own process an earlier test may have told malloc to keep what is freed."""
    said = subprocess.run([sys.executable, "-c", PEAKS], capture_output=True, text=True, check=True).stdout
    peak, small = map(int, said.split())
    assert 70e6 < peak < 110e6
    assert small < 5e6


def test_where_no_peak_is_told_none_is_made_up(monkeypatch):
    monkeypatch.setattr(cost, "RESET", Path("/nowhere/clear_refs"))
    with cost.Meter() as meter:
        pass
    assert meter.cost
    assert meter.cost.memory is None


def test_a_run_that_fails_is_measured_too(monkeypatch):
    clock = iter([1.0, 1.5])
    monkeypatch.setattr(cost.time, "perf_counter", lambda: next(clock))
    with pytest.raises(ZeroDivisionError), cost.Meter() as meter:
        raise ZeroDivisionError
    assert meter.cost
    assert meter.cost.seconds == 0.5
