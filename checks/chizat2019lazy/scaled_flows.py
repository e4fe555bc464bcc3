"""Models on which the theorems about F_α(w) = R(αh(w))/α² are checked, and their flows beside those of their linearisations.

A model is drawn by its kind and a seed, so that a cell of a sweep is a few names and numbers.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from kernels.losses import LogCoshLoss, Loss, SquareLoss
from kernels.model_flow import flow_and_linearised_flow
from kernels.models import Centred, DampedOscillator, Factorization, Model, NetworkModel, QuadraticMap, TwoLayerModel

KINDS = (
    "quadratic",
    "curved directions",
    "inner weights",
    "two layers",
    "network",
    "factorization",
    "neuron",
    "oscillator",
)
"""All but ``neuron`` (p = 2) and ``oscillator`` (p = 3) have more parameters than outputs."""

LOSSES = ("square", "soft far", "soft near")
EXPONENTS = {"drift": -1.0, "path": -2.0, "predictions": -1.0}
"""In α, of `suprema`, where h(w_0) = 0."""
MU, M = 0.5, 2.0  # strong convexity and smoothness of the losses that are not quadratic


@dataclass(frozen=True)
class Drawn:
    """A map h with h(w_0) = 0 if centred, its start w_0 (p,), and targets y* (N,)."""

    model: Model
    start: np.ndarray
    targets: np.ndarray


def draw(kind: str, seed: int, *, outputs: int = 4, paired: bool = False, centred: bool = True) -> Drawn:
    """The model of a kind.

    ``paired``, for the two-layer kinds: units (w, a) and (w, −a), so that h(w_0) = 0 and D²h(w_0) vanishes on the range of
    Dh(w_0)ᵀ.
    """
    rng, N = np.random.default_rng([seed, KINDS.index(kind)]), outputs
    if kind == "quadratic":
        A = rng.normal(size=(N, 7, 7)) / 3
        model, start = QuadraticMap(rng.normal(size=(N, 7)), A + A.transpose(0, 2, 1)), rng.normal(size=7)
    elif kind == "curved directions":
        U = np.linalg.qr(rng.normal(size=(7, N)))[0].T
        model, start = QuadraticMap.along_directions(rng.normal(size=(N, 7)), U, 1.0), rng.normal(size=7)
    elif kind in ("inner weights", "two layers"):
        model, start = two_layers(rng, N, paired, kind == "two layers")
    elif kind == "network":
        X = rng.normal(size=(N, 3))
        model, start = NetworkModel(X, "tanh", 3.0, 6, 2), rng.normal(size=6 * 3 + 36 + 6)
    elif kind == "factorization":
        model, start = Factorization(2, 2, 3), rng.normal(size=12)
    elif kind == "neuron":
        model, start = TwoLayerModel(rng.normal(size=(N, 2)), "tanh", np.ones(1)), rng.normal(size=2)
    elif kind == "oscillator":
        model, start = DampedOscillator(np.linspace(0.2, 4, N)), np.array([1.0, 0.3, 2.0]) + 0.2 * rng.normal(size=3)
    else:
        raise ValueError(f"`kind` must be one of {', '.join(KINDS)}, got {kind!r}")
    return Drawn(Centred(model, start) if centred else model, start, rng.normal(size=len(model(start))))


def two_layers(rng: np.random.Generator, N: int, paired: bool, output_trained: bool) -> tuple[Model, np.ndarray]:
    """Twelve tanh units on N inputs in three dimensions; the output weights are trained or fixed."""
    X, m = rng.normal(size=(N, 3)), 6 if paired else 12
    W, a = rng.normal(size=(m, 3)), rng.choice([-1.0, 1.0], size=m)
    if paired:
        W, a = np.vstack([W, W]), np.concatenate([a, -a])
    if output_trained:
        return TwoLayerModel(X, "tanh", None, 0.3), np.concatenate([W.ravel(), a])
    return TwoLayerModel(X, "tanh", a, 0.3), W.ravel()


def make_loss(name: str, targets: np.ndarray) -> Loss:
    """``square`` ½‖y − y*‖²; ``soft far`` R_+ with Hessian in (μ, M], ``soft near`` R_− in [μ, M)."""
    if name == "square":
        return SquareLoss(targets)
    return LogCoshLoss(targets, MU, M, soft_far=name == "soft far")


def suprema(drawn: Drawn, loss: Loss, *, alpha: float, times: Sequence[float], rtol: float) -> dict[str, float]:
    """Suprema over the ``times``: ``drift`` ‖w_α − w_0‖, ``path`` ‖w_α − w̄_α‖, ``predictions`` ‖y − ȳ‖.

    NaN where a flow did not reach the last time.
    """
    options = {"alpha": alpha, "times": times, "rtol": rtol}
    true, linear = flow_and_linearised_flow(drawn.model, loss, drawn.start, **options)
    if min(len(true.times), len(linear.times)) < len(times):
        return dict.fromkeys(EXPONENTS, np.nan)
    v, gap = true.displacements, true.displacements - linear.displacements
    drift, path, predictions = (np.linalg.norm(x, axis=1).max() for x in (v, gap, true.outputs - linear.outputs))
    return {"drift": drift / alpha, "path": path / alpha, "predictions": predictions}


def horizon_times(drawn: Drawn, horizon: float) -> np.ndarray:
    """24 times up to ``horizon``/‖Dh(w_0)‖²."""
    return np.linspace(0, horizon / np.linalg.norm(drawn.model.jacobian(drawn.start), 2) ** 2, 25)[1:]


def distances(
    *,
    kind: str,
    seed: int,
    alphas: Sequence[float],
    horizon: float,
    loss: str = "square",
    paired: bool = False,
    outputs: int = 4,
    rtol: float = 1e-6,
) -> dict[str, np.ndarray]:
    """`suprema` over `horizon_times` for every α, (alphas,); h(w_0) = 0."""
    drawn = draw(kind, seed, outputs=outputs, paired=paired)
    function, times = make_loss(loss, drawn.targets), horizon_times(drawn, horizon)
    found = [suprema(drawn, function, alpha=alpha, times=times, rtol=rtol) for alpha in alphas]
    return {key: np.array([row[key] for row in found]) for key in EXPONENTS}


def second_derivative(model: Model, w: np.ndarray, step: float) -> np.ndarray:
    """D²h(w) (N, p, p), by central differences of Dh."""
    columns = [model.jacobian(w + step * e) - model.jacobian(w - step * e) for e in np.eye(len(w))]
    return np.stack(columns, axis=2) / (2 * step)
