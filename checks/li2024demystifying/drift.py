"""drift: how far the weights move, with the sharp constant, as a function of κ alone."""

from collections.abc import Iterator

import numpy as np

from checks.claim import Claim, Findings, Run
from checks.equivalence import equivalence
from checks.inequality import worst_case
from checks.li2024demystifying import loss_decay
from checks.li2024demystifying.trainings import (
    CASES,
    DATA,
    collect,
    decays,
    drifts,
    limits,
    pairs_along,
    title,
    tolerance,
)
from checks.rate_fit import rate_fit
from checks.verdict import Evidence
from theory.lazy_bounds import drift_bound, drift_constant, uncentred_drift_square

# (a) explicit bound: the runs of loss-decay at the same κ
BOUND_SCALE = 64.0

# (b) sharp constant at κ = 256, where kinks add less than a per cent
CONSTANT_SCALE = 256.0
CONSTANT_WIDTHS = {"quick": {1: 2048, 2: 256}, "standard": {1: 2**13, 2: 1024}, "full": {1: 2**16, 2: 4096}}
CONSTANT_SEEDS, CONSTANT_MARGINS = {1: 12, 2: 8}, {1: 0.05, 2: 0.12}

# (c) collapse at fixed κ, (e) slopes along κ = k_0 m^γ, with k_0 so that κ ≥ 64 throughout. The first case is run up to the
# largest width; on digits the least eigenvalues of narrow networks are low by more than the margin.
WIDTHS = {
    "quick": {1: [2**8, 2**9, 2**10, 2**11], 2: [64, 128, 256]},
    "standard": {1: [2**8, 2**10, 2**12, 2**14], 2: [64, 256, 1024]},
    "full": {1: [2**8, 2**10, 2**12, 2**14, 2**16], 2: [64, 256, 1024, 4096]},
}
LARGEST = {"quick": 2**11, "standard": 2**16, "full": 2**18}
LEAST_DIGITS_WIDTH = {"quick": 2**8, "standard": 2**10, "full": 2**10}
COLLAPSE_SCALES = {"quick": (1.0,), "standard": (1.0,), "full": (1.0, 4.0, 16.0)}
COLLAPSE_MARGINS, COLLAPSE_SEEDS = {1: 0.03, 2: 0.08}, 6
# Networks are nearly linear on all three paths: the second and the third are run in the first case only.
PATHS = {"quick": ((0.5, 4.0), (0.25, 16.0)), "standard": ((0.5, 4.0), (0.25, 16.0), (0.75, 1.0))}
PATHS["full"] = PATHS["standard"]
PATH_MARGINS = {"quick": {1: 0.05, 2: 0.1}, "standard": {1: 0.04, 2: 0.1}, "full": {1: 0.03, 2: 0.06}}
PATH_SEEDS = {"quick": {1: 10, 2: 20}, "standard": {1: 6, 2: 12}, "full": {1: 16, 2: 48}}

# (d) slope in κ at fixed width
SCALES, SCALE_WIDTHS, SCALE_MARGIN, SCALE_SEEDS = [64.0, 128.0, 256.0, 512.0, 1024.0], {1: 2048, 2: 256}, 0.03, 5

# (f) not centred, at the κ where both terms of E D² are equal; blocks, since single draws of D² are skewed
UNCENTRED_WIDTHS, UNCENTRED_DRAWS = (
    {"quick": 256, "standard": 1024, "full": 4096},
    {"quick": 240, "standard": 240, "full": 2000},
)
UNCENTRED_CASES = {
    "quick": (("tanh", "random"),),
    "standard": (("tanh", "random"), ("tanh", "digits"), ("relu", "random")),
}
UNCENTRED_CASES["full"] = (*UNCENTRED_CASES["standard"], ("tanh", "digits"), ("relu", "digits"))
BLOCK, UNCENTRED_MARGIN = 10, 0.2
UNCENTRED_PATH, UNCENTRED_SLOPE_MARGIN = (1.0, 4.0), 0.15
UNCENTRED_PATH_WIDTHS = {"quick": range(6, 12), "standard": range(6, 13), "full": range(6, 15)}
UNCENTRED_PATH_SEEDS = {"quick": 24, "standard": 32, "full": 96}


