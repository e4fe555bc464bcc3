"""kernel-stability: how much the tangent kernel changes while a wide network trains."""

from collections.abc import Iterator
from functools import partial

import numpy as np

from checks.claim import Arrays, Case, Claim, Control, Part
from checks.judges import AtMost, Draws, Ratio, Sides, Slope
from checks.measurements.data import NINE, THREE, data_name, samples
from checks.measurements.kernel_changes import changes_and_crossings, kernel_changes, largest_changes, mean_change
from checks.measurements.streams import data_seed
from checks.measurements.trainings import SMOOTH_RTOL, network, title
from theory.lazy_bounds import feature_constant, kernel_change_bound

LARGER = ({"kind": "random", "n": 32, "d": 32}, {"kind": "digits", "n": 32, "target": "own"})
ALL = (*THREE, *(data for data in NINE if data not in THREE), *LARGER)
SETS = {"quick": THREE, "standard": ALL, "full": ALL}
ACTIVATIONS = {"quick": ("tanh",), "standard": ("tanh",), "full": ("tanh", "erf", "softplus")}
PAIRED_WIDTH, PAIRED_SCALES, PAIRED_RTOL = 256, [2.0**k for k in (7, 9, 11)], 1e-6
CENTRED_WIDTHS, CENTRED_SCALES = {1: 256, 2: 64}, [2.0**k for k in (10, 12, 14)]
RICH_RTOL = 1e-1  # a tenth of it changes the slopes by .012 at most
WIDTH_SCALE, RICH_SCALE, FIRST_ORDER_SCALE = 2.0**12, 1.0, 2.0**20
# at large κ the fluctuation of the kernel must be small beside λ at every width: wide networks, few samples; not so at κ = 1
RICH_WIDTHS = {1: [64, 256, 1024], 2: [32, 128, 512]}
WIDTHS, MOST_SAMPLES = RICH_WIDTHS | {1: [2**8, 2**10, 2**12]}, 16
NTK_WIDTHS = {"quick": [128, 512, 2048], "standard": [512, 2048, 8192], "full": [512, 2048, 8192]}
KINKED_WIDTHS = {"quick": 2**12, "standard": 2**13, "full": 2**16}
NOISE_WIDTHS = {"quick": 2**11, "standard": 2**11, "full": 2**14}
KINKED_SETS = {"quick": THREE[:1], "standard": (*THREE, {"kind": "random", "n": 16, "d": 16})}
MEAN_DRIFTS, NOISE_DRIFTS = [16, 64], [8, 32, 128]  # inverse
NOISE_RTOL = 1e-1  # a tenth of it changes the slopes by .02
KINKED_DRAWS = {"quick": (32, 48), "standard": (48, 64), "full": (128, 256)}
KINKED_MARGINS = {"quick": (0.3, 0.2), "standard": (0.2, 0.15), "full": (0.1, 0.1)}


