"""`layer_grams` of a network that is never stored against drawing its weights and multiplying with them, apart."""

from collections.abc import Iterator

import numpy as np
from threadpoolctl import threadpool_limits

from benchmarks.ratios import Ratio, interleaved, peak, ratio, seconds
from kernels import StreamedParameters, layer_grams

N, REPEATS, SHARE = 32, 7, 1 / 1.3
SIZES = ((1, 2**20), (2, 2**13))
LARGEST = ((1, 10**8, 500), (2, 2**16, 2048))  # L, m, and MiB at most; stored, the last takes 32 GiB
LARGE = """
import numpy as np
from kernels import StreamedParameters, layer_grams
X = np.random.default_rng(0).normal(size=({n}, {n}))
layer_grams(StreamedParameters(0, {n}, {m}, {L}), X, activation="relu", kappa=1.0)
"""


def draw(params: StreamedParameters, n: int) -> None:
    """Every weight as often as `layer_grams` draws it."""
    L = params.hidden_layers
    for l in (*range(L), *range(1, L - 1)):
        for rows, _ in params.blocks(l, n):
            if l == L - 1:
                params.output(rows)


def multiply(params: StreamedParameters, X: np.ndarray) -> None:
    """The products of `layer_grams` on arrays of the same shapes that hold ones: W A, AᵀA, BᵀB, and Wᵀ B for l ≥ 2."""
    n, m = len(X), params.width
    for l in range(params.hidden_layers):
        rows, columns = params.block_shape(l, n)
        W, A, B, gram = np.ones((rows, columns)), np.ones((columns, n)), np.ones((rows, n)), np.empty((n, n))
        forward, back = np.empty((rows, n)), np.empty((columns, n))
        for _ in range(0, m, rows):
            np.matmul(W, A, out=forward)
            np.matmul(B.T, B, out=gram)
            np.matmul(B.T, B, out=gram)
            if l:
                np.matmul(W.T, B, out=back)


def run() -> Iterator[Ratio]:
    """The share of the two in its time, one thread; then what a process takes at most for the widest networks."""
    X = np.random.default_rng(0).normal(size=(N, N))
    with threadpool_limits(1):
        for L, m in SIZES:
            params = StreamedParameters(0, N, m, L)
            for activation in ("relu", "tanh"):
                pairs = interleaved(
                    seconds(lambda p=params, a=activation: layer_grams(p, X, activation=a, kappa=1.0)),
                    seconds(lambda p=params: (draw(p, N), multiply(p, X))),
                    REPEATS,
                )
                case = f"{activation}, L = {L}, m = {m:,}, n = d = {N}"
                yield ratio("streamed", case, "drawing and multiplying apart", *pairs, target=SHARE)
    for L, m, most in LARGEST:
        taken = peak(LARGE.format(n=N, m=m, L=L))
        yield ratio(
            "streamed", f"L = {L}, m = {m:,}, n = d = {N}, peak", "its limit", taken, np.array([most]), "MiB", 1.0
        )
