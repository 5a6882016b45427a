"""`training_log.txt`: a line for each epoch of a run of two networks that learn against each other, beside the loop's line for each step."""

import json
from pathlib import Path
from typing import Any

from huafang.assets import write_whole
from huafang.train import loop

NAME = "training_log.txt"


class Journal:
    """Of the run in `folder`, whose epochs have `length` steps each. It is made from the loop's log alone, so a run that was resumed has the same one.

    A line holds means over its epoch: of the losses of discriminator (D) and generator (G), and of their rates. "-" stands for D where it did not learn yet.
    """

    def __init__(self, folder: Path, length: int, epochs: int) -> None:
        self._folder, self._length, self._epochs = folder, length, epochs
        self._read = 0
        self._rows: list[dict[str, Any]] = []
        self._lines: list[str] = []

    def logged(self, done: int) -> None:
        """`done` steps stand in the loop's log."""
        if done % self._length:
            return
        with (self._folder / loop.LOG).open(encoding="utf-8") as log:
            log.seek(self._read)
            self._rows += [json.loads(line) for line in log.read().splitlines()]
            self._read = log.tell()
        while len(self._rows) >= self._length:
            epoch, self._rows = self._rows[: self._length], self._rows[self._length :]
            self._lines.append(self._line(len(self._lines) + 1, epoch))
        write_whole(self._folder / NAME, self.text.encode())

    @property
    def text(self) -> str:
        return "".join(line + "\n" for line in self._lines)

    def _line(self, number: int, epoch: list[dict[str, Any]]) -> str:
        known = {key: [row[key] for row in epoch if key in row] for key in ("discriminator", "generator", "discriminator_rate", "rate")}
        d, g, d_rate, g_rate = (sum(values) / len(values) if values else None for values in known.values())
        losses = "  ".join(f"{name} {'-' if value is None else f'{value:.4f}'}" for name, value in (("D", d), ("G", g)))
        rates = "  ".join(f"lr_{name} {'-' if value is None else f'{value:.1e}'}" for name, value in (("D", d_rate), ("G", g_rate)))
        return f"epoch {number}/{self._epochs}  step {epoch[-1]['step']}  {losses}  {rates}"
