"""gradient-descent: a step of half the stable size, the law of every mode, steps to zero, and steps beyond 2/λ_0."""

import itertools
from collections.abc import Iterator
from functools import partial

import numpy as np

from checks.claim import Arrays, Case, Claim, Control, Part
from checks.judges import AtLeast, AtMost, Curves, Draws, LocalSlope, Ratio, Sides, Slope
from checks.li2024demystifying.drift import networks
from checks.measurements.data import DATA, NINE, THREE, data_name
from checks.measurements.descents import UNSTABLE, catapults, descents, distances_to_flow, residuals, schedule
from checks.measurements.streams import data_seed
from checks.measurements.trainings import limits
from theory.descent import catapult, linearized_descent
from theory.lazy_bounds import descent_factor

SMOOTH = {"quick": ("tanh",), "standard": ("tanh", "erf", "softplus"), "full": ("tanh", "erf", "softplus", "sin")}
COUNTS = [16, 51, 160, 506, 1600]  # half a decade apart
STEPS = 64
LARGEST_LOG = 600.0  # its exponential is still a number
ROUNDING, CONVERGED, LARGE = 1e-9, 1e-6, 1e6
CATAPULT_WIDTHS = {"quick": [2**7, 2**9, 2**11], "standard": [2**8, 2**11, 2**14], "full": [2**8, 2**12, 2**16]}
CATAPULT_STEPS, GROWTH_WIDTHS, GROWTH_STEPS = 200, [2**6, 2**8, 2**10], 60


def trainings(tier: str) -> Iterator[Case]:
    """Descent at large κ, smooth σ."""
    for name, data in itertools.product(SMOOTH[tier], THREE if tier == "quick" else NINE):
        config = {"data": data, "activation": name, "width": 1024, "kappa": 4096.0}
        yield Case(f"L = 1 · {name} · {data_name(data)} · m = 1024", config, 2)


def losses(case: dict, found: Arrays, *, mean: bool = False) -> Sides:
    """sup_k R_k/(q^{2k}R_0) against 1; with the ``mean`` eigenvalue of K for its least one."""
    m, kappa, n = case["width"], case["kappa"], case["data"]["n"]
    step, steps, values = schedule(case["data"], case["activation"], m, kappa, data_seed(case["stream"]))
    rate = 2 * np.log(descent_factor(step, kappa, m, n, float(values.mean() if mean else values[0])))
    excess = (found["logs"] - np.arange(1, steps + 1) * rate).max(axis=1)
    return Sides(np.exp(np.minimum(excess, LARGEST_LOG)), 1.0, holds=found["holds"])


