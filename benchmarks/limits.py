"""`limit_grams` against neural-tangents, and of large norms against unit norms where the kernel has no closed form."""

from collections.abc import Iterator

import numpy as np

from benchmarks.peers import against
from benchmarks.ratios import Ratio, interleaved, ratio, seconds
from theory import LimitKernels, limit_grams

D = 20
SHARED = ("relu", "leaky_relu", "abs", "erf", "gelu", "sin", "cos")  # activations that both have
TARGET, REPEATS = 2.0, 9
LARGE_NORMS, LARGE_TARGET = {"tanh": 1e4, "sigmoid": 1e4, "softplus": 1e4}, 0.1


def run() -> Iterator[Ratio]:
    """Both kernels of depth 1 and 3 for 500 and 2000 inputs, then the large norms; every processor for either side."""
    for n in (500, 2000):
        X = np.random.default_rng(0).normal(size=(n, D)) / np.sqrt(D)
        for L in (1, 3):
            for activation in SHARED:

                def ours(X: np.ndarray = X, L: int = L, activation: str = activation) -> LimitKernels:
                    return limit_grams(X, hidden_layers=L, activation=activation, layers=False)

                case = {"task": "limit", "activation": activation, "hidden_layers": L}
                name = f"{activation}, n = {n}, d = {D}, L = {L}"
                yield against("neural-tangents", ("limits", name), case, {"X": X}, ours, repeats=REPEATS, target=TARGET)
    X = np.random.default_rng(0).normal(size=(500, D))
    X /= np.linalg.norm(X, axis=1, keepdims=True)
    for activation, norm in LARGE_NORMS.items():
        pairs = interleaved(
            seconds(lambda a=activation, c=norm: limit_grams(c * X, hidden_layers=3, activation=a)),
            seconds(lambda a=activation: limit_grams(X, hidden_layers=3, activation=a)),
            REPEATS,
        )
        name = f"{activation}, norm {norm:g}, n = 500, d = {D}, L = 3"
        yield ratio("limits", name, "unit norms", *pairs, target=LARGE_TARGET)
