"""`layer_grams` against the matrix products it cannot do without."""

from collections.abc import Callable

import numpy as np
from rich.console import Console
from rich.progress import track
from rich.table import Table
from threadpoolctl import threadpool_limits

from benchmarks.pairs import interleaved
from kernels import Parameters, init_parameters, layer_grams
from kernels.activations import ACTIVATIONS

TARGETS = {"relu": 1.10, "tanh": 1.10}
OTHER_TARGET = 1.20


def matrix_products(params: Parameters, X: np.ndarray) -> Callable[[], None]:
    """The products of `layer_grams` alone, on arrays of the same shapes allocated beforehand.

    W^1 X, W^l A and W^lᵀ B for l ≥ 2, and the n × n products AᵀA and BᵀB of every layer.
    """
    n, m, L = len(X), params.width, params.hidden_layers
    A, B = np.ascontiguousarray(params.weights[0] @ X.T), np.empty((m, n))
    gram = np.empty((n, n))

    def products() -> None:
        np.matmul(X, X.T, out=gram)
        np.matmul(params.weights[0], X.T, out=B)
        for W in params.weights[1:]:
            np.matmul(W, A, out=B)
            np.matmul(W.T, A, out=B)
        for _ in range(2 * L):
            np.matmul(A.T, A, out=gram)

    return products


def run(*, n: int, d: int, m: int, L: int, repeats: int, threads: tuple[int, ...]) -> list[dict]:
    """Median seconds and median ratio of the interleaved pairs for every activation and number of threads."""
    X = np.random.default_rng(0).normal(size=(n, d))
    X /= np.linalg.norm(X, axis=1, keepdims=True)
    params = init_parameters(0, d, m, hidden_layers=L)
    cases = [(activation, count) for count in threads for activation in ACTIVATIONS]
    rows = []
    for activation, count in track(cases, description="layer_grams", console=Console(stderr=True)):
        with threadpool_limits(count):
            ours, floor = interleaved(
                lambda activation=activation: layer_grams(params, X, activation=activation, kappa=np.sqrt(m)),
                matrix_products(params, X),
                repeats,
            )
        rows.append(
            {
                "activation": activation,
                "threads": count,
                "layer_grams": np.median(ours),
                "matrix products": np.median(floor),
                "ratio": np.median(ours / floor),
            }
        )
    return rows


def report(rows: list[dict], *, n: int, d: int, m: int, L: int, repeats: int) -> None:
    """Print the table."""
    table = Table(
        title=f"layer_grams, n = {n}, d = {d}, m = {m}, L = {L}, float64, medians of {repeats} interleaved pairs",
        caption="ratio = layer_grams / the matrix products it needs, pair by pair; target for one thread",
    )
    for name in ("activation", "threads", "layer_grams", "matrix products", "ratio", "target"):
        table.add_column(name, justify="left" if name == "activation" else "right")
    for row in rows:
        target = f"{TARGETS.get(row['activation'], OTHER_TARGET):.2f}" if row["threads"] == 1 else ""
        times = (f"{1e3 * row[side]:.1f} ms" for side in ("layer_grams", "matrix products"))
        table.add_row(row["activation"], str(row["threads"]), *times, f"{row['ratio']:.3f}", target)
    Console(width=100).print(table)
