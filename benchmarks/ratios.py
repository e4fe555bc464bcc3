"""A row of the table: our side and another in the same run, as one ratio of which more is better."""

import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

KEPT = 0.7
"""A ratio below this share of the recorded one is a loss."""


@dataclass(frozen=True)
class Ratio:
    """``other`` over ``ours`` in ``unit``: how many times cheaper ours is, or what share of its floor it reaches.

    ``ours`` and ``theirs`` are medians, ``ratio`` the median of the pairs and ``low``, ``high`` their quartiles; NaN where the
    other side could not run, with the reason in ``note``. ``target`` is the least ratio that is asked for, None for a report.
    """

    topic: str
    case: str
    other: str
    ours: float
    theirs: float
    unit: str
    ratio: float
    low: float
    high: float
    target: float | None = None
    note: str = ""

    @property
    def name(self) -> tuple[str, str, str]:
        """What the row compares, the same in every run."""
        return self.topic, self.case, self.other


def ratio(
    topic: str,
    case: str,
    other: str,
    ours: np.ndarray,
    theirs: np.ndarray,
    unit: str = "s",
    target: float | None = None,
    note: str = "",
) -> Ratio:
    """The row of pairs ``ours`` (k,) and ``theirs`` (k,)."""
    low, middle, high = np.quantile(np.asarray(theirs) / ours, [0.25, 0.5, 0.75])
    medians = float(np.median(ours)), float(np.median(theirs))
    return Ratio(topic, case, other, *medians, unit, float(middle), float(low), float(high), target, note)


def missing(topic: str, case: str, other: str, reason: str, target: float | None = None) -> Ratio:
    """The row of a comparison whose other side cannot run."""
    return Ratio(topic, case, other, *[float("nan")] * 2, "s", *[float("nan")] * 3, target, reason)


def seconds(call: Callable[[], object]) -> Callable[[], float]:
    """``call`` as a function that returns its wall time."""

    def timed() -> float:
        start = time.perf_counter()
        call()
        return time.perf_counter() - start

    return timed


PEAK = """
from pathlib import Path
lines = Path("/proc/self/status").read_text().splitlines()
print(next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) // 1024)
"""


def peak(code: str) -> np.ndarray:
    """MiB, (1,), that a process of its own takes at most for ``code``; Linux. ru_maxrss would start from that of its parent."""
    done = subprocess.run([sys.executable, "-c", code + PEAK], capture_output=True, text=True, check=True)
    return np.array([int(done.stdout)])


def interleaved(ours: Callable[[], float], other: Callable[[], float], repeats: int) -> tuple[np.ndarray, np.ndarray]:
    """What both sides report, (repeats,) each, run A B A B … after one uncounted pair: a drifting machine slows both alike."""
    ours(), other()
    pairs = np.array([(ours(), other()) for _ in range(repeats)])
    return pairs[:, 0], pairs[:, 1]


def losses(rows: list[Ratio], recorded: list[Ratio]) -> list[str]:
    """A sentence for each row whose ratio fell below `KEPT` of the recorded one."""
    before = {row.name: row.ratio for row in recorded}
    return [
        f"{': '.join(row.name)}: {row.ratio:.3g}, recorded {before[row.name]:.3g}"
        for row in rows
        if row.name in before and np.isfinite(before[row.name]) and not row.ratio >= KEPT * before[row.name]
    ]
