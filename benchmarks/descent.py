"""`gradient_descent` against the matrix products that its steps cannot do without."""

from collections.abc import Callable, Iterator

import numpy as np
from threadpoolctl import threadpool_limits

from benchmarks.ratios import Ratio, interleaved, ratio, seconds
from kernels import gradient_descent, init_parameters

SHARE = {"relu": 0.75, "tanh": 0.8}
N, D, M, STEPS, REPEATS = 1000, 100, 50, 200, 15


def matrix_products(X: np.ndarray, y: np.ndarray, W: np.ndarray, a: np.ndarray) -> Callable[[], None]:
    """The products of `STEPS` steps for one hidden layer in plain NumPy: WXᵀ, aσ(·), σ(·)e and BX."""
    inputs = np.ascontiguousarray(X.T)
    values, gradient = np.empty((len(a), len(X))), np.empty_like(W)

    def products() -> None:
        for _ in range(STEPS):
            np.matmul(W, inputs, out=values)
            np.matmul(a, values)
            np.matmul(values, y)
            np.matmul(values, X, out=gradient)

    return products


def run() -> Iterator[Ratio]:
    """The share of the products in the steps, one thread."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(N, D))
    X /= np.linalg.norm(X, axis=1, keepdims=True)
    y, params = rng.normal(size=N), init_parameters(0, D, M, hidden_layers=1)
    for activation, share in SHARE.items():

        def descent(activation: str = activation) -> None:
            gradient_descent(params, X, y, activation=activation, kappa=np.sqrt(M), step=0.1, steps=STEPS)

        with threadpool_limits(1):
            pairs = interleaved(seconds(descent), seconds(matrix_products(X, y, *params.arrays)), REPEATS)
        case = f"{activation}, n = {N}, d = {D}, m = {M}, L = 1, {STEPS} steps"
        yield ratio("descent", case, "its matrix products", *pairs, target=share)
