"""finite-horizon: up to T = K/Lip(h)² the predictions differ by at most K²Lip(Dh)/(αLip(h)²) times the residual squared."""

from collections.abc import Iterator

import numpy as np

from checks.chizat2019lazy.scaled_flows import Drawn, draw, suprema
from checks.claim import Claim, Findings, Run
from checks.inequality import inequality, worst_case
from checks.running.sweep import Arrays
from checks.verdict import Evidence
from kernels.losses import SquareLoss
from kernels.models import Model, QuadraticMap
from theory.scaled_bounds import finite_horizon_bound, least_scale

KINDS = ("quadratic", "curved directions", "inner weights", "two layers", "factorization", "neuron")
"""Those whose Jacobian has a known Lipschitz constant."""

SEEDS = {"quick": 2, "standard": 12, "full": 100}
SHARP_HORIZONS = (1.0, 0.1, 0.01, 0.001)
RTOLS = (1e-6, 1e-7)


def shares(
    model: Model, targets: np.ndarray, start: np.ndarray, *, horizon: float, radius: float, factor: float
) -> Arrays:
    """sup ‖y − ȳ‖/‖αh(w_0) − y*‖ over its bound, 24 times up to T, α = ``factor`` times the threshold of h(w_0) = 0.

    ``change`` its absolute change when the tolerance is cut by ten, NaN where a flow did not reach T; ``holds`` whether
    α ≥ K‖αh(w_0) − y*‖/(rLip(h)). Lip(h) is bounded by ‖Dh(w_0)‖ + rLip(Dh) on the ball of ``radius`` r.
    """
    curvature = model.jacobian_lipschitz(start, radius)
    lipschitz = np.linalg.norm(model.jacobian(start), 2) + radius * curvature
    alpha = factor * least_scale(horizon, np.linalg.norm(targets), lipschitz, radius)
    residual = float(np.linalg.norm(alpha * model(start) - targets))
    bound = residual * finite_horizon_bound(horizon, residual, lipschitz, curvature, alpha)
    drawn, times = Drawn(model, start, targets), np.linspace(0, horizon / lipschitz**2, 25)[1:]
    options = {"alpha": alpha, "times": times}
    found = [suprema(drawn, SquareLoss(targets), **options, rtol=rtol)["predictions"] / bound for rtol in RTOLS]
    # at the threshold itself the comparison would be left to rounding
    holds = alpha * (1 + 1e-12) >= least_scale(horizon, residual, lipschitz, radius)
    return {"share": np.array(found[1]), "change": np.array(abs(found[1] - found[0])), "holds": np.array(holds)}


def drawn_shares(*, kind: str, seed: int, centred: bool, horizon: float, radius: float, factor: float) -> Arrays:
    """`shares` of a drawn model."""
    drawn = draw(kind, seed, centred=centred)
    return shares(drawn.model, drawn.targets, drawn.start, horizon=horizon, radius=radius, factor=factor)


def sharp_shares(*, horizon: float) -> Arrays:
    """`shares` of h(w) = w + w²/2 with y* = 1, r = K and α at its threshold: Lip(h) = 1 + r and Lip(Dh) = 1, both exact."""
    model = QuadraticMap(np.ones((1, 1)), np.ones((1, 1, 1)))
    return shares(model, np.ones(1), np.zeros(1), horizon=horizon, radius=horizon, factor=1.0)


def cells(kind: str, first_seed: int, count: int) -> list[dict]:
    """For each seed a centred and an uncentred model; K, r and α over its threshold are log-uniform.

    A factor below 1 misses the hypothesis. With h(w_0) ≠ 0 no α meets it unless K‖h(w_0)‖ < rLip(h): there K is ten times
    smaller.
    """
    found = []
    for seed in range(first_seed, first_seed + count):
        rng = np.random.default_rng([seed, 23])
        for centred in (True, False):
            K, r, factor = np.exp(rng.uniform(np.log([0.05, 0.03, 0.5]), np.log([4.0, 1.0, 30.0])))
            options = {"horizon": float(K if centred else K / 10), "radius": float(r), "factor": float(factor)}
            found.append({"kind": kind, "seed": seed, "centred": centred, **options})
    return found


def drawn_parts(run: Run) -> Iterator[Evidence]:
    """The bound for each kind of model, the worst draw."""
    drawn = [cells(kind, run.seed, SEEDS[run.tier]) for kind in KINDS]
    found = iter(run.sweep.run(drawn_shares, [cell for own in drawn for cell in own], "finite-horizon"))
    for kind, own in zip(KINDS, drawn, strict=True):
        columns = [next(found) for _ in own]
        share, change, holds = (np.array([column[key] for column in columns]) for key in ("share", "change", "holds"))
        yield worst_case(kind, share, 1.0, change, holds=holds)


def check(run: Run) -> Findings:
    """The bound on drawn models and where it is sharp; the control halves it there."""
    found = run.sweep.run(sharp_shares, [{"horizon": K} for K in SHARP_HORIZONS], "finite-horizon, sharp")
    parts, controls = list(drawn_parts(run)), []
    for K, sharp in zip(SHARP_HORIZONS, found, strict=True):
        share, change = float(sharp["share"]), float(sharp["change"])
        parts.append(inequality(f"w + w²/2 · K = r = {K:g}", share, 1.0, change=change))
        if K < 1:
            controls.append(inequality(f"K²/2 · w + w²/2 · K = r = {K:g}", share, 0.5, change=2 * change))
    return Findings(parts, controls)


CLAIM = Claim(
    paper="chizat2019lazy",
    name="finite-horizon",
    source="Theorem 2.3 of arXiv:1812.07956; proof in docs/theory.md",
    statement=(
        "for the square loss, T = K/Lip(h)² and α ≥ K‖αh(w_0) − y*‖/(rLip(h)): sup_{t ≤ T} ‖y − ȳ‖/‖αh(w_0) − y*‖ ≤ "
        "(K²/α)(Lip(Dh)/Lip(h)²)‖αh(w_0) − y*‖"
    ),
    assumptions="h and Dh Lipschitz on the ball of radius r around w_0, any upper bounds of the constants; any h(w_0)",
    predicted="ratio to the bound ≤ 1; → 1 as K = r → 0 for h(w) = w + w²/2, α at its threshold: .22, .78, .974, .997",
    judge=(
        "the worst of 4 (quick) or 24 models of each of six kinds, half of them with h(w_0) ≠ 0, K in [.05, 4] (a tenth if "
        "h(w_0) ≠ 0), r in [.03, 1], α from half to thirty times the threshold; models below it are counted as outside the "
        "hypotheses. Lip(h) ≤ ‖Dh(w_0)‖ + rLip(Dh). Sup over 24 times; change: tolerance cut by ten"
    ),
    control="K²/2 in place of K² for w + w²/2 with K = r = .1, .01, .001",
    figure="lazy_tightness",
    check=check,
)
