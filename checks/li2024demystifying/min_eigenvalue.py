"""min-eigenvalue: the least eigenvalue of the Gram matrices at finite width, as a frequency, a rate and a width."""

from collections.abc import Iterator

import numpy as np

from checks.claim import Arrays, Case, Claim, Control, Part
from checks.judges import AtMost, Counts, Draws, Frequency, Sides, Slope
from checks.judges.slope import rms_blocks
from checks.measurements import eigenvalues
from checks.measurements.data import data_name
from checks.measurements.eigenvalues import failure_bound, failure_setting, limit_least, pair
from checks.measurements.relu_conditions import kept_shares
from theory import sufficient_width

# activation, layer, n, width, ε
ORTHONORMAL = (("relu", 1, 4, 64, 0.5), ("relu", 1, 4, 128, 0.5), ("relu", 1, 1, 16, 0.75), ("erf", 2, 4, 256, 0.5))
OTHERS = (("digits", "relu", 1), ("random", "relu", 1), ("random", "tanh", 1), ("random", "erf", 2))
AIM = 0.1
TRIALS = {"quick": (4000, 1000), "standard": (20000, 4000), "full": (200000, 40000)}
FASTER = 10
RATES = (("random", 4, "relu"), ("random", 4, "tanh"), ("digits", 2, "relu"))
WIDTHS = {"quick": range(9, 14), "standard": range(9, 15), "full": range(9, 17)}
BLOCK = 16
WIDE = range(10, 27, 2)  # networks that are never stored: so long a window needs few draws
PAIRS = {"angles": [0.05, 0.0175, 0.00625], "networks": 160}
SCALES = {
    "relu": (16.0, True),
    "tanh": (6.0, False),
}  # of the grid of widths: φ/π of relu's neurons tell two inputs apart
SUMMED = (
    ("relu", {"kind": "orthonormal", "n": 4}),
    ("relu", {"kind": "random", "n": 2, "d": 2, "twin": 0.1}),
    ("relu", {"kind": "random", "n": 8, "d": 8}),
    ("erf", {"kind": "digits", "n": 8}),
    ("tanh", {"kind": "diabetes", "n": 8}),
)
# a width that is enough for orthonormal inputs
CLOSE = {"data": SUMMED[1][1] | {"twin": 0.0125}, "activation": "relu", "layer": 0, "eps": 0.5, "width": 281}
SMOOTH = {
    "quick": (("tanh", {"kind": "orthonormal", "n": 2}), ("tanh", {"kind": "random", "n": 4, "d": 8})),
    "standard": (
        ("tanh", {"kind": "orthonormal", "n": 2}),
        ("tanh", {"kind": "random", "n": 4, "d": 8}),
        ("erf", {"kind": "random", "n": 8, "d": 16}),
        ("sin", {"kind": "diabetes", "n": 4}),
    ),
}
SMOOTH["full"] = SMOOTH["standard"]
LOST = {"data": SUMMED[1][1] | {"twin": 1.0}, "activation": "sin", "delta": AIM, "share": 4e-4}


def frequencies(tier: str) -> Iterator[Case]:
    """Orthonormal inputs, and others at the width at which the bound is `AIM`."""
    many, few = TRIALS[tier]
    others = [(kind, name, layer, 4, AIM, 0.5, few) for kind, name, layer in OTHERS]
    for kind, name, layer, n, m, eps, draws in [*(("orthonormal", *own, many) for own in ORTHONORMAL), *others]:
        setting = {"data": {"kind": kind, "n": n}, "activation": name, "layer": layer, "eps": eps, "width": m}
        width = f"m = {m}" if m >= 1 else f"bound {m}"
        yield Case(f"K^{layer} · {name} · {kind}, n = {n}, {width}, ε = {eps}", {"setting": setting}, draws)


def failed(case: dict, found: Arrays, *, power: int = 1) -> Counts:
    """How often λ_min falls below its share, against the bound, n e^{−sm}, with ``power`` times the exponent."""
    X, m = failure_setting(case["setting"], case["stream"])
    name, layer, eps = (case["setting"][key] for key in ("activation", "layer", "eps"))
    below = found["least"] <= (1 - eps) * limit_least(X, name, layer)
    bound = len(X) * (failure_bound(X, m, name, layer, eps) / len(X)) ** power
    return Counts(int(np.count_nonzero(below)), len(below), bound)


