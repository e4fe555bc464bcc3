"""`gradient_flow` against explicit, implicit, stabilised and exponential integrators, at equal displacement error."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial

import numpy as np
from scipy.integrate import solve_ivp
from threadpoolctl import threadpool_limits

from benchmarks.peers import INSTALL, end, python_of, worker
from benchmarks.ratios import Ratio, missing, peak, ratio
from benchmarks.reference_integrators import etd2rk, euler, rkc2
from kernels import Parameters, gradient_flow, init_parameters, layer_grams
from kernels.losses import SquareLoss
from kernels.models import NetworkModel
from kernels.training import loss_gradient

SEEDS = (0, 100)
ERROR = 1e-3
SIZES = {
    "P0": {"n": 16, "d": 3, "L": 1, "m": 64},  # small enough for methods that solve with a p × p Jacobian
    "P1": {"n": 32, "d": 3, "L": 1, "m": 1024},
    "P2": {"n": 32, "d": 6, "L": 2, "m": 256},
}
EXPLICIT, IMPLICIT, DIFFRAX = ("RK45", "DOP853"), ("Radau", "BDF", "LSODA"), ("Dopri8", "Kvaerno5")
OTHERS = {"P0": (*EXPLICIT, *IMPLICIT), "P1": (*EXPLICIT, "RKC2", "ETD2RK"), "P2": (*EXPLICIT, "RKC2", "ETD2RK")}
EVALUATIONS, SECONDS, RKC = {"P1": 150, "P2": 75}, 30, 4  # least ratios, medians over the seeds
LAZY, LAZIEST = 1, 256
MOST_MIB = 560
# From loose to tight; a method is represented by its first tolerance with an error of at most ERROR.
TOLERANCES = {
    "gradient_flow": 10.0 ** -np.arange(1.5, 4.1, 0.125),
    "RK45": (1e-3, 3e-4, 1e-4),
    "DOP853": (1e-3, 3e-4, 1e-4),
    "RKC2": 10.0 ** -np.arange(2, 6.1, 0.25),
    "ETD2RK": 10.0 ** -np.arange(1.5, 5.1, 0.25),
} | dict.fromkeys(IMPLICIT + DIFFRAX, 10.0 ** -np.arange(1.5, 6.1, 0.5))


@dataclass(frozen=True)
class FlowProblem:
    """A network with its data, trained over [0, t_end], and its flow x' = F(x) on a flat vector."""

    params: Parameters
    X: np.ndarray
    y: np.ndarray
    kappa: float
    t_end: float
    activation: str = "tanh"

    @property
    def flat(self) -> np.ndarray:
        """x_0 (p,)."""
        return np.concatenate([a.ravel() for a in self.params.arrays])

    def split(self, x: np.ndarray) -> tuple[np.ndarray, ...]:
        """The weights in x, without a copy."""
        edges = np.cumsum([a.size for a in self.params.arrays])[:-1]
        return tuple(part.reshape(a.shape) for part, a in zip(np.split(x, edges), self.params.arrays, strict=True))

    def field(self, x: np.ndarray) -> np.ndarray:
        """F(x) = −∇R."""
        loss, inputs = SquareLoss(self.y, 1 / len(self.y)), self.X.T
        gradients = loss_gradient(self.split(x), inputs, loss, self.activation, self.kappa)[2]
        return -np.concatenate([g.ravel() for g in gradients])

    def radius(self, x: np.ndarray) -> float:
        """Largest eigenvalue of JJᵀ/n."""
        grams = layer_grams(Parameters.unchecked(self.split(x)), self.X, activation=self.activation, kappa=self.kappa)
        return float(np.linalg.eigvalsh(grams.sum(axis=0))[-1]) / len(self.y)

    def jacobian(self, x: np.ndarray) -> np.ndarray:
        """J (n, p)."""
        model = NetworkModel(self.X, self.activation, self.kappa, self.params.width, self.params.hidden_layers)
        return model.jacobian(x)


