"""relu-condition: from which κ on a relu network keeps half of λ_min, computed at θ_0, and where it does not."""

from collections.abc import Iterator
from functools import partial

import numpy as np

from checks.claim import Arrays, Case, Claim, Control, Part
from checks.judges import AtLeast, AtMost, Counts, Draws, Frequency, Gap, Ratio, Sides, Slope
from checks.measurements.data import NINE, THREE, data_name
from checks.measurements.relu_conditions import certified_flows, certified_scales, envelopes, halvings, kept_shares
from checks.measurements.trainings import agreed_rates, constants, decays, limits, network
from theory.lazy_bounds import decay_rate
from theory.relu_condition import halving_scale

ORTHONORMAL = {"kind": "orthonormal", "n": 4}
PAIR = {"kind": "random", "n": 2, "d": 2, "twin": 0.1}
TWINS = (PAIR, {"kind": "random", "n": 8, "d": 8, "twin": 0.1}, {"kind": "diabetes", "n": 8, "twin": 0.05})
CERTIFIED = {
    "quick": ((*THREE, ORTHONORMAL, *TWINS[:2]), 1024),
    "standard": ((*NINE, ORTHONORMAL, *TWINS, THREE[1] | {"n": 32}), 1024),
}
CERTIFIED["full"] = (CERTIFIED["standard"][0], 2**13)
TWIN_WIDTH = 2**13  # for twins at .05: of m neurons mφ/π lie between twins at φ, on which the least eigenvalue rests
SMALL = {"kind": "random", "n": 4, "d": 8}
WIDTHS = {"quick": [256, 1024, 4096], "standard": [2**8, 2**10, 2**12], "full": [2**k for k in range(9, 17)]}
DELTA = 0.1
TRIALS = {"quick": 84, "standard": 84, "full": 1000}
SEPARATE = {
    "quick": ({"kind": "orthonormal", "n": 2}, ORTHONORMAL),
    "standard": ({"kind": "orthonormal", "n": 2}, ORTHONORMAL, SMALL),
}
SEPARATE["full"] = SEPARATE["standard"]
BELOW = {"data": PAIR | {"twin": 0.15}, "activation": "relu", "delta": DELTA, "share": 0.25}
ANGLES = {
    "quick": ([0.05, 0.035, 0.025], [8192, 11700, 16384]),
    "standard": ([0.05, 0.025, 0.0125], [2**14, 2**15, 2**16]),
}
ANGLES["full"] = ([0.05, 0.025, 0.0125, 0.00625], [2**16, 2**17, 2**18, 2**19])
NTK_WIDTH = {"quick": 2**14, "standard": 2**16, "full": 2**18}
NTK_WIDTH_MORE = {"quick": 2**13, "standard": 2**14, "full": 2**14}  # of more than two inputs: decades ask for less
ENVELOPE_PAIRS = {"quick": [2**10, 32.0], "standard": [2**12, 64.0], "full": [2**14, 128.0]}  # κ = √m
APART = 0.3  # |y_i − y_j| ≤ .3 κφ² for separated inputs: κ is at least a quarter of the κ_c of every pair
LEAST_EXCESS = 4.0


def certified(tier: str) -> Iterator[Case]:
    """Separated data, and such with a near-duplicate of opposite label."""
    sets, m = CERTIFIED[tier]
    for data in sets:
        width = TWIN_WIDTH if data == TWINS[-1] else 1024 if data["n"] == 32 else m
        yield Case(f"{data_name(data)} · m = {width}", {"data": data, "width": width}, draws=2, chunk=1)


def kernel_kept(case: dict, found: Arrays, *, whole: bool = False) -> Sides:
    """min_t (m/κ²)λ_min(G_t) against Φ(τ_1); against the mean eigenvalue of K if ``whole``."""
    bound = np.linalg.eigvalsh(limits({**case, "activation": "relu"})[0].sum(axis=0)).mean() if whole else found["kept"]
    return Sides(found["least"], bound, found["least error"], np.isfinite(found["scale"]))


