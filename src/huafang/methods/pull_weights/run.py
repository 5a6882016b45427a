"""`pull.py`'s download as a job, so that it has a progress bar, a speed, and a cancel."""

import time

from huafang.context import Context, Result
from huafang.methods.pull_weights import PullWeights
from huafang.models import pull
from huafang.notes import Note


def run(p: PullWeights, ctx: Context) -> Result:
    began, first = time.monotonic(), -1

    def progress(done: int, total: int) -> None:
        nonlocal first
        first = done if first < 0 else first
        speed = (done - first) / max(time.monotonic() - began, 1e-3) / 1e6
        ctx.step(done // 1000, max(total // 1000, done // 1000 + 1), megabytes=done / 1e6, megabytes_per_second=speed)

    path = pull.pull(p.name, ctx.weights, progress=progress)
    verdict = ctx.weights.verify(p.name)
    size = max(verdict.bytes // 1000, 1)
    ctx.step(size, size, megabytes=verdict.bytes / 1e6)
    # Faults name files and numbers: they are said in one language.
    notes = [Note(f"{p.name} is ready: {path}", f"{p.name} 已就绪：{path}"), *(Note(fault, fault) for fault in verdict.faults)]
    return Result(figures={"megabytes": verdict.bytes / 1e6, "tensors": verdict.tensors}, notes=notes)