def bound_parts(run: Run) -> Iterator[tuple[Evidence, Evidence]]:
    """(a) sup_t ‖θ_t − θ_0‖, between the steps too, against its bound; the control against a quarter of it."""
    designs = [
        design_of(case, [[m, BOUND_SCALE] for m in loss_decay.WIDTHS[run.tier][case[0]]]) for case in CASES[run.tier]
    ]
    results = collect(run, decays, "drift, explicit bound", designs, loss_decay.SEEDS[run.tier])
    for design, found in zip(designs, results, strict=True):
        K, y = limits(design["data"], design["activation"], design["hidden_layers"])
        lam, loss = np.linalg.eigvalsh(K.sum(axis=0))[0], 0.5 * (y @ y) / len(y)
        bound = np.array([drift_bound(kappa, m, len(y), lam, loss) for m, kappa in design["pairs"]])
        holds = ~(found["least"] < np.array([kappa**2 / m * lam / 2 for m, kappa in design["pairs"]]))
        change, name = found["drift error"] * found["drift"] / bound, f"κ = {BOUND_SCALE:g} · {title(design)}"
        yield (
            worst_case(f"(a) bound · {name}", found["drift"], bound, change, holds=holds),
            worst_case(f"a quarter of the bound · {name}", found["drift"], bound / 4, 4 * change, control=True),
        )


def constant_parts(run: Run) -> Iterator[tuple[Evidence, Evidence]]:
    """(b) κD over √(yᵀK^{−1}y); the control over √(yᵀ(K^{L+1})^{−1}y), as if only a moved."""
    for L in (1, 2):
        cases = [case for case in CASES[run.tier] if case[0] == L]
        designs = [flow_design(case, [[CONSTANT_WIDTHS[run.tier][L], CONSTANT_SCALE]]) for case in cases]
        results = collect(run, drifts, f"drift, constant, L = {L}", designs, CONSTANT_SEEDS[L])
        for design, found in zip(designs, results, strict=True):
            K, y = limits(design["data"], design["activation"], L)
            scaled, margin, name = CONSTANT_SCALE * found["drift"][:, 0], CONSTANT_MARGINS[L], title(design)
            yield (
                equivalence(f"(b) κD/√(yᵀK⁻¹y) · {name}", scaled / drift_constant(K.sum(axis=0), y), margin=margin),
                equivalence(f"last layer's kernel for K · {name}", scaled / drift_constant(K[-1], y), margin=margin),
            )


def widths_of(case: tuple, tier: str) -> list[int]:
    """Widths of the parts (c) and (e)."""
    L, _, kind = case
    widths = [m for m in WIDTHS[tier][L] if kind != "digits" or m >= LEAST_DIGITS_WIDTH[tier]]
    return widths if case != CASES[tier][0] or LARGEST[tier] in widths else [*widths, LARGEST[tier]]


def collapse_parts(run: Run) -> Iterator[tuple[Evidence, Evidence]]:
    """(c) At fixed κ the slope of D in m is 0; the control −1/2, as along NTK's κ = √m."""
    designs = [
        design_of(case, [[m, kappa] for m in widths_of(case, run.tier)])
        for case in CASES[run.tier]
        for kappa in COLLAPSE_SCALES[run.tier]
    ]
    for design, found in zip(designs, collect(run, drifts, "drift, collapse", designs, COLLAPSE_SEEDS), strict=True):
        widths, margin = [m for m, _ in design["pairs"]], COLLAPSE_MARGINS[design["hidden_layers"]]
        yield tuple(
            rate_fit(
                f"{text} in m · κ = {design['pairs'][0][1]:g} · {title(design)}",
                widths,
                found["drift"],
                predicted=exponent,
                margin=margin,
            )
            for text, exponent in (("(c) slope 0", 0.0), ("slope −1/2", -0.5))
        )


