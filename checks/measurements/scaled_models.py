"""Models on which the theorems about F_α(w) = R(αh(w))/α² are checked, and their flows beside those of their linearisations.

A model is drawn by its kind and a seed, so that a cell is a few names and numbers.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.integrate import solve_ivp

from checks.measurements.streams import each_draw
from kernels.losses import LogCoshLoss, Loss, SquareLoss
from kernels.model_flow import ModelTrajectory, flow_and_linearised_flow, model_flow
from kernels.models import (
    Centred,
    ComponentwiseMap,
    DampedOscillator,
    Factorization,
    Linearised,
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
RESTARTS, ROUNDS = 8, 20  # of the alternating maximisation
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
    """The model of a kind; besides `KINDS` ``rank one``, uvᵀ with p = 9, N = 20, whose derivative has rank 8, ``few units``,
    two tanh units of three inputs, p = 8, ``two decays`` with p = 4, ``one weight``, a neuron with p = 1, and those of
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
        # near 0 curvature vanishes, and with it the unit in which α is counted; far from it the neuron saturates
        model, start = TwoLayerModel(rng.normal(size=(N, 2)), "tanh", np.ones(1)), rng.normal(size=2)
        start /= np.linalg.norm(start)
    elif kind == "one weight":
        model, start = TwoLayerModel(rng.normal(size=(N, 1)), "tanh", np.ones(1)), rng.normal(size=1)
    elif kind == "few units":
        model, start = TwoLayerModel(rng.normal(size=(N, 3)), "tanh", None, 0.5), rng.normal(size=8)
    elif kind == "two decays":
        model, start = Decays(np.linspace(0, 3, N)), np.array([1.0, -1.0, 0.4, 2.0]) + 0.2 * rng.normal(size=4)
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


@dataclass(frozen=True)
class Decays:
    """h_i(w) = b_1e^{−c_1t_i} + b_2e^{−c_2t_i} at the ``times`` t (N,), w = (b_1, b_2, c_1, c_2)."""

    times: np.ndarray

    def __call__(self, w: np.ndarray) -> np.ndarray:
        """h(w)."""
        return np.exp(-np.outer(self.times, w[2:])) @ w[:2]

    def jacobian(self, w: np.ndarray) -> np.ndarray:
        """Dh(w)."""
        envelopes = np.exp(-np.outer(self.times, w[2:]))
        return np.hstack([envelopes, -self.times[:, None] * w[:2] * envelopes])


@dataclass(frozen=True)
class RippledLoss:
    """R(f) = Σ_i sin² u_i + u_i²/20, u = f − y*: R ≥ 0 with Lipschitz gradient sin 2u + u/10, not convex.

    ``targets`` y* (N,).
    """

    targets: np.ndarray

    def evaluate(self, outputs: np.ndarray) -> tuple[float, np.ndarray, np.ndarray]:
        """R(f), its gradient and the diagonal of its Hessian, which has both signs."""
        u = outputs - self.targets
        return float(np.sum(np.sin(u) ** 2 + u**2 / 20)), np.sin(2 * u) + u / 10, 2 * np.cos(2 * u) + 0.1


def make_loss(name: str, targets: np.ndarray) -> Loss:
    """``square`` ½‖y − y*‖²; ``soft far`` R_+ with Hessian in (μ, M], ``soft near`` R_− in [μ, M); ``rippled``, not convex."""
    if name == "square":
        return SquareLoss(targets)
    if name == "rippled":
        return RippledLoss(targets)
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


def curvature_found(model: Model, w: np.ndarray, seed: int) -> float:
    """Lower bound of ‖D²h(w)‖, up to `STEP_ERROR`: the largest ‖D²h[u, u]‖ found from `RESTARTS` starts and each output.

    D²h is symmetric, so that ‖D²h‖ = sup_z ‖z·D²h‖ over unit z in R^N, and the supremum over u, v is attained at u = v. In turn
    u is the eigenvector of z·D²h whose eigenvalue is largest in size and z the direction of D²h[u, u]: the value never falls.
    """
    D2 = second_derivative(model, w, STEP)
    z = np.vstack([np.eye(len(D2)), np.random.default_rng([seed, 4]).normal(size=(RESTARTS, len(D2)))])
    for _ in range(ROUNDS):
        values, vectors = np.linalg.eigh(np.tensordot(z, (D2 + D2.transpose(0, 2, 1)) / 2, axes=1))
        u = np.where(-values[:, :1] > values[:, -1:], vectors[:, :, 0], vectors[:, :, -1])
        z = np.einsum("ijk,rj,rk->ri", D2, u, u)
        sizes = np.linalg.norm(z, axis=1, keepdims=True)
        z = z / np.where(sizes > 0, sizes, 1.0)
    return float(sizes.max())


def scale_of(drawn: Drawn, alpha: float) -> float:
    """κ_{αh}(w_0), with the bound of ‖D²h(w_0)‖."""
    residual = float(np.linalg.norm(alpha * drawn.model(drawn.start) - drawn.targets))
    slope = float(np.linalg.norm(drawn.model.jacobian(drawn.start), 2))
    return relative_scale(residual, curvature_bound(drawn.model, drawn.start), slope, alpha)


def horizon_times(drawn: Drawn, horizon: float, count: int = 24) -> np.ndarray:
    """``count`` times up to ``horizon``/‖Dh(w_0)‖²."""
    return np.linspace(0, horizon / np.linalg.norm(drawn.model.jacobian(drawn.start), 2) ** 2, count + 1)[1:]


