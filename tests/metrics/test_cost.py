"""Seconds and peak memory of what runs inside, and of nothing else."""

import time
from pathlib import Path

import pytest
import torch

from huafang.metrics import cost


def test_seconds_are_those_inside():
    with cost.Meter() as meter:
        time.sleep(0.05)
    time.sleep(0.05)
    assert meter.cost
    assert 0.05 <= meter.cost.seconds < 0.095


@pytest.mark.skipif(not cost.RESET.exists(), reason="only Linux tells a peak that can be reset")
def test_the_peak_is_that_of_the_run_and_not_of_what_came_before():
    held = torch.ones(40_000_000)  # 160 MB before
    del held
    with cost.Meter() as meter:
        for _ in range(3):  # one after the other: their memory does not add up
            assert torch.ones(20_000_000).sum() > 0  # 80 MB
    assert meter.cost
    assert meter.cost.memory
    assert 70e6 < meter.cost.memory < 110e6
    with cost.Meter() as small:
        pass
    assert small.cost
    assert small.cost.memory is not None
    assert small.cost.memory < 5e6


def test_where_no_peak_is_told_none_is_made_up(monkeypatch):
    monkeypatch.setattr(cost, "RESET", Path("/nowhere/clear_refs"))
    with cost.Meter() as meter:
        pass
    assert meter.cost
    assert meter.cost.memory is None


def test_a_run_that_fails_is_measured_too():
    with pytest.raises(ZeroDivisionError), cost.Meter() as meter:
        raise ZeroDivisionError
    assert meter.cost
    assert meter.cost.seconds >= 0
