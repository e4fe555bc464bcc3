"""gram-limit: the Gram matrices at initialisation tend to their infinite-width limits like 1/√m."""

import itertools
from collections.abc import Iterator
from functools import partial

import numpy as np

from checks.claim import Arrays, Case, Claim, Control, Part
from checks.judges import Draws, Ratio, Slope
from checks.judges.slope import rms_blocks
from checks.measurements.data import DATA, data_name
from checks.measurements.gram_errors import (
    data_sets,
    gram_errors,
    gram_sums,
    offsets,
    square_distances,
    unscaled_errors,
    wrong_limits,
)
from theory import gram_fluctuations, limit_grams

ACTIVATIONS = {"quick": ("relu", "tanh"), "standard": ("relu", "tanh", "erf"), "full": ("relu", "tanh", "erf")}

# (a) depth: (log2 of the widths, draws of the first look). Over the draws of a block the root mean square of the distance is
# the nearer to √(C/m) the longer the block is, and above it by terms of order 1/m; of single draws the mean logarithm is below.
RATES = {
    "quick": {1: ((7, 9, 11, 13), 128), 2: ((5, 6, 7, 8), 384), 3: ((5, 6, 7, 8), 384)},
    "standard": {1: (range(8, 17), 128), 2: (range(5, 10), 320), 3: (range(5, 10), 320)},
    "full": {1: (range(8, 19), 256), 2: (range(5, 13), 384), 3: (range(5, 12), 512)},
}
ROWS = 4
# Six decades of width for L = 1 and three behind it, in networks that are never stored: so long a window needs few draws.
WIDE = {1: range(6, 27, 2), 2: range(6, 17), 3: range(6, 17)}
WIDE_DRAWS = 8 * ROWS
UNSCALED = ((5, 6, 7, 8), 24)

# (b), (c) depth and activation: (width, networks of the first look). For L = 1 both statements hold at every width. For L ≥ 2
# the mean is off by O(1/m), most for relu: here by half a per cent. The draws go with the squared spread over the width.
BLOCKS = 16
SIZES = {
    1: {"relu": (16, 64_000), "tanh": (16, 64_000), "erf": (16, 64_000)},
    2: {"relu": (112, 16_000), "tanh": (64, 12_000), "erf": (64, 12_000)},
    3: {"relu": (192, 20_000), "tanh": (96, 12_000), "erf": (96, 12_000)},
}
DISTANCE = 1.5e-4  # 1.2 % squared
WRONG_LIMITS = "limits with Σ for Σ̇ (l ≤ L), Σ^{L−1} for Σ^L (l = L + 1)"


def activations(tier: str, L: int) -> tuple[str, ...]:
    """At the quick tier they take turns beyond one hidden layer."""
    return ACTIVATIONS[tier][L % 2 :: 2] if tier == "quick" and L > 1 else ACTIVATIONS[tier]


def rates(tier: str) -> Iterator[Case]:
    """One case for every depth, layer, activation and data set; all data sets of one depth see the same weights.

    Beyond one hidden layer the quick tier takes random inputs.
    """
    for L, (logarithms, draws) in RATES[tier].items():
        kinds = ["random"] if tier == "quick" and L > 1 else list(DATA)
        for name in activations(tier, L):
            config = {"data": [DATA[kind] for kind in kinds], "hidden_layers": L, "activation": name}
            config["widths"] = [2**k for k in logarithms]
            for (place, kind), layer in itertools.product(enumerate(kinds), range(L + 1)):
                title = f"K^{layer + 1} · L = {L} · {name} · {kind}"
                yield Case(title, config, draws, select={"set": place, "layer": layer})
    if tier == "full":
        yield from wide()


def wide() -> Iterator[Case]:
    """The widest networks, on one data set."""
    for (L, logarithms), name in itertools.product(WIDE.items(), ("relu", "tanh")):
        config = {"data": [DATA["random"]], "hidden_layers": L, "activation": name}
        config |= {"widths": [2**k for k in logarithms], "streamed": True}
        for layer in range(L + 1):
            title = f"K^{layer + 1} · L = {L} · {name} · random, never stored"
            yield Case(title, config, WIDE_DRAWS, select={"set": 0, "layer": layer})


def unscaled(tier: str) -> Iterator[Case]:
    """Few widths: the distance grows."""
    logarithms, draws = UNSCALED
    for L in (2, 3):
        for name in activations(tier, L):
            config = {"data": [DATA["random"]], "hidden_layers": L, "activation": name}
            config["widths"] = [2**k for k in logarithms]
            for layer in range(L + 1):
                yield Case(f"K^{layer + 1} · L = {L} · {name}", config, draws, select={"set": 0, "layer": layer})


def distance(case: dict, found: Arrays) -> Draws:
    """‖(m/κ²)G^l − K^l‖_F against m."""
    return Draws(rms_blocks(found["distance"][:, :, case["set"], case["layer"]], ROWS), case["widths"])


