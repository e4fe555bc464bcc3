"""scheme-independence: initialisation schemes differ by κ and by the rates of the layers, and only κ sets the regime."""

import itertools
from collections.abc import Iterator

from checks.claim import Arrays, Case, Claim, Control, Part
from checks.judges import Draws, Ratio, Slope
from checks.li2024demystifying.drift import against_width
from checks.measurements.trainings import DATA, drifts, limits, network, split_drifts, title
from theory.lazy_bounds import rated_drift_constant
from theory.parametrization import layer_rates, output_scale, standard_betas

# By depth, standard deviations of the raw weights up to a common factor, which only changes κ and the unit of time
BETAS = {
    "quick": {1: ((1.0, 1.0), (1.0, 10.0), (10.0, 1.0))},
    "standard": {
        1: ((1.0, 1.0), (1.0, 10.0), (10.0, 1.0), (1.0, 100.0), (100.0, 1.0)),
        2: ((1.0, 1.0, 1.0), (1.0, 10.0, 1.0), (10.0, 1.0, 1.0)),
    },
}
BETAS["full"] = BETAS["standard"]
KINDS = {
    "quick": {1: ("random",)},
    "standard": {1: tuple(DATA), 2: ("random",)},
    "full": {1: tuple(DATA), 2: tuple(DATA)},
}
SCALES, WIDTHS, MARGIN = [64.0, 256.0, 1024.0], {1: 2048, 2: 512}, 0.03
CONSTANT_MARGINS = {1: 0.1, 2: 0.15}
SCHEMES, SCHEME_MARGINS = {"he": -0.5, "lecun": -0.5, "xavier": 0.0}, {"he": 0.1, "lecun": 0.1, "xavier": 0.03}
SCHEME_WIDTHS = {
    "quick": [2**8, 2**9, 2**10, 2**11],
    "standard": [2**8, 2**10, 2**12, 2**13],
    "full": [2**8, 2**10, 2**12, 2**14, 2**16],
}


def ratio_text(betas: tuple[float, ...]) -> str:
    """β_1:β_2:…"""
    return ":".join(f"{beta:g}" for beta in betas)


def splits(tier: str) -> Iterator[tuple[str, dict, int]]:
    """Name, configuration and number of every split of β; all splits of one depth and data set see the same weights."""
    for L, betas in BETAS[tier].items():
        for kind in KINDS[tier][L]:
            pairs = [[WIDTHS[L], kappa] for kappa in SCALES]
            config = network(L, "relu", kind, pairs, betas=[list(own) for own in betas])
            for k, own in enumerate(betas):
                yield f"β ∝ {ratio_text(own)} · {title(config)}", config, k


def scales(tier: str) -> Iterator[Case]:
    """Every split."""
    for name, config, k in splits(tier):
        yield Case(name, config, draws=5, chunk=2, select={"split": k})


def against_scale(case: dict, found: Arrays) -> Draws:
    """D against κ."""
    return Draws(found["drift"][:, case["split"]], SCALES)


def constants(tier: str) -> Iterator[Case]:
    """Every split in both metrics."""
    for (name, config, k), key in itertools.product(splits(tier), ("drift", "metric")):
        yield Case(f"{key} · {name}", config, draws=5, chunk=2, select={"split": k, "quantity": key})


def over_constant(case: dict, found: Arrays) -> Draws:
    """κD, or the same in the metric of the rates, over its constant, at the largest κ."""
    (layers, y), key = limits(case), case["quantity"]
    both = rated_drift_constant(layers, layer_rates(case["betas"][case["split"]]), y)
    return Draws(SCALES[-1] * found[key][:, case["split"], -1] / both[key == "metric"])


def over_equal(case: dict, found: Arrays) -> Draws:
    """D over that of equal β."""
    return Draws(found["drift"][:, case["split"], -1] / found["drift"][:, 0, -1])


def schemes(tier: str) -> Iterator[Case]:
    """One hidden layer along the κ(m) of every scheme, with equal rates."""
    for scheme in SCHEMES:
        widths, d = SCHEME_WIDTHS[tier], DATA["random"]["d"]
        pairs = [[m, output_scale(standard_betas(scheme, d, m, 1), m, activation="relu")] for m in widths]
        config = network(1, "relu", "random", pairs)
        span = f"κ = {pairs[0][1]:.3g}..{pairs[-1][1]:.3g}"
        yield Case(f"{scheme} · {title(config)} · {span}", config, draws=5, chunk=2, select={"scheme": scheme})


CLAIM = Claim(
    paper="li2024demystifying",
    name="scheme-independence",
    source="statement reconstructed; proof in docs/theory.md",
    summary="initialisation schemes differ by κ and by the layers' rates; κ alone sets the regime",
    statement=(
        "for raw weights N(0, β_l²) with ratios of the β_l that do not depend on m the regime depends on κ alone: D ∝ 1/κ, "
        "with κ‖θ_∞ − θ_0‖/√m → (Σ_l r_l² uᵀK^lu)^{1/2}, u = (Σ_l r_lK^l)^{−1}y, r_l = 1/β_l², which is the limit of κD "
        "where the distance is largest at the end, as for equal rates. Along their κ(m), with equal rates, He and LeCun are "
        "lazy, D ∝ m^{−1/2}, Xavier is not: κ → 2 and D does not change"
    ),
    assumptions=(
        "relu, centred training, unit inputs, no two parallel. Where β_l depends on m differently for each layer, raw "
        "gradient flow has rates that differ by powers of m: another dynamics, about which nothing is said"
    ),
    figure="scheme_independence",
    uses=("li2024demystifying/drift", "li2024demystifying/linearization"),
    parts=(
        Part(
            letter="a",
            says="D against κ at fixed m, for every split of β",
            status="derived",
            cases=scales,
            cell=split_drifts,
            read=against_scale,
            judge=Slope(-1.0, 0.03),
            controls=(Control("slope −1/2", judge=Slope(-0.5, 0.03)),),
            why="D, not the change of the kernel: with a alone moving, the network is linear whatever κ",
        ),
        Part(
            letter="b",
            says="κD and (κ²Σ_l ‖ΔW^l‖²/(r_l m))^{1/2} over their constants",
            status="derived",
            cases=constants,
            cell=split_drifts,
            read=over_constant,
            judge=lambda case: Ratio(1.0, CONSTANT_MARGINS[case["hidden_layers"]]),
            controls=(
                Control(
                    "equal κ, equal D",
                    read=over_equal,
                    judge=Ratio(1.0, 0.03),
                    when=lambda case: case["split"] and case["quantity"] == "drift",
                ),
            ),
            cells_of="a",
            why="two hidden layers are narrower",
        ),
        Part(
            letter="c",
            says="D against m along the κ(m) of a scheme",
            status="derived",
            cases=schemes,
            cell=drifts,
            read=against_width,
            judge=lambda case: Slope(SCHEMES[case["scheme"]], SCHEME_MARGINS[case["scheme"]]),
            controls=(
                Control(
                    "lazy and not lazy exchanged",
                    judge=lambda case: Slope(-0.5 - SCHEMES[case["scheme"]], SCHEME_MARGINS[case["scheme"]]),
                ),
            ),
            why="κ of He and LeCun is of order √(m/d): on inputs of more dimensions no width of these would do",
        ),
    ),
)
