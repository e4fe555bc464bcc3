"""Distance of finite-width Gram matrices from their limits, from right ones and from wrong ones."""

import itertools
from collections.abc import Sequence
from functools import cache

import numpy as np

from checks.measurements.data import inputs
from checks.measurements.streams import data_seed, draw_seeds
from kernels import Parameters, init_parameters, layer_grams
from kernels.ensemble import ensemble_grams
from theory import limit_grams


def gram_errors(
    *,
    data: Sequence[dict],
    hidden_layers: int,
    activations: Sequence[str],
    widths: Sequence[int],
    stream: Sequence[int],
    first: int,
    draws: int,
    unscaled: bool = False,
) -> dict[str, np.ndarray]:
    """‖(m/κ²) G^l − K^l‖_F for every draw of the weights, width, data set and layer.

    Returns, by activation, an array (draws, widths, data sets, L+1), and under ``activation + " wrong limit"`` the same
    against limits that are wrong, see `wrong_limits`. With ``unscaled`` the network lacks the 1/√m of its second layer. All
    data sets and activations see the same weights.
    """
    blocks = data_sets(data, stream)
    X, L, kappa = np.concatenate(blocks), hidden_layers, 2.0
    grams = {name: np.empty((draws, len(widths), L + 1, len(X), len(X))) for name in activations}
    for (s, seed), (w, m) in itertools.product(enumerate(draw_seeds(stream, first, draws)), enumerate(widths)):
        params = init_parameters(seed, X.shape[1], m, hidden_layers=L)
        if unscaled:
            W1, W2, *rest = params.weights
            params = Parameters((W1, np.sqrt(m) * W2, *rest), params.output)
        for name in activations:
            grams[name][s, w] = layer_grams(params, X, activation=name, kappa=kappa) * (m / kappa**2)
            if unscaled:
                grams[name][s, w, 1] *= m  # ∂f/∂W² has lost its 1/√m as well
    results = {}
    for name in activations:
        right, wrong = [], []
        for block, end in zip(blocks, itertools.accumulate(map(len, blocks)), strict=True):
            own = grams[name][..., end - len(block) : end, end - len(block) : end]
            limits, false_limits = _limits_of(block.tobytes(), len(block), L, name)
            right.append(np.linalg.norm(own - limits, axis=(3, 4)))
            wrong.append(np.linalg.norm(own - false_limits, axis=(3, 4)))
        results[name], results[f"{name} wrong limit"] = np.stack(right, axis=2), np.stack(wrong, axis=2)
    return results


def data_sets(data: Sequence[dict], stream: Sequence[int]) -> list[np.ndarray]:
    """The inputs of every data set, drawn apart."""
    return [inputs(**spec, seed=data_seed(stream) + k) for k, spec in enumerate(data)]


@cache
def _limits_of(content: bytes, n: int, L: int, activation: str) -> tuple[np.ndarray, np.ndarray]:
    """Right and wrong limits for the inputs with these bytes: the cells of one process compute them once."""
    X = np.frombuffer(content).reshape(n, -1)
    return limit_grams(X, hidden_layers=L, activation=activation).layers, wrong_limits(X, L, activation)


def wrong_limits(X: np.ndarray, L: int, activation: str) -> np.ndarray:
    """Limits with Σ in place of Σ̇ for K^1..K^L and Σ^{L−1} in place of Σ^L for K^{L+1}, (L+1, n, n)."""
    sigma = [X @ X.T] + [limit_grams(X, hidden_layers=l, activation=activation).nngp for l in range(1, L + 1)]
    return np.stack([np.prod(sigma[l:], axis=0) for l in range(L)] + [sigma[L - 1]])


def scaled_square_errors(
    *, data: dict, activation: str, width: int, stream: Sequence[int], first: int, draws: int
) -> dict[str, np.ndarray]:
    """m‖(m/κ²) G^l − K^l‖_F² of networks with one hidden layer of ``width`` m, (draws, 2)."""
    X = inputs(**data, seed=data_seed(stream))
    grams = ensemble_grams(draw_seeds(stream, first, 1)[0], X, [width], draws=draws, activation=activation)[:, 0]
    limits = limit_grams(X, hidden_layers=1, activation=activation).layers
    return {"squares": width * np.linalg.norm(grams - limits, axis=(2, 3)) ** 2}