def scale_parts(run: Run) -> Iterator[tuple[Evidence, Evidence]]:
    """(d) At fixed m the slope of D in κ is −1; the control −1/2."""
    designs = [flow_design(case, [[SCALE_WIDTHS[case[0]], kappa] for kappa in SCALES]) for case in CASES[run.tier]]
    for design, found in zip(designs, collect(run, drifts, "drift, κ", designs, SCALE_SEEDS), strict=True):
        yield tuple(
            rate_fit(f"{text} in κ · {title(design)}", SCALES, found["drift"], predicted=exponent, margin=SCALE_MARGIN)
            for text, exponent in (("(d) slope −1", -1.0), ("slope −1/2", -0.5))
        )


def path_parts(run: Run) -> Iterator[tuple[Evidence, Evidence]]:
    """(e) Along κ = k_0 m^γ the slope in m is −γ; the control −γ/2."""
    for L in (1, 2):
        cases = [case for case in CASES[run.tier] if case[0] == L]
        paths = [
            (case, path) for case in cases for path in PATHS[run.tier][: None if case == CASES[run.tier][0] else 1]
        ]
        designs = [flow_design(case, pairs_along(widths_of(case, run.tier), *path)) for case, path in paths]
        found = collect(run, drifts, f"drift, κ = k_0 m^γ, L = {L}", designs, PATH_SEEDS[run.tier][L])
        for (case, (gamma, _)), design, own in zip(paths, designs, found, strict=True):
            widths, margin = widths_of(case, run.tier), PATH_MARGINS[run.tier][L]
            yield tuple(
                rate_fit(
                    f"{text} · γ = {gamma} · {title(design)}", widths, own["drift"], predicted=exponent, margin=margin
                )
                for text, exponent in (("(e) slope −γ", -gamma), ("slope −γ/2", -gamma / 2))
            )


def uncentred_parts(run: Run) -> Iterator[tuple[Evidence, Evidence]]:
    """(f) Not centred: E D² over its two terms, and over the first alone; the slope −1/2 for γ > 1/2, and −γ."""
    designs, m = [], UNCENTRED_WIDTHS[run.tier]
    for activation, kind in UNCENTRED_CASES[run.tier]:
        K, y = limits(DATA[kind], activation, 1)
        first, second = (uncentred_drift_square(K, y * scale, 1.0, 1) for scale in (1.0, 0.0))
        kappa = float(np.sqrt(m * (first - second) / second))
        designs.append(flow_design((1, activation, kind), [[m, kappa]]) | {"centred": False})
    results = collect(run, drifts, "drift, not centred", designs, UNCENTRED_DRAWS[run.tier])
    for design, found in zip(designs, results, strict=True):
        K, y = limits(design["data"], design["activation"], 1)
        square = uncentred_drift_square(K, y, design["pairs"][0][1], m)
        blocks = (found["drift"][:, 0] ** 2).reshape(-1, BLOCK).mean(axis=1)
        name = f"κ = {design['pairs'][0][1]:.0f} · {title(design)}"
        yield (
            equivalence(f"(f) E D² not centred · {name}", blocks / square, margin=UNCENTRED_MARGIN),
            equivalence(f"without tr(K⁻¹Σ^L)/m · {name}", blocks / (square / 2), margin=UNCENTRED_MARGIN),
        )
    (gamma, k_0), widths = UNCENTRED_PATH, [2**k for k in UNCENTRED_PATH_WIDTHS[run.tier]]
    design = flow_design((1, "tanh", "random"), pairs_along(widths, gamma, k_0)) | {"centred": False}
    (found,) = collect(run, drifts, "drift, not centred", [design], UNCENTRED_PATH_SEEDS[run.tier])
    yield tuple(
        rate_fit(f"{text} · {title(design)}", widths, found["drift"], predicted=exponent, margin=UNCENTRED_SLOPE_MARGIN)
        for text, exponent in (
            (f"(f) slope −1/2 not centred, γ = {gamma}", -0.5),
            (f"slope −γ not centred, γ = {gamma}", -gamma),
        )
    )


