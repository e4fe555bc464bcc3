"""oracle-agreement: independent ways to integrate gradient flow agree, and by how much."""

import numpy as np
from scipy.integrate import solve_ivp

from checks.claim import Claim, Findings, Run
from checks.data import inputs
from checks.inequality import inequality
from checks.measurements.parametrizations import normalised_gradient
from checks.verdict import Evidence
from kernels import Parameters, gradient_descent, gradient_flow, init_parameters, layer_grams
from kernels.exponential_scheme import UNIT
from kernels.losses import SquareLoss
from kernels.model_flow import model_flow
from kernels.models import Linearised, NetworkModel
from theory import linearized_flow

RTOL, KINKED_RTOL = 1e-5, 1e-1
SOLVER_TOLERANCE = 3 * RTOL  # what rtol promises
DESCENT_TOLERANCE = 1e-4  # and the last gap of the extrapolation
KINKED_TOLERANCE = (
    2 * KINKED_RTOL
)  # neighbouring paths may part at a kink; and the gap between Euler's method with N and 2N
LINEAR_TOLERANCE = 1e-10  # rounding
LONGEST = 60.0  # T λ_max(JJᵀ/n): descent follows it in a few thousand steps
STEPS_PER_TIME = 16  # of the coarsest descent, in units of 1/λ_max
WRONG_RATE, WRONG_SCALE = 1.01, 1.5

SMOOTH = {
    "quick": ("tanh",),
    "standard": ("tanh", "erf", "softplus", "sin"),
    "full": ("tanh", "erf", "softplus", "sin"),
}
KINKED = {"quick": ("relu",), "standard": ("relu", "abs"), "full": ("relu", "leaky_relu", "abs")}
SCALES = {"quick": (2.0, 32.0), "standard": (2.0, 8.0, 64.0), "full": (1.0, 4.0, 16.0, 64.0, 256.0)}
LEAST_KINKED_SCALE = 4.0  # below, the flow of a kinked network is chaotic, and no two methods agree
WIDTHS = {1: 128, 2: 64, 3: 32}
DEPTHS = {"quick": (1, 2), "standard": (1, 2, 3), "full": (1, 2, 3)}
DATA = ("random", "digits")


def setting(
    data: dict, activation: str, hidden_layers: int, kappa: float, seed: int
) -> tuple[tuple, dict, float, float]:
    """Arguments of a training run, by position and by keyword; its length T; and λ_max(JJᵀ/n) at the start."""
    X = inputs(**data)
    params = init_parameters(seed, X.shape[1], WIDTHS[hidden_layers], hidden_layers=hidden_layers)
    y = np.random.default_rng(seed).normal(size=len(X))
    options = {"activation": activation, "kappa": kappa}
    values = np.linalg.eigvalsh(layer_grams(params, X, **options).sum(axis=0)) / len(X)
    slowest = max(values[0], UNIT * values[-1])
    return (params, X, y), options, min(3 / slowest, LONGEST / values[-1]), values[-1]


def displacement(params: Parameters, start: Parameters) -> np.ndarray:
    """θ − θ_0 as one vector."""
    return np.concatenate([(a - b).ravel() for a, b in zip(params.arrays, start.arrays, strict=True)])


def disagreement(found: np.ndarray, reference: np.ndarray) -> float:
    """‖found − reference‖/‖reference‖."""
    return float(np.linalg.norm(found - reference) / np.linalg.norm(reference))


def by_solver(arguments: tuple, options: dict, t_end: float) -> np.ndarray:
    """θ_T − θ_0 by SciPy's DOP853 at 1e-10, with a gradient that shares no code with the flow but σ."""
    params, X, y = arguments
    edges = np.cumsum([a.size for a in params.arrays])[:-1]

    def field(_: float, x: np.ndarray) -> np.ndarray:
        parts = [p.reshape(a.shape) for p, a in zip(np.split(x, edges), params.arrays, strict=True)]
        gradients = normalised_gradient(
            Parameters.unchecked(tuple(parts)), X, y, options["activation"], options["kappa"]
        )
        return -np.concatenate([g.ravel() for g in gradients])

    start = np.concatenate([a.ravel() for a in params.arrays])
    return solve_ivp(field, (0, t_end), start, method="DOP853", rtol=1e-10, atol=1e-13).y[:, -1] - start


