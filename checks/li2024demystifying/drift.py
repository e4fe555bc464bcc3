"""drift: how far the weights move, with the sharp constant, as a function of κ alone."""

import itertools
from collections.abc import Iterator
from functools import partial

import numpy as np

from checks.claim import Arrays, Case, Claim, Control, Part
from checks.judges import AtMost, Draws, Ratio, Sides, Slope
from checks.judges.slope import rms_blocks
from checks.li2024demystifying.loss_decay import KINKED_SCALE, LARGEST_SCALE
from checks.measurements.data import NINE, THREE, data_name
from checks.measurements.trainings import (
    KINKED,
    along,
    balanced_scale,
    balanced_squares,
    both_drifts,
    constants,
    decays,
    drifts,
    limits,
    linear_drifts,
    network,
    rough_tolerance,
    title,
)
from theory.lazy_bounds import drift_bound, drift_constant, uncentred_drift_square
from theory.rates import drift_exponent

MANY = {"kind": "random", "n": 32, "d": 32}
PAIR = {"kind": "orthonormal", "n": 2, "twin": 0.05}
WIDTHS = {1: [2**8, 2**10, 2**12], 2: [64, 256, 1024]}
WIDE, PAIR_WIDTH = {1: 2**12, 2: 512}, 2**13
# Four octaves for two hidden layers, of which the quick tier runs the first two.
COLLAPSE_WIDTHS = {1: WIDTHS[1], 2: {"quick": [64, 128, 256], "standard": WIDTHS[2], "full": WIDTHS[2]}}
PAIR_SCALES, COLLAPSE_SCALE = (100.0, 1e5, 1e6), 1.0
SCALES = [128.0, 512.0, 2048.0]
PATHS = ((0.25, 64.0), (0.5, 16.0), (0.75, 4.0))
KINKED_FACTOR = 4.0  # of κ: kinks add a share of order 1/κ, more where inputs are close
PATH_WIDTHS = {1: WIDTHS[1], 2: [128, 512, 2048]}
# k_0 where one term of E D² rules at all widths; at γ = 1/2 both have the exponent −1/2.
UNCENTRED_WIDTHS = {0.25: WIDTHS[1], 0.5: [128, 512, 2048], 1.0: [128, 512, 2048]}
UNCENTRED_PATHS = ((0.25, 2.0), (1.0, 1.0), (0.5, 4.0))
BLOCK = 16
ROUGH = {name: rough_tolerance(name) for name in ("tanh", "relu")}  # measured for these; others take the default


def networks(tier: str, *depths: int) -> list[tuple]:
    """Hidden layers, σ and data; tanh and relu take turns below the full tier."""
    if tier == "full":
        return list(itertools.product(depths, ("tanh", "relu", "erf", "softplus"), (*NINE, MANY)))
    sets = {1: THREE, 2: THREE[:1]} if tier == "quick" else {1: (*NINE, MANY), 2: THREE}
    return [(L, ("tanh", "relu")[k % 2], data) for L in depths for k, data in enumerate(sets[L])]


def own_scale(kappa: float, activation: str) -> float:
    """``kappa``, or with kinks `KINKED_FACTOR` times that."""
    return kappa * KINKED_FACTOR if activation in KINKED else kappa


def large(case: tuple, pairs: list, **options: object) -> dict:
    """A network at large κ."""
    return network(*case, pairs, rtol=ROUGH.get(case[1]), **options)