def summed(tier: str) -> Iterator[Case]:
    """Σ_l G^l at the width m_0 at which the bound is `AIM`."""
    for name, data in SUMMED:
        setting = {"data": data, "activation": name, "layer": 0, "eps": 0.5, "width": AIM}
        yield Case(f"{name} · {data_name(data)}, bound {AIM}", {"setting": setting}, 200)


def smooth(tier: str) -> Iterator[Case]:
    """Smooth σ at m_0 and κ_0."""
    for name, data in SMOOTH[tier]:
        yield Case(f"{name} · {data_name(data)}", {"data": data, "activation": name, "delta": AIM}, 84)


def lost(case: dict, found: Arrays) -> Counts:
    """How often λ_min(G_t) < (κ²/m)λ_1/2, against δ."""
    return Counts(int(np.count_nonzero(~(found["least"] >= 0.5))), len(found["least"]), case["delta"])


def rates(tier: str) -> Iterator[Case]:
    """Both layers of one hidden layer, over widths."""
    for kind, n, name in RATES:
        for layer in (1, 2):
            data = {"kind": kind, "n": n} | ({"d": 16} if kind == "random" else {})
            config = {"data": data, "activation": name, "layer": layer, "widths": [2**k for k in WIDTHS[tier]]}
            yield Case(f"K^{layer} · {name} · {kind}, n = {n}", config, 48 * BLOCK)
            if tier == "full" and kind == "random":
                config = config | {"widths": [2**k for k in WIDE], "streamed": True}
                yield Case(f"K^{layer} · {name} · {kind}, n = {n}, never stored", config, 6 * BLOCK)


def rms(case: dict, found: Arrays) -> Draws:
    """Root mean square of λ_min − λ over blocks of draws."""
    return Draws(rms_blocks(found["error"], BLOCK), case["widths"])


def bias(case: dict, found: Arrays) -> Draws:
    """Mean of vᵀ(m/κ²)Gv − λ_min, whose expectation is the bias, over blocks of draws."""
    return Draws(found["bias"].reshape(-1, BLOCK, len(case["widths"])).mean(axis=1), case["widths"])


def pairs_of(activation: str, select: dict) -> list[Case]:
    """Pairs of inputs at several angles."""
    scale, by_angle = SCALES[activation]
    config = {"activation": activation, "scale": scale, "by_angle": by_angle, **PAIRS}
    return [Case(f"{activation} pairs", config, 12, chunk=3, select=select)]


def sufficient(case: dict, found: Arrays) -> Sides:
    """The mean of m_0.9 at every angle against the width that is proved to suffice."""
    bound = [sufficient_width(pair(phi), activation=case["activation"]) for phi in case["angles"]]
    return Sides(found["widths"].mean(axis=0), bound)


def by_root(case: dict, found: Arrays) -> Sides:
    """The same at the smallest angle, with the root of λ_max(XXᵀ)/λ in the width."""
    X = pair(case["angles"][-1])
    ratio = np.linalg.eigvalsh(X @ X.T)[-1] / limit_least(X, case["activation"], 1)
    bound = sufficient_width(X, activation=case["activation"]) / np.sqrt(ratio)
    return Sides(found["widths"][:, -1].mean(), bound)


def by_eigenvalue(case: dict, found: Arrays) -> Draws:
    """m_0.9 against 1/λ."""
    return Draws(found["widths"], [1 / limit_least(pair(phi), case["activation"], 1) for phi in case["angles"]])


