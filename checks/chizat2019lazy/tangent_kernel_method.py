"""tangent-kernel-method: t → ∞, then α → ∞, is kernel regression with the tangent kernel at w_0."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np

from checks.chizat2019lazy.generalization import test_map
from checks.chizat2019lazy.scaled_flows import Drawn, draw, make_loss
from checks.claim import Claim, Findings, Run
from checks.deterministic_slope import worst_slope
from checks.inequality import inequality
from checks.running.sweep import Arrays
from checks.verdict import Evidence, Verdict
from kernels.integrators import Ending
from kernels.model_flow import ModelTrajectory, model_flow
from theory.lazy_bounds import drift_constant

KINDS = {
    "quick": (("quadratic", False), ("two layers", False), ("two layers", True)),
    "standard": (
        ("quadratic", False),
        ("curved directions", False),
        ("inner weights", False),
        ("two layers", False),
        ("network", False),
        ("inner weights", True),
        ("two layers", True),
    ),
}
KINDS["full"] = KINDS["standard"]
SEEDS = {"quick": 2, "standard": 4, "full": 24}
# α in units of √(y*ᵀK^{−1}y*): α‖w_α(∞) − w_0‖ tends to this, so that the units measure how far the weights move
ALPHAS = tuple(10.0 ** np.arange(3, 4.6, 0.5))
PAIRED_ALPHAS = tuple(10.0 ** np.arange(1.75, 3.3, 0.5))  # beyond, the rounding of the outputs shows
CONDITION = 1e3
# of the errors of single steps, in units of the order of the distance: 1/α, paired 1/α², α in the units above
TOLERANCES = {False: (2e-4, 2e-5), True: (2e-2, 2e-3)}
LOSS_RATIO = 1e-10  # below it rounding of αh would halt the flow; what is left is added in closed form
EVALUATIONS = 20_000
CLOSE = 1e-2  # relative distance of α‖w_α(∞) − w_0‖ to its limit at the largest α


def limits(*, kind: str, seed: int, alphas: Sequence[float], paired: bool) -> Arrays:
    """Distances of the trained model to kernel regression for every α, (alphas,), in units of √(y*ᵀK^{−1}y*).

    ``predictions`` sup_x|αf(w_α(∞))(x) − K(x, X)K^{−1}y*|, ``drift`` |α‖w_α(∞) − w_0‖/√(y*ᵀK^{−1}y*) − 1|, ``output layer`` as
    the first with the kernel of the output weights alone, NaN without them; ``change`` of the first two with a tolerance ten
    times larger, relative, (2, alphas); ``condition`` of K. NaN where the loss did not get to `LOSS_RATIO`.
    """
    drawn = draw(kind, seed, paired=paired)
    tests, J = test_map(kind, seed, drawn), drawn.model.jacobian(drawn.start)
    T, K, y = tests.jacobian(drawn.start), J @ J.T, drawn.targets
    condition = np.linalg.cond(K)
    found = np.full((2, 3, len(alphas)), np.nan)
    if condition <= CONDITION:
        expected, constant, outer = T @ J.T @ np.linalg.solve(K, y), drift_constant(K, y), output_part(kind, J, T, y)
        for (i, tolerance), (k, scale) in ((a, b) for a in enumerate(TOLERANCES[paired]) for b in enumerate(alphas)):
            alpha, allowed = scale * constant, tolerance * constant * scale ** (-2 if paired else -1)
            options = {"alpha": alpha, "loss_ratio": LOSS_RATIO, "atol": allowed, "max_evaluations": EVALUATIONS}
            run = model_flow(drawn.model, make_loss("square", y), drawn.start, **options)
            if run.status == Ending.TARGET:
                v = run.displacements[-1] + remainder(drawn, alpha, run)
                values = alpha * tests(drawn.start + v / alpha)
                found[i, :, k] = (
                    np.abs(values - expected).max(),
                    abs(np.linalg.norm(v) / constant - 1),
                    np.abs(values - outer).max(),
                )
    change = np.abs(found[0] / found[1] - 1)[:2]
    names = ("predictions", "drift", "output layer")
    return dict(zip(names, found[1], strict=True)) | {"change": change, "condition": np.array(condition)}


def remainder(drawn: Drawn, alpha: float, run: ModelTrajectory) -> np.ndarray:
    """v(∞) − v(t) of the linearisation at the end: J_tᵀ(J_tJ_tᵀ)^{−1}(y* − y_t).

    Off by the change of J on the way, a share of ‖y* − y_t‖/α ≤ 10⁻⁵/α of itself.
    """
    J = drawn.model.jacobian(drawn.start + run.displacements[-1] / alpha)
    return J.T @ np.linalg.solve(J @ J.T, drawn.targets - run.outputs[-1])


def output_part(kind: str, J: np.ndarray, T: np.ndarray, y: np.ndarray) -> np.ndarray | float:
    """Kernel regression with the output weights alone, NaN where they are not trained; the last 12 of p are those."""
    if kind != "two layers":
        return np.nan
    J, T = J[:, -12:], T[:, -12:]
    return T @ J.T @ np.linalg.solve(J @ J.T, y)


def exponents(name: str, found: Sequence[Arrays], alphas: Sequence[float], paired: bool) -> Iterator[Evidence]:
    """Exponents of the predictions, of the model furthest from the prediction, of the drift, and its value at the largest α.

    The drift is one signed number a model, whose first coefficient may be small by chance: its root mean square is judged.
    """
    order, left_out = -2.0 if paired else -1.0, len([one for one in found if one["condition"] > CONDITION])
    own = [one for one in found if one["condition"] <= CONDITION]
    note = f"hypotheses not met by {left_out} of {len(found)} models" if left_out else ""
    for i, key in enumerate(("predictions", "drift")):
        part = f"exponent {order:g} of {key} · {name}"
        if not own:
            yield Evidence(part, Verdict.HYPOTHESES_NOT_MET, order, np.nan, note=note)
            continue
        rows, changes = [one[key] for one in own], [float(one["change"][i].max()) for one in own]
        if key == "drift":
            rows = [np.sqrt(np.mean(np.square(rows), axis=0))]
            changes = [float(np.max([one["change"][i] * one[key] for one in own] / rows[0]))]
        worst = worst_slope(part, alphas, rows, predicted=order, changes=changes)
        yield replace(worst, note=f"{worst.note}; {note}" if note else worst.note)
    if own:
        yield inequality(f"limit of the drift · {name}", float(np.max([one["drift"][-1] for one in own])), CLOSE)


def controls(name: str, found: Sequence[Arrays], alphas: Sequence[float]) -> Iterator[Evidence]:
    """The same exponent of the distance to the kernel of the output weights alone, the model closest to it."""
    rows = [one["output layer"] for one in found if one["condition"] <= CONDITION]
    if rows:
        yield worst_slope(f"output layer alone · {name}", alphas, rows, predicted=-1.0, control=True)


def check(run: Run) -> Findings:
    """Exponents and limits, with the control where output and inner weights are trained."""
    kinds, seeds = KINDS[run.tier], SEEDS[run.tier]
    cells = [
        {"kind": kind, "seed": (run.seed << 16) + s, "alphas": PAIRED_ALPHAS if paired else ALPHAS, "paired": paired}
        for kind, paired in kinds
        for s in range(seeds)
    ]
    results, parts, wrong = run.sweep.run(limits, cells, "tangent-kernel-method"), [], []
    for k, (kind, paired) in enumerate(kinds):
        own, alphas = results[k * seeds : (k + 1) * seeds], cells[k * seeds]["alphas"]
        name = f"{kind}{' · paired' if paired else ''}"
        parts += exponents(name, own, alphas, paired)
        if kind == "two layers":
            wrong += controls(name, own, alphas)
    return Findings(parts, wrong)


CLAIM = Claim(
    paper="chizat2019lazy",
    name="tangent-kernel-method",
    source="Section 2.3 and the remarks after Theorem 2.4 of arXiv:1812.07956; proof in docs/theory.md",
    statement=(
        "for the square loss, h(w_0) = 0 and Σ(w_0) ≻ 0 the predictions αf(w_α(∞)) tend to kernel regression K(x, X)K^{−1}y* "
        "and α‖w_α(∞) − w_0‖ to √(y*ᵀK^{−1}y*), K the tangent kernel at w_0; exponent −1 in α, −2 for paired units"
    ),
    assumptions="h(w_0) = 0, Σ(w_0) = Dh(w_0)Dh(w_0)ᵀ ≻ 0, here cond Σ(w_0) ≤ 10³; t → ∞ first, then α → ∞",
    predicted="exponents −1 and −2; relative distance of the drift to its limit ≤ 0.01 at the largest α",
    judge=(
        "6 test inputs (other rows for quadratic maps), flow to a loss of 10⁻¹⁰ and the rest in closed form; α = 10³ to "
        "10^4.5 times √(y*ᵀK^{−1}y*), paired 10^1.75 to 10^3.25 times, half a decade apart; of 2 (quick), 4 or 24 models "
        "the one furthest from the prediction, of the drift the root mean square; change against a tolerance ten times "
        "larger; models with a larger condition number are counted as not meeting the hypotheses"
    ),
    control="the kernel of the output weights alone where the inner weights are trained as well, the model closest to −1",
    figure="lazy_distance",
    check=check,
)
