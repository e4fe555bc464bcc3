"""ensemble: trained wide networks are draws of a Gaussian process whose variance is not that of the NNGP posterior."""

from functools import partial

from checks.claim import Arrays, Case, Claim, Control, Part
from checks.judges import Draws, Ratio
from checks.measurements.data import data_name
from checks.measurements.ensembles import ensemble_outputs, predicted

NETWORKS = (("tanh", {"kind": "random", "n": 8, "d": 8}), ("relu", {"kind": "random", "n": 16, "d": 8}))
CLOSE = ("relu", {"kind": "random", "n": 16, "d": 4})
"""Where the posterior variance is a quarter less at the end of training; elsewhere it is hardly less."""
END = 1
DRAWS = {"quick": 320, "standard": 640, "full": 3840}
MARGINS = {"quick": 0.15, "standard": 0.12, "full": 0.05}


def networks(tier: str) -> list[Case]:
    """Both times; relu, and few dimensions, from the standard tier on."""
    return [
        Case(
            f"{name} · {data_name(data)}, d = {data['d']} · {'end' if time == END else 'on the way'}",
            {"data": data, "activation": name, "width": 512},
            DRAWS[tier],
            select={"time": time, "margin": MARGINS[tier], "close": (name, data) == CLOSE},
        )
        for name, data in (NETWORKS[:1] if tier == "quick" else NETWORKS)
        for time in (0, END)
    ]


def over_variance(case: dict, found: Arrays, *, other: str = "") -> Draws:
    """Mean over the test inputs of (f_t(x) − its mean)² over its variance, or over an ``other`` one."""
    theory, t = predicted(case["data"], case["activation"], case["stream"]), case["time"]
    variance = theory[other] if other else theory["variance"][t]
    return Draws(((found["outputs"][:, t] - theory["mean"][t]) ** 2 / variance).mean(axis=1))


CLAIM = Claim(
    paper="lee2019wide",
    name="ensemble",
    source="equations 14 to 16 of arXiv:1902.06720; derivation in docs/theory.md",
    summary="outputs after training vary by the NTK-NNGP formula, not by the variance of the NNGP posterior",
    statement=(
        "outputs f_t(x) from f_0 ~ N(0, (κ²/m)S), f_0 not subtracted, are in the limit Gaussian with mean aᵀy and variance "
        "(κ²/m)(s(x, x) − 2aᵀs_x + aᵀSa), a = (I − e^{−Kκ²t/(mn)})K^{−1}k_x, K the tangent kernel, S the NNGP: "
        "(a) the mean of (f_t(x) − aᵀy)² is that variance"
    ),
    assumptions="unit inputs, no two parallel; κ = 4√m",
    figure="neighbouring_papers",
    uses=("li2024demystifying/linearization", "li2024demystifying/gram-limit"),
    parts=(
        Part(
            letter="a",
            says="(f_t(x) − aᵀy)² over its predicted mean, averaged over test inputs",
            status="derived",
            cases=networks,
            cell=ensemble_outputs,
            read=over_variance,
            judge=lambda case: Ratio(1.0, case["margin"]),
            controls=(
                Control(
                    "the variance of the NNGP posterior",
                    read=partial(over_variance, other="posterior"),
                    when=lambda case: case["time"] != END or case["close"],
                ),
                Control("the variance at the start", read=partial(over_variance, other="start")),
            ),
            why="single draws vary by half of the mean, which sets draws and margin; the error at this width is below .03",
        ),
    ),
)
