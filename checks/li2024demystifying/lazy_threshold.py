"""lazy-threshold: networks are lazy where κ → ∞: the drift is a function of κ, along κ = k_0 m^γ it falls for γ > 0 alone."""

import itertools
from collections.abc import Iterator
from dataclasses import replace
from functools import partial

import numpy as np

from checks.claim import Arrays, Case, Claim, Control, Part
from checks.judges import Draws, Gap, Ratio, Slope
from checks.judges.slope import slopes
from checks.li2024demystifying.drift import ROUGH, against_scale, against_width, networks
from checks.measurements.data import NINE, THREE
from checks.measurements.trainings import along, drifts, mean_drifts, network, title
from theory.rates import drift_exponent

GAMMAS = {
    "quick": (-0.25, 0.0, 0.25, 0.5),
    "standard": (-0.25, -0.125, 0.0, 0.125, 0.25, 0.5),
    "full": (-0.5, -0.25, -0.125, 0.0, 0.0625, 0.125, 0.25, 0.5, 0.75, 1.0),
}
WIDTHS = {1: [2**7, 2**9, 2**11], 2: [64, 256, 1024]}
# At γ = 0 two widths alone. Networks of a draw: D of narrow ones spreads most and costs least, so that their mean is better
# than more draws. The square of the spread is of order 1/m, and twice the width costs little more
BORDER = {1: ([2**8, 2**12], [4, 1]), 2: ([128, 2048], [8, 1])}
QUICK_BORDER = ([2**9, 2**12], [2, 1])
STEEP, FLAT, FALL = 0.02, 0.03, 0.2
# both ends of κ = log m, and between them the narrow networks at the κ of the wide ones
LOGARITHMIC = {"quick": (2**8, 2**9, 2**12), "standard": (2**9, 2**9, 2**14), "full": (2**9, 2**9, 2**17)}
LOGARITHMIC_REPEATS = {"quick": [1, 2, 1], "standard": [2, 16, 1], "full": [2, 16, 1]}
LOGARITHMIC_DRAWS = {"quick": 16, "standard": 8, "full": 8}
# relu's corrections die out more slowly as κ → 0, the deeper the slower
SMALL_SCALES = {
    (1, "tanh"): [2.0**k for k in (-8, -7, -6)],
    (1, "relu"): [2.0**k for k in (-12, -11, -10)],
    (2, "tanh"): [2.0**k for k in (-8, -7, -6)],
    (2, "relu"): [2.0**k for k in (-18, -16, -14, -12)],
}
LINEAR = [data for data in NINE if data["target"] == "linear"]
# bounded σ on linear targets alone, see docs/theory.md
SMALL_DATA = {(1, "relu"): THREE, (1, "tanh"): LINEAR, (2, "relu"): THREE[:1], (2, "tanh"): LINEAR}


