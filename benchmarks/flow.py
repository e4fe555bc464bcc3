"""`gradient_flow` against explicit, stabilised and exponential integrators, at equal displacement error."""

import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from rich.console import Console
from rich.progress import Progress
from rich.table import Table
from scipy.integrate import solve_ivp
from threadpoolctl import threadpool_limits

from benchmarks.reference_integrators import etd2rk, euler, rkc2
from kernels import Parameters, gradient_flow, init_parameters, layer_grams
from kernels.losses import SquareLoss
from kernels.models import NetworkModel
from kernels.training import loss_gradient

SEEDS = (0, 100, 200, 300)
ERROR = 1e-3
SIZES = {"P1": {"n": 32, "d": 3, "L": 1, "m": 1024}, "P2": {"n": 32, "d": 6, "L": 2, "m": 256}}
TARGETS = {"P1": (150, 75, 30), "P2": (75, 60, 30)}  # ratio of evaluations: median, worst seed; of wall time: median
RKC_TARGET = 4
KAPPAS = (1, 4, 16, 64, 256)
# From loose to tight; a method is represented by its first tolerance with an error of at most ERROR.
TOLERANCES = {
    "gradient_flow": 10.0 ** -np.arange(1.5, 4.1, 0.125),
    "RK45": (1e-3, 3e-4, 1e-4),
    "DOP853": (1e-3, 3e-4, 1e-4),
    "RKC2": 10.0 ** -np.arange(2, 6.1, 0.25),
    "ETD2RK": 10.0 ** -np.arange(1.5, 5.1, 0.25),
}


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


def by_scipy(problem: FlowProblem, method: str, rtol: float) -> tuple[np.ndarray, int]:
    """SciPy's solver, absolute tolerance a thousandth of the relative one."""
    end = solve_ivp(
        lambda _, x: problem.field(x), (0, problem.t_end), problem.flat, method=method, rtol=rtol, atol=1e-3 * rtol
    )
    return end.y[:, -1], end.nfev


def by_gradient_flow(problem: FlowProblem, rtol: float) -> tuple[np.ndarray, int]:
    """Ours."""
    run = gradient_flow(
        problem.params, problem.X, problem.y, activation="tanh", kappa=problem.kappa, t_end=problem.t_end, rtol=rtol
    )
    return np.concatenate([a.ravel() for a in run.params.arrays]), run.evaluations


METHODS: dict[str, Callable[[FlowProblem, float], tuple[np.ndarray, int]]] = {
    "gradient_flow": by_gradient_flow,
    "RK45": lambda problem, rtol: by_scipy(problem, "RK45", rtol),
    "DOP853": lambda problem, rtol: by_scipy(problem, "DOP853", rtol),
    "RKC2": lambda problem, rtol: rkc2(problem.field, problem.flat, problem.t_end, rtol, problem.radius),
    "ETD2RK": lambda problem, rtol: etd2rk(
        problem.field, problem.jacobian, problem.flat, problem.t_end, rtol, 1 / len(problem.y)
    ),
    "Euler": lambda problem, steps: euler(problem.field, problem.flat, problem.t_end, int(steps)),
}


def displacement_error(problem: FlowProblem, x: np.ndarray, reference: np.ndarray) -> float:
    """‖x − x_ref‖/‖x_ref − x_0‖."""
    return float(np.linalg.norm(x - reference) / np.linalg.norm(reference - problem.flat))


def cheapest(problem: FlowProblem, method: str, reference: np.ndarray) -> dict:
    """The first tolerance at which the method's error is at most `ERROR`, with evaluations and seconds."""
    for rtol in TOLERANCES[method]:
        start = time.perf_counter()
        x, evaluations = METHODS[method](problem, rtol)
        seconds = time.perf_counter() - start
        error = displacement_error(problem, x, reference)
        if error <= ERROR:
            return {"rtol": rtol, "evaluations": evaluations, "seconds": seconds, "error": error}
    raise RuntimeError(f"{method} does not reach an error of {ERROR} with its tolerances")


