"""The normalised network beside the raw one: the same weights, each side written out from the chain rule."""

from collections.abc import Sequence

import numpy as np

from checks.measurements.data import samples
from checks.measurements.streams import data_seed, seed_of, stacked
from kernels import Parameters, forward, init_parameters, layer_grams
from kernels.activations import ACTIVATIONS as NAMED
from kernels.activations import activate

STEPS = 40
ACTIVATIONS = tuple(NAMED)


def raw_pass(weights: list[np.ndarray], output: np.ndarray, X: np.ndarray, activation: str) -> tuple[np.ndarray, list]:
    """Raw network a·σ(W^L σ(… σ(W^1 x))): outputs (n,) and the Jacobian of every layer, (n, entries) each.

    Written sample by sample from the chain rule, sharing no code with the normalised network but σ itself.
    """
    outputs, jacobians = [], [[] for _ in range(len(weights) + 1)]
    for x in X:
        values, slopes = [x], []
        for W in weights:
            z = W @ values[-1]
            slopes.append(activate(activation, z))
            values.append(z)
        back = output
        jacobians[-1].append(values[-1])
        for l in reversed(range(len(weights))):
            back = back * slopes[l]
            jacobians[l].append(np.outer(back, values[l]).ravel())
            back = weights[l].T @ back
        outputs.append(output @ values[-1])
    return np.array(outputs), [np.array(rows) for rows in jacobians]


def normalised_gradient(
    params: Parameters, X: np.ndarray, y: np.ndarray, activation: str, kappa: float
) -> list[np.ndarray]:
    """∂R/∂W^l and ∂R/∂a of R = (1/2n) Σ_i (f(x_i) − y_i)² for the normalised network, all samples at once."""
    m, values, slopes = params.width, [X.T], []
    for l, W in enumerate(params.weights):
        z = W @ values[-1] / (np.sqrt(m) if l else 1.0)
        slopes.append(activate(activation, z))
        values.append(z)
    residual = (kappa / m * (params.output @ values[-1]) - y) / len(y)
    gradients = [kappa / m * (values[-1] @ residual)]
    back = kappa / m * params.output[:, None] * residual
    for l in reversed(range(len(params.weights))):
        scale = np.sqrt(m) if l else 1.0
        back = back * slopes[l]
        gradients.insert(0, back @ values[l].T / scale)
        back = params.weights[l].T @ back / scale
    return gradients


def raw_and_normalised(
    *,
    data: dict,
    activations: Sequence[str],
    hidden_layers: int,
    width: int,
    stream: Sequence[int],
    equal_rates: bool = False,
) -> dict[str, np.ndarray]:
    """Relative distance of the two parametrisations for every activation: outputs, weighted Grams, `STEPS` steps of descent.

    ``losses`` (activations, STEPS + 1) is R of the normalised network, ``raw losses`` that of the raw one.

    Normalised: κ = √m, all rates 1. Raw: W^l/√m for l ≥ 2 and a/√m, learning rates r = (1, 1/m, …, 1/m); its Gram
    matrices are weighted by r. With ``equal_rates`` the raw rates are all 1/m: the first layer then hardly moves.
    """
    rows = [
        _distances(data, name, hidden_layers, width, data_seed(stream), seed_of(stream, k), equal_rates)
        for k, name in enumerate(activations)
    ]
    return stacked(rows)


def _distances(
    data: dict, activation: str, L: int, m: int, own_seed: int, seed: int, equal_rates: bool
) -> dict[str, float | np.ndarray]:
    X, y = samples(data, own_seed)
    kappa, params = np.sqrt(m), init_parameters(seed, X.shape[1], m, hidden_layers=L)
    grams = layer_grams(params, X, activation=activation, kappa=kappa)
    outputs = [forward(params, X, activation=activation, kappa=kappa)]

    rates = np.array([1 / m if equal_rates else 1.0] + [1 / m] * L)
    weights = [params.weights[0], *(W / np.sqrt(m) for W in params.weights[1:])]
    output = params.output / np.sqrt(m)
    f, jacobians = raw_pass(weights, output, X, activation)
    raw_grams = np.array([r * J @ J.T for r, J in zip(rates, jacobians, strict=True)])
    raw_outputs = [f]

    for _ in range(STEPS):
        # of the current kernel: it may grow a hundredfold, and a step beyond stability amplifies rounding
        kernel = layer_grams(params, X, activation=activation, kappa=kappa).sum(axis=0)
        step = len(X) / np.linalg.eigvalsh(kernel)[-1] / 4
        gradients = normalised_gradient(params, X, y, activation, kappa)
        moved = [W - step * g for W, g in zip((*params.weights, params.output), gradients, strict=True)]
        params = Parameters(tuple(moved[:-1]), moved[-1])
        outputs.append(forward(params, X, activation=activation, kappa=kappa))

        moves = [-step * r * J.T @ (f - y) / len(y) for r, J in zip(rates, jacobians, strict=True)]
        weights = [W + move.reshape(W.shape) for W, move in zip(weights, moves[:-1], strict=True)]
        output = output + moves[-1]
        f, jacobians = raw_pass(weights, output, X, activation)
        raw_outputs.append(f)
    outputs, raw_outputs = np.array(outputs), np.array(raw_outputs)
    return {
        "outputs": distance(raw_outputs[:1], outputs[:1]),
        "grams": distance(raw_grams, grams),
        "descent": distance(raw_outputs, outputs),
        "losses": ((outputs - y) ** 2).mean(axis=1) / 2,
        "raw losses": ((raw_outputs - y) ** 2).mean(axis=1) / 2,
    }


def distance(a: np.ndarray, b: np.ndarray) -> float:
    """max |a − b| / max |b|."""
    return float(np.abs(a - b).max() / np.abs(b).max())
