"""gram-moments: second moments of the Gram matrices at a single input, exact for relu and to first order for the others."""

from collections.abc import Iterator
from functools import partial

import numpy as np

from checks.claim import Arrays, Case, Claim, Control, Part
from checks.judges import Draws, Ratio
from checks.measurements.data import inputs
from checks.measurements.gram_errors import gram_sums
from checks.measurements.streams import data_seed
from theory import limit_grams
from theory.gram_moments import exact_moment, layer_excess, moment_coefficients

DATA = {"kind": "random", "n": 1, "d": 4}
# (a), (b) activation, depth, width, networks of the first look: the deeper and narrower, the heavier the tails
EXACT = {
    "quick": [("relu", 1, 16, 96_000), ("relu", 2, 32, 128_000), ("abs", 2, 8, 192_000)],
    "standard": [
        *(("relu", 1, m, 128_000) for m in (8, 32, 128)),
        *(("relu", 2, m, networks) for m, networks in ((8, 768_000), (16, 384_000), (32, 192_000), (64, 96_000))),
        *(("relu", 3, m, networks) for m, networks in ((8, 768_000), (16, 768_000), (32, 256_000))),
        *(("abs", L, 16, 192_000) for L in (1, 2, 3)),
        ("leaky_relu", 2, 32, 192_000),
    ],
}
# (c) the same, the width by the term of order 1/m² left out
FIRST_ORDER = {
    "quick": [("tanh", 1, 16, 48_000), ("tanh", 2, 64, 48_000)],
    "standard": [
        *((name, 1, 16, 96_000) for name in ("tanh", "erf", "gelu", "sin", "softplus")),
        *((name, 2, 64, 64_000) for name in ("tanh", "erf", "sin")),
        ("gelu", 2, 128, 48_000),
        ("tanh", 3, 128, 32_000),
    ],
}
EXACT["full"] = [(*size, 4 * networks) for *size, networks in EXACT["standard"]]
FIRST_ORDER["full"] = [(*size, 4 * networks) for *size, networks in FIRST_ORDER["standard"]]
BATCHES = 16