def modes(tier: str) -> Iterator[Case]:
    """Descent at large κ, wide networks; two hidden layers with half the inputs, narrower: what is left is of order n/m."""
    for L, name, data in networks(tier, 1, 2):
        m, draws, data = (2048, 16, data) if L == 1 else (256, 32, data | {"n": data["n"] // 2})
        config = {"data": data, "activation": name, "hidden_layers": L, "width": m, "kappa": 1024.0, "steps": STEPS}
        yield Case(f"L = {L} · {name} · {data_name(data)} · m = {m}", config, draws)


def over_law(case: dict, found: Arrays, *, last: bool = False) -> Draws:
    """‖e_k‖ over p_k of the law, Σ_k p_k‖e_k‖/Σ_k p_k²; with K^{L+1} for K if only the ``last`` layer counts."""
    layers, y = limits(case)
    K = layers.sum(axis=0)
    step = len(y) / (2 * np.linalg.eigvalsh(K)[-1])
    law = np.sqrt(linearized_descent(layers[-1] if last else K, y, step=step, steps=STEPS))
    return Draws(np.sqrt(found["squares"]) @ law / (law @ law))


def steps_to_zero(tier: str) -> Iterator[Case]:
    """Descent with smaller and smaller steps, κ = 4."""
    for name in SMOOTH[tier]:
        for data in THREE:
            config = {"data": data, "activation": name, "width": 256, "kappa": 4.0, "counts": COUNTS}
            yield Case(f"L = 1 · {name} · {data_name(data)} · m = 256", config, 1)


def beyond(tier: str, *, starts: tuple[float, ...]) -> Iterator[Case]:
    """One sample of every kind, all widths, for ηλ_0 beyond 2."""
    for (kind, data), start in itertools.product(DATA.items(), starts):
        widths = CATAPULT_WIDTHS[tier]
        config = {"data": data | {"n": 1}, "widths": widths, "start": start, "steps": CATAPULT_STEPS}
        yield Case(f"ηλ_0 = {start:g} · {kind} · m = {widths[0]}..{widths[-1]}", config, 2, chunk=1)


def growths(tier: str) -> Iterator[Case]:
    """One sample of every kind, as long as the loss grows."""
    for kind, data in DATA.items():
        config = {"data": data | {"n": 1}, "widths": GROWTH_WIDTHS, "start": 2.5, "steps": GROWTH_STEPS}
        yield Case(f"ηλ_0 = 2.5 · {kind} · m = {GROWTH_WIDTHS[0]}..{GROWTH_WIDTHS[-1]}", config, 24, chunk=8)


def from_recursion(case: dict, found: Arrays, *, linear: bool = False) -> Sides:
    """sup_k |f_k − recursion| over the largest |f_k|; ``linear``: the recursion with a λ that stands still."""
    gaps = []
    for f, lam, m in zip(
        found["outputs"].reshape(-1, CATAPULT_STEPS + 1),
        found["curvature"].ravel(),
        case["widths"] * len(found["outputs"]),
        strict=True,
    ):
        own = catapult(f[0], lam, step=case["start"] / lam, width=m, steps=CATAPULT_STEPS)[:, 0]
        own = f[0] * (1 - case["start"]) ** np.arange(len(f)) if linear else own
        gaps.append(np.abs(f[: len(own)] - own).max() / np.abs(f).max())
    return Sides(gaps, ROUNDING)


def curvature_left(case: dict, found: Arrays) -> Sides:
    """ηλ at the end against 2, where the loss has fallen."""
    losses = found["outputs"] ** 2
    return Sides(found["last"], 2.0, holds=losses[:, :, -1] <= CONVERGED * losses.max(axis=2))


def path_length(case: dict, found: Arrays) -> Sides:
    """Σ_k η²f_k²/m against ηλ_0/(4 − ηλ_0)."""
    steps = case["start"] / found["curvature"]
    total = (found["outputs"] ** 2).sum(axis=2) * steps**2 / case["widths"]
    return Sides(total, case["start"] / (4 - case["start"]))


def as_the_flow(case: dict, found: Arrays) -> Sides:
    """Σ_k η²f_k²/m against ηλ_0/4, what is left of the law of λ where ηλ is small against 4."""
    return Sides(path_length(case, found).measured, case["start"] / 4)


def over_linear(case: dict, found: Arrays) -> Sides:
    """sup_k f_k²/(f_0²(ηλ_0 − 1)^{2k}), as far as float64 goes, against 1."""
    with np.errstate(all="ignore"):
        logs = np.log(np.square(found["outputs"] / found["outputs"][:, :, :1]))
    logs -= 2 * np.arange(logs.shape[2]) * np.log(case["start"] - 1)
    return Sides(np.exp(logs.max(axis=2, initial=0, where=logs < LARGEST_LOG)), 1.0)


def largest_output(case: dict, found: Arrays) -> Sides:
    """The largest finite f_k²/m."""
    squares = found["outputs"] ** 2 / np.array(case["widths"])[:, None]
    return Sides(np.where(np.isfinite(squares), squares, 0).max(axis=2), LARGE)


CLAIM = Claim(
    paper="li2024demystifying",
    name="gradient-descent",
    source="reconstructed; (b) Arora et al. (2019), (d) to (g) Lewkowycz et al. (2020); proofs in docs/theory.md",
    summary="lazy descent: geometric decay, the law of every mode, order 1 in the step; beyond 2/λ_0 a catapult",
    statement=(
        "(a) for η ≤ η_max = mn/(2κ²λ_max(K)) gradient descent in the lazy regime obeys R(θ_k) ≤ (1 − ηκ²λ/(2mn))^{2k} R(θ_0); "
        "(b) ‖e_k‖² → Σ_i (1 − ηκ²λ_i/(mn))^{2k} (v_i·e_0)², K = Σ_i λ_iv_iv_iᵀ, as κ and m grow; (c) for smooth σ it tends "
        "to the flow with order 1 in η. Stable is the linearised network: f = m^{−1/2}a·Wx on one sample with target 0 (d) "
        "obeys f' = f(1 − ηλ + η²f²/m), λ' = λ + (ηf²/m)(ηλ − 4) at every m; (e) from ηλ_0 < 4 it converges, and ηλ_∞ ≤ 2; "
        "(f) from ηλ_0 > 4 it diverges; (g) for 2 < ηλ_0 < 4 its loss grows to order m before it falls"
    ),
    assumptions=(
        "(a), (b), (c) centred training; (a) at every step ηλ_max(G_k) ≤ n and λ_min(G_k) − ‖J̄_k − J_k‖‖J_k‖ ≥ (κ²/m)λ/2, J̄_k "
        "the mean Jacobian along the step, as bounds from the drift show for smooth σ and L = 1; (d) to (g) almost all starts"
    ),
    figure="gradient_descent",
    uses=("li2024demystifying/gram-limit", "li2024demystifying/loss-decay"),
    parts=(
        Part(
            letter="a",
            says="sup_k R_k/(q^{2k}R_0) ≤ 1 at η_max, q = 1 − ηκ²λ/(2mn)",
            status="proved",
            cases=trainings,
            cell=descents,
            read=losses,
            judge=AtMost(),
            controls=(
                Control("the mean eigenvalue of K for the least", read=partial(losses, mean=True)),
                Control(
                    f"R_k ≤ R_0 with the step {UNSTABLE:g}n/λ_max(G_0)",
                    read=lambda case, found: Sides(found["unstable"], 1.0),
                ),
            ),
            why="κ so large that the bounds from the drift leave the hypotheses true at every step",
        ),
        Part(
            letter="b",
            says=f"‖e_k‖ over p_k = (Σ_i(1 − ηκ²λ_i/(mn))^{{2k}}(v_i·e_0)²)^½, weighted by p_k², k ≤ {STEPS}, at η_max",
            status="derived",
            cases=modes,
            cell=residuals,
            read=over_law,
            judge=lambda case: Ratio(1.0, {1: 0.02, 2: 0.04}[case["hidden_layers"]]),
            controls=(Control("K^{L+1} for K, as if only a moved", read=partial(over_law, last=True)),),
            why="at the width of two hidden layers the mean of the ratio is not yet 1, by order n/m",
        ),
        Part(
            letter="c",
            says="‖θ_k − θ_t‖/‖θ_t − θ_0‖ of descent and flow against the step",
            status="derived",
            cases=steps_to_zero,
            cell=distances_to_flow,
            read=lambda case, found: Curves(found["gaps"], 1 / np.array(COUNTS), found["error"]),
            judge=LocalSlope(1.0),
            controls=(Control("order 2", judge=LocalSlope(2.0)),),
            why="at one decay time of the slowest mode, or before; ηλ_max/n is small already for the coarsest descent",
        ),
        Part(
            letter="d",
            says="distance of f_k from its recursion over the largest |f_k|",
            status="proved",
            cases=partial(beyond, starts=(2.5, 3.5)),
            cell=catapults,
            read=from_recursion,
            judge=AtMost(),
            controls=(Control("λ stands still", read=partial(from_recursion, linear=True)),),
            why="rounding, which grows and falls with f",
        ),
        Part(
            letter="e",
            says="ηλ at the end, where R has fallen, against 2",
            status="proved",
            cases=partial(beyond, starts=(2.5, 3.5)),
            cell=catapults,
            cells_of="d",
            read=curvature_left,
            judge=AtMost(),
            controls=(Control("a step above 2/λ_0 diverges", read=largest_output, judge=AtLeast()),),
            why="ηλ never rises; a run that has not come down yet shows nothing and is counted",
        ),
        Part(
            letter="e′",
            says="Σ_k η²f_k²/m against ηλ_0/(4 − ηλ_0): f_k → 0",
            status="proved",
            cases=partial(beyond, starts=(2.5, 3.5)),
            cell=catapults,
            cells_of="d",
            read=path_length,
            judge=AtMost(),
            controls=(
                Control(
                    "λ falls by 4ηf²/m in a step, as in the flow: ηλ_0/4",
                    read=as_the_flow,
                    when=lambda case: case["start"] == 3.5,
                ),
            ),
            why="at ηλ_0 = 2.5 most of the path is where ηλ lies on both sides of 2, and the law of the flow nearly holds",
        ),
        Part(
            letter="f",
            says=f"largest f_k²/m against {LARGE:g}, ηλ_0 > 4",
            status="proved",
            cases=partial(beyond, starts=(4.5,)),
            cell=catapults,
            read=largest_output,
            judge=AtLeast(),
            controls=(
                Control("as the linearised network, f_k² ≤ (ηλ_0 − 1)^{2k}f_0²", read=over_linear, judge=AtMost()),
            ),
        ),
        Part(
            letter="g",
            says="sup_k R_k against m",
            status="derived",
            cases=growths,
            cell=catapults,
            read=lambda case, found: Draws((found["outputs"] ** 2).max(axis=2) / 2, case["widths"]),
            judge=Slope(1.0, 0.15),
            controls=(Control("the loss falls from the start: slope 0", judge=Slope(0.0, 0.15)),),
            why="the growth of R in one step is a factor of two: a larger one would show in the maximum",
        ),
    ),
)
