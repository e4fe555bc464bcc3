"""two-layer-width: a sum of m units scaled by α(m) is lazy if mα(m) → ∞."""

import itertools
from collections.abc import Iterator
from functools import cache

import numpy as np

from checks.claim import Arrays, Case, Claim, Control, Part
from checks.judges import Draws, MeanAtMost, Slope
from checks.judges.slope import rms_blocks
from checks.measurements.data import NINE, THREE, data_name
from checks.measurements.streams import data_seed
from checks.measurements.width_scales import SHIFT, inputs_and_targets, relative_scales, trained_changes
from theory.width_bounds import kernel_change_exponent, width_constant, width_exponent

BETAS = [0.5, 0.75, 1.0]
WIDTHS = {tier: [2**k for k in range(8, last)] for tier, last in (("quick", 14), ("standard", 15), ("full", 17))}
DRAWS, BLOCK = {True: 24, False: 48}, 4  # the unpaired have the noise of h_m(w_0)
TRAINED = {"quick": [256, 1024, 4096], "standard": [256, 1024, 4096], "full": [512, 2048, 8192]}
TRAINED_DRAWS = {"quick": 24, "standard": 32, "full": 32}
MARGIN, TRAINED_MARGIN = 0.08, 0.2
COPIES = 16  # of a unit in Z̄


def networks(tier: str) -> Iterator[tuple[str, dict]]:
    """Inputs, output weights, paired or not; in quick output weights ±1 meet the orthonormal inputs, uniform ones the plane."""
    for kind, output, paired in itertools.product(("orthonormal", "plane"), ("signs", "uniform"), (True, False)):
        if tier != "quick" or (kind == "plane") == (output == "uniform"):
            name = f"{kind} · {output}{' · paired' if paired else ''}"
            yield name, {"kind": kind, "output": output, "paired": paired, "betas": BETAS, "widths": WIDTHS[tier]}


def exponents(tier: str) -> list[Case]:
    """One case for every α = m^{−β}."""
    return [
        Case(f"α = m^−{beta:g} · {name}", config, DRAWS[config["paired"]], select={"beta": beta})
        for name, config in networks(tier)
        for beta in BETAS
    ]


def ends(tier: str) -> list[Case]:
    """The same at the least and the largest width."""
    return [
        Case(f"m = {WIDTHS[tier][end]} · {case.name}", case.config, case.draws, select={**case.select, "end": end})
        for case in exponents(tier)
        for end in (0, -1)
    ]


def trained(tier: str) -> list[Case]:
    """α = 1/√m and α = 1/m on all kinds of data; in quick four samples of each, and α = 1/m on the first alone."""
    sets = [data | {"n": 4} for data in THREE] if tier == "quick" else NINE
    betas = [BETAS[:1] if tier == "quick" and data != sets[0] else BETAS[::2] for data in sets]
    return [
        Case(f"α = m^−{beta:g} · {data_name(data)}", config, TRAINED_DRAWS[tier], chunk=8, select={"beta": beta})
        for data, own in zip(sets, betas, strict=True)
        for config in [{"data": data, "betas": own, "widths": TRAINED[tier]}]
        for beta in own
    ]


@cache
def _constant(X: tuple, uniform: bool) -> float:
    """C for targets of length 1."""
    return width_constant(np.array(X), 1.0, uniform=uniform, block=COPIES)


def kappa(case: dict, found: Arrays) -> Draws:
    """Root mean square of κ over a and −a, and over blocks of draws, against m."""
    return Draws(rms_blocks(found["both"][:, BETAS.index(case["beta"])], BLOCK), case["widths"])


def share(case: dict, found: Arrays, mean_field: bool = True) -> Draws:
    """κ over C(m^{−1/2} + 1/(mα)); without ``mean_field`` over Cm^{−1/2}."""
    m, X = case["widths"][case["end"]], inputs_and_targets(case["kind"], data_seed(case["stream"]))[0]
    size = m**-0.5 + (m ** width_exponent(case["beta"]) if mean_field else 0.0)
    constant = _constant(tuple(map(tuple, X)), case["output"] == "uniform")
    return Draws(found["kappa"][:, BETAS.index(case["beta"]), case["end"]] / (constant * size))


