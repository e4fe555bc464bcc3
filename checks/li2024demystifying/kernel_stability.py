"""kernel-stability: how much the tangent kernel changes while a wide network trains."""

from collections.abc import Iterator
from functools import partial

import numpy as np

from checks.claim import Arrays, Case, Claim, Control, Part
from checks.judges import AtMost, Draws, Sides, Slope
from checks.measurements.trainings import SMOOTH_RTOL, deviations, network, title
from theory.lazy_bounds import feature_constant, kernel_change_bound

NETWORKS = {
    "quick": ((1, "tanh", "random"),),
    "standard": ((1, "tanh", "random"), (1, "tanh", "digits")),
    "full": ((1, "tanh", "random"), (1, "tanh", "digits"), (1, "erf", "random"), (1, "softplus", "digits")),
}
DEEP = {"quick": (), "standard": ((2, "tanh", "random"),), "full": ((2, "tanh", "random"), (2, "erf", "digits"))}
PAIRED_WIDTH, PAIRED_SCALES = 2048, [2.0**k for k in range(8, 13)]
CENTRED_WIDTHS, CENTRED_SCALES = {1: 512, 2: 256}, [2.0**k for k in range(10, 15)]
WIDTH_SCALE, RICH_SCALE = 4096.0, 1.0
WIDTHS = {"quick": [128, 512, 2048], "standard": [64, 256, 1024, 4096], "full": [2**8, 2**10, 2**12, 2**14]}
WIDTH_DRAWS, WIDTH_MARGINS = {"quick": 12, "standard": 40, "full": 48}, {"quick": 0.2, "standard": 0.15, "full": 0.12}
KINKED_WIDTHS = {"quick": 2**14, "standard": 2**16, "full": 2**18}
KINKED_SCALES = [128.0, 362.0, 1024.0]


def scales(tier: str, *, paired: bool) -> Iterator[Case]:
    """All κ at one width, every second one below the full tier; ``paired`` neurons for one hidden layer alone."""
    for case in NETWORKS[tier] + (() if paired else DEEP[tier]):
        width, values = (PAIRED_WIDTH, PAIRED_SCALES) if paired else (CENTRED_WIDTHS[case[0]], CENTRED_SCALES)
        config = network(*case, [[width, kappa] for kappa in values[:: 1 if tier == "full" else 2]], paired=paired)
        yield Case(title(config), config, draws=5, chunk=1)


def widths(tier: str, *, kappa: float, draws: int | None = None) -> Iterator[Case]:
    """All widths at one κ, on random inputs: digits need wider networks and more draws than a tier affords."""
    config = network(*NETWORKS[tier][0], [[m, kappa] for m in WIDTHS[tier]])
    draws = WIDTH_DRAWS[tier] if draws is None else draws
    yield Case(f"κ = {kappa:g} · {title(config)}", config, draws, chunk=4, select={"margin": WIDTH_MARGINS[tier]})


def kinked(tier: str) -> Iterator[Case]:
    """relu, κ from where its second order is small."""
    config = network(1, "relu", "random", [[KINKED_WIDTHS[tier], kappa] for kappa in KINKED_SCALES])
    yield Case(title(config), config, draws=6, chunk=1)


def against_scale(case: dict, found: Arrays, *, key: str) -> Draws:
    """``key`` of `deviations` against κ."""
    return Draws(found[key], [kappa for _, kappa in case["pairs"]])


def against_width(case: dict, found: Arrays, *, key: str) -> Draws:
    """``key`` of `deviations` against m."""
    return Draws(found[key], [m for m, _ in case["pairs"]])


