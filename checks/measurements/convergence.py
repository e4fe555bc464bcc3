"""Flows of scaled models to the end of their convergence, and the constants on which it depends."""

from collections.abc import Sequence

import numpy as np
from scipy.optimize import brentq

from checks.measurements.scaled_models import MU, Drawn, M, draw, make_loss, suprema, with_errors, with_finer
from checks.measurements.streams import each_draw, stacked
from kernels.losses import SquareLoss
from kernels.model_flow import model_flow
from kernels.models import ComponentwiseMap, Linearised, Model
from theory.convergence_bounds import convergence_radius, convergence_scale

CONSTANTS = {"square": (1.0, 1.0, 1.0), "soft far": (MU, M, M), "soft near": (MU, M, MU)}
"""μ, M and the curvature at the target of every loss."""

# The outputs αh(w) are rounded to 1e−16 α, so that residuals of e^{−8} still have the digits that the finer tolerance asks for.
DECAYS, POINTS, RTOL, EVALUATIONS = 8.0, 32, 1e-4, 4000
STUCK = {"sin": 1.0, "parabola": 2.0, "cubic": 1.5}
"""α/y* below which convergence from w_0 = 0 fails."""
STUCK_HORIZON = 40.0
SPHERE = 64


def singular_values(J: np.ndarray) -> tuple[float, float]:
    """Largest and least singular value of J (N, p), of min(N, p): the least is σ_min(Jᵀ) where p ≥ N."""
    values = np.linalg.svd(J, compute_uv=False)
    return float(values[0]), float(values[-1])


def best_radius(model: Model, start: np.ndarray, sigma: float) -> tuple[float, float]:
    """r_0 and the Lipschitz constant l of Dh within it, for the radius r with 2rl(r) = σ, which makes r_0 largest."""
    excess = lambda r: 2 * r * model.jacobian_lipschitz(start, r) - sigma  # noqa: E731
    upper = 1.0
    while excess(upper) < 0:
        upper *= 2
    r = brentq(excess, 0.0, upper, rtol=1e-12)
    lipschitz = model.jacobian_lipschitz(start, r)
    return convergence_radius(sigma, lipschitz, r), lipschitz


def converge(drawn: Drawn, loss: str, factor: float, offset: float = 0.0, decays: float = DECAYS) -> dict[str, float]:
    """The flow of the centred ``drawn`` at α = ``factor``·‖y*‖/C_0, up to e^{−``decays``} of its slowest mode.

    ``offset`` is ‖h(w_0)‖/C_0, against the targets: αh = α(h − h(w_0)) + αh(w_0), so that the flow is that of the centred
    map with targets y* − αh(w_0). With e = y − y*: ``rate`` min_t ln(√c‖e_0‖/‖e_t‖)/t, ``late`` −d ln‖e‖/dt over the second
    half, ``drift`` sup‖w_α − w_0‖, ``predictions`` sup‖y − ȳ‖; ``… error`` the change when the tolerance is cut by ten; NaN
    where a flow did not reach its end. ``norm`` ‖Dh‖, ``sigma`` σ, ``lipschitz`` l, ``targets`` ‖y*‖, ``alpha``, C_0 ``scale``.
    """
    (mu, smooth, curvature), size = CONSTANTS[loss], float(np.linalg.norm(drawn.targets))
    norm, sigma = singular_values(drawn.model.jacobian(drawn.start))
    radius, lipschitz = best_radius(drawn.model, drawn.start, sigma)
    scale = convergence_scale(smooth / mu, norm, sigma, radius)
    alpha = factor * size / scale
    targets = drawn.targets * (1 + alpha * offset * scale / size)
    times = np.geomspace(0.1 / norm**2, decays / (curvature * sigma**2), POINTS)
    options = {"alpha": alpha, "times": times, "max_evaluations": EVALUATIONS}
    models, found = (drawn.model, Linearised(drawn.model, drawn.start)), np.full((2, 4), np.nan)
    for own, rtol in zip(found, (RTOL, RTOL / 10), strict=True):
        true, linear = (model_flow(h, make_loss(loss, targets), drawn.start, rtol=rtol, **options) for h in models)
        if min(len(true.times), len(linear.times)) == POINTS:
            errors = np.linalg.norm(true.outputs - targets, axis=1)
            half = np.searchsorted(times, times[-1] / 2)
            own[0] = (np.log(np.sqrt(smooth / mu) * np.linalg.norm(targets) / errors) / times).min()
            own[1] = np.log(errors[half] / errors[-1]) / (times[-1] - times[half])
            own[2] = np.linalg.norm(true.displacements, axis=1).max() / alpha
            own[3] = np.linalg.norm(true.outputs - linear.outputs, axis=1).max()
    names = ("rate", "late", "drift", "predictions")
    constants = {"norm": norm, "sigma": sigma, "lipschitz": lipschitz, "targets": size, "alpha": alpha, "scale": scale}
    errors = {f"{name} error": change for name, change in zip(names, np.abs(found[0] - found[1]), strict=True)}
    return dict(zip(names, found[1], strict=True)) | errors | constants


