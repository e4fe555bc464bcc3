"""phase-diagram: which layers of a two-layer relu network are lazy, in the plane of κ and the ratio of the initial weights."""

import itertools
from collections.abc import Iterator
from functools import partial

import numpy as np

from checks.claim import Arrays, Case, Claim, Control, Part
from checks.judges import AtLeast, Draws, Gap, Ratio, Sides, Slope
from checks.li2024demystifying.drift import ROUGH
from checks.measurements.data import NINE, THREE
from checks.measurements.layer_trainings import feature_scale, growths, layer_drifts, mean_layer_drifts, power_rates
from checks.measurements.trainings import KINKED_RTOL, along, limits, network, title
from theory.lazy_bounds import balanced_growth, drift_constant
from theory.rates import phase_exponents

LAYERS = ("W", "a")
# (γ, δ) with k_0 and b_0, κ = k_0 m^γ and β_W/β_a = b_0 m^δ, that keep each point inside of its region at all widths; where W
# alone is lazy κ is in units of `feature_scale`, and the terms that vanish are of order k_0² and 1/(b_0k_0)²
LAZY = {
    "θ-lazy, W slower": ((0.25, 0.5), (64.0, 1.0)),
    "w-lazy, far": ((-0.25, 1.0), (0.5, 1.0)),
    "w-lazy, near": ((-0.25, 0.5), (0.5, 5.0)),
    "w-lazy, γ = 0": ((0.0, 0.5), (0.5, 2.0)),
    "θ-lazy, a slower": ((0.25, -0.5), (64.0, 1.0)),
    "a-lazy": ((-0.25, -0.5), (0.25, 1 / 16)),
}
RICH = {
    "neither, δ > 0": ((-0.5, 0.25), (1 / 8, 1.0)),
    "neither, δ = 0": ((-0.25, 0.0), (1 / 8, 1.0)),
    "neither, δ < 0": ((-0.5, -0.25), (1 / 8, 1.0)),
}
POINTS = {
    "quick": (("θ-lazy, W slower", "w-lazy, near"), ("neither, δ > 0",)),
    "standard": (tuple(LAZY), tuple(RICH)),
}
POINTS["full"] = POINTS["standard"]
WIDTHS = {
    "quick": ([2**9, 2**11, 2**13], [2**6, 2**8, 2**10]),
    "standard": ([2**8, 2**10, 2**12], [2**6, 2**8, 2**10]),
}
WIDTHS["full"] = WIDTHS["standard"]
# Draws of a layer that alone is lazy spread most, those of narrow networks: each is the mean of some of these. A longer range
# where it is a; where it is W, as SLOW_RTOLS says, wider networks would need ever finer tolerances
A_LAZY_WIDTHS, REPEATS = [2**8, 2**11, 2**14], [4, 1, 1]
# Fewer inputs where networks are narrow: kinks and draws cost less
FEW = tuple(data | {"n": 4} for data in THREE)
SETS = {"quick": FEW[:2], "standard": FEW, "full": THREE}
MARGIN = 0.1
# Where W alone is lazy it moves by slow modes, which the error of a run, relative to all that moves, hides: at ten times these
# it is off by a few per cent; W of "near" meets kinks
SLOW_RTOLS = {"w-lazy, far": 1e-6, "w-lazy, near": 3e-5, "w-lazy, γ = 0": 1e-5}
# Law and bound hold at all widths; at this one every input meets active neurons. κ and rates: W slower, equal, a slower
GROWTH_WIDTH, GROWTH_INPUTS = 64, {"quick": 2, "standard": 2, "full": 4}
GROWTHS = {"quick": ((1 / 8, (1 / 16, 1.0)),)}
GROWTHS["standard"] = (*GROWTHS["quick"], (1 / 8, (1.0, 1.0)), (1 / 8, (1.0, 1 / 16)), (1.0, (1.0, 1.0)))
GROWTHS["full"] = GROWTHS["standard"]
# ‖W_0‖²/m is d: κ√d, which says whether a layer must grow, is that of eight dimensions for the 64 of digits too
DIGITS_UNIT = 8**-0.5
DEEP_WIDTHS = {"quick": [32, 64, 128], "standard": [64, 128, 256, 512]}
DEEP_WIDTHS["full"] = DEEP_WIDTHS["standard"]
LOG_WIDTHS = {"quick": [2**6, 2**10], "standard": [2**6, 2**12], "full": [2**6, 2**14]}