def moved(case: dict, found: Arrays, *, of: str = "") -> Sides:
    """The largest displacement of a neuron over its bound."""
    return Sides(found[of or case["of"]], 1.0, 0.0, np.isfinite(found["scale"]))


def below_twins(tier: str) -> Iterator[Case]:
    """Near-duplicates with opposite labels, a quarter of κ_c."""
    for phi in (0.05, 0.025):
        data = PAIR | {"twin": phi}
        config = {"data": data, "activation": "relu", "pairs": [[2**13, halving_scale(phi, 2.0) / 4]]}
        yield Case(f"κ_c/4 · {data_name(data)}", config, draws=2)


def half_kept(case: dict, found: Arrays) -> Sides:
    """min_t (m/κ²)λ_min(G_t)/λ against 1/2."""
    return Sides(found["least"], 0.5)


def by_width(tier: str) -> Iterator[Case]:
    """κ_cert over widths."""
    for data in (ORTHONORMAL, SMALL, *(THREE if tier != "quick" else ())):
        yield Case(data_name(data), {"data": data, "widths": WIDTHS[tier]}, draws=12, chunk=3)


def separate(tier: str) -> Iterator[Case]:
    """relu, m and κ those of the theorem."""
    for data in SEPARATE[tier]:
        config = {"data": data, "activation": "relu", "delta": DELTA}
        yield Case(f"relu · {data_name(data)}", config, TRIALS[tier])


def lost(case: dict, found: Arrays) -> Counts:
    """How often λ_min(G_t) < (κ²/m)λ_1/2, against δ."""
    return Counts(int(np.count_nonzero(~(found["least"] >= 0.5))), len(found["least"]), case["delta"])


def angles(tier: str) -> Iterator[Case]:
    """Pairs at angles that halve, widths that double: as many neurons between the two."""
    phi, widths = ANGLES[tier]
    yield Case(f"φ = {phi[-1]:g}..{phi[0]:g}", {"angles": phi, "widths": widths}, draws=16, chunk=4)


def by_angle(case: dict, found: Arrays) -> Draws:
    """κ_c over that of the network's own neurons, against 1/φ."""
    return Draws(found["scale"] / found["own"], 1 / np.array(case["angles"]))


def over_order(case: dict, found: Arrays) -> np.ndarray:
    """κ_c over gap/(2λ), the order of 1/λ, at every angle."""
    return found["scale"] * np.array(case["angles"]) / (2 * np.pi)


def scaled(tier: str, *, activation: str = "relu", alike: bool = False) -> Iterator[Case]:
    """Near-duplicates at κ = √m."""
    for data in TWINS[: 2 if tier == "quick" else 3] if activation == "relu" and not alike else (PAIR,):
        data = data | {"twin": 0.1} | ({"alike": True} if alike else {})
        m = (NTK_WIDTH if data["n"] == 2 else NTK_WIDTH_MORE)[tier]
        config = {"data": data, "activation": activation, "pairs": [[m, float(np.sqrt(m))]]}
        yield Case(f"{activation} · {data_name(data)} · κ = √m, m = {m}", config, draws=6, chunk=2)


def pairs_scaled(tier: str, **options: object) -> list[Case]:
    """Those of `scaled` with the pair alone."""
    return [case for case in scaled(tier, **options) if case.config["data"]["n"] == 2]


def share_left(case: dict, found: Arrays) -> Draws:
    """min_t λ_min(G_t) over (κ²/m)λ πφ/(1 + πφ), what the neurons that are active on both inputs give."""
    left = np.pi * case["data"]["twin"]
    return Draws(found["least"][:, 0] * (1 + left) / left)


def excess(case: dict, found: Arrays) -> Draws:
    """Decades by which the loss exceeds the envelope."""
    return Draws(found["excess"][:, 0])


