"""What is being done, on the error stream: a line that changes in a terminal, one every half minute in a file."""

import time

from rich.console import Console
from rich.status import Status

from checks.running.progress import EVERY


class Progress:
    """Used as a context: `say` what is done now, `flow` as the callback of training."""

    def __init__(self) -> None:
        self.console = Console(stderr=True, highlight=False)
        self.status, self.last, self.first = Status("", console=self.console), time.monotonic(), None
        self.began = 0.0

    def __enter__(self) -> "Progress":
        if self.console.is_terminal:
            self.status.start()
        return self

    def __exit__(self, *error: object) -> None:
        self.status.stop()

    def say(self, text: str) -> None:
        """Show ``text``; in a file only after half a minute without a line."""
        self.status.update(text)
        if not self.console.is_terminal and time.monotonic() - self.last >= EVERY:
            self.keep(text)

    def keep(self, text: str) -> None:
        """A line that stays."""
        self.last = time.monotonic()
        self.console.print(text, soft_wrap=not self.console.is_terminal, markup=False)

    def flow(self, t: float, loss: float, evaluations: int) -> None:
        """Called on the way: the loss as a share of that at the first call."""
        if self.first is None:
            self.first = loss or 1.0
        self.say(f"training: {loss / self.first:.3g} of the loss at time {t:.3g}, {evaluations} evaluations")

    def descent(self, taken: int, steps: int) -> None:
        """Called on the way: how many ``steps`` are taken, and how long the others need."""
        if not taken:
            self.began = time.monotonic()
            return
        left = (time.monotonic() - self.began) / taken * (steps - taken)
        self.say(f"descent: {taken} of {steps} steps, {left:.0f} s left")