def run(names: list[str], seeds: list[int]) -> list[dict]:
    """One row for every problem, seed and method, one thread."""
    rows = []
    with threadpool_limits(1), Progress(console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task("integrators", total=len(names) * len(seeds) * (1 + len(TOLERANCES)))
        for name in names:
            for seed in seeds:
                problem = make_problem(name, seed)
                progress.update(task, description=f"{name}, seed {seed}: reference, DOP853 at 1e-10")
                reference, _ = by_scipy(problem, "DOP853", 1e-10)
                progress.advance(task)
                for method in TOLERANCES:
                    progress.update(task, description=f"{name}, seed {seed}: {method}")
                    rows.append(
                        {"problem": name, "seed": seed, "method": method} | cheapest(problem, method, reference)
                    )
                    progress.advance(task)
    return rows


def ratios(rows: list[dict], name: str, key: str, others: tuple[str, ...]) -> np.ndarray:
    """Per seed, the least of ``others`` over that of `gradient_flow`."""
    found = []
    for seed in dict.fromkeys(row["seed"] for row in rows if row["problem"] == name):
        own = {row["method"]: row[key] for row in rows if row["problem"] == name and row["seed"] == seed}
        found.append(min(own[other] for other in others) / own["gradient_flow"])
    return np.array(found)


def laziness(seeds: list[int]) -> list[dict]:
    """Evaluations to a loss ratio of 1e-6 at rtol 1e-3 as κ grows, on the data and weights of P2."""
    rows = []
    for seed in seeds:
        problem = make_problem("P2", seed)
        counts = [
            gradient_flow(
                problem.params, problem.X, problem.y, activation="tanh", kappa=kappa, centred=True, loss_ratio=1e-6
            ).evaluations
            for kappa in KAPPAS
        ]
        rows.append({"seed": seed, "evaluations": counts})
    return rows


LARGE = """
import resource
import numpy as np
from kernels import gradient_flow, init_parameters
rng = np.random.default_rng(0)
X = rng.normal(size=(64, 64))
X /= np.linalg.norm(X, axis=1, keepdims=True)
params = init_parameters(0, 64, 4096, hidden_layers=2)
run = gradient_flow(params, X, rng.normal(size=64), activation="tanh", kappa=64.0, loss_ratio=1e-6)
print(run.evaluations, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024, run.losses[-1] / run.losses[0])
"""


def memory() -> tuple[int, int, float]:
    """Evaluations, peak resident MiB and loss ratio of a process that trains m = 4096, L = 2, n = 64 to 1e-6."""
    words = subprocess.run([sys.executable, "-c", LARGE], capture_output=True, text=True, check=True).stdout.split()
    return int(words[0]), int(words[1]), float(words[2])


def report(rows: list[dict], lazy: list[dict] | None, peak: tuple[int, int, float] | None) -> None:
    """Print the tables."""
    console = Console(width=110)
    for name in dict.fromkeys(row["problem"] for row in rows):
        own = [row for row in rows if row["problem"] == name]
        seeds = list(dict.fromkeys(row["seed"] for row in own))
        sizes = ", ".join(f"{key} = {value}" for key, value in SIZES[name].items())
        table = Table(
            title=f"{name}: {sizes}, tanh, κ = √m; evaluations (seconds) at displacement error ≤ {ERROR:g}, one thread"
        )
        table.add_column("method")
        for seed in seeds:
            table.add_column(f"seed {seed}", justify="right")
        table.add_column("over ours, evaluations", justify="right")
        table.add_column("over ours, seconds", justify="right")
        for method in TOLERANCES:
            cells = [f"{r['evaluations']} ({r['seconds']:.2f})" for r in own if r["method"] == method]
            spans = [ratios(rows, name, key, (method,)) for key in ("evaluations", "seconds")]
            table.add_row(method, *cells, *(f"{np.median(span):.3g} ({span.min():.3g})" for span in spans))
        console.print(table)
        median, worst, wall = TARGETS[name]
        counts, seconds = (ratios(rows, name, key, ("RK45", "DOP853")) for key in ("evaluations", "seconds"))
        chebyshev = ratios(rows, name, "evaluations", ("RKC2",))
        console.print(
            f"  better of RK45 and DOP853 over ours: evaluations median {np.median(counts):.0f} (target {median}), worst seed "
            f"{counts.min():.0f} ({worst}); seconds median {np.median(seconds):.0f} ({wall}); RKC2 over ours: evaluations "
            f"median {np.median(chebyshev):.1f} ({RKC_TARGET})\n",
            soft_wrap=True,
        )
    if lazy:
        table = Table(title="Evaluations to loss ratio 1e-6, rtol 1e-3, P2's data and weights, centred")
        for heading in ("seed", *(f"κ = {kappa}" for kappa in KAPPAS)):
            table.add_column(heading, justify="right")
        for row in lazy:
            table.add_row(str(row["seed"]), *map(str, row["evaluations"]))
        console.print(table)
    if peak:
        evaluations, mib, ratio = peak
        copies = 3 * 8 * (4096**2 + 65 * 4096) / 2**20
        console.print(
            f"m = 4096, L = 2, n = 64: loss ratio {ratio:.1e} after {evaluations} evaluations; peak {mib} MiB of the whole "
            f"process, of which three copies of the weights are {copies:.0f} MiB",
            soft_wrap=True,
        )