def make_problem(name: str, seed: int) -> FlowProblem:
    """P1 or P2: unit inputs, normal targets, tanh, κ = √m, up to T = min(3/λ_min, 2·10⁴/λ_max) of JJᵀ/n at the start."""
    n, d, L, m = (SIZES[name][key] for key in "ndLm")
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, d))
    X /= np.linalg.norm(X, axis=1, keepdims=True)
    y, params, kappa = rng.normal(size=n), init_parameters(seed, d, m, hidden_layers=L), float(np.sqrt(m))
    values = np.linalg.eigvalsh(layer_grams(params, X, activation="tanh", kappa=kappa).sum(axis=0)) / n
    return FlowProblem(params, X, y, kappa, min(3 / values[0], 2e4 / values[-1]))


def by_scipy(problem: FlowProblem, rtol: float, method: str) -> tuple[np.ndarray, int]:
    """SciPy's solver, absolute tolerance a thousandth of the relative one; differences for a Jacobian are evaluations too."""
    evaluations = 0

    def field(_: float, x: np.ndarray) -> np.ndarray:
        nonlocal evaluations
        evaluations += 1
        return problem.field(x)

    end = solve_ivp(field, (0, problem.t_end), problem.flat, method=method, rtol=rtol, atol=1e-3 * rtol)
    return end.y[:, -1], evaluations


def by_diffrax(problem: FlowProblem, method: str, rtol: float) -> tuple[np.ndarray, Callable[[], float]]:
    """Hand the flow to diffrax; the end (p,) and how to time it."""
    (W1,), a = problem.params.weights, problem.params.output
    request = {"task": "flow", "method": method, "rtol": rtol, "kappa": problem.kappa, "t_end": problem.t_end}
    end = worker("diffrax").prepare(request, {"X": problem.X, "y": problem.y, "W1": W1, "a": a})
    return end, worker("diffrax").seconds


def by_gradient_flow(problem: FlowProblem, rtol: float) -> tuple[np.ndarray, int]:
    """Ours."""
    run = gradient_flow(
        problem.params, problem.X, problem.y, activation="tanh", kappa=problem.kappa, t_end=problem.t_end, rtol=rtol
    )
    return np.concatenate([a.ravel() for a in run.params.arrays]), run.evaluations


METHODS: dict[str, Callable[[FlowProblem, float], tuple[np.ndarray, int]]] = {
    "gradient_flow": by_gradient_flow,
    "RKC2": lambda problem, rtol: rkc2(problem.field, problem.flat, problem.t_end, rtol, problem.radius),
    "ETD2RK": lambda problem, rtol: etd2rk(
        problem.field, problem.jacobian, problem.flat, problem.t_end, rtol, 1 / len(problem.y)
    ),
    "Euler": lambda problem, steps: euler(problem.field, problem.flat, problem.t_end, int(steps)),
} | {name: partial(by_scipy, method=name) for name in EXPLICIT + IMPLICIT}


def displacement_error(problem: FlowProblem, x: np.ndarray, reference: np.ndarray) -> float:
    """‖x − x_ref‖/‖x_ref − x_0‖."""
    return float(np.linalg.norm(x - reference) / np.linalg.norm(reference - problem.flat))


def cheapest(problem: FlowProblem, method: str, reference: np.ndarray) -> tuple[int, float]:
    """Evaluations and seconds at the first tolerance at which the method's error is at most `ERROR`."""
    for rtol in TOLERANCES[method]:
        start = time.perf_counter()
        x, evaluations = METHODS[method](problem, rtol)
        elapsed = time.perf_counter() - start
        if displacement_error(problem, x, reference) <= ERROR:
            return evaluations, elapsed
    raise RuntimeError(f"{method} does not reach an error of {ERROR} with its tolerances")


def cheapest_diffrax(problem: FlowProblem, method: str, reference: np.ndarray) -> float:
    """Seconds of diffrax, compiled beforehand, at the first tolerance that suffices."""
    for rtol in TOLERANCES[method]:
        x, timed = by_diffrax(problem, method, rtol)
        if displacement_error(problem, x, reference) <= ERROR:
            return timed()
    raise RuntimeError(f"{method} does not reach an error of {ERROR} with its tolerances")