def change(case: dict, found: Arrays) -> Draws:
    """‖K − K_0‖/‖K_0‖ against m, both matrices means over blocks of draws, so that what differs from draw to draw cancels."""
    own = case["betas"].index(case["beta"])
    blocks = (found[key][:, own].reshape(-1, BLOCK, *found[key].shape[2:]).mean(axis=1) for key in ("change", "before"))
    change, before = (np.linalg.norm(matrices, 2, axis=(-2, -1)) for matrices in blocks)
    return Draws(change / before, case["widths"])


def mean_field(case: dict) -> bool:
    """Whether α = 1/m."""
    return case["beta"] == 1.0


CLAIM = Claim(
    paper="chizat2019lazy",
    name="two-layer-width",
    source="Section 1.2 and Appendix A.2 of arXiv:1812.07956; proof in docs/theory.md",
    summary="α(m) Σ φ(θ_i) of m units is lazy, κ → 0, if mα(m) → ∞; κ is at most of order m^{−1/2} + 1/(mα(m))",
    statement=(
        "h_m = α(m) Σ_{i≤m} φ(θ_i) with Eφ(θ_i) = 0: E κ_{h_m}(w_0) ≤ C(m^{−1/2} + 1/(mα(m))) with C = NB max(‖y⋆‖E Z̄^{−1}, "
        f"√(E‖φ‖²E Z̄^{{−2}})), Z̄ the mean of {COPIES} copies of ‖Dφ‖_F², so κ → 0 if mα(m) → ∞; for paired units κ is of order "
        "1/(mα(m)). Trained with α = 1/√m the kernel changes by O(1/m), with α = 1/m by an amount that does not vanish"
    ),
    assumptions=(
        "units independent but for pairs, D²φ bounded, y⋆ ≠ 0, here tanh, normal w and output weights in [−1, 1] that are "
        "not trained; "
        f"for the bound m a multiple of {COPIES}, of {2 * COPIES} for pairs; trained: "
        "paired units with output weights ±1, up to time 10/(mα²‖XXᵀ‖), ‖y⋆‖ such that no input of a unit can move by more "
        f"than {SHIFT:g} at the least width with α = m^{{−1/2}}"
    ),
    figure="relative_scale_width",
    parts=(
        Part(
            letter="a",
            says="κ_{h_m}(w_0) against m, exponent β − 1 for α = m^{−β}, at most that for unpaired units",
            status="proved",
            cases=exponents,
            cell=relative_scales,
            read=kappa,
            judge=lambda case: Slope(width_exponent(case["beta"]), MARGIN, "=" if case["paired"] else "≤"),
            controls=(
                Control(
                    "α = 1/m as lazy as α = m^{−1/2}", judge=Slope(width_exponent(0.5), MARGIN, "≤"), when=mean_field
                ),
            ),
            why=(
                "root mean square over a and −a and four draws: h_m(w_0) and y⋆ do not interfere; max_i ‖D²φ(θ_i)‖ still "
                "grows a little with m; the exponents differ by a quarter"
            ),
        ),
        Part(
            letter="b",
            says="mean of κ_{h_m}(w_0) over C(m^{−1/2} + 1/(mα)), C from the inputs and the law of the weights",
            status="proved",
            cases=ends,
            cell=relative_scales,
            cells_of="a",
            read=share,
            judge=MeanAtMost(),
            controls=(
                Control(
                    "C m^{−1/2} alone, lazy whatever α",
                    read=lambda case, found: share(case, found, False),
                    when=lambda case: mean_field(case) and case["end"] == -1,
                ),
            ),
        ),
        Part(
            letter="c",
            says="‖K − K_0‖/‖K_0‖ after training, K = DhDhᵀ averaged over four draws, against m: exponent 2(β − 1), α = m^{−β}",
            status="derived",
            cases=trained,
            cell=trained_changes,
            read=change,
            judge=lambda case: Slope(kernel_change_exponent(case["beta"]), TRAINED_MARGIN),
            controls=(
                Control(
                    "α = 1/m becomes lazy too, like α = m^{−1/2}",
                    judge=Slope(kernel_change_exponent(0.5), TRAINED_MARGIN),
                    when=mean_field,
                ),
            ),
            why=(
                "changes of first order have opposite signs in the two units of a pair; for independent signs they are smaller "
                "by m^{−1/2}; α = 1/m is the mean-field limit; means over four draws lessen the noise"
            ),
        ),
    ),
)
