"""training-direction: the tangent kernel stands still in the limit of infinite width along any direction of bounded length."""

from collections.abc import Iterator
from functools import partial

import numpy as np

from checks.claim import Arrays, Case, Claim, Control, Part
from checks.judges import AtMost, Draws, Ratio, Sides, Slope
from checks.judges.slope import rms_blocks
from checks.measurements.data import DATA, samples
from checks.measurements.directed_descents import DIRECTIONS, directed_changes
from checks.measurements.streams import data_seed
from checks.measurements.trainings import along, network, title
from theory.directed_training import directed_change_bound, directed_change_moments, relu_directed_kernel
from theory.lazy_bounds import feature_constant

FEW, ONE = {"kind": "random", "n": 4, "d": 4}, {"kind": "random", "n": 1, "d": 1}
SMOOTH = {"quick": ("tanh",), "standard": ("tanh", "softplus"), "full": ("tanh", "softplus", "erf", "sin")}
WIDTHS = {"quick": {1: [64, 512, 4096], 2: [64, 128, 512]}, "standard": {1: [64, 512, 4096], 2: [64, 256, 1024]}}
WIDTHS["full"], REACH = WIDTHS["standard"], {1: 1.0, 2: 0.5}
MARGIN = 0.2
BLOCK = 64  # draws of one root mean square
CLOSED = 1e-9  # ‖Σ d_k‖ of a closed loop over its length: rounding, and more


def led(
    L: int, sigma: str, data: dict, pairs: list, way: str, draws: int, reach: float, steps: int, seen: int = 1
) -> Case:
    """One network, led along one direction."""
    config = network(L, sigma, data, pairs, direction=way, reach=reach, steps=steps, seen=seen)
    return Case(f"{way} · {title(config)} · κ²S/m = {reach:g}", config, draws)


def bounded(tier: str) -> Iterator[Case]:
    """Small and large scales; last one neuron on one input, where the bound is attained up to √2 in its exponent."""
    for activation in SMOOTH[tier]:
        for way in ("fixed", "loop", "against") if tier == "quick" else DIRECTIONS:
            yield led(1, activation, FEW, [[4, 1.0], [64, 4.0], [512, 64.0]], way, 4, 2.0, 32, seen=8)
    yield led(1, "identity", ONE, [[1, 16.0]], "fixed", 64, 0.1, 16, seen=4)


def widths(tier: str, *, L: int = 1, gamma: float = 0.5) -> Iterator[Case]:
    """κ = m^γ."""
    sets = (FEW,) if tier == "quick" or L > 1 else (FEW, DATA["digits"] | {"n": 4, "target": "own"})
    for data in sets:
        for way in ("fixed", "against")[: 3 - L] if tier == "quick" else DIRECTIONS:
            yield led(L, "tanh", data, along(WIDTHS[tier][L], gamma, 1.0), way, 24, REACH[L], 8, seen=4)


def mean_field(tier: str) -> Iterator[Case]:
    """κ = 1, a few directions."""
    return widths("quick", gamma=0.0)


def lengths(tier: str) -> Iterator[Case]:
    """One input at κ = √m, short and long paths."""
    paths = (("tanh", 1.0, 8), ("tanh", 4.0, 32), ("softplus", 4.0, 32))
    for activation, reach, steps in paths[:1] if tier == "quick" else paths:
        yield led(1, activation, ONE, [[2048, 2048**0.5]], "fixed", 24 * BLOCK, reach, steps)


def scalings(tier: str) -> Iterator[Case]:
    """relu at κ = √m on a path of fixed length, and at τ = 1 in NTK and in mean-field scaling."""
    yield led(1, "relu", ONE, [[65536, 256.0]], "fixed", 48, 5.0, 16)
    for kappa in (64.0, 1.0):
        yield led(1, "relu", ONE, [[4096, kappa]], "fixed", 12, kappa, 128)


def below_bound(case: dict, found: Arrays, *, net: bool = False) -> Sides:
    """‖G_t − G_0‖/‖G_0‖ against its bound, or after a closed loop that with the ``net`` ‖∫d_t dt‖ for ∫‖d_t‖dt."""
    X, _ = samples(case["data"], data_seed(case["stream"]))
    largest = float(np.linalg.norm(X, 2)) ** 2
    shares = [CLOSED] if net else np.arange(1, case["seen"] + 1) / case["seen"]
    bound = np.empty((*found["largest"].shape, len(shares)))
    for s, k, t in np.ndindex(bound.shape):
        (m, kappa), c_sigma = case["pairs"][k], feature_constant(case["activation"], found["largest"][s, k, None])
        path = shares[t] * case["reach"] * m / kappa**2
        bound[s, k, t] = directed_change_bound(kappa, m, c_sigma, path, largest=largest)
    return Sides(found["change"][..., -len(shares) :], bound)


def against_width(case: dict, found: Arrays) -> Draws:
    """The largest change on the way against m."""
    return Draws(found["change"].max(axis=2), [m for m, _ in case["pairs"]])