CLAIM = Claim(
    paper="li2024demystifying",
    name="min-eigenvalue",
    source="statement reconstructed; proof in docs/theory.md",
    summary="L = 1: λ_min((m/κ²) G^l) fails rarely, errs by m^{−1/2}, is biased by 1/m, and needs m of order 1/λ",
    statement=(
        "L = 1: (a) λ_min((m/κ²)G^l) falls below (1−ε)λ_min(K^l) with probability at most n e^{−ms}, s explicit; (b) it "
        "approaches λ_min(K^l) like m^{−1/2}, from below in the mean, by a bias of order 1/m; (c) an explicit width of order "
        "1/λ suffices for half of λ_min(K^1) with probability 0.9, and the order is attained; (d) such a width for Σ_l G^l; "
        "(e) smooth σ: m ≥ m_0, κ > κ_0, explicit, imply λ_min(G_t) ≥ (κ²/m)λ_min(K^1)/2 for all t with probability 1 − δ"
    ),
    assumptions=(
        "one hidden layer; in (a) |σ'| ≤ B for l = 1, σ bounded for l = 2; in (d) σ homogeneous or bounded; in (e) unit "
        "inputs, centred, σ' and σ″ bounded; the bias in (b) where the gap above λ_min(K^l) is large against the "
        "fluctuation of an entry of (m/κ²)G^l: nearly equal eigenvalues first repel by order m^{−1/2}"
    ),
    figure="min_eigenvalue",
    uses=("li2024demystifying/gram-limit",),
    parts=(
        Part(
            letter="a",
            says="how often λ_min((m/κ²)G^l) ≤ (1 − ε)λ_min(K^l) against the bound",
            status="proved",
            cases=frequencies,
            cell=eigenvalues.failures,
            read=failed,
            judge=Frequency(),
            controls=(
                Control(
                    f"{FASTER} times the exponent",
                    read=lambda case, found: failed(case, found, power=FASTER),
                    when=lambda case: case["setting"]["width"] >= 1 and case["setting"]["layer"] == 1,
                ),
            ),
            why="bound and frequency are both visible on orthonormal inputs; on others m is where the bound is small",
        ),
        Part(
            letter="b1",
            says="RMS of λ_min((m/κ²)G^l) − λ_min(K^l) over blocks of draws, against m",
            status="derived",
            cases=rates,
            cell=eigenvalues.least_eigenvalues,
            read=rms,
            judge=Slope(-0.5, 0.1),
            controls=(Control("order of the bias", judge=Slope(-1.0, 0.2)),),
            why="inputs are drawn until an entry fluctuates by at most a quarter of the gap above λ_min(K^l)",
        ),
        Part(
            letter="b2",
            says="λ_min(K^l) − E λ_min((m/κ²)G^l) over blocks of draws, against m",
            status="derived",
            cases=rates,
            cell=eigenvalues.least_eigenvalues,
            cells_of="b1",
            read=bias,
            judge=Slope(-1.0, 0.2),
            controls=(Control("order of the fluctuation", judge=Slope(-0.5, 0.1)),),
        ),
        Part(
            letter="c1",
            says="mean width m_0.9 from which on 0.9 of the networks keep λ_min(K^1)/2, against the sufficient width",
            status="proved",
            cases=lambda tier: pairs_of("relu", {}),
            cell=eigenvalues.widths_of_pairs,
            read=sufficient,
            judge=AtMost(),
            controls=(
                Control("a width of order λ^{−1/2}, with the same constant, at the smallest angle", read=by_root),
            ),
        ),
        Part(
            letter="c2",
            says="m_0.9 of pairs of inputs against 1/λ_min(K^1)",
            status="derived",
            cases=lambda tier: [*pairs_of("relu", {"exponent": 1.0}), *pairs_of("tanh", {"exponent": 0.0})],
            cell=eigenvalues.widths_of_pairs,
            cells_of="c1",
            read=by_eigenvalue,
            judge=lambda case: Slope(case["exponent"], 0.2),
            controls=(
                Control("slope 1 for tanh", judge=Slope(1.0, 0.2), when=lambda case: case["activation"] == "tanh"),
            ),
            why="σ' of tanh is smooth: every neuron tells two inputs apart, and m_0.9 does not depend on λ_min(K^1)",
        ),
        Part(
            letter="d",
            says="how often λ_min((m/κ²)Σ_l G^l) ≤ λ/2 against the bound, at the width at which it is 0.1",
            status="proved",
            cases=summed,
            cell=eigenvalues.failures,
            read=failed,
            judge=Frequency(),
            controls=(
                Control(
                    "a width that does not depend on λ, that of orthonormal inputs, for near-duplicates",
                    read=lambda case, found: Counts(failed(case, found).failures, len(found["least"]), AIM),
                    cases=lambda tier: [Case("φ = 0.0125", {"setting": CLOSE}, 200)],
                ),
            ),
        ),
        Part(
            letter="e",
            says="how often λ_min(G_t) < (κ²/m)λ_min(K^1)/2 at m_0 and κ_0, against δ",
            status="proved",
            cases=smooth,
            cell=kept_shares,
            read=lost,
            judge=Frequency(),
            controls=(
                Control(
                    "m_0 alone suffices: sin, two inputs, small κ", cases=lambda tier: [Case("sin", LOST, 5, chunk=5)]
                ),
            ),
            why="trials as few as can show δ, on data whose m_0 many runs can afford",
        ),
    ),
)
