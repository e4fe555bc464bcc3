"""scheme-independence: whatever the scheme, κ sets the drift, and the rates of the layers how it is shared among them."""

import itertools
from collections.abc import Iterator
from functools import partial

import numpy as np

from checks.claim import Arrays, Case, Claim, Control, Part
from checks.judges import AtMost, Draws, Ratio, Sides, Slope
from checks.li2024demystifying.drift import ROUGH, against_scale, against_width
from checks.measurements.data import DATA, NINE, THREE
from checks.measurements.layer_trainings import (
    bounded_drifts,
    isolated_seed,
    late_rates,
    layer_drifts,
    power_rates,
)
from checks.measurements.trainings import along, limits, network, title, tolerance
from theory.eigenvalue_bounds import SLOPE_BOUNDS
from theory.lazy_bounds import layer_drift_bound, layer_drift_constants, rated_drift_constant
from theory.parametrization import layer_rates, output_scale, standard_betas

K_0 = {0.5: 64.0, 0.25: 256.0}  # κ is large at all widths
WIDTHS = {
    "quick": {1: [2**8, 2**10, 2**12], 2: [64, 192, 512]},
    "standard": {1: [2**9, 2**11, 2**13], 2: [2**7, 2**9, 2**11]},
}
WIDTHS["full"] = WIDTHS["standard"]
DEEP_RELU = [2**9, 3 * 2**9, 2**12]  # down to 2^7 finite width moves the exponent of the slowest layer by .1
# By depth and activation, γ and the exponents δ_l of the rates, the largest 0; one hidden layer: ±2δ for β_W/β_a = m^δ
PATHS = {
    "quick": {
        (1, "tanh"): (0.5, (-2.0, 0.0)),
        (1, "relu"): (0.25, (0.0, -1.0)),
        (2, "tanh"): (0.5, (-1.0, 0.0, -1.0)),
    },
    "standard": {
        (1, "tanh"): (0.25, (0.0, -2.0)),
        (1, "relu"): (0.5, (-1.0, 0.0)),
        (2, "tanh"): (0.5, (-1.0, 0.0, -1.0)),
        (2, "relu"): (0.25, (-2.0, -1.0, 0.0)),
    },
}
PATHS["full"] = PATHS["standard"]
EXPONENTS = ((-2.0, 0.0), (-1.0, 0.0), (0.0, 0.0), (0.0, -1.0), (0.0, -2.0))
# Fewer inputs for two hidden layers, which are narrower
FEW = tuple(data | {"n": 4} for data in THREE)
SETS = {
    "quick": {1: THREE, 2: FEW[:1]},
    "standard": {1: (*NINE, DATA["random"] | {"n": 32, "d": 32}), 2: FEW},
    "full": {1: NINE, 2: tuple(data | {"n": 4} for data in NINE)},
}
MARGINS = {1: 0.05, 2: 0.1}
CONSTANT_MARGINS = {"quick": {1: 0.05, 2: 0.1}, "standard": {1: 0.03, 2: 0.06}, "full": {1: 0.03, 2: 0.06}}
# κD is its limit times 1 + O(1/κ) with kinks: from 64 on two hidden layers bent the slope by up to .026 of .03
SCALES, SCALE_WIDTHS = [256.0, 1024.0, 4096.0], {1: 512, 2: 128}
# Rates at one width, over four decades
RATES = {1: ((1.0, 1.0), (1e-2, 1.0), (1.0, 1e-2), (1e-4, 1.0), (1.0, 1e-4)), 2: ((1e-4, 1.0, 1e-2), (1.0, 1e-2, 1e-4))}
LATE_WIDTHS = {"quick": {1: 2**12}, "standard": {1: 2**14}, "full": {1: 2**15, 2: 2**11}}
LATE_MARGINS = {"quick": {1: 0.1}, "standard": {1: 0.05}, "full": {1: 0.05, 2: 0.15}}
BOUND_SCALE, BOUND_WIDTHS = 64.0, {"quick": 2**9, "standard": 2**10, "full": 2**12}
SCHEMES, SCHEME_MARGINS = {"he": -0.5, "lecun": -0.5, "xavier": 0.0}, {"he": 0.1, "lecun": 0.1, "xavier": 0.03}
SCHEME_WIDTHS = {
    "quick": {1: [2**8, 2**10, 2**12]},
    "standard": {1: [2**9, 2**11, 2**13]},
    "full": {1: [2**9, 2**11, 2**13, 2**15], 2: [2**7, 2**9, 2**11]},
}