def points(tier: str, *, rich: bool) -> Iterator[tuple[str, dict, dict]]:
    """Name, configuration and settings of every point of the plane."""
    table = RICH if rich else LAZY
    for data, region in itertools.product(SETS[tier], POINTS[tier][rich]):
        (gamma, delta), (k_0, b_0) = table[region]
        widths = A_LAZY_WIDTHS if region == "a-lazy" else WIDTHS[tier][rich]  # smaller where both grow: many steps
        rates = power_rates(widths, (min(0.0, -2 * delta), min(0.0, 2 * delta)), (min(1.0, b_0**-2), min(1.0, b_0**2)))
        w_lazy = region in SLOW_RTOLS
        # Where both layers grow the default is right to 4 % and KINKED_RTOL takes up to twelve times the steps; where a alone
        # is lazy it moves so much less than W that the error of a run at the default can be all that is seen of it
        rtol = None if rich else SLOW_RTOLS.get(region, KINKED_RTOL)
        options = {"rates": rates, "rtol": rtol, "kernels": w_lazy, "scaled": w_lazy}
        options |= {"repeats": REPEATS} if w_lazy or region == "a-lazy" else {}
        config = network(1, "relu", data, along(widths, gamma, k_0), **options)
        name = f"{region} · γ = {gamma:g}, δ = {delta:g} · {title(config)}".replace("-", "−")
        yield name, config, {"gamma": gamma, "delta": delta, "region": region}


def plane(tier: str, *, rich: bool) -> Iterator[Case]:
    """Both layers at every point, with more draws where they cost little."""
    for name, config, select in points(tier, rich=rich):
        for l, layer in enumerate(LAYERS):
            draws = 12 if select["gamma"] > 0 else 8
            yield Case(f"{layer} · {name}", config, draws, chunk=4, select=select | {"layer": l})


def relative(case: dict, found: Arrays) -> Draws:
    """RD of one layer against m."""
    return Draws(found["relative"][..., case["layer"]], [m for m, _ in case["pairs"]])


def exponent(case: dict) -> Slope:
    """The exponent of one layer."""
    return Slope(phase_exponents(case["gamma"], case["delta"])[case["layer"]], MARGIN)


def slower(case: dict) -> bool:
    """Whether the layer is the one with the smaller rate."""
    return case["layer"] == (case["delta"] < 0)


def continued(case: dict) -> Slope:
    """The law −γ − 2|δ| of γ > 0 for a lazy layer at γ < 0, and for the growing layers that of the lazy region beside them."""
    gamma, delta = case["gamma"], case["delta"]
    law = -gamma - 2 * abs(delta) if abs(delta) >= abs(gamma) else -2 * gamma - 2 * abs(delta)
    return Slope(law, MARGIN)


def whole(tier: str) -> Iterator[Case]:
    """The points where W is lazy and a is not."""
    for name, config, select in points(tier, rich=False):
        if select["region"].startswith("w-lazy"):
            yield Case(name, config, draws=8, chunk=4, select=select)


def over_features(case: dict, found: Arrays, *, all_layers: bool = False) -> Draws:
    """κD over (yᵀ(Σ^1)^{−1}y)^{1/2}, the unit of κ, at the largest m, as for a alone; or over the constant of both layers."""
    values, unit = case["pairs"][-1][1] * found["drift"][:, -1], feature_scale(case)
    layers, y = limits(case)
    return Draws(values * unit / drift_constant(layers.sum(axis=0), y) if all_layers else values)


def kernel_against_width(case: dict, found: Arrays) -> Draws:
    """ΔG against m."""
    return Draws(found["kernel"], [m for m, _ in case["pairs"]])


def flows(tier: str) -> Iterator[Case]:
    """Narrow networks at all scales and rates; not on digits at the quick tier."""
    for data in THREE[:: 2 if tier == "quick" else 1]:
        unit = DIGITS_UNIT if data["kind"] == "digits" else 1.0
        pairs, rates = [[GROWTH_WIDTH, unit * kappa] for kappa, _ in GROWTHS[tier]], [own for _, own in GROWTHS[tier]]
        config = {"data": data | {"n": GROWTH_INPUTS[tier]}, "pairs": pairs, "rates": rates}
        yield Case(title({**config, "hidden_layers": 1, "activation": "relu"}), config, draws=3, chunk=3)


