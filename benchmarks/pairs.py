"""Timing of two sides in turn, so that a drifting machine slows both alike."""

import time
from collections.abc import Callable

import numpy as np


def interleaved(
    first: Callable[[], object], second: Callable[[], object], repeats: int
) -> tuple[np.ndarray, np.ndarray]:
    """Seconds of both calls, (repeats,) each, run A B A B … after one uncounted pair."""
    first()
    second()
    seconds = np.empty((repeats, 2))
    for row in seconds:
        for side, call in enumerate((first, second)):
            start = time.perf_counter()
            call()
            row[side] = time.perf_counter() - start
    return seconds[:, 0], seconds[:, 1]