def cases(tier: str, sizes: dict) -> Iterator[Case]:
    """Every layer of every size."""
    for name, L, width, networks in sizes[tier]:
        config = {"data": DATA, "activation": name, "hidden_layers": L, "width": width, "batch": networks // BATCHES}
        for layer in range(L + 1):
            yield Case(f"G^{layer + 1} · L = {L}, m = {width} · {name}", config, BATCHES, select={"layer": layer})


def means(case: dict, found: Arrays) -> Draws:
    """E (m/κ²)G^l(x,x) over K^l(x,x)."""
    x = inputs(**case["data"], seed=data_seed(case["stream"]))
    K = limit_grams(x, hidden_layers=case["hidden_layers"], activation=case["activation"]).layers[case["layer"]]
    return Draws(found["sum"][:, case["layer"], 0, 0] / case["batch"] / K[0, 0])


def squares(case: dict, found: Arrays) -> Draws:
    """E ((m/κ²)G^l(x,x))² over K^l(x,x)²."""
    x = inputs(**case["data"], seed=data_seed(case["stream"]))
    K = limit_grams(x, hidden_layers=case["hidden_layers"], activation=case["activation"]).layers[case["layer"]]
    return Draws(found["squares"][:, case["layer"]] / case["batch"] / K[0, 0] ** 2)


def excess(case: dict, found: Arrays) -> np.ndarray:
    """E G²/(E G)² − 1 in every batch, from its unbiased variance."""
    B, total, squares = case["batch"], found["sum"][:, case["layer"], 0, 0], found["squares"][:, case["layer"]]
    return (squares - total**2 / B) / (B - 1) / (total / B) ** 2


def laws(case: dict) -> dict[str, float]:
    """(1 + c/m)^L, and other laws for E G²/(E G)²."""
    m, L, name = case["width"], case["hidden_layers"], case["activation"]
    c = layer_excess(name)
    return {
        "right": exact_moment(m, hidden_layers=L, activation=name),
        "one factor more": exact_moment(m, hidden_layers=L + 1, activation=name),
        "signs": (1 + c / m) ** (L - 1) * (1 + ((c + 1) / 3 - 1) / m),
        "sum": 1 + L * c / m,
    }


def far(case: dict, law: str) -> bool:
    """Whether the excess of another law is positive and off by a tenth at least."""
    right, other = (laws(case)[name] - 1 for name in ("right", law))
    return 0 < other and abs(np.log(other / right)) > 0.1


def over_exact(case: dict, found: Arrays, *, law: str = "right") -> Draws:
    """The excess over that of a law."""
    return Draws(excess(case, found) / (laws(case)[law] - 1))


def over_first_order(case: dict, found: Arrays, *, independent: bool = False) -> Draws:
    """m times the excess over c_l, or over the sum of what each layer would have alone."""
    l, L, name = case["layer"], case["hidden_layers"], case["activation"]
    c = moment_coefficients(1.0, hidden_layers=L, activation=name)[l]
    if independent:
        norms = [
            1.0,
            *(limit_grams(np.eye(1), hidden_layers=j, activation=name).nngp[0, 0] ** 0.5 for j in range(1, L)),
        ]
        alone = [moment_coefficients(norm, hidden_layers=1, activation=name) for norm in norms]
        c = sum(both[1 if j < l else 0] for j, both in enumerate(alone))
    return Draws(case["width"] * excess(case, found) / c)


CLAIM = Claim(
    paper="li2024demystifying",
    name="gram-moments",
    source="Hanin and Nica 2020 (Finite depth and width corrections to the neural tangent kernel), statement reconstructed",
    summary="E G^l(x,x)²/(E G^l(x,x))² = (1 + 5/m)^L for relu, at every layer and width",
    statement=(
        "for a 1-homogeneous σ = au + b|u|, every x ≠ 0, every layer l = 1..L+1 and every m: E (m/κ²) G^l(x,x) = K^l(x,x) and "
        "E G^l(x,x)²/(E G^l(x,x))² = (1 + c/m)^L with c = 2 + 12a²b²/(a² + b²)², 5 for relu; for other σ the second is "
        "1 + c_l/m + O(1/m²) with explicit c_l, exact for L = 1"
    ),
    assumptions="normalised network, all weights N(0, 1), any κ > 0",
    figure="gram_moments",
    parts=(
        Part(
            letter="a",
            says="E (m/κ²)G^l(x,x) over K^l(x,x)",
            status="proved",
            cases=partial(cases, sizes=EXACT),
            cell=gram_sums,
            cells_of="b",
            read=means,
            judge=Ratio(1.0, 0.01),
            controls=(Control("K in every network, not in the mean: E G² over K²", read=squares),),
        ),
        Part(
            letter="b",
            says="E G²/(E G)² − 1 over (1 + c/m)^L − 1",
            status="proved",
            cases=partial(cases, sizes=EXACT),
            cell=gram_sums,
            read=over_exact,
            judge=Ratio(1.0, 0.03),
            controls=(
                Control("one factor more, (1 + c/m)^{L+1}", read=partial(over_exact, law="one factor more")),
                Control(
                    "output weights ±1 (l ≤ L)",
                    read=partial(over_exact, law="signs"),
                    when=lambda case: case["layer"] < case["hidden_layers"] and far(case, "signs"),
                ),
                Control(
                    "variances of the layers added, 1 + cL/m",
                    read=partial(over_exact, law="sum"),
                    when=partial(far, law="sum"),
                ),
            ),
            why="exact at every width, so small ones, where the excess is large; it is judged itself, which is stricter",
        ),
        Part(
            letter="c",
            says="m(E G²/(E G)² − 1) over c_l",
            status="derived",
            cases=partial(cases, sizes=FIRST_ORDER),
            cell=gram_sums,
            read=over_first_order,
            judge=Ratio(1.0, 0.06),
            controls=(
                Control(
                    "layers that do not change the variances of the next (l = L + 1, L ≥ 2)",
                    read=partial(over_first_order, independent=True),
                    when=lambda case: 1 < case["hidden_layers"] == case["layer"],
                ),
            ),
            why="the margin also covers the terms of order 1/m², half of it at these widths",
        ),
    ),
    uses=("li2024demystifying/gram-limit",),
)
