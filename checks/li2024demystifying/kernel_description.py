"""kernel-description: a wide lazy network predicts, at all times and inputs, what kernel regression with K predicts."""

from collections.abc import Iterator

from checks.claim import Arrays, Case, Claim, Control, Part
from checks.judges import Draws, Slope
from checks.measurements.data import NINE, THREE
from checks.measurements.kernel_predictions import KINKED, predictions
from checks.measurements.trainings import along, network, title
from theory.rates import prediction_exponent

# the order is reached once ‖K^{−1}(G_0 − K)‖ is small: at m = 64 the slope is still off by half a margin
WIDTHS = {1: [128, 704, 4096], 2: [32, 128, 512]}
# in pairs at γ = 1 the distance falls so fast that wider networks would need ever finer tolerances
FAST_WIDTHS = [64, 256, 1024]
K_0 = {1 / 8: 8.0, 1 / 4: 4.0, 1 / 2: 4.0, 1.0: 1.0}
# hidden layers, activation, γ, data sets
ALONG = {
    "quick": ((1, "tanh", 1 / 2, THREE), (1, "relu", 1.0, THREE[:1]), (1, "tanh", 1 / 8, THREE[:1])),
    "standard": (
        (1, "tanh", 1 / 2, NINE),
        (1, "tanh", 1.0, THREE[1:2]),
        (1, "tanh", 1 / 4, THREE[:1]),
        (1, "tanh", 1 / 8, THREE),
        (1, "relu", 1.0, THREE),
        (1, "relu", 1 / 2, THREE[1:2]),
        (1, "relu", 1 / 4, THREE),
        (2, "tanh", 1 / 2, THREE),
        (2, "relu", 1.0, THREE[:1]),
        (2, "relu", 1 / 4, THREE[:1]),
    ),
}
OTHERS = tuple(data for data in NINE if data not in THREE)
ALONG["full"] = (*ALONG["standard"], (1, "erf", 1 / 2, NINE), (1, "relu", 1.0, OTHERS), (2, "tanh", 1 / 2, OTHERS))
MARGINS = {"quick": 0.2, "standard": 0.12, "full": 0.12}
ONE_SIDED = 0.06
# γ of networks in pairs: k_0, and the tolerance, below what training adds at the largest width
PAIRED = {1 / 8: (32.0, 1e-3), 1 / 4: (32.0, 1e-4), 1.0: (1.0, 1e-5)}
PAIRED_DRAWS = {"quick": 10, "standard": 16, "full": 16}
TRAINED = {"quick": ((1 / 8, THREE[1:]), (1.0, THREE[:1])), "standard": ((1 / 8, NINE), (1 / 4, NINE), (1.0, THREE))}
TRAINED["full"] = TRAINED["standard"]


def name(config: dict, gamma: float) -> str:
    """γ and the network."""
    return f"γ = {gamma:g} · {title(config)}"


def corner(activation: str) -> float:
    """The γ at which both terms of the error have the exponent −1/2."""
    return 1 / 2 if activation in KINKED else 1 / 4


def trainings(tier: str) -> Iterator[Case]:
    """Networks along κ = k_0 m^γ."""
    for L, activation, gamma, sets in ALONG[tier]:
        half = gamma >= corner(activation)  # the exponent is −1/2
        draws = (12 if tier == "quick" else 24 if L == 2 else 40) if half else 8
        for data in sets:
            config = network(L, activation, data, along(WIDTHS[L], gamma, K_0[gamma]))
            yield Case(name(config, gamma), config, draws, select={"gamma": gamma, "margin": MARGINS[tier]})


def in_pairs(tier: str) -> Iterator[Case]:
    """One hidden layer of paired neurons, smooth σ, along κ = k_0 m^γ."""
    for gamma, sets in TRAINED[tier]:
        k_0, rtol = PAIRED[gamma]
        for data in sets:
            widths = FAST_WIDTHS if gamma > 1 / 2 else WIDTHS[1]
            config = network(1, "tanh", data, along(widths, gamma, k_0), paired=True, rtol=rtol)
            yield Case(name(config, gamma), config, PAIRED_DRAWS[tier], select={"gamma": gamma})


