"""under-parameterized: the flow converges geometrically to a local minimiser, at a rate that does not depend on a large α."""

import itertools
from collections.abc import Iterator, Sequence

import numpy as np

from checks.chizat2019lazy.scaled_flows import LOSSES, Drawn, draw, make_loss, second_derivative
from checks.claim import Claim, Findings, Run
from checks.deterministic_slope import deterministic_slope
from checks.inequality import worst_case
from checks.verdict import Evidence
from kernels.losses import Loss, SquareLoss
from kernels.model_flow import model_flow
from kernels.models import Centred, Factorization, Linearised, Model, QuadraticMap

OUTPUTS = {"quadratic": 12, "oscillator": 8, "neuron": 6, "rank one": 20}
"""Numbers N of outputs; p = 7, 3, 2, 9 parameters, of which all but one of the last count."""
CASES = {
    "quick": (("quadratic", "square"), ("rank one", "square"), ("neuron", "soft near")),
    "standard": tuple(itertools.product(OUTPUTS, LOSSES)),
}
CASES["full"] = CASES["standard"]
SEEDS = {"quick": 2, "standard": 3, "full": 10}  # the coefficient of 1/α may nearly vanish in one of them
SIZES = tuple(
    10 ** (k / 2) for k in range(4, 9)
)  # α in ‖y*‖‖D²h‖/σ², beyond which corrections of order 1/α² are below 1 %
DECAYS, TOLERANCE = 25.0, 1e-6
ZERO = 1e-9  # singular values below this share of the largest are zero
STEP, POINTS = 1e-5, 16
RTOL, SQUARE_RTOL = 1e-4, 1e-8  # for the square loss a single step, nearly exact, can satisfy a coarse tolerance
CONTROL_SCALES = (10.0, 31.6, 100.0, 316.0)


def draw_under(kind: str, seed: int) -> Drawn:
    """A centred model with fewer directions than outputs; ``rank one``: uvᵀ − u_0v_0ᵀ, whose rank is p − 1."""
    if kind != "rank one":
        return draw(kind, seed, outputs=OUTPUTS[kind])
    rng, model = np.random.default_rng([seed, 99]), Factorization(4, 5, 1)
    start = rng.normal(size=9)
    return Drawn(Centred(model, start), start, rng.normal(size=20))


def scaled_hessian(model: Model, loss: Loss, w: np.ndarray, alpha: float) -> np.ndarray:
    """Hess F_α(w) = DhᵀH Dh + (1/α) Σ_i ∂_iR D²h_i, the derivatives of R at αh(w)."""
    J, (_, gradient, curvature) = model.jacobian(w), loss.evaluate(alpha * model(w))
    bend = np.tensordot(gradient, second_derivative(model, w, STEP), axes=1)
    return (J.T * curvature) @ J + (bend + bend.T) / (2 * alpha)


def rank(J: np.ndarray) -> int:
    """Number of singular values that are not zero."""
    values = np.linalg.svd(J, compute_uv=False)
    return int(np.count_nonzero(values > ZERO * values[0]))