def exponents(key: str, symbol: str) -> tuple[Part, ...]:
    """The exponents of ``key``, "kernel" or "outputs", on the axes κ and m."""
    in_scale, in_width = partial(against_scale, key=key), partial(against_width, key=key)
    return (
        Part(
            letter="a",
            says=f"{symbol} against κ, paired neurons, f_0 = 0",
            status="derived",
            cases=partial(scales, paired=True),
            cell=deviations,
            read=in_scale,
            judge=Slope(-2.0, 0.1),
            controls=(Control("first order in 1/κ, as without pairs", judge=Slope(-1.0, 0.15)),),
            why="the expansion is one in 1/(λκ), and λ of drawn data may be small",
        ),
        Part(
            letter="b",
            says=f"{symbol} against κ, f_0 ≠ 0",
            status="derived",
            cases=partial(scales, paired=False),
            cell=deviations,
            read=in_scale,
            judge=Slope(-1.0, 0.15),
            controls=(Control("second order in 1/κ, as with pairs", judge=Slope(-2.0, 0.1)),),
            why="κ is so large that the fluctuation at initialisation decides",
        ),
        Part(
            letter="c",
            says=f"{symbol} against m at large κ, f_0 ≠ 0",
            status="derived",
            cases=partial(widths, kappa=WIDTH_SCALE),
            cell=deviations,
            read=in_width,
            judge=lambda case: Slope(-0.5, case["margin"]),
            controls=(
                Control(
                    "κ = 1, where nothing falls with m",
                    judge=Slope(-0.5, 0.1),
                    cases=partial(widths, kappa=RICH_SCALE, draws=6),
                ),
            ),
            why="narrow networks bias the slope",
        ),
        Part(
            letter="d",
            says=f"{symbol} against κ, relu: between −1 and −1/2, the exponents of its two largest terms",
            status="derived",
            cases=kinked,
            cell=deviations,
            read=in_scale,
            judge=Slope(-0.75, 0.35),
            controls=(Control("second order in 1/κ, as for smooth σ in pairs", judge=Slope(-2.0, 0.2)),),
            why="at widths within reach it depends on the data which is larger, C/κ or the flips of single neurons, 1/√(κm)",
        ),
    )


def below_bound(case: dict, found: Arrays) -> Sides:
    """(m/κ²)‖G_t − G_0‖ against its bound; the kernel follows the weights, whose relative error is at most the tolerance."""
    bound = np.full_like(found["scaled"], np.nan)  # stays NaN where a flow did not reach its end
    for at in zip(*np.nonzero(np.isfinite(found["scaled"])), strict=True):
        c_sigma = feature_constant(case["activation"], found["largest"][at][None])
        bound[at] = kernel_change_bound(case["data"]["n"], c_sigma, found["jacobian"][at], found["drift"][at])
    return Sides(found["scaled"], bound, SMOOTH_RTOL * found["scaled"])


CLAIM = Claim(
    paper="li2024demystifying",
    name="kernel-stability",
    source="statement reconstructed; proof in docs/theory.md",
    summary="sup_t ‖G_t − G_0‖/‖G_0‖ is A/κ² + Bξ/(κ√m) for smooth σ, A/κ² + C/κ + Bξ/√(κm) for relu",
    statement=(
        "sup_t ‖G_t − G_0‖/‖G_0‖, centred, is A/κ² + Bξ/(κ√m) for smooth σ, with B = 0 if f_0 = 0 by pairing, and A/κ² + C/κ "
        "+ Bξ/√(κm) for relu; L = 1, smooth σ: (m/κ²)‖G_t − G_0‖ ≤ 2‖(√m/κ)J_0‖√n c_σD + n c_σ²D²"
    ),
    assumptions=(
        "centred training, unit inputs, no two parallel, κ large; the expansions are judged on the axes κ and m, never along "
        "κ = m^γ, where the terms mix; for relu κ ≪ m"
    ),
    figure="kernel_stability",
    uses=("li2024demystifying/loss-decay", "li2024demystifying/drift"),
    parts=(
        *exponents("kernel", "sup_t ‖G_t − G_0‖/‖G_0‖"),
        Part(
            letter="e",
            says="(m/κ²)‖G_t − G_0‖ against 2‖(√m/κ)J_0‖√n c_σD + n c_σ²D²",
            status="proved",
            cases=partial(scales, paired=True),
            cell=deviations,
            read=below_bound,
            judge=AtMost(),
            cells_of="a",
        ),
    ),
)