def by_descent(arguments: tuple, options: dict, t_end: float, fastest: float, levels: int) -> list[np.ndarray]:
    """θ_T − θ_0 by gradient descent with N, 2N, … steps."""
    first = int(STEPS_PER_TIME * t_end * fastest) + 64
    counts = [first << k for k in range(levels)]
    runs = [gradient_descent(*arguments, **options, step=t_end / k, steps=k, record_every=k) for k in counts]
    return [displacement(run.params, arguments[0]) for run in runs]


def extrapolated(ends: list[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """Richardson's limit of step → 0 from steps η, η/2, η/4: the errors of order η are eliminated, then those of η²."""
    first, second = 2 * ends[1] - ends[0], 2 * ends[2] - ends[1]
    return second, (4 * second - first) / 3


def smooth_case(*, data: dict, activation: str, hidden_layers: int, kappa: float, seed: int) -> dict[str, np.ndarray]:
    """Disagreement of the flow with the solver and with descent; and what the controls measure."""
    arguments, options, t_end, fastest = setting(data, activation, hidden_layers, kappa, seed)
    run = lambda **rates: gradient_flow(*arguments, **options, t_end=t_end, rtol=RTOL, **rates)  # noqa: E731
    flow = displacement(run().params, arguments[0])
    wrong = displacement(run(layer_rates=[1.0] * hidden_layers + [WRONG_RATE]).params, arguments[0])
    solver, ends = by_solver(arguments, options, t_end), by_descent(arguments, options, t_end, fastest, 3)
    second, limit = extrapolated(ends)
    return {
        "solver": np.array(disagreement(flow, solver)),
        "descent": np.array(disagreement(limit, flow)),
        "gap": np.array(disagreement(second, limit)),
        "wrong rate": np.array(disagreement(wrong, solver)),
        "one descent": np.array(disagreement(ends[0], flow)),
    }


def kinked_case(*, data: dict, activation: str, hidden_layers: int, kappa: float, seed: int) -> dict[str, np.ndarray]:
    """Disagreement of the flow with Euler's method with 2N steps, and of N with 2N steps; other targets as control; centred."""
    arguments, options, t_end, fastest = setting(data, activation, hidden_layers, kappa, seed)
    (params, X, y), options = arguments, options | {"centred": True}
    flow = displacement(gradient_flow(*arguments, **options, t_end=t_end).params, params)
    wrong = displacement(gradient_flow(params, X, WRONG_SCALE * y, **options, t_end=t_end).params, params)
    coarse, fine = by_descent(arguments, options, t_end, fastest, 2)
    found = {"flow": (flow, fine), "gap": (coarse, fine), "wrong targets": (wrong, fine)}
    return {name: np.array(disagreement(*pair)) for name, pair in found.items()}


def linear_case(*, data: dict, activation: str, hidden_layers: int, kappa: float, seed: int) -> dict[str, np.ndarray]:
    """Disagreement of the integrator on the linearised network with its closed form, and with that of a loss over n + 1."""
    (params, X, y), _, _, fastest = setting(data, activation, hidden_layers, kappa, seed)
    start = np.concatenate([a.ravel() for a in params.arrays])
    model = Linearised(NetworkModel(X, activation, kappa, params.width, hidden_layers), start)
    times, n = np.array([0.3, 3.0, 300.0]) / fastest, len(X)
    run = model_flow(model, SquareLoss(y, 1 / n), start, times=times, rtol=1e-3)
    K = model.slope @ model.slope.T
    results = {}
    for name, weight in (("closed form", 1 / n), ("over n + 1", 1 / (n + 1))):
        exact = linearized_flow((K + K.T) / 2, y, times, f0=model.value, weight=weight)
        drift = np.linalg.norm(run.displacements, axis=1)
        gaps = (
            np.abs(run.outputs - exact.outputs).max() / np.abs(exact.outputs).max(),
            np.abs(drift / exact.drift - 1).max(),
        )
        results[name] = np.array(max(gaps))
    return results


def worst(results: list[dict[str, np.ndarray]], key: str) -> float:
    """The largest of a quantity; NaN if one of them is."""
    return float(np.max([result[key] for result in results]))


def check(run: Run) -> Findings:
    """All activations, depths and scales; parts by the pair of oracles, by configuration where an oracle has its own error."""
    parts, controls = [], []
    for kind in DATA:
        data = {"kind": kind, "n": 6, "seed": run.seed + 1} | ({"d": 8} if kind == "random" else {})
        grid = [
            {"data": data, "seed": run.seed + 1, "hidden_layers": L, "kappa": kappa}
            for L in DEPTHS[run.tier]
            for kappa in SCALES[run.tier]
        ]
        smooth = [cell | {"activation": name} for cell in grid for name in SMOOTH[run.tier]]
        kinked = [
            cell | {"activation": name, "kappa": max(cell["kappa"], LEAST_KINKED_SCALE)}
            for cell in grid
            for name in KINKED[run.tier]
            if cell["hidden_layers"] < 3
        ]
        found = run.sweep.run(smooth_case, smooth, f"smooth, {kind}")
        parts.append(inequality(f"flow, DOP853 · {kind}", worst(found, "solver"), SOLVER_TOLERANCE))
        controls.append(least_control(f"rate {WRONG_RATE} of a · {kind}", found, "wrong rate", SOLVER_TOLERANCE))
        for cell, result in zip(smooth, found, strict=True):
            bound = DESCENT_TOLERANCE + float(result["gap"])
            parts.append(inequality(f"flow, descent · {title(cell)}", float(result["descent"]), bound))
        controls.append(least_control(f"descent, not extrapolated · {kind}", found, "one descent", DESCENT_TOLERANCE))
        found = run.sweep.run(kinked_case, kinked, f"kinked, {kind}")
        for cell, result in zip(kinked, found, strict=True):
            bound = KINKED_TOLERANCE + float(result["gap"])
            parts.append(inequality(f"flow, Euler · {title(cell)}", float(result["flow"]), bound))
        controls.append(
            least_control(f"targets {WRONG_SCALE:g}y, Euler · {kind}", found, "wrong targets", KINKED_TOLERANCE)
        )
        found = run.sweep.run(linear_case, smooth, f"linearised, {kind}")
        parts.append(inequality(f"flow, closed form · {kind}", worst(found, "closed form"), LINEAR_TOLERANCE))
        controls.append(least_control(f"closed form over n + 1 · {kind}", found, "over n + 1", LINEAR_TOLERANCE))
    return Findings(parts, controls)


def title(cell: dict) -> str:
    """Activation, depth, scale and data of a cell."""
    return f"{cell['activation']}, L = {cell['hidden_layers']}, κ = {cell['kappa']:g} · {cell['data']['kind']}"


def least_control(name: str, results: list[dict[str, np.ndarray]], key: str, bound: float) -> Evidence:
    """A control is judged by the configuration that differs least."""
    return inequality(name, float(np.min([result[key] for result in results])), bound)


CLAIM = Claim(
    paper="numerics",
    name="oracle-agreement",
    source="no paper: the numerical methods on which the other claims rest; derivation in docs/theory.md",
    statement=(
        "gradient flow by the exponential integrator, by a general-purpose solver, by descent with step → 0 and, for a linear "
        "model, in closed form end in the same weights, within the tolerance asked for"
    ),
    assumptions=(
        "six samples, up to three hidden layers, times up to 60/λ_max(JJᵀ/n); with kinks one or two hidden layers and κ ≥ 4: "
        "below, neighbouring paths part at kinks and no two methods agree"
    ),
    predicted=(
        "relative disagreement of θ_T − θ_0 at most 3 rtol (smooth σ), 2 rtol and the error of Euler's method (kinks), "
        "rounding (linear)"
    ),
    judge=(
        f"‖difference‖/‖θ_T − θ_0‖ at rtol {RTOL:g}, the worst configuration: against DOP853 at 1e-10 with a gradient written "
        f"out anew, at most {SOLVER_TOLERANCE:g}; against descent with N, 2N and 4N steps, twice extrapolated, at most "
        f"{DESCENT_TOLERANCE:g} and the last gap of the extrapolation; with kinks, centred, at rtol {KINKED_RTOL:g} against "
        f"Euler's method with 2N steps, at most {KINKED_TOLERANCE:g} and its gap to N steps; outputs and drift of the "
        f"linearised network against the closed form, at most {LINEAR_TOLERANCE:g}"
    ),
    control=(
        f"a learning rate {WRONG_RATE} of the last layer; descent that is not extrapolated; targets {WRONG_SCALE:g}y; a closed "
        "form over n + 1 samples; each judged by the configuration that differs least"
    ),
    figure="integrators",
    check=check,
)
