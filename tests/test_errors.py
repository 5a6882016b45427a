"""Errors from elsewhere, as errors of the tree."""

import gc
import re
import weakref

import numpy as np
import pytest
import torch

from huafang import errors
from huafang.errors import BadInput, Cancelled, Diverged, HuafangError, JobFailed, OutOfMemory, as_fault, check_memory, is_out_of_memory

TOO_MANY = 1 << 50
"""Numbers that no machine has memory for."""


def raised(do) -> Exception:
    try:
        do()
    except Exception as error:
        return error
    raise AssertionError("there was memory for it")


def wrapped() -> None:
    try:
        np.empty(TOO_MANY)
    except MemoryError as error:
        raise OSError("unable to load the weights") from error


@pytest.mark.parametrize(
    "do",
    [
        lambda: torch.empty(TOO_MANY),
        lambda: torch.zeros(8).expand(TOO_MANY, 8).contiguous(),
        lambda: np.empty(TOO_MANY),
        lambda: bytearray(1 << 60),
        wrapped,
    ],
    ids=["torch", "torch copies", "numpy", "python", "wrapped"],
)
def test_memory_that_really_runs_out_is_known_for_it(do):
    assert is_out_of_memory(error := raised(do)), error
    assert as_fault(error, "").code == "memory.out"


@pytest.mark.parametrize(
    "error",
    [
        torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 GiB."),
        RuntimeError("CUDA error: out of memory"),
        RuntimeError("MPS backend out of memory (MPS allocated: 8.00 GB)"),
        RuntimeError("[enforce fail at alloc_cpu.cpp:81] data. DefaultCPUAllocator: not enough memory: you tried to allocate 99 bytes."),
        RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`"),
        RuntimeError("unable to mmap 134 bytes from file <x>: Cannot allocate memory (12)"),
        RuntimeError("std::bad_alloc"),
        RuntimeError("can't start new thread"),
        OSError(12, "Cannot allocate memory"),
        ImportError("libtorch_cpu.so: cannot allocate memory"),
        OutOfMemory("does not fit"),
    ],
    ids=str,
)
def test_errors_of_other_machines_that_mean_memory(error):
    assert is_out_of_memory(error)
    assert isinstance(as_fault(error, ""), OutOfMemory)


@pytest.mark.parametrize(
    "error",
    [
        ValueError("there is no file out of memory.png"),
        RuntimeError("size mismatch"),
        ImportError("cannot allocate memory in static TLS block"),
        OSError(28, "No space left on device"),
        KeyError("out of memory"),
        BadInput("the picture out of memory.png is empty"),
    ],
    ids=repr,
)
def test_others_do_not(error):
    assert not is_out_of_memory(error)


def test_a_fault_of_our_own_is_said_with_where_to_look():
    fault = as_fault(KeyError("x"), "see the log")
    assert isinstance(fault, JobFailed)
    assert (fault.message, fault.hint) == ("KeyError: 'x'", "this is a fault of Huafang's own; see the log")
    assert as_fault(AssertionError(), "").message == "AssertionError"
    known = BadInput("no")
    assert as_fault(known, "") is known


def test_what_was_held_when_memory_ran_out_is_let_go():
    class Large:
        pass

    def run():
        held = Large()
        held.itself = held
        gone.append(weakref.ref(held))
        torch.empty(TOO_MANY)

    gone: list[weakref.ref] = []
    try:
        run()
    except RuntimeError as error:
        fault = as_fault(error, "")
    gc.collect()
    assert gone[0]() is None, fault


def kinds(root: type[HuafangError] = HuafangError) -> list[type[HuafangError]]:
    return [root, *(kind for below in root.__subclasses__() for kind in kinds(below))]


def test_the_tree_that_is_drawn_is_the_tree_that_there_is_with_its_codes():
    drawn = re.findall(r"^[ │├└─]+(\w+) +(\d+) +(\d+)", errors.__doc__, re.MULTILINE)
    there = {(kind.__name__, str(kind.exit_code), str(kind.http_status)) for kind in kinds() if kind is not HuafangError and kind.__module__ == errors.__name__}
    assert set(drawn) == there


def test_a_full_memory_a_training_that_diverged_and_a_cancel_are_told_apart():
    told = [(kind.code, kind.exit_code) for kind in (JobFailed, OutOfMemory, Diverged, Cancelled, BadInput)]
    assert told == [("job.failed", 1), ("memory.out", 5), ("train.diverged", 6), ("cancelled", 130), ("input.bad", 2)]
    assert not issubclass(Diverged, BadInput)


def test_a_full_memory_is_never_told_as_a_bad_file(tmp_path, monkeypatch):
    """Every place that takes any RuntimeError for a stranger's mistake asks first whether memory ran out."""
    from huafang.nets import johnson, trunk, vgg
    from huafang.train import checkpoints

    full = RuntimeError("[enforce fail at alloc_cpu.cpp:124] err == 0. DefaultCPUAllocator: can't allocate memory: you tried to allocate 99 bytes.")

    def no_room(*_, **__):
        raise full

    net, optimizers = torch.nn.Linear(2, 2), {}
    checkpoints.save(tmp_path, 1, {"net": net}, optimizers, {})
    monkeypatch.setattr(torch.nn.Module, "load_state_dict", no_room)
    monkeypatch.setattr("huafang.models.modelfile.load", lambda path: {})
    monkeypatch.setattr(johnson._Sketch, "add", no_room)
    for load in (
        lambda: checkpoints.load(checkpoints.newest(tmp_path), {"net": net}, optimizers),
        lambda: trunk.filled(net, tmp_path / "x", "a net"),
        lambda: vgg.load(tmp_path / "x"),
        lambda: johnson.build([], {}, "x"),
    ):
        with pytest.raises(OutOfMemory):
            load()
    check_memory(RuntimeError("size mismatch"))
