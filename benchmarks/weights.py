"""Standard normal weights against NumPy's generator, on one core."""

from collections.abc import Iterator

import numpy as np

from benchmarks.ratios import Ratio, interleaved, ratio, seconds
from kernels import init_parameters
from kernels.random_weights import normal_matrix

ROWS, COLUMNS, REPEATS = 2048, 2048, 15
INTO_MEMORY, FRESH = 5.0, 3.5


def run() -> Iterator[Ratio]:
    """Into memory that is there, and as parameters of a network, page faults included."""
    rng, out = np.random.default_rng(0), np.empty((ROWS, COLUMNS))
    pairs = interleaved(
        seconds(lambda: normal_matrix(0, 1, ROWS, COLUMNS, out=out)),
        seconds(lambda: rng.standard_normal(out=out)),
        REPEATS,
    )
    case = f"normal_matrix(out=…), {ROWS} × {COLUMNS}"
    yield ratio("weights", case, "NumPy's standard_normal(out=…)", *pairs, target=INTO_MEMORY)
    pairs = interleaved(
        seconds(lambda: init_parameters(0, COLUMNS, ROWS, hidden_layers=2)),
        seconds(lambda: [rng.standard_normal((ROWS, COLUMNS)) for _ in range(2)]),
        REPEATS,
    )
    case = f"init_parameters, d = m = {ROWS}, L = 2"
    yield ratio("weights", case, "NumPy's standard_normal", *pairs, target=FRESH)