def text(values: tuple) -> str:
    """Numbers side by side."""
    return ", ".join(f"{value:g}" for value in values).replace("-", "−")


def designs(tier: str) -> Iterator[tuple[int, str, dict, float, tuple]]:
    """Depth, activation, data, γ and exponents of every path; beyond the quick tier all exponents on one data set."""
    for (L, activation), path in PATHS[tier].items():
        for data in SETS[tier][L]:
            wide = tier != "quick" and L == 1 and data == NINE[0]
            for exponents in EXPONENTS if wide else path[1:]:
                yield L, activation, data, path[0], exponents


def paths(tier: str, *, layers: bool = False, total: bool = True) -> Iterator[Case]:
    """Every path as a whole and, one hidden layer or beyond the quick tier, layer by layer."""
    for L, activation, data, gamma, exponents in designs(tier):
        widths = DEEP_RELU if (L, activation) == (2, "relu") else WIDTHS[tier][L]
        # at these κ every layer is right to .4 %
        options = {"rates": power_rates(widths, exponents), "rtol": ROUGH[activation]}
        config = network(L, activation, data, along(widths, gamma, K_0[gamma]), **options)
        name = f"γ = {gamma:g}, δ = ({text(exponents)}) · {title(config)}"
        select = {"gamma": gamma, "exponents": exponents, "margin": CONSTANT_MARGINS[tier][L]}
        judged = [None] * total + [*range(L + 1)] * (layers and (L == 1 or tier != "quick"))
        for l in judged:
            label = name if l is None else f"layer {l + 1} · {name}"
            yield Case(label, config, draws=8 * L, chunk=4, select=select | {"layer": l})


def layer_against_width(case: dict, found: Arrays) -> Draws:
    """‖ΔW^l‖/√m at the end against m."""
    return Draws(found["layers"][..., case["layer"]], [m for m, _ in case["pairs"]])


def over_constant(case: dict, found: Arrays, *, rated: bool = True) -> Draws:
    """κ‖ΔW^l‖/√m, or κD at the end, over its constant at the largest m, or over that of equal rates."""
    (layers, y), l, kappa = limits(case), case["layer"], case["pairs"][-1][1]
    rates = np.array(case["rates"][-1]) if rated else np.ones(len(layers))
    if l is None:
        return Draws(kappa * found["end"][:, -1] / rated_drift_constant(layers, rates, y)[0])
    return Draws(kappa * found["layers"][:, -1, l] / layer_drift_constants(layers, rates, y)[l])


def scales(tier: str) -> Iterator[Case]:
    """κ at one width for all rates."""
    for L in RATES:
        for data, rates in itertools.product(THREE if L == 1 else FEW, RATES[L]):
            if tier == "quick" and (L == 2 or rates not in RATES[1][::3]):
                continue
            pairs = [[SCALE_WIDTHS[L], kappa] for kappa in SCALES]
            config = network(L, "relu", data, pairs, rates=[rates] * len(pairs), rtol=tolerance("relu"))
            yield Case(f"rates {text(rates)} · {title(config)}", config, draws=5, chunk=5)


def late(tier: str) -> Iterator[Case]:
    """The late rate at one width and κ, for the first path."""
    for L, widths in LATE_WIDTHS[tier].items():
        for data in THREE if L == 1 else FEW:
            gamma, exponents = PATHS[tier][L, "tanh"]
            pairs = along([widths], gamma, K_0[gamma])
            config = network(L, "tanh", data, pairs, rates=power_rates([widths], exponents))
            select = {"margin": LATE_MARGINS[tier][L], "exponents": exponents}
            yield Case(f"δ = ({text(exponents)}) · {title(config)}", config, draws=8, chunk=4, select=select)


def over_rate(case: dict, found: Arrays, *, rated: bool = True) -> Draws:
    """The late rate over 2(κ²/(mn))λ_min(Σ_l r_lK^l), or over that of equal rates."""
    layers, y = limits(case, isolated_seed(case))
    (m, kappa), rates = case["pairs"][0], np.array(case["rates"][0])
    lam = np.linalg.eigvalsh(np.tensordot(rates if rated else np.ones(len(rates)), layers, axes=1))[0]
    return Draws(found["rate"][:, 0] / (2 * kappa**2 / (m * len(y)) * lam))


