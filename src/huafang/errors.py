"""Every way in which Huafang says no, as one tree.

    HuafangError                    exit  HTTP
    ├── BadInput                      2    422   what came cannot be used: a value, a file, a picture
    │   └── TooLarge                  2    413   it could, were it smaller
    ├── NotFound                      2    404   no such asset, job, method, model
    ├── Forbidden                     2    403   the door is not open to this caller
    ├── Conflict                      2    409   not in the present state of things
    ├── QueueFull                     2    429   come back in `retry_after` seconds
    ├── MissingWeights                3    409   a model that is known and not on this machine
    │   └── UnknownWeights            2    404   no model goes by this name
    ├── Unavailable                   3    503   the machine lacks something: a file, a port, a library
    │   └── DiskFull                  3    507
    ├── OutOfMemory                   5    500   a smaller picture, a smaller model, or a larger machine
    ├── JobFailed                     1    500   the run itself broke
    │   └── Diverged                  6    500   a training whose numbers ran away
    └── Cancelled                   130    409   asked to stop

A message says what came, what is allowed and what is nearest. `hint` says what to do about it. `code` is the stable name of the fault. A command that did
several things, of which some failed, leaves with 4.
"""

import errno
from collections.abc import Iterable
from difflib import get_close_matches
from typing import ClassVar