def alone(tier: str) -> Iterator[Case]:
    """The same without pairs at the γ above 1/2, where it tells."""
    for case in in_pairs(tier):
        if case.select["gamma"] > 1 / 2:
            yield Case(case.name, {**case.config, "paired": False}, case.draws // 2, select=case.select)


def distance(case: dict, found: Arrays, kernel: str = "right") -> Draws:
    """Largest distance over times and test inputs against m."""
    return Draws(found[kernel], [m for m, _ in case["pairs"]])


def exponent(case: dict) -> Slope:
    """−1/2 above the corner; up to it an upper bound, since at these widths the fluctuation of the kernel is not small."""
    gamma, kinked = case["gamma"], case["activation"] in KINKED
    predicted = prediction_exponent(gamma, kinked=kinked)
    if gamma > corner(case["activation"]):
        return Slope(predicted, case["margin"])
    return Slope(predicted, case["margin"] if predicted == -0.5 else ONE_SIDED, side="≤")


CLAIM = Claim(
    paper="li2024demystifying",
    name="kernel-description",
    source="statement reconstructed; proof in docs/theory.md",
    summary="lazy networks predict what kernel regression with K predicts, at all times, up to m^{−min(1/2, 2γ)}",
    statement=(
        "for γ > 0, centred: f_t(x) − f_0(x) → K(x, X)(I − e^{−κ²Kt/(mn)})K^{−1}y for every x, uniformly over t, with an "
        "error of at most the order m^{−min(1/2, 2γ)} for smooth σ, m^{−min(1/2, γ)} with kinks: m^{−1/2} of the kernel at "
        "θ_0, m^{−2γ}, with kinks m^{−γ}, of training"
    ),
    assumptions=(
        "unit inputs, no two parallel; up to the corner, γ = 1/4, with kinks 1/2, the error is bounded from above, and "
        "for smooth σ what training adds to it is bounded apart"
    ),
    figure="kernel_description",
    uses=("li2024demystifying/gram-limit", "li2024demystifying/linearization"),
    parts=(
        Part(
            letter="a",
            says="sup over times and test inputs of |f_t(x) − f_0(x) − prediction by K| against m, κ = k_0m^γ",
            status="derived",
            cases=trainings,
            cell=predictions,
            read=distance,
            judge=exponent,
            controls=(
                Control(
                    "K^{L+1} alone, as if only the last layer were trained",
                    lambda c, f: distance(c, f, "wrong"),
                    when=lambda c: c["gamma"] > corner(c["activation"]) and c["data"]["kind"] != "digits",
                ),
                Control(
                    "K in the time κt/m in place of κ²t/m",
                    lambda c, f: distance(c, f, "slower"),
                    when=lambda c: c["hidden_layers"] == 1 or c["gamma"] > 1 / 4,
                ),
            ),
            why=(
                "on digits K^{L+1} may predict so nearly the same that narrow networks do not tell; at γ = 1/4 those with two "
                "hidden layers are so far from either prediction that their distance from the wrong one falls too"
            ),
        ),
        Part(
            letter="b",
            says="sup over times and test inputs of |f_t(x) − f_t^lin(x)| against m, κ = k_0m^γ, paired neurons",
            status="derived",
            cases=in_pairs,
            cell=predictions,
            read=lambda case, found: distance(case, found, "training"),
            judge=lambda case: Slope(-2 * case["gamma"], ONE_SIDED, side="≤"),
            controls=(
                Control("beside K in the time κt/m in place of κ²t/m", lambda c, f: distance(c, f, "slower")),
                Control("without pairs, m^{−γ−1/2}, at γ = 1", cases=alone),
            ),
            why=(
                "a bound: in pairs nothing of order 1/(κ√m) is left, but fluctuations of the second order, 1/(κ²√m), are; "
                "pairs are told from none above γ = 1/2 only, below it 1/(κ√m) falls faster than 1/κ²"
            ),
        ),
    ),
)
