"""gradient-descent: at half the largest stable step the loss falls geometrically; with step → 0 descent tends to the flow."""

from collections.abc import Iterator

import numpy as np

from checks.claim import Arrays, Case, Claim, Control, Part
from checks.judges import AtLeast, AtMost, Curves, LocalSlope, Sides
from checks.measurements.data import DATA
from checks.measurements.descents import UNSTABLE, descents, distances_to_flow, schedule
from checks.measurements.streams import data_seed
from theory.lazy_bounds import descent_factor

CASES = {
    "quick": ((1, "tanh", "random"), (1, "relu", "random"), (2, "tanh", "random")),
    "standard": tuple((L, name, kind) for L in (1, 2) for name in ("tanh", "relu", "erf") for kind in DATA),
}
CASES["full"] = CASES["standard"]
WIDTHS = {"quick": {1: 2048, 2: 256}, "standard": {1: 4096, 2: 256}, "full": {1: 2**14, 2: 2048}}
DRAWS = {"quick": 2, "standard": 2, "full": 8}
SMOOTH = {"quick": ("tanh",), "standard": ("tanh", "erf", "softplus"), "full": ("tanh", "erf", "softplus", "sin")}
COUNTS = [128, 405, 1280, 4048, 12800]  # half a decade apart


def trainings(tier: str) -> Iterator[Case]:
    """Descent at κ = 64."""
    for L, name, kind in CASES[tier]:
        m = WIDTHS[tier][L]
        config = {"data": DATA[kind], "activation": name, "hidden_layers": L, "width": m, "kappa": 64.0}
        yield Case(f"L = {L} · {name} · {kind} · m = {m}", config, DRAWS[tier], chunk=1)


def factor(case: dict, rate: float) -> float:
    """ln q² for the bound with ``rate`` times λ."""
    m, kappa = case["width"], case["kappa"]
    setting = (case["data"], case["activation"], case["hidden_layers"], m, kappa, data_seed(case["stream"]))
    step, _, least = schedule(*setting)
    return 2 * float(np.log(descent_factor(step, kappa, m, case["data"]["n"], rate * least)))


def losses(case: dict, found: Arrays, *, rate: float = 1.0) -> Sides:
    """sup_k R_k/(q^{2k}R_0) against 1."""
    steps = np.arange(1, found["logs"].shape[1] + 1)
    return Sides(np.exp((found["logs"] - steps * factor(case, rate)).max(axis=1)), 1.0, holds=found["holds"])


def last(case: dict, found: Arrays, *, rate: float = 1.0) -> Sides:
    """ln R_0/R_k at the last step against ln q^{−2k}."""
    return Sides(-found["logs"][:, -1], -found["logs"].shape[1] * factor(case, rate), holds=found["holds"])


def steps_to_zero(tier: str) -> Iterator[Case]:
    """Descent with smaller and smaller steps, κ = 4."""
    for name in SMOOTH[tier]:
        for kind, data in DATA.items():
            config = {"data": data, "activation": name, "width": 256, "kappa": 4.0, "counts": COUNTS}
            yield Case(f"L = 1 · {name} · {kind} · m = 256", config, 1)


CLAIM = Claim(
    paper="li2024demystifying",
    name="gradient-descent",
    source="statement reconstructed; proof in docs/theory.md",
    summary="lazy descent at half the stable step decays geometrically; with step → 0 it is the flow, order 1",
    statement=(
        "for η ≤ η_max = mn/(2κ²λ_max(K)) gradient descent in the lazy regime obeys R(θ_k) ≤ (1 − ηκ²λ/(2mn))^{2k} R(θ_0); "
        "for smooth σ it tends to the flow with order 1 in η"
    ),
    assumptions=(
        "centred training; at every step ηλ_max(G_k) ≤ n and λ_min(G_k) − ‖J̄_k − J_k‖‖J_k‖ ≥ (κ²/m)λ/2, J̄_k the mean "
        "Jacobian along the step. Checked at the start with λ_min(G_0) ≥ (3/4)(κ²/m)λ and η_max λ_max(G_0) ≤ (3/4)n; κ "
        "leaves the rest to spare"
    ),
    figure="gradient_descent",
    uses=("li2024demystifying/gram-limit",),
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
                Control("the rate 4λ", read=lambda case, found: losses(case, found, rate=4.0)),
                Control(
                    f"R_k ≤ R_0 with the step {UNSTABLE:g}n/λ_max(G_0)",
                    read=lambda case, found: Sides(found["unstable"], 1.0),
                ),
            ),
            why="η_max and λ from the analytic kernel; as many steps as the linearised network takes to a loss of 1e−8",
        ),
        Part(
            letter="b",
            says="ln R_0/R_k ≥ 2k ln 1/q at the last step; the ratio tends to 2",
            status="proved",
            cases=trainings,
            cell=descents,
            cells_of="a",
            read=last,
            judge=AtLeast(),
            controls=(Control("the rate 4λ", read=lambda case, found: last(case, found, rate=4.0)),),
        ),
        Part(
            letter="c",
            says="‖θ_k − θ_t‖/‖θ_t − θ_0‖ of descent and flow against the step",
            status="derived",
            cases=steps_to_zero,
            cell=distances_to_flow,
            read=lambda case, found: Curves(found["gaps"], 1 / np.array(COUNTS)),
            judge=LocalSlope(1.0),
            controls=(Control("order 2", judge=LocalSlope(2.0)),),
            why="at one decay time of the slowest mode, or before; η λ_max/n is small already for the coarsest descent",
        ),
    ),
)