def bounds(tier: str) -> Iterator[Case]:
    """Every network at one κ, and two close inputs with opposite labels at κ where the condition fails and where it holds."""
    for case in networks(tier, 1, 2):
        kappa = KINKED_SCALE if case[1] in KINKED else LARGEST_SCALE  # where the condition is kept
        config = network(*case, [[WIDE[case[0]] // 2, kappa]])
        yield Case(f"κ = {kappa:g} · {title(config)}", config, draws=1 if tier == "quick" else 2, chunk=1)
    config = network(1, "relu", PAIR, [[PAIR_WIDTH, kappa] for kappa in PAIR_SCALES])
    yield Case(title(config), config, draws=1 if tier == "quick" else 2, chunk=1)


def over_bound(case: dict, found: Arrays, *, per_neuron: bool = True, within: bool = True) -> Sides:
    """sup_t ‖θ_t − θ_0‖, between the steps too, against its bound, or, not ``per_neuron``, against that of D.

    Judged where the condition holds; not ``within``, where it fails.
    """
    n, lam, loss = constants(case)
    holds = ~(found["least"] < [kappa**2 / m * lam / 2 for m, kappa in case["pairs"]])
    bound = [drift_bound(kappa, m if per_neuron else 1, n, lam, loss) for m, kappa in case["pairs"]]
    return Sides(found["drift"], bound, found["drift error"], holds == within)


def over_constant(case: dict, found: Arrays, *, last: bool = False) -> Draws:
    """κD/√(yᵀK^{−1}y); with K^{L+1} for K if only the ``last`` layer counts."""
    layers, y = limits(case)
    return Draws(case["pairs"][0][1] * found["drift"][:, 0] / drift_constant(layers[-1] if last else layers.sum(0), y))


def own_kernels(tier: str) -> Iterator[Case]:
    """Centred networks and others, these where f_0 is what they have to undo: with kinks an error of m^{−1/2}, hence wider."""
    for case, centred in itertools.product(networks(tier, 1, 2), (True, False)):
        m = WIDE[1] if case[1] in KINKED and not centred else WIDE[case[0]]
        config = large(case, [[m, own_scale(16 * m**0.5, case[1])]], centred=centred)
        draws, select = 16 if case[0] == 1 else 8, {"margin": 0.01 * case[0]}
        yield Case(f"{title(config)} · {'' if centred else 'not '}centred", config, draws, chunk=4, select=select)


def constant(tier: str) -> Iterator[Case]:
    """One wide network on every data set, those of `own_kernels`."""
    return (case for case in own_kernels(tier) if case.config["centred"] and case.config["hidden_layers"] == 1)


def mean_constants(tier: str) -> Iterator[Case]:
    """Two widths, for an error of order 1/m to cancel."""
    for case in networks(tier, 1, 2):
        config = network(*case, [[m, 1.0] for m in (WIDE[2] // 4, WIDE[2] // 2)])
        yield Case(title(config), config, draws={1: 256, 2: 1024}[case[0]])


def over_mean(case: dict, found: Arrays, *, last: bool = False) -> Draws:
    """2c(2m) − c(m) over √(yᵀK^{−1}y), c(m) = √(yᵀ((m/κ²)G_0)^{−1}y)."""
    layers, y = limits(case)
    narrow, wide = found["linear"].T
    return Draws((2 * wide - narrow) / drift_constant(layers[-1] if last else layers.sum(axis=0), y))


def collapse(tier: str, depths: tuple[int, ...]) -> Iterator[Case]:
    """All widths at one κ; at the quick tier two hidden layers alone, one is judged in lazy-threshold."""
    for case in networks(tier, *(depths if tier != "quick" else (2,))):
        widths = COLLAPSE_WIDTHS[1] if case[0] == 1 else COLLAPSE_WIDTHS[2][tier]
        config = network(*case, along(widths, 0.0, COLLAPSE_SCALE), rtol=ROUGH.get(case[1]))
        yield Case(f"κ = {COLLAPSE_SCALE:g} · {title(config)}", config, draws=6, chunk=3)


def relative_changes(case: dict, found: Arrays, *, per_neuron: bool = False) -> Draws:
    """sup_t ‖W²_t − W²_0‖/‖W²_0‖ against m, or D."""
    return against_width(case, found if per_neuron else {"drift": found["relative"][:, :, 1]})


def scales(tier: str, **options: bool) -> Iterator[Case]:
    """All κ at one width."""
    for case in networks(tier, 1, 2):
        config = large(case, [[WIDE[case[0]] // 2, kappa] for kappa in SCALES], **options)
        yield Case(title(config), config, draws=5)


def paths(tier: str) -> Iterator[Case]:
    """All widths along κ = k_0 m^γ, at the quick tier one γ a data set."""
    cases = networks(tier, 1)
    chosen = zip(cases, PATHS, strict=True) if tier == "quick" else itertools.product(cases, PATHS)
    deep = [] if tier == "quick" else zip(networks(tier, 2), PATHS, strict=False)
    for case, (gamma, own) in itertools.chain(chosen, deep):
        k_0 = own_scale(own, case[1])
        config = large(case, along(PATH_WIDTHS[case[0]], gamma, k_0))
        select = {"gamma": gamma, "margin": {1: 0.04, 2: 0.08}[case[0]]}
        yield Case(f"γ = {gamma:g}, k_0 = {k_0:g} · {title(config)}", config, draws=12, select=select)


def against_width(case: dict, found: Arrays, *, per_neuron: bool = True) -> Draws:
    """D against m, or ‖θ_t − θ_0‖ = √m D."""
    widths = np.array([m for m, _ in case["pairs"]], dtype=float)
    return Draws(found["drift"] if per_neuron else np.sqrt(widths) * found["drift"], widths)


def against_scale(case: dict, found: Arrays) -> Draws:
    """D against κ."""
    return Draws(found["drift"], [kappa for _, kappa in case["pairs"]])


def uncentred(tier: str) -> Iterator[Case]:
    """Networks at the κ where both terms of E D² are equal; at the quick tier one."""
    for _, activation, data in networks(tier, 1)[: 1 if tier == "quick" else None]:
        config = {"data": data, "activation": activation, "hidden_layers": 1, "width": 1024}
        yield Case(f"L = 1 · {activation} · {data_name(data)} · m = 1024", config, draws=96)


def over_square(case: dict, found: Arrays, *, both: bool = True) -> Draws:
    """D², a mean over signs, over its mean, or over its first term."""
    (layers, y), kappa = limits(case), balanced_scale(case)
    square = uncentred_drift_square(layers, y, kappa, case["width"])
    return Draws(found["square"] / (square if both else (drift_constant(layers.sum(axis=0), y) / kappa) ** 2))


def uncentred_paths(tier: str) -> Iterator[Case]:
    """Paths with γ below 1/2, above and there, one a data set; the last from the standard tier on, see (f)."""
    sets = THREE[::2] if tier == "quick" else (*NINE, MANY)
    for data, (gamma, k_0) in zip(sets, itertools.cycle(UNCENTRED_PATHS), strict=False):
        config = network(1, "tanh", data, along(UNCENTRED_WIDTHS[gamma], gamma, k_0), centred=False, rtol=ROUGH["tanh"])
        draws = {0.25: 1, 0.5: 3, 1.0: 3}[gamma] * BLOCK
        yield Case(f"γ = {gamma:g}, k_0 = {k_0:g} · {title(config)}", config, draws=draws, select={"gamma": gamma})


CLAIM = Claim(
    paper="li2024demystifying",
    name="drift",
    source="statement reconstructed; proof in docs/theory.md",
    summary="D = sup_t ‖θ_t − θ_0‖/√m depends on κ alone, and κD → √(yᵀK⁻¹y)",
    statement=(
        "D = sup_t ‖θ_t − θ_0‖/√m, the drift of a neuron, is a function of κ alone; lazy means that it tends to 0. (a) D ≤ "
        "2√(nR(θ_0)/λ)/κ while λ_min(G_t) ≥ (κ²/m)λ/2; (b) κD → √(yᵀK^{−1}y); (c) at fixed κ, D does not depend on m; (d) D "
        "∝ 1/κ for large κ; (e) D ∝ m^{−γ} along κ = k_0 m^γ; (f) not centred, E D² ≈ yᵀK^{−1}y/κ² + tr(K^{−1}Σ^L)/m, exponent "
        "−min(γ, 1/2); (g) the relative change of a hidden W^l is another measure: it falls like m^{−1/2} at fixed κ, L = 2"
    ),
    assumptions=(
        "unit inputs, no two parallel; (a) to (e), (g) centred training; (b), (d), (e), (f) κ large at all widths; means with "
        "G_0⁻¹ over networks with λ_min(G_0) ≥ (κ²/m)λ/2, all but a share that falls exponentially in m"
    ),
    figure="drift",
    uses=("li2024demystifying/gram-limit", "li2024demystifying/loss-decay"),
    parts=(
        Part(
            letter="a",
            says="sup_t ‖θ_t − θ_0‖ against 2√(nR(θ_0)m/λ)/κ",
            status="proved",
            cases=bounds,
            cell=decays,
            read=over_bound,
            judge=AtMost(),
            controls=(
                Control("the bound without √m", read=partial(over_bound, per_neuron=False)),
                Control(
                    "the bound without the condition",
                    read=partial(over_bound, within=False),
                    when=lambda case: "twin" in case["data"],
                ),
            ),
        ),
        Part(
            letter="b",
            says="κD over √(yᵀK⁻¹y), L = 1",
            status="derived",
            cases=constant,
            cell=both_drifts,
            cells_of="b′",
            read=over_constant,
            judge=Ratio(1.0, 0.02),
            controls=(Control("K^{L+1} for K, as if only a moved", read=partial(over_constant, last=True)),),
            why="the error of the mean is of order n/m, far below the margin",
        ),
        Part(
            letter="b′",
            says="D over √((y − f_0)ᵀG_0⁻¹(y − f_0)/m), network by network",
            status="derived",
            cases=own_kernels,
            cell=both_drifts,
            read=lambda case, found: Draws(found["drift"][:, 0] / found["linear"][:, 0]),
            judge=lambda case: Ratio(1.0, case["margin"]),
            controls=(Control("f_0 need not be undone", read=over_constant, when=lambda case: not case["centred"]),),
            why="what is left is the distance to the linearised network, of order 1/κ, and of f_0, which makes it m^{−1/2}",
        ),
        Part(
            letter="b″",
            says="mean of √(yᵀ((m/κ²)G_0)⁻¹y) over √(yᵀK⁻¹y)",
            status="derived",
            cases=mean_constants,
            cell=linear_drifts,
            read=over_mean,
            judge=Ratio(1.0, 0.02),
            controls=(Control("K^{L+1} for K", read=partial(over_mean, last=True)),),
            why="nothing is trained, so that many draws are cheap; of widths m and 2m the error of order n/m cancels",
        ),
        Part(
            letter="c",
            says="D against m at fixed κ",
            status="derived",
            cases=partial(collapse, depths=(1, 2)),
            cell=drifts,
            read=against_width,
            judge=lambda case: Slope(0.0, {1: 0.02, 2: 0.04}[case["hidden_layers"]]),
            controls=(
                Control("‖θ_t − θ_0‖ itself, not per neuron", read=partial(against_width, per_neuron=False)),
                Control("slope −1/2, as along κ = √m", judge=Slope(-0.5, 0.08)),
            ),
        ),
        Part(
            letter="d",
            says="D against κ at fixed m",
            status="derived",
            cases=scales,
            cell=drifts,
            read=against_scale,
            judge=Slope(-1.0, 0.03),
            controls=(Control("training that is not centred", cases=lambda tier: [*scales(tier, centred=False)][:1]),),
        ),
        Part(
            letter="e",
            says="D against m along κ = k_0 m^γ",
            status="derived",
            cases=paths,
            cell=drifts,
            read=against_width,
            judge=lambda case: Slope(-case["gamma"], case["margin"]),
            controls=(Control("‖θ_t − θ_0‖ itself, not per neuron", read=partial(against_width, per_neuron=False)),),
            why="k_0 keeps κ large at all widths: with k_0 = 1 and small γ no reachable width is asymptotic",
        ),
        Part(
            letter="f",
            says="mean of (y − f_0)ᵀG_0⁻¹(y − f_0)/m over yᵀK⁻¹y/κ² + tr(K⁻¹Σ^L)/m",
            status="derived",
            cases=uncentred,
            cell=balanced_squares,
            read=over_square,
            judge=Ratio(1.0, 0.04),
            controls=(Control("without tr(K⁻¹Σ^L)/m", read=partial(over_square, both=False)),),
            why=(
                "D² of every network is that, see (b′); κ where both terms are equal; a draw is the mean over many signs of a, "
                "which change f_0 but not G_0"
            ),
        ),
        Part(
            letter="f′",
            says="D against m along κ = k_0 m^γ, not centred",
            status="derived",
            cases=uncentred_paths,
            cell=drifts,
            read=lambda case, found: Draws(rms_blocks(found["drift"], BLOCK // 4), against_width(case, found).x),
            judge=lambda case: Slope(drift_exponent(case["gamma"], centred=False), 0.1),
            controls=(
                Control(
                    "slope −γ, as if centred",
                    judge=lambda case: Slope(-case["gamma"], 0.1),
                    when=lambda case: case["gamma"] > 0.5,
                ),
                Control("slope −1/2 for every γ", judge=Slope(-0.5, 0.1), when=lambda case: case["gamma"] < 0.5),
            ),
            why="k_0 such that one term rules at every width, at γ = 1/2 both are alike; smooth σ, kinks are left to (b′)",
        ),
        Part(
            letter="g",
            says="sup_t ‖W²_t − W²_0‖/‖W²_0‖ against m at fixed κ, L = 2, where D stays",
            status="measured",
            cases=partial(collapse, depths=(2,)),
            cell=drifts,
            cells_of="c",
            read=relative_changes,
            judge=Slope(-0.5, 0.1),
            controls=(Control("D itself", read=partial(relative_changes, per_neuron=True)),),
        ),
    ),
)
