"""Two-layer relu students of a teacher with three neurons: data, starts and training of the synthetic experiments.

Student f(x) = s Σ_j a_j max(b_j·x, 0) with m neurons, teacher f*(x) = c Σ_{k ≤ 3} ±max(θ_k·x, 0) with ‖θ_k‖ = 1, inputs uniform
on the sphere. Losses are relative: a share of v_0, the mean square of the test labels.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from checks.claim import Run
from checks.sweep import Arrays
from kernels import Parameters, Trajectory, gradient_descent

NEURONS = 3
RECORD_EVERY = 10


@dataclass(frozen=True)
class Teacher:
    """c Σ_k signs_k max(directions_k·x, 0): directions (3, d) with unit rows, signs (3,) ±1, size c."""

    directions: np.ndarray
    signs: np.ndarray
    size: float

    def __call__(self, X: np.ndarray) -> np.ndarray:
        """Outputs (n,) at the rows of X (n, d)."""
        return self.size * (np.maximum(X @ self.directions.T, 0) @ self.signs)


@dataclass(frozen=True)
class Problem:
    """Training inputs X (n, d) with labels y (n,), as many for testing, and the teacher."""

    X: np.ndarray
    y: np.ndarray
    X_test: np.ndarray
    y_test: np.ndarray
    teacher: Teacher


def sphere(rng: np.random.Generator, n: int, d: int) -> np.ndarray:
    """Unit rows (n, d), uniform."""
    X = rng.normal(size=(n, d))
    return X / np.linalg.norm(X, axis=1, keepdims=True)


def make_teacher(rng: np.random.Generator, d: int, size: float = 1.0) -> Teacher:
    """A teacher with random directions and signs."""
    return Teacher(sphere(rng, NEURONS, d), rng.choice([-1.0, 1.0], size=NEURONS), size)


def make_problem(rng: np.random.Generator, *, n: int, d: int, labels: str = "teacher", size: float = 1.0) -> Problem:
    """Data of a random teacher; with ``labels`` "random" all labels are noise of the teacher's mean square."""
    teacher = make_teacher(rng, d, size)
    X, X_test = sphere(rng, n, d), sphere(rng, n, d)
    y, y_test = teacher(X), teacher(X_test)
    if labels == "random":
        level = np.sqrt(np.mean(y_test**2))
        y, y_test = level * rng.normal(size=n), level * rng.normal(size=n)
    return Problem(X, y, X_test, y_test, teacher)


def gaussian_start(rng: np.random.Generator, m: int, d: int) -> Parameters:
    """m neurons with N(0, 1) weights."""
    return Parameters((rng.normal(size=(m, d)),), rng.normal(size=m))


def paired_start(rng: np.random.Generator, m: int, d: int) -> Parameters:
    """m/2 neurons (b, |a|) with N(0, 1) weights and as many (b, −|a|), so that f_0 = 0."""
    B, a = rng.normal(size=(m // 2, d)), np.abs(rng.normal(size=m // 2))
    return pair(B, a)


def pair(B: np.ndarray, a: np.ndarray) -> Parameters:
    """Neurons (b_j, a_j) and (b_j, −a_j)."""
    return Parameters((np.vstack([B, B]),), np.concatenate([a, -a]))


def scaled(start: Parameters, tau: float) -> Parameters:
    """All weights times τ."""
    return Parameters(tuple(tau * W for W in start.weights), tau * start.output)


def train(
    problem: Problem,
    start: Parameters,
    *,
    step: float,
    steps: int,
    scale: float = 1.0,
    rates: Sequence[float] | None = None,
    record_every: int = RECORD_EVERY,
) -> Trajectory:
    """Gradient descent of (1/2n)‖f − y‖², all samples at once, on f = ``scale`` Σ_j a_j max(b_j·x, 0)."""
    options = {"activation": "relu", "kappa": scale * len(start.output), "step": step, "steps": steps}
    options |= {"layer_rates": rates, "record_every": record_every, "X_test": problem.X_test}
    return gradient_descent(start, problem.X, problem.y, **options)


def finished(run: Trajectory) -> bool:
    """Whether descent took all its steps; otherwise it diverged."""
    return run.status.startswith("all steps taken")


def relative_losses(run: Trajectory, problem: Problem) -> Arrays:
    """``train``, ``end``: training and test loss at the end; ``best``: least test loss on the way. NaN if it diverged."""
    level = np.mean(problem.y_test**2)
    tests = np.mean((run.test_outputs - problem.y_test) ** 2, axis=1) / level
    found = {"train": 2 * run.losses[-1] / level, "end": tests[-1], "best": tests.min()}
    return {key: np.array(value if finished(run) else np.nan) for key, value in found.items()}


def sweep_scales(
    run: Run, function: Callable[..., Arrays], taus: Sequence[float], seeds: int, title: str, **setting: object
) -> dict[str, np.ndarray]:
    """What ``function`` finds for every seed at every scale τ of the start, (seeds, taus)."""
    cells = [{"seed": (run.seed << 16) + s, "tau": tau, **setting} for s in range(seeds) for tau in taus]
    found = run.sweep.run(function, cells, title)
    return {key: np.reshape([one[key] for one in found], (seeds, len(taus))) for key in found[0]}
