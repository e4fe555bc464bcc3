"""The end of a scaled flow with more outputs than directions: how the gradient vanishes, and the Hessian at the limit."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from checks.measurements.scaled_models import draw, make_loss, second_derivative, with_finer
from checks.measurements.streams import each_draw, stacked
from kernels.losses import Loss, SquareLoss
from kernels.model_flow import model_flow
from kernels.models import Linearised, Model, QuadraticMap

DECAYS = 25.0
ZERO = 1e-9  # singular values below this share of the largest are zero
STEP, POINTS = 1e-5, 16
LATE, LATE_RTOLS = [8.0, 10.0, 12.0, 14.0], (1e-8, 1e-9)  # ρt at which the gradient is taken
UNIT_ROUNDING = np.finfo(float).eps / 2
NOTHING = 1e-6  # what counts as zero
LARGEST_ROUNDING = NOTHING / 100
KEYS = ("rate", "gradient", "negative", "null", "constant")
RTOL, SQUARE_RTOL = 1e-5, 1e-8  # a single long step can satisfy a coarse tolerance by chance, for the square loss often
DEGENERATE_RTOL = 1e-3  # of maps that are not drawn: their ρ is the same to 1e-13 at a hundredth of it
FINER = 0.1  # a share of the tolerance
WINDOW = 4  # sizes whose slopes are judged


def scaled_hessian(model: Model, loss: Loss, w: np.ndarray, alpha: float) -> np.ndarray:
    """Hess F_α(w) = DhᵀH Dh + (1/α) Σ_i ∂_iR D²h_i, the derivatives of R at αh(w)."""
    J, (_, gradient, curvature) = model.jacobian(w), loss.evaluate(alpha * model(w))
    bend = np.tensordot(gradient, second_derivative(model, w, STEP), axes=1)
    return (J.T * curvature) @ J + (bend + bend.T) / (2 * alpha)


def rank(J: np.ndarray) -> int:
    """Number of singular values that are not zero."""
    values = np.linalg.svd(J, compute_uv=False)
    return int(np.count_nonzero(values > ZERO * values[0]))


def shifts(matrix: np.ndarray, change: np.ndarray, r: int) -> tuple[float, float]:
    """First and second order of the r-th largest eigenvalue λ⁺ of ``matrix`` (p, p) under a symmetric ``change``, over λ⁺.

    (μ/λ⁺, d/λ⁺): the new eigenvalue is within d of λ⁺ + μ, as docs/theory.md proves; inf where the gap to the other
    eigenvalues is at most twice the change.
    """
    values, vectors = np.linalg.eigh(matrix)
    lam = values[-r]
    gaps = np.abs(values - lam)
    own = gaps <= ZERO * values[-1]
    inside, across = (vectors[:, own].T @ change @ vectors[:, block] for block in (own, ~own))
    gaps, first = gaps[~own], np.linalg.eigvalsh(inside)[0]
    if not gaps.size:
        return first / lam, 0.0
    left = 1 - 2 * np.linalg.norm(change, 2) / gaps.min()
    return first / lam, np.linalg.norm(across / np.sqrt(gaps), 2) ** 2 / lam / left if left > 0 else np.inf


def first_change(model: Model, loss: Loss, start: np.ndarray, v: np.ndarray, alpha: float, A: np.ndarray) -> np.ndarray:
    """Hess F_α at the limit less A = DhᵀH Dh, up to O(1/α²): one Newton step from that of the linearised flow, w_0 + v/α."""
    w = start + v / alpha
    slope = model.jacobian(w).T @ loss.evaluate(alpha * model(w))[1] / alpha
    return scaled_hessian(model, loss, w - np.linalg.pinv(A, rcond=ZERO, hermitian=True) @ slope, alpha) - A


def limit(
    model: Model, loss: Loss, start: np.ndarray, alpha: float, t: float, rtol: float, seed: int
) -> dict[str, float]:
    """The end of the flow at time t: ``rate`` ρ, the least eigenvalue of Hess F_α beyond p − rank of them.

    ``gradient`` ‖Dhᵀ∇R‖ over its start; ``negative`` the distance max(−λ_min, 0) of Hess F_α to a positive semi-definite
    matrix, ``null`` the largest |λ| of those p − rank, over the largest eigenvalue; ``constant``: whether the rank is the same
    at the start, the end and `POINTS` points up to twice as far away, drawn by ``seed``.
    """
    # Stops on the way: the error of a step, relative to the whole displacement, decays in the steps that follow.
    run = model_flow(model, loss, start, alpha=alpha, times=[t / 3, 2 * t / 3, t], rtol=rtol)
    if len(run.times) < 3:
        return dict.fromkeys(KEYS, np.nan)
    step = run.displacements[-1] / alpha
    J, J_0 = model.jacobian(start + step), model.jacobian(start)
    r, values = rank(J), np.linalg.eigvalsh(scaled_hessian(model, loss, start + step, alpha))
    slopes = [np.linalg.norm(D.T @ loss.evaluate(f)[1]) for D, f in ((J, run.outputs[-1]), (J_0, alpha * model(start)))]
    directions = np.random.default_rng([seed, 1]).normal(size=(POINTS, len(start)))
    around = 2 * np.linalg.norm(step) * directions / np.linalg.norm(directions, axis=1, keepdims=True)
    null = len(start) - r
    numbers = (
        values[null],
        slopes[0] / slopes[1],
        np.maximum(-values[0], 0.0) / values[-1],
        np.abs(values[:null]).max(initial=0.0) / values[-1],
        float(all(rank(model.jacobian(start + delta)) == r for delta in (0 * step, *around))),
    )
    return dict(zip(KEYS, numbers, strict=True))


@each_draw
def limits(seed: int, *, kind: str, loss: str, outputs: int, sizes: Sequence[float]) -> dict[str, np.ndarray]:
    """`limit` of a drawn model at α = ``sizes``·‖y*‖‖D²h‖/σ², (sizes,), after 25 decay times or more.

    ``predicted`` is λ⁺, the least positive eigenvalue of Dh(w_0)ᵀH Dh(w_0), H = Hess R at the limit of the linearised flow;
    ``finer`` is the last ρ by a tenth of the tolerance, ``rounding`` how far rounding of w and h moves Dhᵀ∇R(αh), over its
    start, at the largest α. Where that is more than `LARGEST_ROUNDING` the model is not followed, and ``constant`` is 0.
    ``first`` and ``second`` are the `shifts` of λ⁺ at the first α of the window, known before the flow is followed.
    """
    drawn = draw(kind, seed, outputs=outputs)
    R, J = make_loss(loss, drawn.targets), drawn.model.jacobian(drawn.start)
    r, values = rank(J), np.linalg.svd(J, compute_uv=False)
    largest, sigma = values[0], values[r - 1]
    curvature = np.linalg.norm(second_derivative(drawn.model, drawn.start, STEP).reshape(-1, len(drawn.start)), 2)
    unit = np.linalg.norm(drawn.targets) * curvature / sigma**2
    outputs_of_h = np.linalg.norm(drawn.model.value) + largest * np.linalg.norm(drawn.start)
    slope = np.linalg.norm(J.T @ R.evaluate(np.zeros(len(J)))[1])
    rounding = UNIT_ROUNDING * unit * max(sizes) * outputs_of_h * largest / slope
    if rounding > LARGEST_ROUNDING:
        nothing = {key: np.zeros(len(sizes)) for key in KEYS}
        return nothing | {"predicted": 1.0, "finer": 0.0, "rounding": rounding, "first": 0.0, "second": 0.0}
    t = DECAYS / (sigma**2 * min(R.evaluate(drawn.targets)[2].min(), 0.5))
    rtol, times = SQUARE_RTOL if loss == "square" else RTOL, [t / 3, 2 * t / 3, t]
    linear = model_flow(Linearised(drawn.model, drawn.start), R, drawn.start, times=times, rtol=rtol)
    A = (J.T * R.evaluate(linear.outputs[-1])[2]) @ J
    change = first_change(
        drawn.model, R, drawn.start, linear.displacements[-1], unit * sizes[max(0, len(sizes) - WINDOW)], A
    )
    first, second = shifts(A, change, r)
    runs = with_finer(sizes, (rtol, FINER * rtol))
    *found, fine = (limit(drawn.model, R, drawn.start, unit * size, t, own, seed) for size, own in runs)
    known = {"predicted": np.linalg.eigvalsh(A)[-r], "first": first, "second": second}
    return stacked(found) | known | {"finer": fine["rate"], "rounding": rounding}


def falling(model: Model, loss: Loss, start: np.ndarray, alpha: float, rate: float) -> dict[str, np.ndarray]:
    """``gradient`` α‖∇F_α(w_α(t))‖ = ‖Dhᵀ∇R(αh)‖ at the times t = `LATE`/``rate``, (times,); NaN where the flow did not get
    there. ``gradient error``, relative: the largest, by the second of `LATE_RTOLS`.
    """
    times, found = np.array(LATE) / rate, np.full((len(LATE_RTOLS), len(LATE)), np.nan)
    for row, rtol in zip(found, LATE_RTOLS, strict=True):
        run = model_flow(model, loss, start, alpha=alpha, times=times, rtol=rtol)
        for k, (v, f) in enumerate(zip(run.displacements, run.outputs, strict=True)):
            row[k] = np.linalg.norm(model.jacobian(start + v / alpha).T @ loss.evaluate(f)[1])
    return {"gradient": found[0], "gradient error": np.abs(found[0] / found[1] - 1).max()}


@each_draw
def late_gradients(seed: int, *, kind: str, loss: str, outputs: int, size: float) -> dict[str, np.ndarray]:
    """`falling` of a drawn model at α = ``size``·‖y*‖‖D²h‖/σ², ρ that of `limit`, and ``decays`` ρt, (times,).

    The targets have equal parts along the singular direction of Dh(w_0) with the least value that is not zero, so that the
    slowest mode of the linearised flow takes part, and outside of its range, so that the loss does not vanish.
    """
    drawn = draw(kind, seed, outputs=outputs)
    U, values, _ = np.linalg.svd(J := drawn.model.jacobian(drawn.start))
    r = rank(J)
    outside = U[:, r:] @ np.random.default_rng([seed, 2]).normal(size=outputs - r)
    targets = np.sqrt(outputs / 2) * (U[:, r - 1] + outside / np.linalg.norm(outside))
    R, sigma = make_loss(loss, targets), values[r - 1]
    curvature = np.linalg.norm(second_derivative(drawn.model, drawn.start, STEP).reshape(-1, len(drawn.start)), 2)
    alpha = size * np.linalg.norm(targets) * curvature / sigma**2
    t = DECAYS / (sigma**2 * min(R.evaluate(targets)[2].min(), 0.5))
    rtol = SQUARE_RTOL if loss == "square" else RTOL
    rate = limit(drawn.model, R, drawn.start, alpha, t, rtol, seed)["rate"]
    return falling(drawn.model, R, drawn.start, alpha, rate) | {"decays": np.array(LATE)}


@each_draw
def ranks(seed: int, *, kind: str, outputs: int, most: int, zero: bool = False) -> dict[str, float]:
    """``short``: whether rank Dh is below ``most`` at a drawn w_0 or at one of 4 points near it; at w = 0 with ``zero``."""
    drawn = draw(kind, seed, outputs=outputs)
    start = 0 * drawn.start if zero else drawn.start
    near = start + 1e-3 * np.random.default_rng([seed, 3]).normal(size=(4, len(start)))
    points = [start] if zero else [start, *near]
    return {"short": float(any(rank(drawn.model.jacobian(w)) < most for w in points))}


@dataclass(frozen=True)
class Eight:
    """h(w) = (sin w, sin w cos w): a curve that passes through 0 at w = 0 along (1, 1) and at w = π along (−1, 1)."""

    def __call__(self, w: np.ndarray) -> np.ndarray:
        """h(w)."""
        return np.array([np.sin(w[0]), np.sin(2 * w[0]) / 2])

    def jacobian(self, w: np.ndarray) -> np.ndarray:
        """Dh(w), nowhere 0."""
        return np.array([[np.cos(w[0])], [np.cos(2 * w[0])]])


@each_draw
def other_branch(seed: int, *, sizes: Sequence[float], near: bool = False) -> dict[str, np.ndarray]:
    """``left`` R(αh(w_∞)) of `Eight` from w_0 = 0 and ``lower``, where the flow from w = π ends, over R(0), (sizes,).

    y* of unit length at an ``angle`` of at most 30° to (−1, 1), with ``near`` to (1, 1); ``curvature`` Hess F_α(w_∞).
    """
    angle = np.random.default_rng(seed).uniform(-np.pi / 6, np.pi / 6)
    direction = angle + (np.pi / 4 if near else 3 * np.pi / 4)
    R, model, found = SquareLoss(np.array([np.cos(direction), np.sin(direction)])), Eight(), []
    for alpha in sizes:
        ends = {}
        for name, start in (("left", 0.0), ("lower", np.pi)):
            run = model_flow(model, R, np.array([start]), alpha=alpha, times=[DECAYS], rtol=RTOL)
            ends[name] = run.losses[-1] / R.evaluate(np.zeros(2))[0] if len(run.times) else np.nan
            if name == "left":
                ends["curvature"] = float(scaled_hessian(model, R, run.displacements[-1] / alpha, alpha)[0, 0])
        found.append(ends)
    return stacked(found) | {"angle": angle}


def rank_at_start(name: str) -> tuple[Model, Loss, np.ndarray]:
    """h, R and w_0 = 0 of ``product`` h = (u, uv), whose rank is 1 only at w_0, or ``square`` h = (u, v²); y* = (1, 1)."""
    A = np.zeros((2, 2, 2))
    A[1] = [[0, 1], [1, 0]] if name == "product" else [[0, 0], [0, 2]]
    return QuadraticMap(np.array([[1.0, 0.0], [0.0, 0.0]]), A), SquareLoss(np.ones(2)), np.zeros(2)


@each_draw
def degenerate(seed: int, *, name: str, sizes: Sequence[float]) -> dict[str, np.ndarray]:
    """`limit` of `rank_at_start` at α = ``sizes``, ``predicted`` and ``first`` 1, ``rounding`` and ``second`` 0."""
    own, runs = rank_at_start(name), with_finer(sizes, (DEGENERATE_RTOL, FINER * DEGENERATE_RTOL))
    *found, fine = (limit(*own, alpha, 2 * DECAYS * alpha**2, rtol, seed) for alpha, rtol in runs)
    known = {"predicted": 1.0, "first": 1.0, "second": 0.0}
    return stacked(found) | known | {"finer": fine["rate"], "rounding": 0.0}


@each_draw
def degenerate_gradients(seed: int, *, name: str, size: float) -> dict[str, np.ndarray]:
    """`falling` of `rank_at_start` at α = ``size`` in units of time, ρ = 1, and ``decays``; nothing is drawn."""
    return falling(*rank_at_start(name), size, 1.0) | {"decays": np.array(LATE)}