def smooth(tier: str, L: int, pairs: list, draws: int, sets: tuple | None = None, **options: object) -> Iterator[Case]:
    """Networks with smooth σ at all pairs (m, κ), on every data set."""
    for activation in ACTIVATIONS[tier]:
        for data in SETS[tier] if sets is None else sets:
            config = network(L, activation, data, pairs, **options)
            yield Case(title(config), config, draws, chunk=-(-draws // 4))


def paired(tier: str, draws: int = 5) -> Iterator[Case]:
    """κ at one width, neurons in pairs, one hidden layer."""
    pairs = [[PAIRED_WIDTH, kappa] for kappa in PAIRED_SCALES]
    return smooth(tier, 1, pairs, draws, paired=True, rtol=PAIRED_RTOL)


def centred(tier: str) -> Iterator[Case]:
    """κ at one width; two hidden layers on one data set at the quick tier."""
    for L, m in CENTRED_WIDTHS.items():
        sets = THREE[:1] if tier == "quick" and L > 1 else None
        yield from smooth(tier, L, [[m, kappa] for kappa in CENTRED_SCALES], 8, sets)


def widths(tier: str) -> Iterator[Case]:
    """Widths at one κ; two hidden layers not at the quick tier."""
    sets = tuple(data | {"n": min(data["n"], MOST_SAMPLES)} for data in SETS[tier])
    for L in (1,) if tier == "quick" else (1, 2):
        yield from smooth(tier, L, [[m, WIDTH_SCALE] for m in WIDTHS[L]], 24, sets if L == 1 else sets[:3])


def rich(tier: str) -> Iterator[Case]:
    """The same far from lazy, on one data set."""
    for L in (1,) if tier == "quick" else (1, 2):
        yield from smooth(tier, L, [[m, RICH_SCALE] for m in RICH_WIDTHS[L]], 6, THREE[:1], rtol=RICH_RTOL)


def first_order(tier: str) -> Iterator[Case]:
    """One κ so large that D² is nothing beside D."""
    return smooth(tier, 1, [[128, FIRST_ORDER_SCALE]], 5, THREE)


def uncentred(tier: str) -> Iterator[Case]:
    """Widths at κ = √m, f_0 not subtracted; at the quick tier on one data set."""
    sets = THREE[:1] if tier == "quick" else THREE
    return smooth(tier, 1, [[m, m**0.5] for m in NTK_WIDTHS[tier]], 24, sets, centred=False)


def kinked(tier: str) -> Iterator[Case]:
    """relu in pairs at two drifts."""
    m = KINKED_WIDTHS[tier]
    for data in KINKED_SETS.get(tier, KINKED_SETS["standard"]):
        config = {"data": data, "sizes": [[m, q] for q in MEAN_DRIFTS]}
        select = {"margin": KINKED_MARGINS[tier][0]}
        yield Case(f"L = 1 · relu · {data_name(data)} · m = {m}", config, KINKED_DRAWS[tier][0], select=select)


def noisy(tier: str) -> Iterator[Case]:
    """relu in pairs at three drifts, and two narrower widths."""
    m, q = NOISE_WIDTHS[tier], NOISE_DRIFTS[0]
    sizes = [*([m, own] for own in NOISE_DRIFTS), [m // 4, q], [m // 16, q]]
    for data in KINKED_SETS.get(tier, KINKED_SETS["standard"]):
        name, config = f"L = 1 · relu · {data_name(data)} · m = {m // 16}..{m}", {"data": data, "sizes": sizes}
        select = {"margin": KINKED_MARGINS[tier][1]}
        yield Case(name, config | {"rtol": NOISE_RTOL}, KINKED_DRAWS[tier][1], select=select)


def against_scale(case: dict, found: Arrays, *, key: str = "kernel") -> Draws:
    """``key`` against κ."""
    return Draws(found[key], [kappa for _, kappa in case["pairs"]])


def against_width(case: dict, found: Arrays, *, key: str = "kernel") -> Draws:
    """``key`` against m."""
    return Draws(found[key], [m for m, _ in case["pairs"]])


def below_bound(case: dict, found: Arrays, *, without: bool = False) -> Sides:
    """(m/κ²)‖G_t − G_0‖ against its bound, or ``without`` its first term; its relative error is the tolerance."""
    X, _ = samples(case["data"], data_seed(case["stream"]))
    n, largest = len(X), float(np.linalg.norm(X, 2)) ** 2
    bound = np.full_like(found["scaled"], np.nan)  # stays NaN where a flow did not reach its end
    for at in zip(*np.nonzero(np.isfinite(found["scaled"])), strict=True):
        c_sigma = feature_constant(case["activation"], found["largest"][at][None])
        jacobian = 0.0 if without else found["jacobian"][at]
        bound[at] = kernel_change_bound(n, c_sigma, jacobian, found["drift"][at], largest=largest)
    return Sides(found["scaled"], bound, SMOOTH_RTOL * found["scaled"])


def rest(case: dict, found: Arrays, *, crossings: bool = True) -> Draws:
    """The coefficient of 1/κ in (m/κ²)ΔG, less that of `crossing_change` in the same weights, along C over ‖C‖.

    From two κ, 1/κ² removed by (κ'X' − κX)/(κ' − κ).
    """
    C, (q, r) = mean_change(case), [q for _, q in case["sizes"]]
    values = np.tensordot(found["change"] - crossings * found["crossings"], C, axes=2) / np.sum(C**2)
    return Draws((r * values[:, 1] - q * values[:, 0]) / (r - q))


def noise(case: dict, found: Arrays, *, axis: str) -> Draws:
    """‖ΔG − ΔG'‖ of two draws against κ or m, in units of κ²/m."""
    of = {"κ": [0, 1, 2], "m": [4, 3, 0]}[axis]
    m, q = np.array(case["sizes"], dtype=float)[of].T
    spread = np.linalg.norm(found["change"][::2, of] - found["change"][1::2, of], axis=(2, 3))
    return Draws(spread / q, q if axis == "κ" else m)


def own_margin(predicted: float) -> object:
    """The judge of an exponent with the margin of the case."""
    return lambda case: Slope(predicted, case["margin"])


CLAIM = Claim(
    paper="li2024demystifying",
    name="kernel-stability",
    source="statement reconstructed; proof in docs/theory.md",
    summary="the kernel changes by A/κ² + Bξ/(κ√m) for smooth σ, by A/κ² + C/κ + Bξ/√(κm) for relu, C known",
    statement=(
        "sup_t ‖G_t − G_0‖/‖G_0‖, centred, is A/κ² + Bξ/(κ√m) for smooth σ, with B = 0 if f_0 = 0 by pairing, and of order 1/m "
        "at κ = √m also where f_0 ≠ 0; for relu, L = 1, (m/κ²)(G_t − G_0) at a fixed κ²t/m is A/κ² + C/κ in the "
        "mean, with the matrix C of docs/theory.md, and deviates from it by order 1/√(κm); L = 1, smooth σ, Λ = λ_max(XXᵀ): "
        "(m/κ²)‖G_t − G_0‖ ≤ 2‖(√m/κ)J_0‖√Λ c_σD + Λc_σ²D²"
    ),
    assumptions=(
        "unit inputs, no two parallel, κ large; the expansions are judged on the axes κ and m, never along κ = m^γ, where the "
        "terms mix; the mean of relu is a matrix, so its change is taken at one time, two decay times of the fastest mode"
    ),
    figure="kernel_stability",
    uses=("li2024demystifying/drift",),
    parts=(
        Part(
            letter="a",
            says="sup_t ‖G_t − G_0‖/‖G_0‖ against κ, paired neurons, f_0 = 0",
            status="derived",
            cases=paired,
            cell=largest_changes,
            read=against_scale,
            judge=Slope(-2.0, 0.1),
            controls=(Control("first order in 1/κ, as without pairs", judge=Slope(-1.0, 0.1)),),
        ),
        Part(
            letter="b",
            says="sup_t ‖G_t − G_0‖/‖G_0‖ against κ, f_0 ≠ 0",
            status="derived",
            cases=centred,
            cell=largest_changes,
            read=against_scale,
            judge=Slope(-1.0, 0.1),
            controls=(Control("second order in 1/κ, as with pairs", judge=Slope(-2.0, 0.1)),),
            why="κ is so large that the fluctuation at initialisation decides",
        ),
        Part(
            letter="c",
            says="sup_t ‖G_t − G_0‖/‖G_0‖ against m at large κ, f_0 ≠ 0",
            status="derived",
            cases=widths,
            cell=largest_changes,
            read=against_width,
            judge=Slope(-0.5, 0.2),
            controls=(
                Control(
                    "κ = 1, where nothing falls with m",
                    judge=Slope(-0.5, 0.1),
                    cases=rich,
                ),
            ),
            why="draws scatter, since one mode of the kernel decides; the margin is below half the distance to 0 and to −1",
        ),
        Part(
            letter="d",
            says="κ E((m/κ²)(G_t − G_0)), relu, less what neurons that cross a kink make of it, along C over C, 1/κ² removed",
            status="derived",
            cases=kinked,
            cell=changes_and_crossings,
            read=rest,
            judge=lambda case: Ratio(0.0, case["margin"]),
            controls=(Control("no term 1/κ: as if crossings made nothing", read=partial(rest, crossings=False)),),
            why=(
                "κ from the predicted drift, so that all data are equally lazy; crossings counted in the same weights halve "
                "the scatter, and their mean is C by quadrature; drifts so small that third orders are, yet many cross"
            ),
        ),
        Part(
            letter="e",
            says="(m/κ²)‖G_t − G_0‖ against 2‖(√m/κ)J_0‖√Λ c_σD + Λc_σ²D²",
            status="proved",
            cases=paired,
            cell=largest_changes,
            read=below_bound,
            judge=AtMost(),
            cells_of="a",
            controls=(
                Control(
                    "without its first term, as if J_0 did not matter",
                    read=partial(below_bound, without=True),
                    cases=first_order,
                ),
            ),
        ),
        Part(
            letter="f",
            says="‖ΔG − ΔG′‖ of two draws, relu, against κ",
            status="derived",
            cases=noisy,
            cell=kernel_changes,
            read=partial(noise, axis="κ"),
            judge=own_margin(-0.5),
            controls=(Control("first order in 1/κ, as for smooth σ", judge=own_margin(-1.0)),),
        ),
        Part(
            letter="g",
            says="‖ΔG − ΔG′‖ of two draws, relu, against m",
            status="derived",
            cases=noisy,
            cell=kernel_changes,
            read=partial(noise, axis="m"),
            judge=own_margin(-0.5),
            cells_of="f",
            controls=(Control("of the order of the mean, which does not fall with m", judge=own_margin(0.0)),),
        ),
        Part(
            letter="h",
            says="sup_t ‖G_t − G_0‖/‖G_0‖ against m at κ = √m, f_0 not subtracted",
            status="derived",
            cases=uncentred,
            cell=largest_changes,
            read=against_width,
            judge=Slope(-1.0, 0.2),
            controls=(Control("m^{−1/2}, the order of the proved bounds at κ = √m", judge=Slope(-0.5, 0.2)),),
            why="Lee et al. (2019) prove −1/2, Dyer and Gur-Ari (2020) derive −1; the next order is m^{−1/2} of it",
        ),
    ),
)
