"""Live progress: a bar in a terminal, and a line every half minute where output is redirected."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

EVERY = 30.0  # seconds between lines


class Reporter:
    """Told how many cells are finished and planned; shows them with the rate and the time left."""

    def __init__(self, console: Console, progress: Progress | None) -> None:
        self.console, self.progress = console, progress
        self.start = self.last = time.monotonic()
        self.task = None if progress is None else progress.add_task("cells", total=None)

    def __call__(self, finished: int, planned: int) -> None:
        """Show the numbers, in a file only when half a minute has passed."""
        if self.progress is not None:
            self.progress.update(self.task, completed=finished, total=planned)
            return
        now = time.monotonic()
        if now - self.last >= EVERY:
            self.last, rate = now, finished / (now - self.start)
            left = f", about {(planned - finished) / rate:.0f} s left" if rate else ""
            self.console.print(f"{finished} of {planned} cells, {rate:.2g} a second{left}", soft_wrap=True)


@contextmanager
def reporting(console: Console) -> Iterator[Reporter]:
    """A `Reporter` on this console, a bar if it is a terminal."""
    if not console.is_terminal:
        yield Reporter(console, None)
        return
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, TimeRemainingColumn(), console=console, transient=True) as progress:
        yield Reporter(console, progress)
