"""How the cost grows with n, m and L: fitted exponents beside those of the operations counted."""

from collections.abc import Callable, Iterator

import numpy as np
from threadpoolctl import threadpool_limits

from benchmarks.ratios import Ratio, seconds
from kernels import init_parameters, layer_grams
from theory import limit_grams

REPEATS = 5


def gram_products(n: int, m: int, L: int, d: int = 64) -> int:
    """Multiplications of `layer_grams`: W^1X, W^lA and W^lᵀB, and two n × n products a layer."""
    return m * n * d + 2 * (L - 1) * m * m * n + 2 * L * m * n * n + n * n * d


def limit_pairs(n: int, L: int) -> int:
    """Pairs of rows times layers, of which each of the L + 1 blocks takes one product a layer above it."""
    return n * n * L


def grams(n: int, m: int, L: int) -> Callable[[], object]:
    """A call of `layer_grams` on drawn inputs."""
    params, X = init_parameters(0, 64, m, hidden_layers=L), np.random.default_rng(0).normal(size=(n, 64)) / 8
    return lambda: layer_grams(params, X, activation="relu", kappa=1.0)


def limits(n: int, L: int) -> Callable[[], object]:
    """A call of `limit_grams` on drawn inputs."""
    X = np.random.default_rng(0).normal(size=(n, 20)) / np.sqrt(20)
    return lambda: limit_grams(X, hidden_layers=L)


CASES = (
    ("layer_grams", "m", grams, gram_products, {"n": 64, "L": 3}, (512, 1024, 2048, 4096)),
    ("layer_grams", "n", grams, gram_products, {"m": 1024, "L": 3}, (64, 128, 256, 512)),
    ("layer_grams", "L", grams, gram_products, {"n": 64, "m": 1024}, (2, 4, 8, 16)),
    ("limit_grams", "n", limits, limit_pairs, {"L": 3}, (500, 1000, 2000, 4000)),
    ("limit_grams", "L", limits, limit_pairs, {"n": 1000}, (2, 4, 8, 16)),
)


def exponent(sizes: tuple[int, ...], costs: list[float]) -> float:
    """Slope of log cost against log size."""
    return float(np.polyfit(np.log(sizes), np.log(costs), 1)[0])


def run() -> Iterator[Ratio]:
    """One row a function and size: the exponent of its best times, and that of its operations; one thread of BLAS."""
    for function, letter, make, operations, fixed, sizes in CASES:
        best = []
        with threadpool_limits(1):
            for size in sizes:
                timed = seconds(make(**fixed, **{letter: size}))
                timed()
                best.append(min(timed() for _ in range(REPEATS)))
        fitted = exponent(sizes, best)
        predicted = exponent(sizes, [operations(**fixed, **{letter: size}) for size in sizes])
        others = ", ".join(f"{key} = {value}" for key, value in fixed.items())
        case = f"{function}, {letter} = {sizes[0]} … {sizes[-1]}, {others}"
        share = predicted / fitted
        yield Ratio("growth", case, "operations counted", fitted, predicted, "exponent", share, share, share)