def run() -> Iterator[Ratio]:
    """Evaluations and seconds of the others over ours, one pair a seed; then laziness and memory."""
    with threadpool_limits(1):
        for name in SIZES:
            problems = [make_problem(name, seed) for seed in SEEDS]
            references = [by_scipy(problem, 1e-10, "DOP853")[0] for problem in problems]
            yield from compare(name, problems, references)
            if name == "P0":
                yield from compare_diffrax(name, problems, references)
        yield laziness()
    yield memory()


def title(name: str) -> str:
    """Name and sizes of a problem."""
    return f"{name}, tanh, " + ", ".join(f"{key} = {value}" for key, value in SIZES[name].items())


def compare(name: str, problems: list[FlowProblem], references: list[np.ndarray]) -> Iterator[Ratio]:
    """Rows of this problem: every other method, and the better of the explicit ones."""

    def costs(method: str) -> np.ndarray:
        return np.array([cheapest(p, method, x) for p, x in zip(problems, references, strict=True)]).T

    ours, found = costs("gradient_flow"), {method: costs(method) for method in OTHERS[name]}
    better = np.minimum(*(found.pop(method) for method in EXPLICIT))
    for method, theirs in {"the better of RK45 and DOP853": better, **found}.items():
        asked = {"evaluations": RKC if method == "RKC2" else None, "s": None}
        if method.startswith("the better") and name in EVALUATIONS:
            asked = {"evaluations": EVALUATIONS[name], "s": SECONDS}
        for unit, own, other in zip(asked, ours, theirs, strict=True):
            note = f"worst seed {np.min(other / own):.3g}"
            yield ratio("flow", f"{title(name)}, {unit}", method, own, other, unit, asked[unit], note)


def compare_diffrax(name: str, problems: list[FlowProblem], references: list[np.ndarray]) -> Iterator[Ratio]:
    """Seconds of diffrax, which counts no evaluations."""
    for method in DIFFRAX:
        row = "flow", f"{title(name)}, s", f"diffrax {method}"
        if not python_of("diffrax").exists():
            yield missing(*row, f"not installed: {INSTALL}")
            continue
        try:
            pairs = [
                (cheapest(p, "gradient_flow", x)[1], cheapest_diffrax(p, method, x))
                for p, x in zip(problems, references, strict=True)
            ]
            yield ratio(*row, *np.array(pairs).T)
        except RuntimeError as error:
            end("diffrax")
            yield missing(*row, f"it fails: {error}")


def laziness() -> Ratio:
    """Evaluations to a loss ratio of 1e-6 at rtol 1e-3 on the data and weights of P2: lazier is cheaper."""
    counts = []
    for seed in SEEDS:
        problem = make_problem("P2", seed)
        options = {"activation": "tanh", "centred": True, "loss_ratio": 1e-6}
        counts.append(
            [
                gradient_flow(problem.params, problem.X, problem.y, kappa=kappa, **options).evaluations
                for kappa in (LAZIEST, LAZY)
            ]
        )
    case = f"{title('P2')}, centred, κ = {LAZIEST}, to a loss of 1e-6"
    return ratio("flow", case, f"itself at κ = {LAZY}", *np.array(counts).T, "evaluations")


LARGE = """
import numpy as np
from kernels import gradient_flow, init_parameters
rng = np.random.default_rng(0)
X = rng.normal(size=(64, 64))
X /= np.linalg.norm(X, axis=1, keepdims=True)
params = init_parameters(0, 64, 4096, hidden_layers=2)
gradient_flow(params, X, rng.normal(size=64), activation="tanh", kappa=64.0, loss_ratio=1e-6)
"""


def memory() -> Ratio:
    """Peak of a process that trains m = 4096, L = 2, n = 64 to a loss of 1e-6, against what it may take."""
    case = "m = 4096, L = 2, n = 64, to a loss of 1e-6, peak of the process"
    return ratio("flow", case, "its limit", peak(LARGE), np.array([MOST_MIB]), "MiB", 1.0)