def tangent_flow(drawn: Drawn, loss: Loss, *, alpha: float, times: Sequence[float], rtol: float) -> ModelTrajectory:
    """The flow of the linearisation; with h(w_0) = 0 it is the same for every α."""
    follow = solver_trajectory if isinstance(loss, RippledLoss) else model_flow
    return follow(Linearised(drawn.model, drawn.start), loss, drawn.start, alpha=alpha, times=times, rtol=rtol)


def separations(
    drawn: Drawn,
    loss: Loss,
    *,
    alpha: float,
    times: Sequence[float],
    rtol: float,
    linearised: ModelTrajectory | None = None,
) -> np.ndarray:
    """The `QUANTITIES` ‖w_α − w_0‖, ‖w_α − w̄_α‖, ‖y − ȳ‖ at the ``times``, (3, times); NaN where a flow did not get there.

    By the exponential integrator, which needs a convex loss, or else by a general-purpose solver. ``linearised`` is the
    `tangent_flow`, where it is known.
    """
    options = {"alpha": alpha, "times": times, "rtol": rtol, "linearised": linearised}
    flows = flow_and_solver if isinstance(loss, RippledLoss) else flow_and_linearised_flow
    true, linear = flows(drawn.model, loss, drawn.start, **options)
    if min(len(true.times), len(linear.times)) < len(times):
        return np.full((3, len(times)), np.nan)
    v, gap = true.displacements, true.displacements - linear.displacements
    rows = (v / alpha, gap / alpha, true.outputs - linear.outputs)
    return np.array([np.linalg.norm(row, axis=1) for row in rows])


def suprema(drawn: Drawn, loss: Loss, *, alpha: float, times: Sequence[float], rtol: float) -> np.ndarray:
    """Suprema over the ``times`` of `separations`, (3,)."""
    return separations(drawn, loss, alpha=alpha, times=times, rtol=rtol).max(axis=1)


def flow_and_solver(
    model: Model, loss: Loss, start: np.ndarray, *, linearised: ModelTrajectory | None = None, **options: object
) -> tuple[ModelTrajectory, ModelTrajectory]:
    """The flow and that of the linearisation by a general-purpose solver, for any loss that has a gradient."""
    linear = linearised or solver_trajectory(Linearised(model, start), loss, start, **options)
    return solver_trajectory(model, loss, start, **options), linear


def solver_trajectory(
    model: Model, loss: Loss, start: np.ndarray, *, alpha: float, times: Sequence[float], rtol: float
) -> ModelTrajectory:
    """The flow by SciPy's LSODA; no ``rtol`` is adapted."""
    v, f = solver_flow(model, loss, start, alpha=alpha, times=times, rtol=rtol, method="LSODA")
    losses = np.array([loss.evaluate(row)[0] for row in f])
    return ModelTrajectory(np.array(times)[: len(v)], losses, f, v, 0, "solver")


def solver_flow(
    model: Model, loss: Loss, start: np.ndarray, *, alpha: float, times: Sequence[float], rtol: float, method: str
) -> tuple[np.ndarray, np.ndarray]:
    """v = α(w − w_0) and αh(w) at the ``times`` reached by a ``method`` of SciPy, (times, p) and (times, N)."""

    def field(_: float, v: np.ndarray) -> np.ndarray:
        w = start + v / alpha
        return -model.jacobian(w).T @ loss.evaluate(alpha * model(w))[1]

    run = solve_ivp(field, (0, times[-1]), 0 * start, method, t_eval=times, rtol=rtol, atol=1e-3 * rtol)
    return run.y.T, np.array([alpha * model(start + v / alpha) for v in run.y.T])


@each_draw
def distances(
    seed: int,
    *,
    kind: str,
    sizes: Sequence[float],
    horizons: Sequence[float],
    rtols: Sequence[float],
    loss: str = "square",
    paired: bool = False,
    outputs: int = 4,
    growing: bool = False,
) -> dict[str, np.ndarray]:
    """Suprema of `separations` over eight times up to each horizon, of a drawn model with h(w_0) = 0, (horizons, sizes).

    α = ``sizes``·κ_h(w_0). ``… error``, relative, (horizons,): that at the last α, by the second of ``rtols``. With
    ``growing`` the targets are times the size.
    """
    drawn = draw(kind, seed, outputs=outputs, paired=paired)
    own, unit, found = [horizon_times(drawn, horizon, 8) for horizon in horizons], scale_of(drawn, 1.0), []
    times, linear = np.unique(np.concatenate(own)), None
    for size, rtol in with_finer(sizes, rtols):
        R = make_loss(loss, drawn.targets * (size if growing else 1.0))
        if growing or size == sizes[0] or rtol != rtols[0]:  # else it is that of the sizes before
            linear = tangent_flow(drawn, R, alpha=size * unit, times=times, rtol=rtol)
        rows = separations(drawn, R, alpha=size * unit, times=times, rtol=rtol, linearised=linear)
        found.append(np.stack([rows[:, times <= t[-1]].max(axis=1) for t in own], axis=1))
    return with_errors(found)


def with_finer(sizes: Sequence[float], rtols: Sequence[float]) -> list[tuple[float, float]]:
    """Every size with the first of two tolerances, and the last with the second."""
    return [*((size, rtols[0]) for size in sizes), (sizes[-1], rtols[1])]


def with_errors(found: Sequence[np.ndarray]) -> dict[str, np.ndarray]:
    """The `QUANTITIES`, the first axis of every row, by name, sizes last; and their relative ``… error`` at the last of
    `with_finer`.
    """
    values, errors = np.moveaxis(np.array(found[:-1]), 0, -1), np.abs(found[-2] / found[-1] - 1)
    return dict(zip(QUANTITIES, values, strict=True)) | {
        f"{q} error": e for q, e in zip(QUANTITIES, errors, strict=True)
    }
