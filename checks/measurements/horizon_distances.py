"""Distance of the predictions of a scaled flow to those of its linearisation, up to a horizon; square loss."""

import math
from collections.abc import Sequence

import numpy as np

from checks.measurements.scaled_models import (
    STEP_ERROR,
    Drawn,
    curvature_bound,
    curvature_found,
    draw,
    horizon_times,
    make_loss,
    scale_of,
    suprema,
    with_finer,
)
from checks.measurements.streams import each_draw, stacked
from kernels.losses import SquareLoss
from kernels.model_flow import model_flow
from kernels.models import Linearised
from theory.scaled_bounds import least_scale, loss_criterion

RTOLS = (1e-6, 1e-7)
KAPPAS = (1e-3, 1e-4)
SHARES = (5e-6, 5e-7)
RESOLVED = 5e-3  # half of the error with which an inequality is still decided


def constants_of(
    kind: str, seed: int, centred: bool, horizon: float | None, factor: float
) -> tuple[Drawn, dict[str, float], float]:
    """A drawn model, its constants as in `within_radius`, and ``factor`` times an α that suffices."""
    drawn, drawn_KR = draw(kind, seed, centred=centred), np.random.default_rng([seed, 1]).uniform(size=2)
    K, r = (horizon, horizon) if horizon else (np.array([0.05, 0.03]) * np.array([80, 100 / 3]) ** drawn_KR).tolist()
    curvature = drawn.model.jacobian_lipschitz(drawn.start, r)
    lipschitz = float(np.linalg.norm(drawn.model.jacobian(drawn.start), 2) + r * curvature)
    size, value = (float(np.linalg.norm(x)) for x in (drawn.targets, drawn.model(drawn.start)))
    K = min(K, r * lipschitz / (2 * value)) if value else K
    constants = {"lipschitz": lipschitz, "curvature": curvature, "horizon": K, "radius": r}
    return drawn, constants, factor * least_scale(K, size, lipschitz - K * value / r, r)


@each_draw
def within_radius(
    seed: int, *, kind: str, factors: Sequence[float], centred: bool = True, horizon: float | None = None
) -> dict[str, np.ndarray]:
    """``distance`` sup ‖y − ȳ‖ over 24 times up to T = K/Lip(h)² of a drawn model, at ``factors`` times an α that suffices.

    ``error`` its change when the tolerance is cut by ten, NaN where a flow did not reach T; ``alpha``, ``residual``
    ‖αh(w_0) − y*‖; ``lipschitz`` ‖Dh(w_0)‖ + rLip(Dh) ≥ Lip(h) on the ball of ``radius`` r, ``curvature`` Lip(Dh), ``horizon``
    K; (factors,) each. K = r = ``horizon``, or else K in [.05, 4] and r in [.03, 1] are log-uniform and K is at most
    rLip(h)/(2‖h(w_0)‖): beyond twice that no α is large enough.
    """
    rows = []
    for factor in factors:
        drawn, constants, alpha = constants_of(kind, seed, centred, horizon, factor)
        times, R = np.linspace(0, constants["horizon"] / constants["lipschitz"] ** 2, 25)[1:], SquareLoss(drawn.targets)
        coarse, fine = (suprema(drawn, R, alpha=alpha, times=times, rtol=rtol)[2] for rtol in RTOLS)
        residual = np.linalg.norm(alpha * drawn.model(drawn.start) - drawn.targets)
        rows.append(constants | {"distance": fine, "error": abs(fine - coarse), "alpha": alpha, "residual": residual})
    return stacked(rows)


