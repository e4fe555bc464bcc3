"""The end of a scaled flow with more outputs than directions: the Hessian at the local minimiser and the rate it gives."""

from collections.abc import Sequence

import numpy as np

from checks.measurements.scaled_models import draw, make_loss, second_derivative
from checks.measurements.streams import each_draw, stacked
from kernels.losses import Loss, SquareLoss
from kernels.model_flow import model_flow
from kernels.models import Linearised, Model, QuadraticMap

DECAYS = 25.0
ZERO = 1e-9  # singular values below this share of the largest are zero
STEP, POINTS = 1e-5, 16
UNIT_ROUNDING = np.finfo(float).eps / 2
NOTHING = 1e-6  # what counts as zero
LARGEST_ROUNDING = NOTHING / 100
KEYS = ("rate", "gradient", "negative", "null", "constant")
RTOL, SQUARE_RTOL = 1e-5, 1e-8  # a single long step can satisfy a coarse tolerance by chance, for the square loss often


def scaled_hessian(model: Model, loss: Loss, w: np.ndarray, alpha: float) -> np.ndarray:
    """Hess F_α(w) = DhᵀH Dh + (1/α) Σ_i ∂_iR D²h_i, the derivatives of R at αh(w)."""
    J, (_, gradient, curvature) = model.jacobian(w), loss.evaluate(alpha * model(w))
    bend = np.tensordot(gradient, second_derivative(model, w, STEP), axes=1)
    return (J.T * curvature) @ J + (bend + bend.T) / (2 * alpha)


def rank(J: np.ndarray) -> int:
    """Number of singular values that are not zero."""
    values = np.linalg.svd(J, compute_uv=False)
    return int(np.count_nonzero(values > ZERO * values[0]))


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
    ``rounding`` how far rounding of w and h moves Dhᵀ∇R(αh), over its start, at the largest α. Where that is more than
    `LARGEST_ROUNDING` the model is not followed, and ``constant`` is 0.
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
        return {key: np.zeros(len(sizes)) for key in KEYS} | {"predicted": 1.0, "rounding": rounding}
    t = DECAYS / (sigma**2 * min(R.evaluate(drawn.targets)[2].min(), 0.5))
    rtol, times = SQUARE_RTOL if loss == "square" else RTOL, [t / 3, 2 * t / 3, t]
    linear = model_flow(Linearised(drawn.model, drawn.start), R, drawn.start, times=times, rtol=rtol)
    predicted = np.linalg.eigvalsh((J.T * R.evaluate(linear.outputs[-1])[2]) @ J)[-r]
    found = stacked(limit(drawn.model, R, drawn.start, unit * size, t, rtol, seed) for size in sizes)
    return found | {"predicted": predicted, "rounding": rounding}


@each_draw
def degenerate(seed: int, *, name: str, sizes: Sequence[float]) -> dict[str, np.ndarray]:
    """`limit` from w_0 = 0, y* = (1, 1), α = ``sizes``, ``predicted`` 1 and ``rounding`` 0.

    ``product`` h = (u, uv), whose rank is 1 only at w_0; ``square`` h = (u, v²).
    """
    A = np.zeros((2, 2, 2))
    A[1] = [[0, 1], [1, 0]] if name == "product" else [[0, 0], [0, 2]]
    model, R = QuadraticMap(np.array([[1.0, 0.0], [0.0, 0.0]]), A), SquareLoss(np.ones(2))
    found = stacked(limit(model, R, np.zeros(2), alpha, 2 * DECAYS * alpha**2, RTOL, seed) for alpha in sizes)
    return found | {"predicted": 1.0, "rounding": 0.0}
