"""Networks led along directions d_k that need not be the gradient of anything: θ_{k+1} = θ_k + hJ_kᵀd_k, ‖d_k‖ = 1."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import expit

from checks.measurements.data import samples
from checks.measurements.streams import data_seed
from checks.measurements.trainings import drawn_networks
from kernels import Parameters, layer_grams
from kernels.training import loss_gradient

DIRECTIONS = ("fixed", "signs", "loop", "logistic", "moving", "against")
FAR = 4.0  # root mean square of moving targets
SMALL = 1e-4  # reach of the steps by which the rates of the kernel are taken

Weights = tuple[np.ndarray, ...]
Direction = Callable[[np.ndarray], np.ndarray]


@dataclass(frozen=True)
class Pull:
    """What `loss_gradient` asks of a loss: here the gradient is −d/‖d‖, d a function of the outputs."""

    direction: Direction

    def evaluate(self, outputs: np.ndarray) -> tuple[float, np.ndarray, None]:
        """No loss, and −d/‖d‖."""
        d = self.direction(outputs)
        return 0.0, -d / np.linalg.norm(d), None


def moved(theta: Weights, X: np.ndarray, direction: Direction, length: float, model: dict) -> Weights:
    """θ + length·Jᵀd/‖d‖."""
    gradients = loss_gradient(theta, X.T, Pull(direction), model["activation"], model["kappa"])[2]
    return tuple(W - length * gradient for W, gradient in zip(theta, gradients, strict=True))


def kernel(theta: Weights, X: np.ndarray, model: dict) -> np.ndarray:
    """G (n, n)."""
    return layer_grams(Parameters.unchecked(theta), X, **model).sum(axis=0)


def open_directions(name: str, steps: int, y: np.ndarray, rng: np.random.Generator) -> list[Direction]:
    """d_k as a function of the outputs, for every step, up to its length.

    "fixed" in time; "signs" redrawn at every step; "loop", one turn, after which Σ d_k = 0; "logistic" the gradient of that
    loss with labels sign y; "moving", that of the square loss with targets that turn once.
    """
    n, labels = len(y), np.sign(y)
    plane = np.linalg.qr(rng.normal(size=(n, min(n, 2))))[0]
    turns = 2 * np.pi * np.arange(steps) / steps
    around = np.column_stack([np.cos(turns), np.sin(turns)])[:, : plane.shape[1]] @ plane.T
    signs = rng.choice([-1.0, 1.0], size=(steps, n))
    return {
        "fixed": [lambda f: plane[:, 0]] * steps,
        "signs": [lambda f, own=own: own for own in signs],
        "loop": [lambda f, own=own: own for own in around],
        "logistic": [lambda f: labels * expit(-labels * f)] * steps,
        "moving": [lambda f, own=own: FAR * np.sqrt(n) * own - f for own in around],
    }[name]


def against(theta: Weights, X: np.ndarray, start: np.ndarray, length: float, model: dict) -> Direction:
    """The d along which G changes fastest, away from its ``start``; by differences over a small ``length``."""
    G = kernel(theta, X, model)
    rates = np.array([kernel(moved(theta, X, lambda f, e=e: e, length, model), X, model) - G for e in np.eye(len(X))])
    d = np.linalg.svd(rates.reshape(len(X), -1))[0][:, 0]
    away = np.sum(np.tensordot(d, rates, axes=1) * (G - start))
    return lambda f: np.copysign(1.0, away) * d


def directed_changes(
    *,
    data: dict,
    activation: str,
    hidden_layers: int,
    pairs: list,
    direction: str,
    reach: float,
    steps: int,
    seen: int,
    stream: Sequence[int],
    first: int,
    draws: int,
) -> dict[str, np.ndarray]:
    """What becomes of the kernel along one of `DIRECTIONS` of length S = ``reach``·m/κ², so that outputs are led equally far.

    ``change`` ‖G_k − G_0‖/‖G_0‖ after each of ``seen`` equal parts of the ``steps``, (draws, pairs, seen); ``scaled``
    (m/κ²)(G_k − G_0)_11 after the last, and ``largest`` max_k |a_k| at the start, (draws, pairs). Directions and data are
    shared by all draws and pairs; "against" depends on the network, and is chosen anew at the start of every part.
    """
    X, y = samples(data, data_seed(stream))
    found = {"change": np.full((draws, len(pairs), seen), np.nan)}
    found |= {key: np.full((draws, len(pairs)), np.nan) for key in ("scaled", "largest")}
    rng = np.random.default_rng([data_seed(stream), 2])
    given = None if direction == "against" else open_directions(direction, steps, y, rng)
    for at, params, m, kappa in drawn_networks(X.shape[1], hidden_layers, pairs, stream, first, draws):
        model = {"activation": activation, "kappa": kappa}
        theta, length, grams = params.arrays, reach * m / kappa**2, []
        start = kernel(theta, X, model)
        for k in range(steps):
            if given is None and k % (steps // seen) == 0:
                own = against(theta, X, start, SMALL * length, model)
            theta = moved(theta, X, given[k] if given else own, length / steps, model)
            if (k + 1) % (steps // seen) == 0:
                grams.append(kernel(theta, X, model) - start)
        found["change"][at] = np.linalg.norm(grams, 2, axis=(1, 2)) / np.linalg.norm(start, 2)
        found["scaled"][at] = m / kappa**2 * grams[-1][0, 0]
        found["largest"][at] = np.abs(params.output).max()
    return found