@each_draw
def descents_within_radius(
    seed: int,
    *,
    kind: str,
    factor: float,
    refinements: Sequence[int],
    centred: bool = True,
    horizon: float | None = None,
) -> dict[str, np.ndarray]:
    """``distance`` sup_k ‖y_k − ȳ_k‖ of gradient descent on F_α and on its linearisation, at multiples of the least number n of
    equal steps η = T/n with ηLip(h)²(1 + q) ≤ 1, q = Lip(Dh)‖αh(w_0) − y*‖/(αLip(h)²), (refinements,).

    The other constants as in `within_radius`, at ``factor`` times an α that suffices, and the number of ``steps``.
    """
    drawn, constants, alpha = constants_of(kind, seed, centred, horizon, factor)
    model, rows = drawn.model, []
    residual = float(np.linalg.norm(alpha * model(drawn.start) - drawn.targets))
    q = constants["curvature"] * residual / (alpha * constants["lipschitz"] ** 2)
    least = math.ceil(constants["horizon"] * (1 + q) * (1 - 1e-12))
    for refinement in refinements:
        n, largest = refinement * least, 0.0
        step, twin = constants["horizon"] / constants["lipschitz"] ** 2 / n, Linearised(model, drawn.start)
        v = np.zeros((2, len(drawn.start)))
        for _ in range(n):
            for h, own in zip((model, twin), v, strict=True):
                w = drawn.start + own / alpha
                own -= step * h.jacobian(w).T @ (alpha * h(w) - drawn.targets)
            ends = [alpha * h(drawn.start + own / alpha) for h, own in zip((model, twin), v, strict=True)]
            largest = max(largest, float(np.linalg.norm(ends[0] - ends[1])))
        rows.append(constants | {"distance": largest, "error": 0.0, "alpha": alpha, "residual": residual, "steps": n})
    return stacked(rows)


def relative_distance(drawn: Drawn, alpha: float, horizon: float, rtol: float) -> float:
    """sup ‖y − ȳ‖/‖αh(w_0) − y*‖ over 24 times up to ``horizon``/‖Dh(w_0)‖²; NaN where a flow did not get there."""
    times, residual = horizon_times(drawn, horizon), np.linalg.norm(alpha * drawn.model(drawn.start) - drawn.targets)
    return suprema(drawn, SquareLoss(drawn.targets), alpha=alpha, times=times, rtol=rtol)[2] / residual


@each_draw
def at_small_scales(seed: int, *, kinds: Sequence[str], horizon: float) -> dict[str, np.ndarray]:
    """``distance``, relative, over κ at the α where κ = κ_{αh}(w_0) is the last of `KAPPAS`; h(w_0) = 0, (kinds,).

    It differs from its limit as α → ∞ by a term linear in κ, hence by a ninth of its difference to that at ten times κ.
    ``error`` is that difference, plus the error of ‖D²h(w_0)‖, which also covers the tolerance, 1e−3 of the distance. ``found``
    is the largest ‖D²h(w_0)[u, v]‖ found over the upper bound with which κ is formed. ``resolved``: whether rounding of αh at
    the largest α is at most `RESOLVED` of K²κ; it is not for a neuron that is all but saturated.
    """
    rtol = min(1e-6, 1e-3 * min(horizon, 1.0) * KAPPAS[-1])  # the two flows are apart by about Kκ of their length
    rows = []
    for drawn in (draw(kind, seed) for kind in kinds):
        alphas = [scale_of(drawn, 1.0) / kappa for kappa in KAPPAS]
        far, near = np.array([relative_distance(drawn, alpha, horizon, rtol) for alpha in alphas]) / KAPPAS
        found = curvature_found(drawn.model, drawn.start, seed) / curvature_bound(drawn.model, drawn.start)
        outputs = np.linalg.norm(getattr(drawn.model, "value", 0.0))  # h is a difference of two of this size
        rounding = (
            np.finfo(float).eps * alphas[-1] * outputs / np.linalg.norm(drawn.targets) / (KAPPAS[-1] * horizon**2)
        )
        own = {"distance": near, "error": abs(near - far) + STEP_ERROR * near, "found": found}
        rows.append(own | {"resolved": rounding <= RESOLVED})
    return stacked(rows)


