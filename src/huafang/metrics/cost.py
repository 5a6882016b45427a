"""What a run takes: seconds, and memory at its peak."""

import ctypes
import gc
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

import torch

STATUS, RESET = Path("/proc/self/status"), Path("/proc/self/clear_refs")


@dataclass(frozen=True)
class Cost:
    """`memory` is bytes at the peak above what stood before; None where the system tells no peak."""

    seconds: float
    memory: int | None


class Meter:
    """Measures what runs inside its `with`; `cost` is there afterwards.

    On a CUDA device memory is what torch allocated there; on the CPU it is the process's resident memory, whose peak Linux counts and lets one reset
    (proc(5), `VmHWM` and `clear_refs`). Memory that is free but still held is given back first, so that a run is not spared what an earlier one left.
    """

    def __init__(self, device: str = "cpu") -> None:
        self._device = torch.device(device)
        self.cost: Cost | None = None

    def __enter__(self) -> "Meter":
        gc.collect()
        self._before = self._reset()
        self._started = time.perf_counter()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if self._device.type == "cuda":
            torch.cuda.synchronize(self._device)
        seconds = time.perf_counter() - self._started
        peak = self._peak()
        self.cost = Cost(seconds, None if peak is None or self._before is None else max(0, peak - self._before))

    def _reset(self) -> int | None:
        """Bytes in use now, from which the peak is counted; None where no peak can be told."""
        if self._device.type == "cuda":
            torch.cuda.synchronize(self._device)
            torch.cuda.empty_cache()
            torch.cuda.reset_peak_memory_stats(self._device)
            return torch.cuda.memory_allocated(self._device)
        if self._device.type != "cpu":
            return None
        with suppress(OSError, AttributeError):  # glibc's own; others give back by themselves
            ctypes.CDLL(None).malloc_trim(0)
        try:
            RESET.write_text("5")
        except OSError:
            return None
        return _kilobytes("VmRSS")

    def _peak(self) -> int | None:
        if self._device.type == "cuda":
            return torch.cuda.max_memory_allocated(self._device)
        return _kilobytes("VmHWM") if self._device.type == "cpu" and self._before is not None else None


def _kilobytes(name: str) -> int | None:
    """A line of the process's status, in bytes."""
    with suppress(OSError, StopIteration):
        line = next(line for line in STATUS.read_text().splitlines() if line.startswith(f"{name}:"))
        return int(line.split()[1]) * 1024
    return None
