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


def distances(
    *,
    kind: str,
    seed: int,
    alphas: Sequence[float],
    horizon: float,
    loss: str = "square",
    paired: bool = False,
    rtol: float = 1e-6,
) -> dict[str, np.ndarray]:
    """Suprema over 24 times up to ``horizon``/‖Dh(w_0)‖², for every α, (alphas,); h(w_0) = 0.

    ``drift`` ‖w_α − w_0‖, ``path`` ‖w_α − w̄_α‖, ``predictions`` ‖y − ȳ‖, ``kernel`` ‖Dh(w_α)Dh(w_α)ᵀ − Dh(w_0)Dh(w_0)ᵀ‖. NaN
    where a flow did not reach the horizon.
    """
    drawn = draw(kind, seed, paired=paired)
    slope = drawn.model.jacobian(drawn.start)
    times = np.linspace(0, horizon / np.linalg.norm(slope, 2) ** 2, 25)[1:]
    found = {key: np.full(len(alphas), np.nan) for key in ("drift", "path", "predictions", "kernel")}
    for k, alpha in enumerate(alphas):
        runs = flow_and_linearised_flow(
            drawn.model, make_loss(loss, drawn.targets), drawn.start, alpha=alpha, times=times, rtol=rtol
        )
        if min(len(run.times) for run in runs) < len(times):
            continue
        true, linear = runs
        jacobians = (drawn.model.jacobian(drawn.start + v / alpha) for v in true.displacements)
        found["drift"][k] = np.linalg.norm(true.displacements, axis=1).max() / alpha
        found["path"][k] = np.linalg.norm(true.displacements - linear.displacements, axis=1).max() / alpha
        found["predictions"][k] = np.linalg.norm(true.outputs - linear.outputs, axis=1).max()
        found["kernel"][k] = max(np.linalg.norm(J @ J.T - slope @ slope.T, 2) for J in jacobians)
    return found
