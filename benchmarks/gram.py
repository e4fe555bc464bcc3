"""`layer_grams` against the matrix products it cannot do without, and against automatic differentiation."""

from collections.abc import Callable, Iterator

import numpy as np
from threadpoolctl import threadpool_limits

from benchmarks.peers import against
from benchmarks.ratios import Ratio, interleaved, ratio, seconds
from kernels import Parameters, init_parameters, layer_grams
from kernels.activations import ACTIVATIONS

SIZES = {"n": 64, "d": 64, "m": 2048, "L": 3}
REPEATS, PEER_REPEATS = 15, 3
SHARE = {"relu": 1 / 1.1, "tanh": 1 / 1.1, "sin": 1 / 1.1, "cos": 1 / 1.1}
OTHER_SHARE = 1 / 1.2


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


def run() -> Iterator[Ratio]:
    """The share of the products for every activation with one thread and two, then the peers."""
    n, d, m, L = SIZES.values()
    X = np.random.default_rng(0).normal(size=(n, d))
    X /= np.linalg.norm(X, axis=1, keepdims=True)
    params = init_parameters(0, d, m, hidden_layers=L)
    sizes = ", ".join(f"{key} = {value}" for key, value in SIZES.items())
    for threads in (1, 2):
        for activation in ACTIVATIONS:
            with threadpool_limits(threads):
                pairs = interleaved(
                    seconds(lambda a=activation: layer_grams(params, X, activation=a, kappa=np.sqrt(m))),
                    seconds(matrix_products(params, X)),
                    REPEATS,
                )
            case = f"{activation}, {sizes}, {threads} thread{'s' * (threads > 1)}"
            yield ratio("gram", case, "its matrix products", *pairs, target=SHARE.get(activation, OTHER_SHARE))
    arrays = {"X": X} | {f"W{l}": W for l, W in enumerate(params.weights, 1)} | {"a": params.output}
    for peer in ("neural-tangents", "torch"):
        case = {"task": "gram", "activation": "relu", "hidden_layers": L}
        yield against(
            peer,
            ("gram", f"relu, {sizes}"),
            case,
            arrays,
            lambda: layer_grams(params, X, activation="relu", kappa=1.0).sum(axis=0),
            repeats=PEER_REPEATS,
        )