def limit(model: Model, loss: Loss, start: np.ndarray, alpha: float, t: float, rtol: float) -> dict[str, float]:
    """The end of the flow at time t: ``rate`` ρ, the least eigenvalue of Hess F_α beyond p − rank of them.

    ``gradient`` ‖Dhᵀ∇R‖ over its start; ``negative`` −λ_min, ``null`` the largest |λ| of those p − rank, over the largest;
    ``constant``: whether the rank is the same at the start, the end and `POINTS` points up to twice as far away.
    """
    keys = ("rate", "gradient", "negative", "null", "constant")
    # Stops on the way: the error of a step, relative to the whole displacement, decays in the steps that follow.
    run = model_flow(model, loss, start, alpha=alpha, times=[t / 3, 2 * t / 3, t], rtol=rtol)
    if len(run.times) < 3:
        return dict.fromkeys(keys, np.nan)
    step = run.displacements[-1] / alpha
    J, J_0 = model.jacobian(start + step), model.jacobian(start)
    r, values = rank(J), np.linalg.eigvalsh(scaled_hessian(model, loss, start + step, alpha))
    slopes = [np.linalg.norm(D.T @ loss.evaluate(f)[1]) for D, f in ((J, run.outputs[-1]), (J_0, alpha * model(start)))]
    directions = np.random.default_rng(0).normal(size=(POINTS, len(start)))
    around = 2 * np.linalg.norm(step) * directions / np.linalg.norm(directions, axis=1, keepdims=True)
    null = len(start) - r
    numbers = (
        values[null],
        slopes[0] / slopes[1],
        -values[0] / values[-1],
        np.abs(values[:null]).max(initial=0.0) / values[-1],
        float(all(rank(model.jacobian(start + delta)) == r for delta in (0 * step, *around))),
    )
    return dict(zip(keys, numbers, strict=True))


def rates(*, kind: str, seed: int, loss: str, sizes: Sequence[float]) -> dict[str, np.ndarray]:
    """`limit` at α = ``sizes``·‖y*‖‖D²h‖/σ², (sizes,), and ``predicted`` (1,): λ⁺.

    λ⁺ is the least positive eigenvalue of Dh(w_0)ᵀH Dh(w_0), H = Hess R at the limit of the linearised flow.
    """
    drawn = draw_under(kind, seed)
    loss_function = make_loss(loss, drawn.targets)
    J = drawn.model.jacobian(drawn.start)
    r = rank(J)
    sigma = np.linalg.svd(J, compute_uv=False)[r - 1]
    curvature = np.linalg.norm(second_derivative(drawn.model, drawn.start, STEP).reshape(-1, len(drawn.start)), 2)
    unit = np.linalg.norm(drawn.targets) * curvature / sigma**2
    t = DECAYS / (sigma**2 * loss_function.evaluate(drawn.targets)[2].min().clip(max=0.5))
    rtol = SQUARE_RTOL if loss == "square" else RTOL
    linear = model_flow(
        Linearised(drawn.model, drawn.start), loss_function, drawn.start, times=[t / 3, 2 * t / 3, t], rtol=rtol
    )
    H = loss_function.evaluate(linear.outputs[-1])[2]
    predicted = np.linalg.eigvalsh((J.T * H) @ J)[-r]
    found = [limit(drawn.model, loss_function, drawn.start, unit * size, t, rtol) for size in sizes]
    return {key: np.array([row[key] for row in found]) for key in found[0]} | {"predicted": np.array([predicted])}


def degenerate(*, name: str, alphas: Sequence[float]) -> dict[str, np.ndarray]:
    """`limit` from w_0 = 0, y* = (1, 1): ``product`` h = (u, uv), whose rank is 1 only at w_0; ``square`` h = (u, v²)."""
    A = np.zeros((2, 2, 2))
    A[1] = [[0, 1], [1, 0]] if name == "product" else [[0, 0], [0, 2]]
    model, loss = QuadraticMap(np.array([[1.0, 0.0], [0.0, 0.0]]), A), SquareLoss(np.ones(2))
    found = [limit(model, loss, np.zeros(2), alpha, 2 * DECAYS * alpha**2, RTOL) for alpha in alphas]
    return {key: np.array([row[key] for row in found]) for key in found[0]}


def local(part: str, found: Sequence[dict[str, np.ndarray]], keys: Sequence[str], holds: bool) -> Evidence:
    """Largest of ``keys`` over `TOLERANCE`; with ``holds`` models whose rank is not constant are counted and left out."""
    values = np.concatenate([rows[key] for rows in found for key in keys])
    constant = np.concatenate([rows["constant"] for rows in found for _ in keys]) != 0
    return worst_case(part, values, TOLERANCE, holds=constant if holds else True)


