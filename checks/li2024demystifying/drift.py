"""drift: how far the weights move, with the sharp constant, as a function of κ alone."""

from collections.abc import Iterator
from functools import partial

import numpy as np

from checks.claim import Arrays, Case, Claim, Control, Part
from checks.judges import AtMost, Draws, Ratio, Sides, Slope
from checks.measurements.trainings import (
    DATA,
    NETWORKS,
    along,
    balanced_drifts,
    balanced_scale,
    constants,
    decays,
    drifts,
    limits,
    network,
    title,
    tolerance,
)
from theory.lazy_bounds import drift_bound, drift_constant, uncentred_drift_square

BOUND_SCALE, CONSTANT_SCALE = 64.0, 256.0
BOUND_WIDTHS = {
    "quick": {1: (2048,), 2: (256,)},
    "standard": {1: (2048, 2**13), 2: (256, 512)},
    "full": {1: (256, 2048, 2**14, 2**17), 2: (256, 1024, 4096)},
}
CONSTANT_WIDTHS = {"quick": {1: 2048, 2: 256}, "standard": {1: 2**13, 2: 1024}, "full": {1: 2**16, 2: 4096}}
WIDTHS = {
    "quick": {1: [2**8, 2**9, 2**10, 2**11], 2: [64, 128, 256]},
    "standard": {1: [2**8, 2**10, 2**12, 2**14], 2: [64, 256, 1024]},
    "full": {1: [2**8, 2**10, 2**12, 2**14, 2**16], 2: [64, 256, 1024, 4096]},
}
# The first network is run up to the largest width.
LARGEST = {"quick": 2**11, "standard": 2**16, "full": 2**18}
LEAST_DIGITS_WIDTH = {"quick": 2**8, "standard": 2**10, "full": 2**10}
COLLAPSE_SCALES = {"quick": (1.0,), "standard": (1.0,), "full": (1.0, 4.0, 16.0)}
SCALES, SCALE_WIDTHS = [64.0, 128.0, 256.0, 512.0, 1024.0], {1: 2048, 2: 256}
# Networks are nearly linear on all paths: the second and the third are run in the first case only.
PATHS = {"quick": ((0.5, 4.0), (0.25, 16.0)), "standard": ((0.5, 4.0), (0.25, 16.0), (0.75, 1.0))}
PATHS["full"] = PATHS["standard"]
PATH_MARGINS = {"quick": {1: 0.05, 2: 0.1}, "standard": {1: 0.04, 2: 0.1}, "full": {1: 0.03, 2: 0.06}}
PATH_DRAWS = {"quick": {1: 5, 2: 10}, "standard": {1: 5, 2: 8}, "full": {1: 8, 2: 24}}
UNCENTRED_WIDTHS, BLOCKS = {"quick": 256, "standard": 1024, "full": 4096}, {"quick": 12, "standard": 12, "full": 100}
UNCENTRED_CASES = {
    "quick": (("tanh", "random"),),
    "standard": (("tanh", "random"), ("tanh", "digits"), ("relu", "random")),
}
UNCENTRED_CASES["full"] = (*UNCENTRED_CASES["standard"], ("relu", "digits"))
UNCENTRED_PATH, BLOCK = (1.0, 4.0), 10
UNCENTRED_PATH_WIDTHS = {"quick": range(6, 12), "standard": range(6, 13), "full": range(6, 15)}


def large(case: tuple, pairs: list, **options: object) -> dict:
    """A network at large κ, where kinks allow a finer tolerance."""
    return network(*case, pairs, rtol=tolerance(case[1]), **options)


def bounds(tier: str) -> Iterator[Case]:
    """κ and all widths of every network."""
    for case in NETWORKS[tier]:
        config = network(*case, [[m, BOUND_SCALE] for m in BOUND_WIDTHS[tier][case[0]]])
        yield Case(f"κ = {BOUND_SCALE:g} · {title(config)}", config, draws=2)


