"""Models on which the theorems about F_α(w) = R(αh(w))/α² are checked, and their flows beside those of their linearisations.

A model is drawn by its kind and a seed, so that a cell is a few names and numbers.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from checks.measurements.streams import each_draw
from kernels.losses import LogCoshLoss, Loss, SquareLoss
from kernels.model_flow import flow_and_linearised_flow
from kernels.models import (
    Centred,
    ComponentwiseMap,
    DampedOscillator,
    Factorization,
    Model,
    NetworkModel,
    QuadraticMap,
    TwoLayerModel,
)
from theory.scaled_bounds import relative_scale

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
STEP, STEP_ERROR = 1e-4, 1e-6
QUANTITIES = ("drift", "path", "predictions")


@dataclass(frozen=True)
class Drawn:
    """A map h with h(w_0) = 0 if centred, its start w_0 (p,), and targets y* (N,)."""

    model: Model
    start: np.ndarray
    targets: np.ndarray


@dataclass(frozen=True)
class SteadyDescent:
    """h: R → R with h(0) = 0 for which ½(h − y*)² = F(w) = ½(1 − w + √((1 − w)² + ε²)), y* = √(2F(0)), ε = ``corner``.

    F falls with slope −1 up to w = 1 and is nearly 0 from there on: the loss is spent at constant speed, so that the bound on
    the drift is met up to O(ε log 1/ε) at t = 1.
    """

    corner: float = 0.001

    def _loss(self, w: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        rest = 1 - w
        size = np.hypot(rest, self.corner)
        return np.where(rest > 0, (rest + size) / 2, self.corner**2 / (2 * (size - rest))), size

    @property
    def targets(self) -> np.ndarray:
        """y* (1,)."""
        return np.sqrt(2 * self._loss(np.zeros(1))[0])

    def __call__(self, w: np.ndarray) -> np.ndarray:
        """h(w)."""
        return self.targets - np.sqrt(2 * self._loss(w)[0])

    def jacobian(self, w: np.ndarray) -> np.ndarray:
        """Dh(w) = −F'/√(2F) with F' = −F/√((1 − w)² + ε²)."""
        loss, size = self._loss(w)
        return (np.sqrt(loss / 2) / size)[None]


def draw(kind: str, seed: int, *, outputs: int = 4, paired: bool = False, centred: bool = True) -> Drawn:
    """The model of a kind; besides `KINDS` ``rank one``, uvᵀ with p = 9, N = 20, whose derivative has rank 8, and those of
    `ComponentwiseMap` with p = 1; not drawn are ``one parameter`` h(w) = w + w²/2 from 0 with y* = 1, and ``steady descent``.

    ``paired``, for the two-layer kinds: units (w, a) and (w, −a), so that h(w_0) = 0 and D²h(w_0) vanishes on the range of
    Dh(w_0)ᵀ.
    """
    if kind == "one parameter":
        return Drawn(QuadraticMap(np.ones((1, 1)), np.ones((1, 1, 1))), np.zeros(1), np.ones(1))
    if kind == "steady descent":
        return Drawn(SteadyDescent(), np.zeros(1), SteadyDescent().targets)
    rng, N = np.random.default_rng([seed, *kind.encode()]), outputs
    if kind == "quadratic":
        A = rng.normal(size=(N, 7, 7)) / 3
        model, start = QuadraticMap(rng.normal(size=(N, 7)), A + A.transpose(0, 2, 1)), rng.normal(size=7)
    elif kind == "curved directions":
        U = np.linalg.qr(rng.normal(size=(7, N)))[0].T
        model, start = QuadraticMap.along_directions(rng.normal(size=(N, 7)), U, 1.0), rng.normal(size=7)
    elif kind in ("inner weights", "two layers"):
        model, start = _two_layers(rng, N, paired, kind == "two layers")
    elif kind == "network":
        X = rng.normal(size=(N, 3))
        model, start = NetworkModel(X, "tanh", 3.0, 6, 2), rng.normal(size=6 * 3 + 36 + 6)
    elif kind == "factorization":
        model, start = Factorization(2, 2, 3), rng.normal(size=12)
    elif kind == "rank one":
        model, start = Factorization(4, 5, 1), rng.normal(size=9)
    elif kind in ComponentwiseMap.known:
        model, start = ComponentwiseMap(kind), rng.uniform(-0.6, 0.6, size=1)
    elif kind == "neuron":
        model, start = TwoLayerModel(rng.normal(size=(N, 2)), "tanh", np.ones(1)), rng.normal(size=2)
    elif kind == "oscillator":
        model, start = DampedOscillator(np.linspace(0.2, 4, N)), np.array([1.0, 0.3, 2.0]) + 0.2 * rng.normal(size=3)
    else:
        raise ValueError(f"`kind` must be rank one, {', '.join(KINDS)}, got {kind!r}")
    return Drawn(Centred(model, start) if centred else model, start, rng.normal(size=len(model(start))))


def _two_layers(rng: np.random.Generator, N: int, paired: bool, output_trained: bool) -> tuple[Model, np.ndarray]:
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


def second_derivative(model: Model, w: np.ndarray, step: float) -> np.ndarray:
    """D²h(w) (N, p, p), by central differences of Dh."""
    columns = [model.jacobian(w + step * e) - model.jacobian(w - step * e) for e in np.eye(len(w))]
    return np.stack(columns, axis=2) / (2 * step)


def curvature_bound(model: Model, w: np.ndarray) -> float:
    """Upper bound of ‖D²h(w)‖ = sup ‖D²h[u, v]‖ over unit u, v, up to `STEP_ERROR`: the smaller norm of two unfoldings.

    As a map of v to D²h[·, v] with the Frobenius norm, or of uvᵀ to D²h[u, v], its norm is at least ‖D²h‖.
    """
    D2 = second_derivative(model, w, STEP)
    N, p, _ = D2.shape
    return float(min(np.linalg.norm(D2.reshape(N * p, p), 2), np.linalg.norm(D2.reshape(N, p * p), 2)))


def scale_of(drawn: Drawn, alpha: float) -> float:
    """κ_{αh}(w_0), with the bound of ‖D²h(w_0)‖."""
    residual = float(np.linalg.norm(alpha * drawn.model(drawn.start) - drawn.targets))
    slope = float(np.linalg.norm(drawn.model.jacobian(drawn.start), 2))
    return relative_scale(residual, curvature_bound(drawn.model, drawn.start), slope, alpha)


def horizon_times(drawn: Drawn, horizon: float) -> np.ndarray:
    """24 times up to ``horizon``/‖Dh(w_0)‖²."""
    return np.linspace(0, horizon / np.linalg.norm(drawn.model.jacobian(drawn.start), 2) ** 2, 25)[1:]


def suprema(drawn: Drawn, loss: Loss, *, alpha: float, times: Sequence[float], rtol: float) -> np.ndarray:
    """Suprema over the ``times`` of the `QUANTITIES` ‖w_α − w_0‖, ‖w_α − w̄_α‖, ‖y − ȳ‖; NaN where a flow did not get there."""
    options = {"alpha": alpha, "times": times, "rtol": rtol}
    true, linear = flow_and_linearised_flow(drawn.model, loss, drawn.start, **options)
    if min(len(true.times), len(linear.times)) < len(times):
        return np.full(3, np.nan)
    v, gap = true.displacements, true.displacements - linear.displacements
    drift, path, predictions = (np.linalg.norm(x, axis=1).max() for x in (v, gap, true.outputs - linear.outputs))
    return np.array([drift / alpha, path / alpha, predictions])


@each_draw
def distances(
    seed: int,
    *,
    kind: str,
    sizes: Sequence[float],
    horizon: float,
    rtols: Sequence[float],
    loss: str = "square",
    paired: bool = False,
    outputs: int = 4,
    growing: bool = False,
) -> dict[str, np.ndarray]:
    """`suprema` over `horizon_times` of a drawn model with h(w_0) = 0 at α = ``sizes``·κ_h(w_0), (sizes,) each.

    ``… error``, relative: that at the last α, by the second of ``rtols``. With ``growing`` the targets are times the size.
    """
    drawn = draw(kind, seed, outputs=outputs, paired=paired)
    times, unit, found = horizon_times(drawn, horizon), scale_of(drawn, 1.0), []
    for size, rtol in with_finer(sizes, rtols):
        R = make_loss(loss, drawn.targets * (size if growing else 1.0))
        found.append(suprema(drawn, R, alpha=size * unit, times=times, rtol=rtol))
    return with_errors(found)


def with_finer(sizes: Sequence[float], rtols: Sequence[float]) -> list[tuple[float, float]]:
    """Every size with the first of two tolerances, and the last with the second."""
    return [*((size, rtols[0]) for size in sizes), (sizes[-1], rtols[1])]


def with_errors(found: Sequence[np.ndarray]) -> dict[str, np.ndarray]:
    """The `QUANTITIES` at every size by name, and their relative ``… error`` at the last of `with_finer`."""
    found, errors = np.array(found[:-1]), np.abs(found[-2] / found[-1] - 1)
    return dict(zip(QUANTITIES, found.T, strict=True)) | {
        f"{q} error": e for q, e in zip(QUANTITIES, errors, strict=True)
    }
