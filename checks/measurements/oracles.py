"""Gradient flow integrated in independent ways, on networks drawn with their data: how far the ends are apart."""

from collections.abc import Sequence

import numpy as np
from scipy.integrate import solve_ivp

from checks.measurements.data import inputs
from checks.measurements.parametrizations import normalised_gradient
from checks.measurements.scaled_models import draw, make_loss, solver_flow
from checks.measurements.streams import draw_seeds, each_draw
from kernels import Parameters, gradient_descent, gradient_flow, init_parameters, layer_grams
from kernels.exponential_scheme import UNIT
from kernels.losses import SquareLoss
from kernels.model_flow import model_flow
from kernels.models import Linearised, NetworkModel
from theory import linearized_flow

RTOL, KINKED_RTOL = 1e-5, 1e-1
LONGEST = 60.0  # T λ_max(JJᵀ/n): descent follows it in a few thousand steps
STEPS_PER_TIME, KINKED_STEPS = 8, 16  # of the coarsest descent, in units of 1/λ_max; with kinks nothing is extrapolated
WRONG_RATE, WRONG_SCALE = 1.01, 1.5
WIDTHS = {1: 128, 2: 64, 3: 32}


def drawn(design: dict, seed: int, number: int) -> tuple[tuple, dict, float, float]:
    """Arguments of a training run, by position and by keyword; its length T; and λ_max(JJᵀ/n) at the start.

    Of a ``design`` {data, activation, depths, scales} draw ``number`` takes its depth in turn, and κ between the scales,
    uniform on the logarithmic axis.
    """
    L, rng = design["depths"][number % len(design["depths"])], np.random.default_rng(seed)
    kappa = float(np.exp(rng.uniform(*np.log(design["scales"]))))
    X = inputs(**design["data"], seed=seed)
    params, y = init_parameters(seed, X.shape[1], WIDTHS[L], hidden_layers=L), rng.normal(size=len(X))
    options = {"activation": design["activation"], "kappa": kappa}
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


def by_descent(arguments: tuple, options: dict, t_end: float, number: float, levels: int) -> list[np.ndarray]:
    """θ_T − θ_0 by gradient descent with N, 2N, … steps, N a little above ``number``."""
    counts = [(int(number) + 64) << k for k in range(levels)]
    runs = [gradient_descent(*arguments, **options, step=t_end / k, steps=k, record_every=k) for k in counts]
    return [displacement(run.params, arguments[0]) for run in runs]


def extrapolated(ends: list[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """Richardson's limit of step → 0 from steps η, η/2, η/4: the errors of order η are eliminated, then those of η²."""
    first, second = 2 * ends[1] - ends[0], 2 * ends[2] - ends[1]
    return second, (4 * second - first) / 3


def smooth(*, design: dict, stream: Sequence[int], first: int, draws: int) -> dict[str, np.ndarray]:
    """Disagreement of the flow with the solver and with descent, of two extrapolations; with what the controls measure."""
    rows = []
    for k, seed in enumerate(draw_seeds(stream, first, draws), first):
        arguments, options, t_end, fastest = drawn(design, seed, k)
        rates = [1.0] * len(arguments[0].weights) + [WRONG_RATE]
        flow, wrong = (
            displacement(
                gradient_flow(*arguments, **options, t_end=t_end, rtol=RTOL, layer_rates=r).params, arguments[0]
            )
            for r in (None, rates)
        )
        solver = by_solver(arguments, options, t_end)
        ends = by_descent(arguments, options, t_end, STEPS_PER_TIME * t_end * fastest, 3)
        second, limit = extrapolated(ends)
        pairs = ((flow, solver), (limit, flow), (second, limit), (wrong, solver), (limit, wrong))
        rows.append([disagreement(*pair) for pair in pairs])
    return dict(zip(("solver", "descent", "gap", "wrong rate", "descent, wrong rate"), np.array(rows).T, strict=True))


def kinked(*, design: dict, stream: Sequence[int], first: int, draws: int) -> dict[str, np.ndarray]:
    """Disagreement of the flow with Euler's method with 2N steps, and of N with 2N steps; other targets as control; centred."""
    rows = []
    for k, seed in enumerate(draw_seeds(stream, first, draws), first):
        (params, X, y), options, t_end, fastest = drawn(design, seed, k)
        options |= {"centred": True}
        flow, wrong = (
            displacement(gradient_flow(params, X, z, **options, t_end=t_end, rtol=KINKED_RTOL).params, params)
            for z in (y, WRONG_SCALE * y)
        )
        coarse, fine = by_descent((params, X, y), options, t_end, KINKED_STEPS * t_end * fastest, 2)
        rows.append([disagreement(found, fine) for found in (flow, coarse, wrong)])
    return dict(zip(("flow", "gap", "wrong targets"), np.array(rows).T, strict=True))


@each_draw
def maps(seed: int, *, kind: str, loss: str, alpha: float) -> dict[str, float]:
    """Disagreement of the displacements of `model_flow` at `RTOL` with those of DOP853, at three times up to 10/‖Dh(w_0)‖².

    Of a drawn map at the scale ``alpha``, over the rtol that its steps may add up to, one in every step of three evaluations;
    ``other loss`` that of the flow of the square loss, ``solver`` that of its own.
    """
    model, start, targets = (own := draw(kind, seed)).model, own.start, own.targets
    times = np.array([0.1, 1.0, 10.0]) / np.linalg.norm(model.jacobian(start), 2) ** 2
    options = {"alpha": alpha, "times": times}
    flows = [model_flow(model, make_loss(name, targets), start, rtol=RTOL, **options) for name in (loss, "square")]
    reference, _ = solver_flow(model, make_loss(loss, targets), start, rtol=1e-10, method="DOP853", **options)
    if min(len(reference), *(len(run.times) for run in flows)) < len(times):
        return {"solver": np.nan, "other loss": np.nan}
    found = [max(disagreement(*pair) for pair in zip(run.displacements, reference, strict=True)) for run in flows]
    allowed = RTOL * flows[0].evaluations / 3
    return dict(zip(("solver", "other loss"), np.array(found) / allowed, strict=True))


def linear(*, design: dict, stream: Sequence[int], first: int, draws: int) -> dict[str, np.ndarray]:
    """Disagreement of the integrator on the linearised network with its closed form, and with that of a loss over n + 1."""
    rows = []
    for k, seed in enumerate(draw_seeds(stream, first, draws), first):
        (params, X, y), options, _, fastest = drawn(design, seed, k)
        start = np.concatenate([a.ravel() for a in params.arrays])
        network = NetworkModel(X, options["activation"], options["kappa"], params.width, len(params.weights))
        model, n = Linearised(network, start), len(X)
        times = np.array([0.3, 3.0, 300.0]) / fastest
        run = model_flow(model, SquareLoss(y, 1 / n), start, times=times, rtol=1e-3)
        K, row = model.slope @ model.slope.T, []
        for weight in (1 / n, 1 / (n + 1)):
            exact = linearized_flow((K + K.T) / 2, y, times, f0=model.value, weight=weight)
            outputs = np.abs(run.outputs - exact.outputs).max() / np.abs(exact.outputs).max()
            drift = np.abs(np.linalg.norm(run.displacements, axis=1) / exact.drift - 1).max()
            row.append(max(outputs, drift))
        rows.append(row)
    return dict(zip(("closed form", "over n + 1"), np.array(rows).T, strict=True))