def over_bound(case: dict, found: Arrays, *, per_neuron: bool = True) -> Sides:
    """sup_t ‖θ_t − θ_0‖, between the steps too, against its bound, or, not ``per_neuron``, against that of D."""
    n, lam, loss = constants(case)
    holds = ~(found["least"] < [kappa**2 / m * lam / 2 for m, kappa in case["pairs"]])
    bound = [drift_bound(kappa, m if per_neuron else 1, n, lam, loss) for m, kappa in case["pairs"]]
    return Sides(found["drift"], bound, found["drift error"], holds)


def constant(tier: str) -> Iterator[Case]:
    """One width for every depth."""
    for case in NETWORKS[tier]:
        config = large(case, [[CONSTANT_WIDTHS[tier][case[0]], CONSTANT_SCALE]])
        yield Case(f"κ = {CONSTANT_SCALE:g} · {title(config)}", config, draws=6, chunk=6)


def over_constant(case: dict, found: Arrays, *, last: bool = False) -> Draws:
    """κD/√(yᵀK^{−1}y); with K^{L+1} for K if only the ``last`` layer counts."""
    layers, y = limits(case)
    return Draws(case["pairs"][0][1] * found["drift"][:, 0] / drift_constant(layers[-1] if last else layers.sum(0), y))


def widths_of(case: tuple, tier: str) -> list[int]:
    """Widths of the slopes in m."""
    L, _, kind = case
    widths = [m for m in WIDTHS[tier][L] if kind != "digits" or m >= LEAST_DIGITS_WIDTH[tier]]
    return widths if case != NETWORKS[tier][0] or LARGEST[tier] in widths else [*widths, LARGEST[tier]]


def collapse(tier: str) -> Iterator[Case]:
    """All widths at one κ."""
    for case in NETWORKS[tier]:
        for kappa in COLLAPSE_SCALES[tier]:
            config = network(*case, [[m, kappa] for m in widths_of(case, tier)])
            yield Case(f"κ = {kappa:g} · {title(config)}", config, draws=5, chunk=3)


def scales(tier: str, **options: bool) -> Iterator[Case]:
    """All κ at one width."""
    for case in NETWORKS[tier]:
        config = large(case, [[SCALE_WIDTHS[case[0]], kappa] for kappa in SCALES], **options)
        yield Case(title(config), config, draws=5, chunk=3)


def paths(tier: str) -> Iterator[Case]:
    """All widths along κ = k_0 m^γ."""
    for case in NETWORKS[tier]:
        for gamma, k_0 in PATHS[tier][: None if case == NETWORKS[tier][0] else 1]:
            config = large(case, along(widths_of(case, tier), gamma, k_0))
            select = {"gamma": gamma, "margin": PATH_MARGINS[tier][case[0]]}
            name = f"γ = {gamma:g}, k_0 = {k_0:g} · {title(config)}"
            yield Case(name, config, PATH_DRAWS[tier][case[0]], chunk=3, select=select)


def against_width(case: dict, found: Arrays, *, per_neuron: bool = True) -> Draws:
    """D against m, or ‖θ_t − θ_0‖ = √m D."""
    widths = np.array([m for m, _ in case["pairs"]], dtype=float)
    return Draws(found["drift"] if per_neuron else np.sqrt(widths) * found["drift"], widths)


def against_scale(case: dict, found: Arrays) -> Draws:
    """D against κ."""
    return Draws(found["drift"], [kappa for _, kappa in case["pairs"]])


def uncentred(tier: str) -> Iterator[Case]:
    """Networks at the κ where both terms of E D² are equal."""
    for activation, kind in UNCENTRED_CASES[tier]:
        config = {"data": DATA[kind], "activation": activation, "width": UNCENTRED_WIDTHS[tier]}
        yield Case(
            f"L = 1 · {activation} · {kind} · m = {config['width']}", config, BLOCK * BLOCKS[tier], chunk=3 * BLOCK
        )