def over_moments(case: dict, found: Arrays, *, terms: tuple[int, int] = (1, 1)) -> Draws:
    """Root mean squares of (m/κ²)(G_t − G_0) over (τ²V/m + τ⁴M²)^½, or with one of both ``terms`` alone."""
    V, M = directed_change_moments(case["activation"])
    (m, kappa), (first, second) = case["pairs"][0], terms
    tau = case["reach"] / kappa
    predicted = first * tau**2 * V / m + second * (tau**2 * M) ** 2
    return Draws(rms_blocks(found["scaled"], BLOCK)[:, 0] / np.sqrt(predicted))


def over_law(case: dict, found: Arrays, *, crossings: bool = True) -> Draws:
    """(m/κ²)(G_t − G_0) over its expectation, or over cosh 2τ − 1, as if no neuron were lost."""
    tau = case["reach"] / case["pairs"][0][1]
    return Draws(found["scaled"][:, 0] / ((relu_directed_kernel(tau) if crossings else np.cosh(2 * tau)) - 1))


CLAIM = Claim(
    paper="jacot2018neural",
    name="training-direction",
    source="Theorem 2 of arXiv:1806.07572 with constants, which it does not have; proofs in docs/theory.md",
    summary="the kernel moves by order S/m in NTK scaling along any directions, smooth σ, S = ∫‖d_t‖dt; relu S/√m",
    statement=(
        "θ' = J_tᵀd_t for any d_t, S = ∫‖d_t‖dt, τ = κS/m, L = 1; (a) ‖G_t − G_0‖/‖G_0‖ ≤ e^{2√Λ c_στ} − 1 for flow and "
        "descent, smooth σ; (b), (c) it is of order 1/m at κ = √m and fixed S along all directions, also for L = 2; (d) one "
        "input, d_t of one sign: E((m/κ²)(G_t − G_0))² → τ²V/m + τ⁴M²; (e) the same for relu, E(m/κ²)G_t = ((3π/4 + arctan "
        "e^{−2τ}) cosh 2τ + (sinh 2τ − tanh 2τ)/2)/π = 1 − τ/π + 2τ² − … at every width: of order S/√m at κ = √m"
    ),
    assumptions="unit inputs; (b) to (d) to leading order in τ",
    figure="training_direction",
    uses=("li2024demystifying/kernel-stability",),
    parts=(
        Part(
            letter="a",
            says="‖G_t − G_0‖/‖G_0‖ along the way against e^{2√Λ c_σκS/m} − 1",
            status="proved",
            cases=bounded,
            cell=directed_changes,
            read=below_bound,
            judge=AtMost(),
            controls=(
                Control(
                    "‖∫d_t dt‖ for ∫‖d_t‖dt: the kernel is back where the directions cancel",
                    read=partial(below_bound, net=True),
                    when=lambda case: case["direction"] == "loop",
                ),
            ),
        ),
        Part(
            letter="b",
            says="sup_t ‖G_t − G_0‖/‖G_0‖ against m at κ = √m and fixed S, L = 1",
            status="derived",
            cases=widths,
            cell=directed_changes,
            read=against_width,
            judge=Slope(-1.0, MARGIN),
            controls=(
                Control("the order of the proved bound", judge=Slope(-0.5, MARGIN)),
                Control("κ = 1, outputs led as far: nothing falls with m", cases=mean_field),
            ),
            why=(
                "draws scatter, as the first order is a sum of terms of both signs; the margin is below half the way to −1/2, "
                "and τ so small at the least width that the next order does not count"
            ),
        ),
        Part(
            letter="c",
            says="the same, L = 2",
            status="measured",
            cases=partial(widths, L=2),
            cell=directed_changes,
            read=against_width,
            judge=Slope(-1.0, MARGIN),
            controls=(Control("the order of the proved bound", judge=Slope(-0.5, MARGIN)),),
        ),
        Part(
            letter="d",
            says="root mean square of (m/κ²)(G_t − G_0) over (τ²V/m + τ⁴M²)^½, one input",
            status="derived",
            cases=lengths,
            cell=directed_changes,
            read=over_moments,
            judge=Ratio(1.0, 0.1),
            controls=(
                Control(
                    "linear in S: the mean stands still",
                    read=partial(over_moments, terms=(1, 0)),
                    when=lambda case: case["reach"] > 1,
                ),
                Control(
                    "quadratic in S, as for neurons in pairs",
                    read=partial(over_moments, terms=(0, 1)),
                    when=lambda case: case["activation"] == "tanh",
                ),
            ),
        ),
        Part(
            letter="e",
            says="(m/κ²)(G_t − G_0) over its expectation, relu, one input",
            status="proved",
            cases=scalings,
            cell=directed_changes,
            read=over_law,
            judge=Ratio(1.0, 0.1),
            controls=(Control("cosh 2τ: no neuron meets its kink", read=partial(over_law, crossings=False)),),
            why="descent in so many steps that they change the prediction by about a hundredth of itself",
        ),
    ),
)
