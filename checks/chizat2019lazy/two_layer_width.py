"""two-layer-width: a sum of m units scaled by α(m) is lazy if mα(m) → ∞."""

from collections.abc import Iterator

from checks.claim import Arrays, Case, Claim, Control, Part
from checks.judges import AtMost, Draws, Sides, Slope
from checks.measurements.width_scales import relative_scales
from theory.width_bounds import width_exponent

BETAS = [0.5, 0.75, 1.0]
WIDTHS = {tier: [2**k for k in range(8, last)] for tier, last in (("quick", 14), ("standard", 15), ("full", 17))}
DRAWS = {True: 12, False: 48}  # the unpaired have the noise of h_m(w_0)
MARGIN = 0.08


def networks(tier: str) -> Iterator[tuple[str, dict, int]]:
    """Inputs, output weights, paired or not."""
    outputs = (("signs", True), ("uniform", True), ("signs", False))
    for kind, (output, paired) in ((kind, o) for kind in ("orthonormal", "plane") for o in outputs):
        if tier != "quick" or (kind == "plane") == (output == "uniform"):
            name = f"{kind} · {output}{' · paired' if paired else ''}"
            config = {"kind": kind, "output": output, "paired": paired, "betas": BETAS, "widths": WIDTHS[tier]}
            yield name, config, DRAWS[paired]


def exponents(tier: str) -> list[Case]:
    """One case for every α = m^{−β}."""
    return [
        Case(f"α = m^−{beta:g} · {name}", config, draws, select={"beta": beta})
        for name, config, draws in networks(tier)
        for beta in BETAS
    ]


def alone(tier: str) -> list[Case]:
    """One case for all α."""
    return [Case(name, config, draws) for name, config, draws in networks(tier)]


def kappa(case: dict, found: Arrays) -> Draws:
    """κ against m."""
    return Draws(found["kappa"][:, BETAS.index(case["beta"])], case["widths"])


CLAIM = Claim(
    paper="chizat2019lazy",
    name="two-layer-width",
    source="Section 1.2 and Appendix A.2 of arXiv:1812.07956; proof in docs/theory.md",
    summary="α(m) Σ φ(θ_i) of m units is lazy, κ → 0, if mα(m) → ∞; κ is of order m^{−1/2} + 1/(mα(m))",
    statement=(
        "h_m = α(m) Σ_{i≤m} φ(θ_i) with Eφ(θ_i) = 0: E κ_{h_m}(w_0) ≤ C(m^{−1/2} + 1/(mα(m))), so κ → 0 if mα(m) → ∞; for "
        "paired units κ is of order 1/(mα(m))"
    ),
    assumptions="units independent but for pairs, D²φ bounded, here tanh and output weights in [−1, 1] that are not trained",
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
                    "α = 1/m as lazy as α = m^{−1/2}",
                    judge=Slope(width_exponent(0.5), MARGIN, "≤"),
                    when=lambda case: case["beta"] == 1.0,
                ),
            ),
            why="max_i ‖D²φ(θ_i)‖ still grows a little with m; the exponents differ by a quarter",
        ),
        Part(
            letter="b",
            says="κ_{h_m}(w_0) over (B/k)(‖y⋆‖/(mα) + ξ/√m)",
            status="proved",
            cases=alone,
            cell=relative_scales,
            cells_of="a",
            read=lambda case, found: Sides(found["share"], 1.0),
            judge=AtMost(),
        ),
    ),
)