def means(tier: str, depths: tuple[int, ...] = (1, 2, 3)) -> Iterator[Case]:
    """Every layer; at quick one data set for an activation, for L = 2 tanh alone, none for L = 3; beyond all.

    All data sets of a deep network see the same weights, which are what costs there; with one hidden layer inputs do.
    """
    for L, (k, name) in itertools.product(depths, enumerate(ACTIVATIONS["full"])):
        if tier == "quick" and (L == 3 or (L == 2 and name != "tanh")):
            continue
        width, networks = SIZES[L][name]
        few = {"n": 4} if tier == "quick" and L == 1 else {}
        sets = [data | few for data in DATA.values()]
        sets = sets[k : k + 1] if tier == "quick" else sets
        for group in [[data] for data in sets] if L == 1 else [sets]:
            config = {"data": group, "activation": name, "hidden_layers": L, "width": width}
            config["batch"] = networks // BLOCKS
            for (place, data), layer in itertools.product(enumerate(group), range(L + 1)):
                title = f"K^{layer + 1} · L = {L}, m = {width} · {name} · {data_name(data)}"
                yield Case(title, config, BLOCKS, select={"set": place, "layer": layer})


def limits(case: dict, *, wrong: bool = False) -> np.ndarray:
    """K^l of the case, or a wrong one."""
    X, L, name = data_sets(case["data"], case["stream"])[case["set"]], case["hidden_layers"], case["activation"]
    layers = wrong_limits(X, L, name) if wrong else limit_grams(X, hidden_layers=L, activation=name).layers
    return layers[case["layer"]]


def over_constant(case: dict, found: Arrays, *, wrong: bool = False) -> Draws:
    """m E‖(m/κ²)G^l − K^l‖_F² over C_l: single networks are skewed, means over a batch are not."""
    (X,) = data_sets(case["data"], case["stream"])
    exact = (wrong_constants if wrong else gram_fluctuations)(X, activation=case["activation"])[case["layer"]]
    return Draws(case["width"] * square_distances(found, case["layer"], limits(case), case["batch"]) / exact)


def wrong_constants(X: np.ndarray, activation: str) -> tuple[float, float]:
    """C_1 with E a⁴ = 1 in place of 3; C_2 as if the features were Gaussian, Var(σ(u)σ(v)) = Σ_iiΣ_jj + Σ_ij²."""
    first, sigma = limit_grams(X, hidden_layers=1, activation=activation).layers
    C_1, _ = gram_fluctuations(X, activation=activation)
    scale = np.diag(sigma)
    return (C_1 - 2 * (first**2).sum()) / 3, float((np.outer(scale, scale) + sigma**2).sum())


def offset(case: dict, found: Arrays, *, wrong: bool = False) -> Draws:
    """Unbiased estimates of ‖E (m/κ²)G^l − K^l‖²/‖K^l‖²."""
    place = case["set"] * (case["hidden_layers"] + 1) + case["layer"]
    return Draws(offsets(found, place, limits(case, wrong=wrong), case["batch"], BLOCKS))


CLAIM = Claim(
    paper="li2024demystifying",
    name="gram-limit",
    source="statement reconstructed; proof in docs/theory.md",
    summary="(m/κ²) G^l → K^l at every layer, at the rate m^{−1/2}, with the exact constant for L = 1",
    statement=(
        "(m/κ²) G^l(θ_0) → K^l for every layer l as m → ∞; for L = 1, E (m/κ²) G^l = K^l and "
        "E‖(m/κ²) G^l − K^l‖_F² = C_l/m exactly at every m"
    ),
    assumptions="normalised network, all weights N(0, 1), any κ > 0; for the rate at L ≥ 2 no two inputs parallel",
    figure="gram_limit",
    parts=(
        Part(
            letter="a",
            says="‖(m/κ²) G^l − K^l‖_F, root mean square of four draws, against m",
            status="derived",
            cases=rates,
            cell=gram_errors,
            read=distance,
            judge=Slope(-0.5, 0.1),
            controls=(Control("a network without the 1/√m of its second layer", cases=unscaled, cell=unscaled_errors),),
            why="exact for L = 1; for L ≥ 2 O(m^{−1/2}) is proved, and terms of order 1/m² bias small widths",
        ),
        Part(
            letter="b",
            says="m‖(m/κ²) G^l − K^l‖_F² over C_l, L = 1, averaged in batches",
            status="proved",
            cases=partial(means, depths=(1,)),
            cell=gram_sums,
            cells_of="c",
            read=over_constant,
            judge=Ratio(1.0, 0.03),
            controls=(
                Control("E a⁴ = 1 for 3 in C_1, Gaussian features in C_2", read=partial(over_constant, wrong=True)),
            ),
            why="the identity holds at every width, so a small one with many networks",
        ),
        Part(
            letter="c",
            says="‖E (m/κ²)G^l − K^l‖²/‖K^l‖², unbiased, in sixteen blocks",
            status="derived",
            cases=means,
            cell=gram_sums,
            read=offset,
            judge=Ratio(0.0, DISTANCE),
            controls=(Control(WRONG_LIMITS, read=partial(offset, wrong=True)),),
            why=(
                "a squared distance: K·1.02 is off by .0004, in any direction; L = 1 is exact, for L ≥ 2 the mean is off by "
                "O(1/m), and the width leaves that below two thirds of the allowed distance; relu at L ≥ 2 needs the widest, "
                "beyond the quick tier, which judges its diagonal in gram-moments"
            ),
        ),
    ),
)