def within(tier: str) -> Iterator[Case]:
    """Where the envelope holds: separated data with relu, near-duplicates with smooth σ or equal labels."""
    apart = {"apart": APART * ENVELOPE_PAIRS[tier][1]}
    sets = [("relu", data | apart) for data in (NINE if tier == "full" else THREE)]
    sets += [("tanh", PAIR), ("gelu", PAIR), ("relu", PAIR | {"alike": True})]
    if tier != "quick":
        sets += [("tanh", data) for data in TWINS[1:]]
    for activation, data in sets:
        yield Case(
            f"{activation} · {data_name(data)}", network(1, activation, data, [ENVELOPE_PAIRS[tier]]), draws=2, chunk=1
        )


def opposite(tier: str) -> Iterator[Case]:
    """relu, near-duplicates with opposite labels."""
    for data in TWINS[: 2 if tier == "quick" else 3]:
        config = {"data": data, "activation": "relu", "pairs": [ENVELOPE_PAIRS[tier]]}
        yield Case(f"relu · {data_name(data)}", config, draws=2, chunk=1)


def slowest(case: dict, found: Arrays) -> Sides:
    """The slowest average rate, on which two tolerances have to agree, against κ²λ/(mn), whether or not the condition holds."""
    n, lam, _ = constants(case)
    bound = [decay_rate(kappa, m, n, lam) for m, kappa in case["pairs"]]
    return Sides(agreed_rates(found, bound), bound)


