"""lazy-threshold: along κ = k_0 m^γ the drift falls for γ > 0, stays for γ = 0 and grows for γ < 0."""

import itertools
from collections.abc import Iterator

import numpy as np

from checks.claim import Claim, Findings, Run
from checks.equivalence import equivalence
from checks.li2024demystifying.trainings import DATA, collect, drifts, pairs_along, title
from checks.paired_gap import paired_gap
from checks.rate_fit import rate_fit, slopes
from checks.verdict import Evidence
from theory.rates import drift_exponent

GAMMAS = {
    "quick": (-0.25, 0.0, 0.25, 0.5),
    "standard": (-0.25, -0.125, 0.0, 0.125, 0.25, 0.5, 1.0),
    "full": (-0.5, -0.25, -0.125, 0.0, 0.0625, 0.125, 0.25, 0.5, 0.75, 1.0),
}
WIDTHS = {
    "quick": [2**8, 2**9, 2**10, 2**11],
    "standard": [2**8, 2**10, 2**12],
    "full": [2**8, 2**10, 2**12, 2**14, 2**16],
}
DEEP_WIDTHS = {"quick": [], "standard": [64, 128, 256, 512], "full": [64, 128, 256, 512, 1024, 2048]}
CASES = {
    "quick": ((1, "tanh", "random"), (1, "relu", "random")),
    "standard": ((1, "tanh", "random"), (1, "relu", "digits"), (2, "tanh", "random")),
    "full": (
        *itertools.product((1,), ("tanh", "relu"), DATA),
        (2, "tanh", "random"),
        (2, "relu", "random"),
        (2, "tanh", "digits"),
    ),
}
SEEDS, DEEP_SEEDS, FLAT, STEEP = 6, 12, 0.02, 0.02  # γ = 0: slope inside 0 ± FLAT; γ ≠ 0: its size above STEEP
DEEP_FLAT = 0.05  # slopes of one seed spread by 0.014 at widths up to 512

# κ → 0 at fixed width, which D does not depend on; relu's corrections die out more slowly, the deeper the slower
SMALL_WIDTH, SMALL_SEEDS, SMALL_MARGIN = 128, 5, 0.05
SMALL_SCALES = {
    (1, "tanh"): [2.0**k for k in (-8, -7, -6)],
    (1, "relu"): [2.0**k for k in (-12, -11, -10, -9)],
    (2, "tanh"): [2.0**k for k in (-8, -7, -6)],
    (2, "relu"): [2.0**k for k in (-18, -16, -14, -12)],
}
SMALL_CASES = {
    "quick": ((1, "relu"),),
    "standard": ((1, "tanh"), (1, "relu"), (2, "relu")),
    "full": tuple(SMALL_SCALES),
}


def sign_parts(run: Run) -> Iterator[tuple[Evidence, Evidence | None]]:
    """The sign of the slope for every γ; the control: nothing changes up to γ = 1/2, where NTK stands."""
    for L, all_widths, seeds, flat in ((1, WIDTHS, SEEDS, FLAT), (2, DEEP_WIDTHS, DEEP_SEEDS, DEEP_FLAT)):
        widths = all_widths[run.tier]
        cells = [(case, gamma) for case in CASES[run.tier] if case[0] == L for gamma in GAMMAS[run.tier]]
        designs = [
            {"data": DATA[kind], "activation": name, "hidden_layers": L, "pairs": pairs_along(widths, gamma, 1.0)}
            for (_, name, kind), gamma in cells
        ]
        results = collect(run, drifts, f"lazy-threshold, L = {L}", designs, seeds)
        for (_, gamma), design, found in zip(cells, designs, results, strict=True):
            own, name = slopes(np.array(widths), found["drift"]), f"γ = {gamma:g} · {title(design)}"
            if gamma == 0:
                yield equivalence(f"slope 0 · {name}", own, predicted=0.0, margin=flat), None
                continue
            text, sign = ("falls", -1) if gamma > 0 else ("grows", 1)
            control = None
            if 0 < gamma < 0.5:
                control = equivalence(f"threshold at γ = 1/2 · {name}", own, predicted=0.0, margin=flat)
            yield paired_gap(f"{text} · {name}", sign * own, threshold=STEEP), control


def small_scale_parts(run: Run) -> Iterator[tuple[Evidence, Evidence]]:
    """The exponent of D in κ → 0: −1/(L+1) for relu, −1 for bounded σ; the control exchanges them."""
    cases = SMALL_CASES[run.tier]
    designs = [
        {
            "data": DATA["random"],
            "activation": name,
            "hidden_layers": L,
            "pairs": [[SMALL_WIDTH, k] for k in SMALL_SCALES[L, name]],
        }
        for L, name in cases
    ]
    results = collect(run, drifts, "lazy-threshold, κ → 0", designs, SMALL_SEEDS)
    for case, design, found in zip(cases, designs, results, strict=True):
        bounded = design["activation"] == "tanh"
        exponents = [
            -drift_exponent(-1.0, centred=True, hidden_layers=case[0], bounded=b) for b in (bounded, not bounded)
        ]
        yield tuple(
            rate_fit(
                f"{text} · κ → 0 · {title(design)}",
                SMALL_SCALES[case],
                found["drift"],
                predicted=exponent,
                margin=SMALL_MARGIN,
            )
            for text, exponent in zip(("exponent in κ", "exponent of the other kind of σ"), exponents, strict=True)
        )


def check(run: Run) -> Findings:
    """Signs for every γ, and the exponents as κ → 0."""
    pairs = [*sign_parts(run), *small_scale_parts(run)]
    return Findings([part for part, _ in pairs], [control for _, control in pairs if control])


CLAIM = Claim(
    paper="li2024demystifying",
    name="lazy-threshold",
    source="statement reconstructed; proof in docs/theory.md",
    statement=(
        "along κ = k_0 m^γ the drift D = sup_t ‖θ_t − θ_0‖/√m tends to 0 for every γ > 0, stays for γ = 0 and grows for γ < "
        "0: lazy is γ > 0, and NTK's γ = 1/2 is one point of it. As κ → 0, D is of order κ^{−1/(L+1)} for relu and κ^{−1} for "
        "bounded σ"
    ),
    assumptions="centred training, unit inputs, no two parallel; for γ < 0 measured, with a heuristic reason in docs/theory.md",
    predicted=(
        "slope of D in m: negative, 0, positive for γ > 0, = 0, < 0; exponent in κ → 0: −1/2 (L = 1), −1/3 (L = 2), tanh −1"
    ),
    judge=(
        "κ = m^γ, k_0 = 1, m = 2^8..2^11 (quick), 2^8..2^12 (standard), 64..512 for L = 2; slope of log D in log m, one a "
        "seed, 6 (12) seeds. γ = 0: mean inside 0 ± 0.02 (L = 2: ± 0.05); γ ≠ 0: t interval of the slope with its predicted "
        "sign above 0.02, the size of what counts as flat. κ → 0: slope over three or four κ from 2^{−8} (relu: 2^{−12}, L = "
        "2: 2^{−18}) on, at m = 128, 5 seeds, margin 0.05"
    ),
    control="a map with its threshold at γ = 1/2: slope 0 at γ = 1/4; the exponents of relu and bounded σ exchanged",
    figure="regime_map",
    check=check,
)