def check(run: Run) -> Findings:
    """Rates, their approach to the limit, and the local minimiser, with their controls."""
    seeds = [(run.seed << 16) + s for s in range(SEEDS[run.tier])]
    cells = [
        {"kind": kind, "seed": seed, "loss": loss, "sizes": list(SIZES)}
        for (kind, loss), seed in itertools.product(CASES[run.tier], seeds)
    ]
    found = run.sweep.run(rates, cells, "under-parameterized")
    names = ("product", "square")
    product, square = run.sweep.run(
        degenerate, [{"name": name, "alphas": list(CONTROL_SCALES)} for name in names], "under-parameterized, controls"
    )
    groups = [found[k : k + len(seeds)] for k in range(0, len(found), len(seeds))]
    parts = [part for case, rows in zip(CASES[run.tier], groups, strict=True) for part in slope_parts(case, rows)]
    parts.append(local("gradient 0 · all models", found, ("gradient",), True))
    parts.append(local("Hessian not negative · all models", found, ("negative",), True))
    parts.append(local("nullity p − rank · all models", found, ("null",), True))
    controls = [
        deterministic_slope("ρ α^0 · (u, uv)", CONTROL_SCALES, product["rate"], predicted=0.0),
        deterministic_slope("|ρ/λ⁺ − 1| α^-1 · (u, uv)", CONTROL_SCALES, np.abs(product["rate"] - 1), predicted=-1.0),
        local("Hessian not negative · (u, v²)", [square], ("negative",), False),
    ]
    return Findings(parts, controls)


def slope_parts(case: tuple[str, str], rows: Sequence[dict[str, np.ndarray]]) -> Iterator[Evidence]:
    """Exponents 0 of ρ and −1 of |ρ/λ⁺ − 1|, root mean squares over the models of a kind and loss."""
    ratios, name = np.array([found["rate"] / found["predicted"] for found in rows]), " · ".join(case)
    for text, values, slope in (("ρ/λ⁺ α^0", ratios, 0.0), ("|ρ/λ⁺ − 1| α^-1", ratios - 1, -1.0)):
        size = np.sqrt(np.mean(values**2, axis=0))
        yield deterministic_slope(f"{text} · {name}", SIZES, size, predicted=slope)


CLAIM = Claim(
    paper="chizat2019lazy",
    name="under-parameterized",
    source="Theorem 2.5 of arXiv:1812.07956; proof in docs/theory.md",
    statement=(
        "h(w_0) = 0, R strongly convex and smooth, rank Dh constant near w_0: from some α_0 on the flow of F_α converges "
        "geometrically to a local minimiser, at a rate asymptotically independent of α"
    ),
    assumptions=(
        "the rank is checked at the start, the end and 16 points up to twice as far away; a model where it is not constant is "
        "counted as HYPOTHESES_NOT_MET"
    ),
    predicted=(
        "ρ(α), the least eigenvalue of Hess F_α at the limit beyond p − rank null ones, tends to λ⁺ = λ⁺_min(DhᵀH Dh) at w_0, "
        "H = Hess R at the linear limit: exponent 0 of ρ, −1 of |ρ/λ⁺ − 1|; gradient 0, Hessian ⪰ 0, nullity p − rank"
    ),
    judge=(
        "quadratic maps (p = 7, N = 12), damped oscillators (3, 8), single neurons (2, 6), uvᵀ (9, 20, rank 8), square and "
        "both log-cosh losses, root mean square over 2 (quick) or 3 seeds. No trajectory is fitted: the flow is followed for "
        "25 decay times or more, then the Hessian is taken. Last three local slopes over α from 3·10³ to 10⁵ times "
        "‖y*‖‖D²h‖/σ² within 0.02; gradient over its start, −λ_min and the null eigenvalues over λ_max at most 1e−6"
    ),
    control="(u, uv), whose rank is not constant: ρ falls like α^−2; (u, v²): the limit is a saddle with eigenvalue −2/α",
    figure="lazy_tightness",
    check=check,
)