def bounds(tier: str) -> Iterator[Case]:
    """All exponents at one width and κ."""
    m = BOUND_WIDTHS[tier]
    for data, activation in itertools.product(THREE if tier == "quick" else NINE, ("tanh", "relu")):
        exponents = EXPONENTS[1::2] if tier == "quick" else EXPONENTS
        rates = [own for each in exponents for own in power_rates([m], each)]
        config = network(1, activation, data, [[m, BOUND_SCALE]] * len(rates), rates=rates)
        yield Case(f"κ = {BOUND_SCALE:g} · {title(config)}", config, draws=1 if tier == "quick" else 2)


def over_bound(case: dict, found: Arrays, *, exchanged: bool = False) -> Sides:
    """Every layer against its bound, whose λ is min_l λ_min(K^l) for all rates; or the faster one with the other's rate."""
    layers, y = limits(case)
    X_norm = np.sqrt(np.linalg.norm(limits(case | {"activation": "identity"})[0][1], 2))  # K² of the identity is XXᵀ
    lam, slope = np.linalg.eigvalsh(layers)[:, 0].min(), SLOPE_BOUNDS[case["activation"]] * X_norm
    loss, bound = 0.5 * (y @ y) / len(y), np.empty(found["layers"].shape)
    for (s, k, l), _ in np.ndenumerate(bound):
        (m, kappa), rates = case["pairs"][k], case["rates"][k]
        norm = found["features"][s, k] if l else slope * found["output"][s, k]
        rate = rates[1 - l if exchanged else l]
        bound[s, k, l] = layer_drift_bound(kappa, m, len(y), lam, loss, rate, norm, slope, rates[1 - l])
    holds = ~(found["least"] < lam / 2)[..., None] & np.ones(2, dtype=bool)
    if exchanged:
        faster = np.array([[own[l] > own[1 - l] for l in range(2)] for own in case["rates"]])
        return Sides(*(array[:, faster] for array in (found["layers"], bound, found["error"], holds)))
    return Sides(found["layers"], bound, found["error"], holds)


def schemes(tier: str) -> Iterator[Case]:
    """He, LeCun and Xavier along their own κ(m) and with their own rates; at the quick tier each on one data set."""
    for L, widths in SCHEME_WIDTHS[tier].items():
        sets = THREE[::2] if L == 1 else THREE[:1]
        for scheme, data in (
            zip(SCHEMES, itertools.cycle(sets)) if tier == "quick" else itertools.product(SCHEMES, sets)
        ):
            if L == 2 and scheme == "xavier":
                continue
            d = data.get("d", 10)
            betas = [standard_betas(scheme, d, m, L) for m in widths]
            pairs = [[m, output_scale(beta, m, activation="relu")] for m, beta in zip(widths, betas, strict=True)]
            config = network(L, "relu", data, pairs, rates=[layer_rates(beta).tolist() for beta in betas])
            span = f"κ = {pairs[0][1]:.3g}..{pairs[-1][1]:.3g}"
            yield Case(f"{scheme} · {title(config)} · {span}", config, draws=6, chunk=3, select={"scheme": scheme})