def paths(tier: str, *, sign: int) -> Iterator[Case]:
    """Widths along κ = m^γ, for the γ of this sign; two hidden layers from the standard tier on."""
    for case, gamma in itertools.product(networks(tier, *((1,) if tier == "quick" else (1, 2))), GAMMAS[tier]):
        if np.sign(gamma) == sign and (case[0] == 1 or gamma in GAMMAS["quick"]):
            (L, activation, data), widths, draws = case, WIDTHS[case[0]], 5
            if gamma == 0:
                widths, repeats = QUICK_BORDER if tier == "quick" else BORDER[L]
                draws = {1: 8, 2: 16}[L]
                if L == 2:  # what is left is of order n/m: half the inputs, half the width, a fraction of the cost
                    data = data | {"n": data["n"] // 2}
            config = network(L, activation, data, along(widths, gamma, 1.0), rtol=ROUGH.get(activation))
            config |= {"repeats": repeats} if gamma == 0 else {}
            name = f"γ = {gamma:g} · {title(config)}"
            yield Case(name, config, draws, chunk=4, select={"gamma": gamma})


def signed_slopes(case: dict, found: Arrays) -> Draws:
    """The slope of log D in log m, one a draw, counted upwards for γ < 0 and downwards else."""
    widths = np.array([m for m, _ in case["pairs"]], dtype=float)
    return Draws((1 if case["gamma"] < 0 else -1) * slopes(widths, found["drift"]))


def ends(case: dict, found: Arrays) -> Draws:
    """D of the widest networks over D of the narrowest."""
    return Draws(found["drift"][:, -1] / found["drift"][:, 0])


def logarithmic(tier: str) -> Iterator[Case]:
    """Networks with κ = log m, narrow and wide, and narrow ones at the κ of the wide ones."""
    narrow, middle, wide = LOGARITHMIC[tier]
    for case in [(1, "tanh", data) for data in THREE] if tier == "quick" else networks(tier, 1)[:9]:
        pairs = [[narrow, np.log(narrow)], [middle, np.log(wide)], [wide, np.log(wide)]]
        config = network(*case, pairs, rtol=ROUGH.get(case[1]), repeats=LOGARITHMIC_REPEATS[tier])
        yield Case(f"κ = log m · {title(config)}", config, LOGARITHMIC_DRAWS[tier], chunk=4)


def at_equal_scale(case: dict, found: Arrays) -> Draws:
    """D of wide networks with κ = log m over D of narrow ones at this κ."""
    return Draws(found["drift"][:, 2] / found["drift"][:, 1])


def fall(case: dict, found: Arrays) -> Draws:
    """How far log D falls from narrow to wide networks with κ = log m."""
    return Draws(-np.log(ends(case, found).values))


def small_scales(tier: str) -> Iterator[Case]:
    """κ → 0 at one width, on which D does not depend."""
    for (L, activation), sets in SMALL_DATA.items():
        if tier != "quick" or (L, activation) == (1, "relu"):
            for data in sets:
                pairs = [[128, kappa] for kappa in SMALL_SCALES[L, activation]]
                config = network(L, activation, data, pairs, rtol=ROUGH[activation])
                yield Case(title(config), config, draws=5, chunk=3)


def where_trained(case: dict, found: Arrays) -> Draws:
    """D against κ in the draws that neither stop nor slide."""
    trained = ~(found["plateau"] == 1).any(axis=1)
    reading = against_scale(case, {"drift": found["drift"][trained]})
    return replace(reading, excluded=int(np.count_nonzero(~trained)))


def exponent(case: dict, *, other: bool = False) -> Slope:
    """The exponent as κ → 0, for bounded σ an upper bound; that of the ``other`` kind of σ, bounded or not."""
    bounded = (case["activation"] == "tanh") != other
    predicted = -drift_exponent(-1.0, centred=True, hidden_layers=case["hidden_layers"], bounded=bounded)
    return Slope(predicted, 0.05, side="≤" if bounded and not other else "=")


CLAIM = Claim(
    paper="li2024demystifying",
    name="lazy-threshold",
    source="statement reconstructed; proof in docs/theory.md",
    summary="lazy means κ → ∞: along κ = k_0 m^γ the drift D falls for γ > 0, stays for γ = 0, grows for γ < 0",
    statement=(
        "the drift D = sup_t ‖θ_t − θ_0‖/√m is a function of κ that falls to 0 as κ → ∞ and grows without bound as κ → 0: "
        "networks are lazy, D → 0, if and only if κ → ∞. Along κ = k_0 m^γ they are for γ > 0, of which NTK's γ = 1/2 is one "
        "point, and not for γ ≤ 0; κ = log m, where log κ/log m → 0 too, is lazy. As κ → 0, D is of order κ^{−1/(L+1)} for "
        "relu and at least κ^{−1} for bounded σ"
    ),
    assumptions=(
        "centred training, unit inputs, no two parallel; as κ → 0 networks that reach their targets: a narrow relu network "
        "may stop where an input meets no active neuron, or slide along kinks too slowly to be followed, and is then not "
        "judged; bounded σ is judged on targets linear in the inputs"
    ),
    figure="regime_map",
    uses=("li2024demystifying/drift",),
    parts=(
        Part(
            letter="a",
            says="−slope of log D in log m, γ > 0",
            status="derived",
            cases=partial(paths, sign=1),
            cell=drifts,
            read=signed_slopes,
            judge=Gap(STEEP),
            controls=(
                Control(
                    "lazy from γ = 1/2 on: below, D does not change",
                    read=ends,
                    judge=Ratio(1.0, FLAT),
                    when=lambda case: case["gamma"] < 0.5,
                ),
            ),
            why="the threshold is far below every γ that is judged",
        ),
        Part(
            letter="b",
            says="D at the largest width over the mean of D at the smallest, γ = 0",
            status="derived",
            cases=partial(paths, sign=0),
            cell=mean_drifts,
            read=ends,
            judge=Ratio(1.0, FLAT),
            controls=(
                Control("lazy at γ = 0 too: D falls", read=signed_slopes, judge=Gap(STEEP)),
                Control(
                    "D ∝ 1/log m",
                    judge=lambda case: Ratio(np.log(case["pairs"][0][0]) / np.log(case["pairs"][-1][0]), FLAT),
                ),
            ),
        ),
        Part(
            letter="b′",
            says="D along κ = log m at the wide end over the mean D of narrow networks at this κ",
            status="derived",
            cases=logarithmic,
            cell=mean_drifts,
            read=at_equal_scale,
            judge=Ratio(1.0, FLAT),
            controls=(Control("D stays along κ = log m, since log κ/log m → 0", read=ends),),
        ),
        Part(
            letter="b″",
            says="fall of log D along κ = log m",
            status="derived",
            cases=logarithmic,
            cell=mean_drifts,
            cells_of="b′",
            read=fall,
            judge=Gap(FALL),
            why="1/κ falls by about twice as much",
        ),
        Part(
            letter="c",
            says="slope of log D in log m, γ < 0",
            status="measured",
            cases=partial(paths, sign=-1),
            cell=drifts,
            read=signed_slopes,
            judge=Gap(STEEP),
            controls=(
                Control(
                    "lazy for γ < 0 too: D ∝ m^{−|γ|}",
                    read=against_width,
                    judge=lambda case: Slope(case["gamma"], STEEP),
                ),
            ),
            why="that D grows without bound is proved for |σ| ≤ 1; that it does at these widths, and for relu, is measured",
        ),
        Part(
            letter="d",
            says="D against κ → 0 at fixed m",
            status="measured",
            cases=small_scales,
            cell=drifts,
            read=where_trained,
            judge=exponent,
            controls=(Control("the exponent of the other kind of σ", judge=partial(exponent, other=True)),),
            why="with bounded σ the features stay of order one and a must grow like 1/κ; D may grow a little faster",
        ),
    ),
)
