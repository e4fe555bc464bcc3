"""`gradient_descent` against the matrix products that its steps cannot do without."""

from collections.abc import Callable

import numpy as np
from rich.console import Console
from rich.progress import track
from rich.table import Table
from threadpoolctl import threadpool_limits

from benchmarks.pairs import interleaved
from kernels import gradient_descent, init_parameters

TARGET = 0.75
ACTIVATIONS = ("relu", "tanh")


def matrix_products(X: np.ndarray, y: np.ndarray, W: np.ndarray, a: np.ndarray, steps: int) -> Callable[[], None]:
    """The products of ``steps`` steps for one hidden layer in plain NumPy: WXᵀ, aσ(·), σ(·)e and BX."""
    inputs = np.ascontiguousarray(X.T)
    values, gradient = np.empty((len(a), len(X))), np.empty_like(W)

    def products() -> None:
        for _ in range(steps):
            np.matmul(W, inputs, out=values)
            np.matmul(a, values)
            np.matmul(values, y)
            np.matmul(values, X, out=gradient)

    return products


def run(*, n: int, d: int, m: int, steps: int, repeats: int) -> list[dict]:
    """Median seconds a step of both sides and median share of the interleaved pairs, one thread."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(n, d))
    X /= np.linalg.norm(X, axis=1, keepdims=True)
    y, params = rng.normal(size=n), init_parameters(0, d, m, hidden_layers=1)
    rows = []
    for activation in track(ACTIVATIONS, description="gradient_descent", console=Console(stderr=True), transient=True):

        def descent(activation: str = activation) -> None:
            gradient_descent(params, X, y, activation=activation, kappa=np.sqrt(m), step=0.1, steps=steps)

        with threadpool_limits(1):
            floor, ours = interleaved(matrix_products(X, y, *params.arrays, steps), descent, repeats)
        medians = np.median(floor) / steps, np.median(ours) / steps
        rows.append({"activation": activation, "medians": medians, "share": np.median(floor / ours)})
    return rows


def report(rows: list[dict], *, n: int, d: int, m: int, steps: int, repeats: int) -> None:
    """Print the table."""
    table = Table(
        title=f"gradient_descent, n = {n}, d = {d}, m = {m}, one hidden layer, {repeats} interleaved pairs of {steps} steps",
        caption=f"share = matrix products alone / gradient_descent, pair by pair, one thread; target for relu {TARGET}",
    )
    for name in ("activation", "matrix products", "a step", "share"):
        table.add_column(name, justify="left" if name == "activation" else "right")
    for row in rows:
        times = (f"{1e6 * seconds:.0f} µs" for seconds in row["medians"])
        table.add_row(row["activation"], *times, f"{row['share']:.3f}")
    Console(width=110).print(table)