def over_square(case: dict, found: Arrays, *, both: bool = True) -> Draws:
    """D² over its mean, or over its first term, in blocks, since single draws are skewed."""
    (layers, y), kappa = limits(case), balanced_scale(case)
    square = uncentred_drift_square(layers, y, kappa, case["width"])
    blocks = (found["drift"][:, 0] ** 2).reshape(-1, BLOCK).mean(axis=1)
    return Draws(blocks / (square if both else (drift_constant(layers.sum(axis=0), y) / kappa) ** 2))


def uncentred_path(tier: str) -> Iterator[Case]:
    """A path with γ above 1/2."""
    gamma, k_0 = UNCENTRED_PATH
    config = large((1, "tanh", "random"), along([2**k for k in UNCENTRED_PATH_WIDTHS[tier]], gamma, k_0), centred=False)
    yield Case(f"γ = {gamma:g}, k_0 = {k_0:g} · {title(config)}", config, draws=12, chunk=4)


CLAIM = Claim(
    paper="li2024demystifying",
    name="drift",
    source="statement reconstructed; proof in docs/theory.md",
    summary="D = sup_t ‖θ_t − θ_0‖/√m depends on κ alone, and κD → √(yᵀK⁻¹y)",
    statement=(
        "D = sup_t ‖θ_t − θ_0‖/√m is a function of κ alone: (a) D ≤ 2√(nR(θ_0)/λ)/κ while λ_min(G_t) ≥ (κ²/m)λ/2; (b) κD → "
        "√(yᵀK^{−1}y); (c) at fixed κ, D does not depend on m; (d) D ∝ 1/κ for large κ; (e) D ∝ m^{−γ} along κ = k_0 m^γ; (f) "
        "not centred, E D² ≈ yᵀK^{−1}y/κ² + tr(K^{−1}Σ^L)/m, exponent −min(γ, 1/2)"
    ),
    assumptions="unit inputs, no two parallel; (a) to (e) centred training; (b), (d), (e), (f) κ large at all widths",
    figure="drift",
    uses=("li2024demystifying/gram-limit", "li2024demystifying/linearization"),
    parts=(
        Part(
            letter="a",
            says="sup_t ‖θ_t − θ_0‖ against 2√(nR(θ_0)m/λ)/κ",
            status="proved",
            cases=bounds,
            cell=decays,
            read=over_bound,
            judge=AtMost(),
            controls=(Control("the bound without √m", read=partial(over_bound, per_neuron=False)),),
        ),
        Part(
            letter="b",
            says="κD over √(yᵀK⁻¹y)",
            status="derived",
            cases=constant,
            cell=drifts,
            read=over_constant,
            judge=lambda case: Ratio(1.0, {1: 0.05, 2: 0.12}[case["hidden_layers"]]),
            controls=(Control("K^{L+1} for K, as if only a moved", read=partial(over_constant, last=True)),),
            why="kinks add less than a per cent at this κ; two hidden layers are narrower",
        ),
        Part(
            letter="c",
            says="D against m at fixed κ",
            status="derived",
            cases=collapse,
            cell=drifts,
            read=against_width,
            judge=lambda case: Slope(0.0, {1: 0.03, 2: 0.08}[case["hidden_layers"]]),
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
            controls=(Control("training that is not centred", cases=partial(scales, centred=False)),),
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
            says="D² over yᵀK⁻¹y/κ² + tr(K⁻¹Σ^L)/m, not centred",
            status="derived",
            cases=uncentred,
            cell=balanced_drifts,
            read=over_square,
            judge=Ratio(1.0, 0.2),
            controls=(Control("without tr(K⁻¹Σ^L)/m", read=partial(over_square, both=False)),),
            why="κ is where both terms are equal; single draws of D² are skewed, blocks of them are not",
        ),
        Part(
            letter="f′",
            says="D against m along κ = k_0 m, not centred",
            status="derived",
            cases=uncentred_path,
            cell=drifts,
            read=against_width,
            judge=Slope(-0.5, 0.15),
            controls=(Control("slope −γ, as if centred", judge=Slope(-UNCENTRED_PATH[0], 0.15)),),
        ),
    ),
)