class HuafangError(Exception):
    """Root of the tree. `code` may be narrowed per case, e.g. `image.too_large`."""

    code: str = "error"
    exit_code: ClassVar[int] = 1
    http_status: ClassVar[int] = 500

    def __init__(self, message: str, *, code: str | None = None, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        if code is not None:
            self.code = code

    def __reduce__(self) -> tuple[object, ...]:
        # Exceptions with keyword arguments do not travel between processes by themselves.
        return (_revive, (type(self), self.message, self.code, self.hint, dict(self.__dict__)))


def _revive(kind: type[HuafangError], message: str, code: str, hint: str | None, state: dict[str, object]) -> HuafangError:
    error = kind(message, code=code, hint=hint)
    error.__dict__.update(state)
    return error


class BadInput(HuafangError):
    code = "input.bad"
    exit_code = 2
    http_status = 422


class TooLarge(BadInput):
    code = "input.too_large"
    http_status = 413


class NotFound(HuafangError):
    code = "not_found"
    exit_code = 2
    http_status = 404


class Forbidden(HuafangError):
    code = "forbidden"
    exit_code = 2
    http_status = 403


class Conflict(HuafangError):
    code = "conflict"
    exit_code = 2
    http_status = 409


class QueueFull(HuafangError):
    code = "queue.full"
    exit_code = 2
    http_status = 429

    def __init__(self, message: str, *, retry_after: float = 5.0, code: str | None = None, hint: str | None = None) -> None:
        super().__init__(message, code=code, hint=hint)
        self.retry_after = retry_after


class MissingWeights(HuafangError):
    code = "weights.missing"
    exit_code = 3
    http_status = 409


class UnknownWeights(MissingWeights):
    code = "weights.unknown"
    exit_code = 2
    http_status = 404


class Unavailable(HuafangError):
    code = "unavailable"
    exit_code = 3
    http_status = 503


class DiskFull(Unavailable):
    code = "disk.full"
    http_status = 507


class OutOfMemory(HuafangError):
    code = "memory.out"
    exit_code = 5


class JobFailed(HuafangError):
    code = "job.failed"


class Diverged(JobFailed):
    code = "train.diverged"
    exit_code = 6


_FAULTS_OF_INPUT = ("input", "image", "video", "params", "prompt", "weights", "lora", "method", "asset")


def failure(code: str, message: str) -> HuafangError:
    """The error of a job that failed in another process, which reports it by its `code`.

    It is of the class whose own code that is, BadInput for the codes about what came in, else JobFailed.
    """
    kinds: list[type[HuafangError]] = [HuafangError]
    for kind in kinds:
        kinds.extend(kind.__subclasses__())
    by_code = {kind.code: kind for kind in kinds}
    general = BadInput if code.split(".")[0] in _FAULTS_OF_INPUT else JobFailed
    return by_code.get(code, general)(message, code=code or general.code)


def overflow(what: str = "the network") -> JobFailed:
    """The failure of a run whose network, by the weights it was given, came to a NaN or an infinity."""
    return JobFailed(
        f"the values of {what} ran over (NaN or infinity), and no picture came out",
        code="model.overflow",
        hint="its weights are damaged, or of another network: get them again, or take others",
    )


class Cancelled(HuafangError):
    code = "cancelled"
    exit_code = 130
    http_status = 409

    def __init__(self, message: str = "stopped on request", *, code: str | None = None, hint: str | None = None) -> None:
        super().__init__(message, code=code, hint=hint)


NEAR = 0.7
"""Likeness (difflib's) from which a name may have been meant: two slips in seven letters; at 0.5 scale would be told style, and noise none."""
LISTED = 60
"""Names that a message lists at the most: every list of our own is shorter, a user's folder of models may not be."""


def nearest(came: str, allowed: Iterable[str]) -> str:
    """The end of a message about a wrong name: "; allowed are b, a, c; did you mean b?". The one that may have been meant stands first."""
    names = sorted(allowed)
    near = _near(came, names)
    names.sort(key=lambda name: name != near)
    shown = ", ".join(names[:LISTED]) + (f" and {len(names) - LISTED} more" if len(names) > LISTED else "")
    return f"; allowed are {shown or 'none'}{meant(came, names)}"


def meant(came: str, allowed: Iterable[str]) -> str:
    """The question whether one of `allowed` was meant: one that is near enough, or the one that begins as what came; nothing where none is."""
    near = _near(came, allowed)
    return f"; did you mean {near}?" if near else ""


def _near(came: str, allowed: Iterable[str]) -> str | None:
    names = {name.lower(): name for name in allowed}
    close = get_close_matches(came.lower(), names, n=1, cutoff=NEAR)
    begun = [name for name in names if len(came) > 2 and name.startswith(came.lower())]
    found = close or (begun if len(begun) == 1 else [])
    return names[found[0]] if found else None


SMALLER = "try a smaller picture, or close other programs"
_MEMORY_WORDS = (
    "out of memory",  # CUDA, MPS
    "can't allocate memory",  # torch's allocator on the CPU
    "cannot allocate memory",  # the system's own words, as torch and the loader of libraries pass them on
    "not enough memory",  # torch's allocator on Windows
    "std::bad_alloc",
    "alloc_failed",  # cuBLAS, cuDNN
    "can't start new thread",
)


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an exception, or one that it was raised from, says that memory ran out: Python's and NumPy's MemoryError, torch's errors, the system's ENOMEM."""
    seen: set[int] = set()
    link: BaseException | None = error
    while link is not None and id(link) not in seen and not isinstance(link, HuafangError):
        seen.add(id(link))
        if isinstance(link, MemoryError) or (isinstance(link, OSError) and link.errno == errno.ENOMEM):
            return True
        said = str(link).lower()
        if isinstance(link, RuntimeError | OSError | ImportError) and any(words in said for words in _MEMORY_WORDS) and "static tls block" not in said:
            return True
        link = link.__cause__ or link.__context__
    return isinstance(error, OutOfMemory)


def check_memory(error: BaseException) -> None:
    """Raises OutOfMemory where `error` says that memory ran out: what else an exception means is asked behind this, or a full memory is told as a bad file."""
    if is_out_of_memory(error):
        raise OutOfMemory("there was not enough memory for this", hint=SMALLER) from None


def as_fault(error: BaseException, details: str) -> HuafangError:
    """`error` if it is one of this tree, else the one that says the same: OutOfMemory, or JobFailed for a fault of Huafang's own, with where `details` are.

    Nothing of `error` is kept but its words, so that its frames, and the tensors in them, go away with it.
    """
    if isinstance(error, HuafangError):
        return error
    if is_out_of_memory(error):
        return OutOfMemory("there was not enough memory for this", hint=SMALLER)
    said = " ".join(str(error).split())
    return JobFailed(f"{type(error).__name__}: {said[:500]}".rstrip(": "), hint=f"this is a fault of Huafang's own; {details}")