def balance(case: dict, found: Arrays, *, rated: bool = True) -> Draws:
    """max_k |Δ|w_k|²/r_W − Δa_k²/r_a| over max_k Δa_k²/r_a, of the pair (κ, rates) of a draw where it is largest."""
    return Draws(found["balance" if rated else "unrated"].max(axis=1))


def over_growth(case: dict, found: Arrays, *, alone: bool = False) -> Sides:
    """RD of both layers against the least growth that reaches the targets; or a slower W as if a stayed."""
    bound = np.zeros(found["relative"].shape)
    for (s, k, l), _ in np.ndenumerate(bound):
        squares, rates, kappa = found["squares"][s, k], case["rates"][k], case["pairs"][k][1]
        if alone and (l or rates[0] >= rates[1]):
            continue
        ratio = 1e12 if alone else rates[l] / rates[1 - l]
        options = {"mean_square": squares[l], "other_square": squares[1 - l], "ratio": ratio}
        bound[s, k, l] = balanced_growth(kappa, found["targets"][s, k], found["inputs"][s], **options) - 1
    return Sides(found["relative"], bound, found["error"], holds=bound > 0)  # else the start is large enough


def deep(tier: str) -> Iterator[Case]:
    """Two hidden layers, tanh, along paths that are not lazy."""
    for data, gamma in itertools.product(FEW, (-0.25,) if tier == "quick" else (-0.25, 0.0)):
        widths = DEEP_WIDTHS[tier]
        rates = power_rates(widths, (0, 0, 0))
        config = network(2, "tanh", data, along(widths, gamma, 1.0), rates=rates, rtol=ROUGH["tanh"])
        yield Case(f"γ = {gamma:g} · {title(config)}".replace("-", "−"), config, draws=6, chunk=3)


def slow_scale(tier: str, *, stays: bool = False) -> Iterator[Case]:
    """κ = log m, or κ = 1."""
    widths = LOG_WIDTHS[tier]
    for data in NINE if tier == "full" else THREE:
        pairs = [[m, 1.0 if stays else float(np.log(m))] for m in widths]
        config = network(1, "tanh", data, pairs, rates=power_rates(widths, (0, 0)), rtol=ROUGH["tanh"])
        yield Case(title(config), config, draws=6, chunk=3)


