"""Distance of the predictions of a scaled flow to those of its linearisation, up to a horizon."""

from collections.abc import Sequence

import numpy as np

from checks.measurements.scaled_models import (
    Drawn,
    draw,
    horizon_times,
    make_loss,
    second_derivative,
    stacked,
    suprema,
)
from checks.measurements.streams import draw_seeds
from kernels.losses import SquareLoss
from kernels.models import Model, QuadraticMap
from theory.scaled_bounds import least_scale, relative_scale

RTOLS = (1e-6, 1e-7)
KAPPAS = (1e-3, 1e-4)
STEP, STEP_ERROR = 1e-4, 1e-6


def scalar_model() -> Drawn:
    """h(w) = w + w²/2 from 0, y* = 1."""
    return Drawn(QuadraticMap(np.ones((1, 1)), np.ones((1, 1, 1))), np.zeros(1), np.ones(1))


def within_radius(drawn: Drawn, *, horizon: float, radius: float, factors: Sequence[float]) -> dict[str, np.ndarray]:
    """``distance`` sup ‖y − ȳ‖ over 24 times up to T = K/Lip(h)², K = ``horizon``, at ``factors`` times an α that suffices.

    ``error`` its change when the tolerance is cut by ten, NaN where a flow did not reach T; ``alpha``, ``residual``
    ‖αh(w_0) − y*‖; ``lipschitz`` ‖Dh(w_0)‖ + rLip(Dh) ≥ Lip(h) on the ball of ``radius`` r, ``curvature`` Lip(Dh), ``horizon``,
    ``radius``; (factors,) each. K is at most rLip(h)/(2‖h(w_0)‖): beyond twice that no α is large enough.
    """
    h, norm = drawn.model(drawn.start), float(np.linalg.norm(drawn.model(drawn.start)))
    curvature = drawn.model.jacobian_lipschitz(drawn.start, radius)
    lipschitz = float(np.linalg.norm(drawn.model.jacobian(drawn.start), 2) + radius * curvature)
    horizon = min(horizon, radius * lipschitz / (2 * norm)) if norm else horizon
    size, times = float(np.linalg.norm(drawn.targets)), np.linspace(0, horizon / lipschitz**2, 25)[1:]
    rows = []
    for factor in factors:
        alpha = factor * least_scale(horizon, size, lipschitz - horizon * norm / radius, radius)
        coarse, fine = (
            suprema(drawn, SquareLoss(drawn.targets), alpha=alpha, times=times, rtol=rtol)[2] for rtol in RTOLS
        )
        rows.append(
            {
                "distance": fine,
                "error": abs(fine - coarse),
                "alpha": alpha,
                "residual": np.linalg.norm(alpha * h - drawn.targets),
                "lipschitz": lipschitz,
                "curvature": curvature,
                "horizon": horizon,
                "radius": radius,
            }
        )
    return stacked(rows)


def drawn_within_radius(
    *, kind: str, centred: bool, factors: Sequence[float], stream: Sequence[int], first: int, draws: int
) -> dict[str, np.ndarray]:
    """`within_radius` of drawn models, (draws, factors); K in [.05, 4] and r in [.03, 1] are log-uniform."""

    def one(seed: int) -> dict[str, np.ndarray]:
        K, r = np.exp(np.random.default_rng([seed, 1]).uniform(np.log([0.05, 0.03]), np.log([4.0, 1.0]))).tolist()
        return within_radius(draw(kind, seed, centred=centred), horizon=K, radius=r, factors=factors)

    return stacked(map(one, draw_seeds(stream, first, draws)))


def scalar_within_radius(*, horizon: float, factor: float = 1.0) -> dict[str, np.ndarray]:
    """`within_radius` of `scalar_model`, r = K: Lip(h) = 1 + r and Lip(Dh) = 1 are both exact."""
    return within_radius(scalar_model(), horizon=horizon, radius=horizon, factors=[factor])


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


def relative_distances(drawn: Drawn, alphas: Sequence[float], horizon: float, rtol: float) -> np.ndarray:
    """sup ‖y − ȳ‖/‖αh(w_0) − y*‖ over 24 times up to ``horizon``/‖Dh(w_0)‖², (alphas,); NaN where a flow did not get there."""
    times, loss, value = horizon_times(drawn, horizon), make_loss("square", drawn.targets), drawn.model(drawn.start)
    found = [suprema(drawn, loss, alpha=alpha, times=times, rtol=rtol)[2] for alpha in alphas]
    return np.array(found) / [np.linalg.norm(alpha * value - drawn.targets) for alpha in alphas]


def distance_at_small_scales(drawn: Drawn, horizon: float) -> dict[str, float]:
    """``distance``, relative, at the α where κ = κ_{αh}(w_0) is the last of `KAPPAS`, over κ; h(w_0) = 0.

    It differs from its limit as α → ∞ by a term linear in κ, hence by a ninth of its difference to that at ten times κ.
    ``error`` is that difference, plus the error of ‖D²h(w_0)‖, which also covers the tolerance, 1e−3 of the distance.
    """
    alphas = [scale_of(drawn, 1.0) / kappa for kappa in KAPPAS]
    # the two flows are apart by about Kκ of their length
    rtol = min(1e-6, 1e-3 * min(horizon, 1.0) * KAPPAS[-1])
    far, near = relative_distances(drawn, alphas, horizon, rtol) / KAPPAS
    return {"distance": near, "error": abs(near - far) + STEP_ERROR * near}


def scalar_at_small_scales(*, horizon: float) -> dict[str, np.ndarray]:
    """`distance_at_small_scales` of `scalar_model`."""
    return stacked([distance_at_small_scales(scalar_model(), horizon)])


def drawn_at_small_scales(
    *, kinds: Sequence[str], horizon: float, stream: Sequence[int], first: int, draws: int
) -> dict[str, np.ndarray]:
    """`distance_at_small_scales` of drawn models of all ``kinds``, (draws, kinds)."""
    return stacked(
        stacked(distance_at_small_scales(draw(kind, seed), horizon) for kind in kinds)
        for seed in draw_seeds(stream, first, draws)
    )


def along_scales(
    *,
    kind: str,
    alphas: Sequence[float],
    rtols: Sequence[float],
    stream: Sequence[int],
    first: int,
    draws: int,
    centred: bool = True,
    paired: bool = False,
) -> dict[str, np.ndarray]:
    """``distance``, relative, on the horizon 1/‖Dh(w_0)‖², and ``scale`` κ_{αh}(w_0) of drawn models, (draws, alphas).

    ``error`` (draws,), relative: that of the last distance, by the second of ``rtols``.
    """

    def one(seed: int) -> dict[str, np.ndarray]:
        drawn = draw(kind, seed, paired=paired, centred=centred)
        found = relative_distances(drawn, alphas, 1.0, rtols[0])
        fine = relative_distances(drawn, alphas[-1:], 1.0, rtols[1])[0]
        scales = np.array([scale_of(drawn, alpha) for alpha in alphas])
        return {"distance": found, "scale": scales, "error": abs(found[-1] / fine - 1)}

    return stacked(map(one, draw_seeds(stream, first, draws)))