@each_draw
def along_scales(
    seed: int,
    *,
    kind: str,
    sizes: Sequence[float],
    rtols: Sequence[float],
    centred: bool = True,
    paired: bool = False,
) -> dict[str, np.ndarray]:
    """``distance``, relative, on the horizon 1/‖Dh(w_0)‖², and ``scale`` κ_{αh}(w_0) of a drawn model, (sizes,).

    α = ``sizes``·κ_h(w_0). ``error``, relative: that of the last distance, by the second of ``rtols``.
    """
    drawn = draw(kind, seed, paired=paired, centred=centred)
    unit = scale_of(drawn, 1.0)
    *found, fine = (relative_distance(drawn, size * unit, 1.0, rtol) for size, rtol in with_finer(sizes, rtols))
    scales = [scale_of(drawn, size * unit) for size in sizes]
    return {"distance": np.array(found), "scale": np.array(scales), "error": abs(found[-1] / fine - 1)}


def relative_changes(
    drawn: Drawn, loss: str, alpha: float, *, share: float | None = None, rtol: float
) -> dict[str, float]:
    """``slope`` ‖Dh(w_t) − Dh(w_0)‖/‖Dh(w_0)‖ and ``loss`` 1 − F_α(w_t)/F_α(w_0) at the time at which F_α would have fallen by
    ``share`` at its first rate, or 1/‖Dh(w_0)‖²; NaN if the flow did not get there. ``criterion``, and ``square`` κ_{αh}/2.
    """
    model, R, J = drawn.model, make_loss(loss, drawn.targets), drawn.model.jacobian(drawn.start)
    value, gradient, _ = R.evaluate(alpha * model(drawn.start))
    norm, steepness = float(np.linalg.norm(J, 2)), float(np.linalg.norm(J.T @ gradient))
    t = share * value / steepness**2 if share else 1 / norm**2
    run = model_flow(model, R, drawn.start, alpha=alpha, times=[t], rtol=rtol)
    criterion = loss_criterion(value, steepness, curvature_bound(model, drawn.start), norm, alpha)
    found = {"criterion": criterion, "square": scale_of(drawn, alpha) / 2, "slope": np.nan, "loss": np.nan}
    if len(run.times):
        change = model.jacobian(drawn.start + run.displacements[-1] / alpha) - J
        found |= {"slope": np.linalg.norm(change, 2) / norm, "loss": 1 - run.losses[-1] / value}
    return found


@each_draw
def first_changes(seed: int, *, kinds: Sequence[str], loss: str) -> dict[str, np.ndarray]:
    """``ratio`` of the relative changes of Dh and of F over the criterion where F has fallen by the last of `SHARES`, (kinds,).

    The first is a tenth of the way to its limit; ``error`` the difference. ``square`` is that over κ_{αh}(w_0)/2. α = κ_h(w_0).
    """
    rows = []
    for drawn in (draw(kind, seed) for kind in kinds):
        far, near = (relative_changes(drawn, loss, scale_of(drawn, 1.0), share=share, rtol=1e-8) for share in SHARES)
        first, last = (own["slope"] / own["loss"] / own["criterion"] for own in (far, near))
        own = {"ratio": last, "error": abs(last - first) + STEP_ERROR * last}
        rows.append(own | {"square": last * near["criterion"] / near["square"]})
    return stacked(rows)


@each_draw
def changes_along_scales(
    seed: int, *, kind: str, loss: str, sizes: Sequence[float], rtols: Sequence[float], centred: bool = True
) -> dict[str, np.ndarray]:
    """``slope``, the relative change of Dh up to 1/‖Dh(w_0)‖², and ``criterion`` at α = ``sizes``·κ_h(w_0), (sizes,).

    ``error``, relative: that of the last change, by the second of ``rtols``.
    """
    drawn = draw(kind, seed, centred=centred)
    unit = scale_of(drawn, 1.0)
    runs = (relative_changes(drawn, loss, size * unit, rtol=rtol) for size, rtol in with_finer(sizes, rtols))
    *found, fine = (np.array([run[key] for key in ("slope", "criterion")]) for run in runs)
    slope, criterion = np.transpose(found)
    return {"slope": slope, "criterion": criterion, "error": abs(slope[-1] / fine[0] - 1)}