CLAIM = Claim(
    paper="li2024demystifying",
    name="phase-diagram",
    source="T. Luo, Z. Xu, Z. Ma, Y. Zhang, JMLR 2021 (phase diagram of two-layer relu networks); statement reconstructed",
    summary="two-layer relu: all lazy for γ > 0; else W alone for δ > −γ, a alone for δ < γ, neither between",
    statement=(
        "two-layer relu, κ = k_0 m^γ, β_W/β_a = b_0 m^δ, RD(W) = sup_t‖ΔW‖/‖W_0‖, RD(a) likewise. γ > 0: both fall, the faster "
        "layer like m^{−γ}, the slower like m^{−γ−2|δ|}. γ ≤ 0 < γ + δ: W alone is lazy, RD(W) of order m^{−2(γ+δ)}, though D, "
        "RD(a) grow like m^{−γ} and κD → (yᵀ(Σ^1)^{−1}y)^{1/2}; the kernel of the rates rests, its change of order "
        "m^{−2(γ+δ)}; γ ≤ 0 < γ − δ: a alone, RD(a) of order m^{−2(γ−δ)}, RD(W) grows like m^{−γ} and the kernel does not "
        "rest. |δ| < −γ: both grow, RD(W) like m^{−(γ+δ)/2}, RD(a) like m^{−(γ−δ)/2}. |w_k|²/r_W − a_k²/r_a is constant for "
        "every neuron, and where the outputs reach f, V(A_0 + (V − V_0)r_a/r_W) ≥ (‖f‖/(κ‖X‖))², V = ‖W‖²/m, A = ‖a‖²/m. "
        "Lazy by D is κ → ∞, also like log m"
    ),
    assumptions=(
        "centred training to its targets, unit inputs, no two parallel, Σ^1 positive definite; exponents hold as m → ∞, and at "
        "points inside of a region; where both layers grow they are lower bounds with a proof, attained as measured. Where a "
        "alone is lazy paths can slide along kinks, a few neurons then decide RD(a) and (c) fails: docs, Repeating a row"
    ),
    figure="phase_diagram",
    uses=("li2024demystifying/scheme-independence", "li2024demystifying/lazy-threshold"),
    parts=(
        Part(
            letter="a",
            says="max_k |Δ|w_k|²/r_W − Δa_k²/r_a| over max_k |Δa_k²|/r_a, the pair (κ, rates) of a draw where it is largest",
            status="proved",
            cases=flows,
            cell=growths,
            read=balance,
            judge=Ratio(0.0, 0.02),
            controls=(Control("without the rates", read=partial(balance, rated=False)),),
            why="the law is exact: what is left is the error of the flow",
        ),
        Part(
            letter="b",
            says="RD of each layer against least growth that reaches the targets",
            status="proved",
            cases=flows,
            cell=growths,
            read=over_growth,
            judge=AtLeast(),
            controls=(
                Control(
                    "a slower W as if it reached them alone",
                    read=partial(over_growth, alone=True),
                ),
            ),
            why="a layer whose start is large enough need not grow: there the bound is 0, and the entry is counted as excluded",
            cells_of="a",
        ),
        Part(
            letter="c",
            says="RD of each layer against m, where one or both are lazy",
            status="derived",
            cases=partial(plane, rich=False),
            cell=mean_layer_drifts,
            read=relative,
            judge=exponent,
            controls=(
                Control(
                    "the law −γ − 2|δ| of γ > 0 for γ < 0", judge=continued, when=lambda c: slower(c) and c["gamma"] < 0
                ),
                Control("both layers alike, −γ", judge=lambda c: Slope(-c["gamma"], MARGIN), when=lambda c: slower(c)),
            ),
            why="k_0 and b_0 make the terms that vanish as m grows small at the smallest width",
        ),
        Part(
            letter="d",
            says="RD of each layer against m, where neither is lazy",
            status="measured",
            cases=partial(plane, rich=True),
            cell=layer_drifts,
            read=relative,
            judge=exponent,
            controls=(Control("the law of the lazy region beside it", judge=continued, when=slower),),
            why="k_0 is small, since the growth must be large at all widths",
        ),
        Part(
            letter="e",
            says="κD over (yᵀ(Σ^1)^{−1}y)^{1/2} where W alone is lazy",
            status="derived",
            cases=whole,
            cell=mean_layer_drifts,
            read=over_features,
            judge=Ratio(1.0, 0.05),
            controls=(Control("K for Σ^1, as if both were", read=partial(over_features, all_layers=True)),),
            cells_of="c",
        ),
        Part(
            letter="f",
            says="sup_t ‖G_t − G_0‖/‖G_0‖ against m where W alone is lazy",
            status="derived",
            cases=whole,
            cell=mean_layer_drifts,
            read=kernel_against_width,
            judge=lambda case: Slope(phase_exponents(case["gamma"], case["delta"])[0], MARGIN),
            controls=(Control("as D does, −γ", judge=lambda case: Slope(-case["gamma"], MARGIN)),),
            cells_of="c",
        ),
        Part(
            letter="g",
            says="RD(W²) against m, two hidden layers, γ ≤ 0",
            status="measured",
            cases=deep,
            cell=layer_drifts,
            read=lambda case, found: relative(case | {"layer": 1}, found),
            judge=Slope(-0.2, 0.05, side="≤"),
            controls=(
                Control(
                    "RD(W^1), as if layers were alike", read=lambda case, found: relative(case | {"layer": 0}, found)
                ),
            ),
            why="‖W²_0‖ is of order m, what moves it of order √m: RD(W²) falls whether or not training is lazy",
        ),
        Part(
            letter="h",
            says="log of D at the smallest m over D at the largest, along κ = log m",
            status="derived",
            cases=slow_scale,
            cell=layer_drifts,
            read=lambda case, found: Draws(np.log(found["drift"][:, 0] / found["drift"][:, -1])),
            judge=Gap(0.2),
            controls=(Control("κ = 1", cases=partial(slow_scale, stays=True)),),
            why="log κ/log m → 0: γ = 0, and lazy all the same",
        ),
    ),
)
