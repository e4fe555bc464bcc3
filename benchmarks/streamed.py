"""`layer_grams` of a network that is never stored against drawing its weights and multiplying with them, apart."""

import resource
import time
from collections.abc import Callable

import numpy as np
from rich.console import Console
from threadpoolctl import threadpool_limits

from kernels import StreamedParameters, layer_grams

TARGET = 1.3


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


def run(*, n: int, d: int, m: int, L: int, repeats: int) -> None:
    """Print CPU seconds on one thread of the three in turn, their ratio, and the peak of the memory of the process."""
    X = np.random.default_rng(0).normal(size=(n, d))
    params, console = StreamedParameters(0, d, m, L), Console(width=100)
    layer_grams(StreamedParameters(0, d, 2, L), X, activation="relu", kappa=1.0)  # compiled
    with threadpool_limits(1):
        for _ in range(repeats):
            for activation in ("relu", "tanh"):
                ours = seconds(lambda name=activation: layer_grams(params, X, activation=name, kappa=1.0))
                apart = [seconds(lambda: draw(params, n)), seconds(lambda: multiply(params, X))]
                console.print(
                    f"{activation}: {ours:.2f} s, drawing {apart[0]:.2f} and multiplying {apart[1]:.2f} apart, ratio "
                    f"{ours / sum(apart):.3f}, target {TARGET}"
                )
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**10
    console.print(f"peak {peak:.0f} MiB, of which estimated for the network {params.memory(n) / 2**20:.0f} MiB")


def seconds(call: Callable[[], object]) -> float:
    """CPU seconds of a call."""
    start = time.process_time()
    call()
    return time.process_time() - start
