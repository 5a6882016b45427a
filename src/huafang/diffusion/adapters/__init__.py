"""What changes a loaded model for a while, and leaves it bit for bit as it was.

Resident models are shared between jobs, so an adapter is a context manager: it injects when entered and ejects when left, whatever happened in between.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Protocol

from huafang.diffusion.model.load import Model
from huafang.notes import Note


@dataclass(frozen=True)
class Active:
    """An adapter that is in a model. `notes` say what it did; `at_step(step, steps)` is called before each step and may change how much it does."""

    notes: list[Note] = field(default_factory=list)
    at_step: Callable[[int, int], None] = lambda step, steps: None


class Adapter(Protocol):
    """Something that can be put into a model."""

    def inject(self, model: Model) -> AbstractContextManager[Active]:
        """Put it into `model` for as long as the context lasts. Raises BadInput where it does not fit, or would change nothing."""
        ...


@contextmanager
def injected(model: Model, adapters: Sequence[Adapter]) -> Iterator[Active]:
    """`model` with all `adapters`, put in in their order and taken out the other way round."""
    with ExitStack() as stack:
        active = [stack.enter_context(adapter.inject(model)) for adapter in adapters]

        def at_step(step: int, steps: int) -> None:
            for one in active:
                one.at_step(step, steps)

        yield Active([note for one in active for note in one.notes], at_step)