CLAIM = Claim(
    paper="li2024demystifying",
    name="scheme-independence",
    source="statement reconstructed; proof in docs/theory.md",
    summary="D ∝ 1/κ for any scheme β_l(m); the rates 1/β_l² share it among the layers",
    statement=(
        "raw weights N(0, β_l(m)²) trained with one rate are the normalised network with κ and rates r_l = 1/β_l²; let "
        "r_l ∝ m^{δ_l}, time in units such that max r_l = 1, and w = (Σ_l r_lK^l)^{−1}y. Along κ = k_0 m^γ, γ > 0, D ∝ m^{−γ} "
        "whatever the δ_l, and layer l moves like m^{−γ+δ_l}: κ‖ΔW^l‖/√m → r_l(wᵀK^lw)^{1/2}, κ‖θ_∞ − θ_0‖/√m → (Σ_l r_l² "
        "wᵀK^lw)^{1/2}, and the loss decays at the late rate 2(κ²/(mn))λ_min(Σ_l r_lK^l). One hidden layer, |σ'| ≤ B: "
        "‖ΔW^l‖ ≤ (r_l/max r) C√m/κ with one C for all rates, while λ_min(Σ_l r_lG^l_t) ≥ (κ²/m) min_l λ_min(K^l)/2. He and "
        "LeCun, with their own rates, are lazy, D ∝ m^{−1/2}; Xavier is not: κ → 2"
    ),
    assumptions=(
        "centred training, unit inputs, no two parallel, κ large at all widths; raw networks for relu, where 1-homogeneity "
        "makes them the normalised one with rates, and that network itself for tanh. D is the drift of all weights per neuron: "
        "laziness of single layers, and relative to their start, is that of phase-diagram"
    ),
    figure="scheme_independence",
    uses=("li2024demystifying/drift", "li2024demystifying/linearization", "li2024demystifying/loss-decay"),
    parts=(
        Part(
            letter="a",
            says="D against m along κ = k_0 m^γ with rates ∝ m^{δ_l}",
            status="derived",
            cases=paths,
            cell=layer_drifts,
            read=against_width,
            judge=lambda case: Slope(-case["gamma"], MARGINS[case["hidden_layers"]]),
            controls=(
                Control(
                    "the mean of the layers' exponents",
                    judge=lambda case: Slope(
                        np.mean(case["exponents"]) - case["gamma"], MARGINS[case["hidden_layers"]]
                    ),
                    when=lambda case: any(case["exponents"]),
                ),
            ),
            why="k_0 keeps κ large at all widths; two hidden layers are narrower",
        ),
        Part(
            letter="b",
            says="‖ΔW^l‖/√m against m, layer by layer",
            status="derived",
            cases=partial(paths, layers=True, total=False),
            cell=layer_drifts,
            read=layer_against_width,
            judge=lambda case: Slope(case["exponents"][case["layer"]] - case["gamma"], 0.1),
            controls=(
                Control(
                    "all layers move alike, −γ: rates play no part",
                    judge=lambda case: Slope(-case["gamma"], 0.1),
                    when=lambda case: case["exponents"][case["layer"]] < 0,
                ),
            ),
            cells_of="a",
        ),
        Part(
            letter="c",
            says="κ‖ΔW^l‖/√m over r_l(wᵀK^lw)^{1/2}, and κD at the end over (Σ_l r_l² wᵀK^lw)^{1/2}",
            status="derived",
            cases=partial(paths, layers=True),
            cell=layer_drifts,
            read=over_constant,
            judge=lambda case: Ratio(1.0, case["margin"]),
            controls=(
                Control(
                    "equal κ, equal D: the constant of equal rates",
                    read=partial(over_constant, rated=False),
                    when=lambda case: case["layer"] is None and any(case["exponents"]),
                ),
            ),
            cells_of="a",
            why="the Gram matrix at θ_0 is off its limit by a random O(m^{−1/2}) and in the mean by O(1/m)",
        ),
        Part(
            letter="d",
            says="D against κ at fixed m, rates over four decades",
            status="derived",
            cases=scales,
            cell=layer_drifts,
            read=against_scale,
            judge=Slope(-1.0, 0.03),
            controls=(Control("slope −1/2", judge=Slope(-0.5, 0.03)),),
            why="D, not the change of the kernel: with a alone moving, the network is linear whatever κ",
        ),
        Part(
            letter="e",
            says="late rate of the loss over 2(κ²/(mn))λ_min(Σ_l r_lK^l)",
            status="derived",
            cases=late,
            cell=late_rates,
            read=over_rate,
            judge=lambda case: Ratio(1.0, case["margin"]),
            controls=(Control("K = Σ_l K^l, as if rates were equal", read=partial(over_rate, rated=False)),),
            why="at finite width E λ_min is below its limit by O(1/m)",
        ),
        Part(
            letter="f",
            says="sup_t ‖ΔW^l‖ against its bound, one constant for all rates",
            status="proved",
            cases=bounds,
            cell=bounded_drifts,
            read=over_bound,
            judge=AtMost(),
            controls=(
                Control(
                    "the rates of the two layers exchanged",
                    read=partial(over_bound, exchanged=True),
                    when=lambda case: case["data"]["kind"] == "random",
                ),
            ),
            why="on rows that are alike λ is so small that the bound leaves room even for the wrong rates",
        ),
        Part(
            letter="g",
            says="D against m along the κ(m) and with the rates of a scheme",
            status="derived",
            cases=schemes,
            cell=layer_drifts,
            read=against_width,
            judge=lambda case: Slope(SCHEMES[case["scheme"]], SCHEME_MARGINS[case["scheme"]]),
            controls=(
                Control(
                    "lazy and not lazy exchanged",
                    judge=lambda case: Slope(-0.5 - SCHEMES[case["scheme"]], SCHEME_MARGINS[case["scheme"]]),
                ),
            ),
            why="κ of He and LeCun is of order √(m/d): on inputs of 64 dimensions no width of these would do",
        ),
    ),
)