CLAIM = Claim(
    paper="li2024demystifying",
    name="relu-condition",
    source="statement reconstructed; proof in docs/theory.md",
    summary="relu keeps λ_min(G_t) ≥ (κ²/m)λ/2 above κ_cert(θ_0); near-duplicates lose it below κ_c ∝ φ^{−2}",
    statement=(
        "L = 1, relu: (a) for κ above κ_cert = √Λ‖y‖/∫_0^{τ_1}Φ, computed at θ_0, λ_min(G_t) ≥ (κ²/m)Φ(τ) "
        "≥ (κ²/m)λ/2, τ < τ_1, for all t; (b) no neuron moves by more than r_k(τ_1), δ_k(τ_1); (c) κ_cert does not grow with "
        "m; (d) m ≥ 250(Λ/λ_1)ln(4n/δ) and κ ≥ 85(Λn)^{3/2}√R_0/λ_1² suffice with probability 1 − δ; (e), (f) two inputs at "
        "angle φ → 0, labels y_1 ≠ y_2, lose half of λ iff κ < κ_c = 13.26|y_1 − y_2|/φ²; (g), (h) far below it, at κ = √m, "
        "πφ/(1 + πφ) of λ is left and the loss exceeds its envelope by decades; (i) the envelope was not seen to fail where "
        "κ ≥ κ_c/4 for every pair of inputs, with smooth σ or with equal labels"
    ),
    assumptions=(
        "centred training, rates 1, unit inputs, Λ = λ_max(XXᵀ), λ_1 = λ_min(K^1); every solution of the differential "
        "inclusion, any σ'(0) in [0, 1]. (e)-(g) opposite labels, to first order in φ. Φ is computed in float64, not certified"
    ),
    figure="relu_condition",
    uses=("li2024demystifying/min-eigenvalue",),
    parts=(
        Part(
            letter="a",
            says="min_t (m/κ²)λ_min(G_t) at κ_cert against Φ(τ_1)",
            status="proved",
            cases=certified,
            cell=certified_flows,
            read=kernel_kept,
            judge=AtLeast(),
            controls=(
                Control("the mean eigenvalue of K for Φ", read=partial(kernel_kept, whole=True)),
                Control("half of λ is kept at κ_c/4 as well", read=half_kept, cases=below_twins, cell=envelopes),
            ),
            why="at n = 32 neurons meet their kinks in many patterns, each with a projection of its own: hence the width",
        ),
        Part(
            letter="b",
            says="max_k of ‖w_k(t) − w_k‖/r_k and |a_k(t) − a_k|/δ_k at three losses, against 1",
            status="proved",
            cases=lambda tier: [
                Case(f"{of} · {case.name}", case.config, case.draws, case.chunk, {"of": of})
                for case in certified(tier)
                for of in ("weights", "output")
            ],
            cell=certified_flows,
            cells_of="a",
            read=moved,
            judge=AtMost(),
            controls=(
                Control(
                    "h_k and |a_k| exchanged in r_k, orthonormal inputs",
                    read=partial(moved, of="exchanged"),
                    when=lambda case: case["data"] == ORTHONORMAL and case["of"] == "weights",
                ),
            ),
        ),
        Part(
            letter="c",
            says="κ_cert against m",
            status="measured",
            cases=by_width,
            cell=certified_scales,
            read=lambda case, found: Draws(found["scale"], case["widths"]),
            judge=Slope(0.0, 0.1, side="≤"),
            controls=(Control("√m, as if laziness began at NTK scaling", judge=Slope(0.5, 0.1)),),
        ),
        Part(
            letter="d",
            says="how often λ_min(G_t) < (κ²/m)λ_1/2 at m_0 and κ_0, against δ",
            status="proved",
            cases=separate,
            cell=kept_shares,
            read=lost,
            judge=Frequency(),
            controls=(
                Control(
                    "m_0 alone suffices: near-duplicates at κ_c/4",
                    cases=lambda tier: [Case("φ = 0.15", BELOW, draws=5, chunk=5)],
                ),
            ),
            why="only orthonormal and nearly orthonormal inputs have an m_0 and a κ_0 that many runs can afford",
        ),
        Part(
            letter="e",
            says="κ_c over gap/(2∫λ(s)ds) of the network's own neurons, against 1/φ",
            status="derived",
            cases=angles,
            cell=halvings,
            read=by_angle,
            judge=Slope(0.0, 0.1),
            controls=(
                Control(
                    "order 1/λ, which smooth σ has: gap/(2λ) in place of it",
                    read=lambda case, found: Draws(over_order(case, found), 1 / np.array(case["angles"])),
                ),
            ),
            why="widths grow as angles shrink, so that as many neurons lie between the two inputs at every angle",
        ),
        Part(
            letter="f",
            says="the same, mean over the angles",
            status="derived",
            cases=angles,
            cell=halvings,
            cells_of="e",
            read=lambda case, found: Draws((found["scale"] / found["own"]).mean(axis=1)),
            judge=Ratio(1.0, 0.05),
            controls=(
                Control(
                    "order 1/λ: gap/(2λ) in place of it",
                    read=lambda case, found: Draws(over_order(case, found).mean(axis=1)),
                ),
            ),
            why="the remainder is of relative order φ",
        ),
        Part(
            letter="g",
            says="min_t λ_min(G_t) at κ = √m over what is left when no neuron tells the labels apart",
            status="derived",
            cases=pairs_scaled,
            cell=envelopes,
            cells_of="h",
            read=share_left,
            judge=Ratio(1.0, 0.1),
            controls=(
                Control("smooth σ", cases=partial(pairs_scaled, activation="tanh")),
                Control("equal labels", cases=partial(pairs_scaled, alike=True)),
            ),
        ),
        Part(
            letter="h",
            says="decades of R_t over its envelope at κ = √m, near-duplicates with opposite labels",
            status="measured",
            cases=scaled,
            cell=envelopes,
            read=excess,
            judge=Gap(LEAST_EXCESS),
            controls=(
                Control("smooth σ", cases=partial(scaled, activation="tanh")),
                Control("equal labels", cases=partial(scaled, alike=True)),
            ),
        ),
        Part(
            letter="i",
            says="min_t ln(R(θ_0)/R(θ_t))/t at κ = √m against κ²λ/(mn), whether or not the condition holds",
            status="measured",
            cases=within,
            cell=decays,
            read=slowest,
            judge=AtLeast(),
            controls=(
                Control(
                    "the envelope holds at every κ: relu, near-duplicates with opposite labels",
                    read=lambda case, found: Sides(found["rate"], 1.0),
                    cases=opposite,
                    cell=envelopes,
                ),
            ),
        ),
    ),
)
