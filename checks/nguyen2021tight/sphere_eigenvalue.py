"""sphere-eigenvalue: λ_min of the tangent kernel of deep relu networks is of order one for n = d^s inputs on the sphere."""

from collections.abc import Iterator
from dataclasses import replace
from functools import partial

from checks.claim import Arrays, Case, Claim, Control, Part
from checks.judges import Draws, Gap, Ratio
from checks.measurements.sphere_eigenvalues import finite_widths, least_eigenvalues
from theory.sphere_spectrum import sphere_min_eigenvalue

DEPTHS = (1, 2, 3)
# s, d: so large that what the law neglects is about a hundredth
SIZES = {"quick": ((0.75, 1024), (1.25, 128), (1.5, 64)), "standard": ((0.75, 1024), (1.25, 256), (1.5, 96))}
SIZES["full"] = (*SIZES["standard"], (1.5, 128), (1.5, 160))
LEAST = [64, 16]  # n = d^{3/2} too: beside all of those, and compared with them in (b)
WIDE = {"quick": (32,), "standard": (32, 64), "full": (32, 64, 96)}
NEAR, KEPT, NARROW = 0.02, 0.5, 16
DRAWS = {0.75: 24, 1.25: 12, 1.5: 12}  # the fewer inputs, the more their least eigenvalue varies


def laws(tier: str, data: str = "random") -> Iterator[Case]:
    """Every exponent and depth; of digits, which have 64 pixels, one size, and one depth at the quick tier."""
    for s, d in SIZES[tier] if data == "random" else ((1.5, 64),):
        for L in DEPTHS[:1] if tier == "quick" and data == "digits" else DEPTHS:
            sizes = [LEAST] * (s == 1.5) + [[round(d**s), d]]
            config = {"data": data, "sizes": sizes, "hidden_layers": L}
            yield Case(f"n = d^{s:g} = {round(d**s)} · L = {L}", config, draws=DRAWS[s], chunk=4)


def over_law(case: dict, found: Arrays, *, limit: bool = False) -> Draws:
    """λ_min over the law at this d; or over its ``limit`` for d → ∞ with the masses of this d."""
    (n, d), kernel = case["sizes"][-1], {"hidden_layers": case["hidden_layers"], "activation": "relu"}
    return Draws(found["least"][:, -1] / sphere_min_eigenvalue(n, d, **kernel, limit=limit))


def growing(tier: str) -> Iterator[Case]:
    """n = d^{3/2}."""
    return (case for case in laws(tier) if LEAST in case.config["sizes"])


def fixed(tier: str) -> Iterator[Case]:
    """The same n, all at the least d; one depth at the quick tier."""
    for case in growing(tier):
        if tier != "quick" or case.config["hidden_layers"] == 1:
            yield replace(case, config=case.config | {"sizes": [[n, LEAST[1]] for n, _ in case.config["sizes"]]})


def growth(case: dict, found: Arrays) -> Draws:
    """λ_min of many inputs in many dimensions over that of few in few."""
    return Draws(found["least"][:, 1] / found["least"][:, 0])


def wide(tier: str, narrow: int = 1) -> Iterator[Case]:
    """m = n/``narrow``, n = d^{3/2}."""
    for d in WIDE[tier]:
        for L in DEPTHS:
            n = round(d**1.5)
            yield Case(f"n = {n} · L = {L}", {"n": n, "d": d, "hidden_layers": L, "width": n // narrow}, draws=12)


CLAIM = Claim(
    paper="nguyen2021tight",
    name="sphere-eigenvalue",
    source="main theorems of arXiv:2012.11654, infinite and finite width, (a) with a constant; derivation in docs/theory.md",
    summary="λ_min(K) of deep relu stays of order one for n = d^s inputs on the sphere; width n keeps half of it",
    statement=(
        "n uniform unit inputs in d dimensions, relu, K = Σ_k A_k P_k(XXᵀ), N_k harmonics of degree k, k the least with N_0 + "
        "… + N_k ≥ n, q = n − N_0 − … − N_{k−1}: (a) λ_min(K) ~ A_k(1 − (q/N_k)^{1/2})² + Σ_{r>k} A_r as d → ∞, at the "
        f"sizes below to {100 * NEAR:g} %, (b) which does not fall along n = d^{{3/2}}; (c) networks of width m = n keep "
        "λ_min((m/κ²)G) ≥ λ_min(K)/2 in the mean"
    ),
    assumptions="unit inputs, independent and uniform on the sphere; in (a) n = d^s, s not a whole number",
    figure="sphere_eigenvalue",
    uses=("li2024demystifying/limit-positive-definite",),
    parts=(
        Part(
            letter="a",
            says="λ_min(K) over A_k(1 − (q/N_k)^{1/2})² + Σ_{r>k} A_r",
            status="derived",
            cases=laws,
            cell=least_eigenvalues,
            read=over_law,
            judge=Ratio(1.0, NEAR),
            controls=(
                Control(
                    "A_k + Σ_{r>k} A_r, which has the same limit and is false at these d",
                    read=partial(over_law, limit=True),
                ),
                Control("digits for the sphere", cases=partial(laws, data="digits")),
            ),
        ),
        Part(
            letter="b",
            says="λ_min(K) at a large d over that at the least, n = d^{3/2}",
            status="derived",
            cases=growing,
            cell=least_eigenvalues,
            cells_of="a",
            read=growth,
            judge=Gap(1.0),
            controls=(Control("at any n: d fixed", cases=fixed),),
        ),
        Part(
            letter="c",
            says=f"λ_min((m/κ²)G) over λ_min(K) at m = n, above {KEPT:g}",
            status="measured",
            cases=wide,
            cell=finite_widths,
            read=lambda case, found: Draws(found["least"] / found["limit"]),
            judge=Gap(KEPT),
            controls=(
                Control(f"at m = n/{NARROW}, with more weights than inputs", cases=partial(wide, narrow=NARROW)),
            ),
        ),
    ),
)