def design_of(case: tuple, pairs: list) -> dict:
    """Depth, activation and data of a case with pairs (m, κ)."""
    L, activation, kind = case
    return {"data": DATA[kind], "activation": activation, "hidden_layers": L, "pairs": pairs}


def flow_design(case: tuple, pairs: list) -> dict:
    """The same for flows at large κ, where kinks allow a finer tolerance."""
    return design_of(case, pairs) | {"rtol": tolerance(case[1])}


def check(run: Run) -> Findings:
    """Parts (a) to (f) with their controls."""
    kinds = (bound_parts, constant_parts, collapse_parts, scale_parts, path_parts, uncentred_parts)
    pairs = [pair for parts in kinds for pair in parts(run)]
    return Findings([part for part, _ in pairs], [control for _, control in pairs])


CLAIM = Claim(
    paper="li2024demystifying",
    name="drift",
    source="statement reconstructed; proof in docs/theory.md",
    statement=(
        "D = sup_t ‖θ_t − θ_0‖/√m is a function of κ alone: (a) D ≤ 2√(nR(θ_0)/λ)/κ while λ_min(G_t) ≥ (κ²/m)λ/2; (b) κD → "
        "√(yᵀK^{−1}y); (c) at fixed κ, D does not depend on m; (d) D ∝ 1/κ for large κ; (e) D ∝ m^{−γ} along κ = k_0 m^γ; (f) "
        "not centred, E D² ≈ yᵀK^{−1}y/κ² + tr(K^{−1}Σ^L)/m, exponent −min(γ, 1/2)"
    ),
    assumptions="unit inputs, no two parallel; (a) to (e) centred training; (b), (d), (e), (f) κ ≥ 64 at all widths",
    predicted="(a) ratio to the bound ≤ 1; (b) ratio 1; slopes (c) 0, (d) −1, (e) −γ; (f) ratio 1, slope −1/2",
    judge=(
        "K, λ from the analytic kernel; gradient flow to R/R_0 = 1e−8; quick and standard tier. (a) κ = 64, the worst of 2 "
        "seeds and all widths, the drift between steps included; (b) mean of 12 (L = 2: 8) seeds at κ = 256, where kinks add "
        "less than 1 %, m = 2^11 and 2^13 (2^8 and 2^10), inside 1 ± 0.05 (± 0.12, since these widths are smaller); (c) slope "
        "over the widths at κ = 1 inside 0 ± 0.03 (± 0.08), 6 seeds; (d) slope over κ = 64..1024 at m = 2^11 (2^8) inside −1 "
        "± 0.03, 5 seeds; (e) slopes for (γ, k_0) = (1/2, 4), (1/4, 16), (3/4, 1), so that κ ≥ 64 from m = 256 on: with k_0 = "
        "1 and small γ no reachable width is asymptotic; margins 0.05 and 0.04 (0.1), 10 and 6 (20 and 12) seeds; widths of "
        "(c) and (e) 2^8..2^11 and 2^8..2^14, in one case 2^16 (64..256 and 64..1024), digits from 2^10 on at the standard "
        "tier; (f) D² averaged in blocks of 10, at the κ where the two terms are equal, ratio 1 ± 0.2; slope along κ = 4m "
        "inside −1/2 ± 0.15"
    ),
    control=(
        "(a) a quarter of the bound, judged by the run closest to it; (b) K^{L+1} for K; (c) slope −1/2; (d) slope −1/2; (e) "
        "slope −γ/2; (f) E D² without its second term, slope −γ"
    ),
    figure="drift",
    check=check,
)