@each_draw
def convergence(
    seed: int, *, kind: str, loss: str, factors: Sequence[float], offsets: Sequence[float], decays: float = DECAYS
) -> dict[str, np.ndarray]:
    """`converge` of a drawn model, (factors, offsets)."""
    drawn = draw(kind, seed)
    return stacked(stacked(converge(drawn, loss, factor, offset, decays) for offset in offsets) for factor in factors)


@each_draw
def late_convergence(seed: int, *, kinds: Sequence[str], loss: str, factor: float) -> dict[str, float]:
    """`converge` of a model of a drawn kind, its targets along the singular direction of Dh(w_0)ᵀ with the least value."""
    drawn = draw(str(np.random.default_rng([seed, 1]).choice(kinds)), seed)
    U = np.linalg.svd(drawn.model.jacobian(drawn.start))[0]
    return converge(Drawn(drawn.model, drawn.start, np.linalg.norm(drawn.targets) * U[:, -1]), loss, factor)


@each_draw
def distances_for_all_times(
    seed: int, *, kind: str, loss: str, sizes: Sequence[float], rtols: Sequence[float], growing: bool = False
) -> dict[str, np.ndarray]:
    """`suprema` to the end of convergence at α = ``sizes``·‖y*‖l/σ², (sizes,), and their relative ``… error``.

    With ``growing`` the targets grow like α, from the first size on.
    """
    drawn, found = draw(kind, seed), []
    norm, sigma = singular_values(drawn.model.jacobian(drawn.start))
    unit = np.linalg.norm(drawn.targets) * best_radius(drawn.model, drawn.start, sigma)[1] / sigma**2
    times = np.geomspace(0.1 / norm**2, DECAYS / (CONSTANTS[loss][2] * sigma**2), POINTS)
    for size, rtol in with_finer(sizes, rtols):
        R = make_loss(loss, drawn.targets * (size / sizes[0] if growing else 1.0))
        found.append(suprema(drawn, R, alpha=unit * size, times=times, rtol=rtol))
    return with_errors(found)


def stuck(*, name: str, share: float, outputs: int) -> dict[str, np.ndarray]:
    """w_0 = 0, y* = (1, …, 1), α = ``share`` of `STUCK`: ``rate`` min_t ln(‖e_0‖/‖e_t‖)/t, ``left`` the last ‖e_t‖/‖e_0‖."""
    end = STUCK_HORIZON * max(1.0, 1 / abs(1 - share))  # the approach to a critical point is slow near the threshold
    targets, times = np.ones(outputs), np.geomspace(0.1, end, POINTS)
    alpha = share * STUCK[name]
    run = model_flow(ComponentwiseMap(name), SquareLoss(targets), np.zeros(outputs), alpha=alpha, times=times)
    errors = np.linalg.norm(run.outputs - targets, axis=1) / np.sqrt(outputs)
    with np.errstate(divide="ignore"):  # an error of exactly 0 limits no rate
        rate = (-np.log(errors) / run.times).min() if len(run.times) == POINTS else np.nan
    return {"rate": np.array(rate), "left": errors[-1]}


@each_draw
def least_on_sphere(seed: int, *, kind: str) -> dict[str, float]:
    """``least`` λ_min(Dh(w)Dh(w)ᵀ) of 64 points w at distance r_0, half of them along Dh(w_0)ᵀ; ``sigma`` σ."""
    scalar = kind in ComponentwiseMap.known
    drawn = Drawn(ComponentwiseMap(kind), np.zeros(1), np.ones(1)) if scalar else draw(kind, seed)
    rng, J = np.random.default_rng([seed, 1]), drawn.model.jacobian(drawn.start)
    sigma = singular_values(J)[1]
    radius = best_radius(drawn.model, drawn.start, sigma)[0]
    directions = rng.normal(size=(SPHERE, len(drawn.start)))
    directions[::2] = rng.normal(size=(SPHERE // 2, len(J))) @ J
    points = drawn.start + radius * directions / np.linalg.norm(directions, axis=1, keepdims=True)
    return {"least": min(singular_values(drawn.model.jacobian(w))[1] for w in points) ** 2, "sigma": sigma}
