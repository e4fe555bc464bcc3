"""Two-layer relu students of a teacher with three neurons: the synthetic experiments, by gradient descent.

Student f(x) = s Σ_j a_j max(b_j·x, 0) with m neurons, teacher f*(x) = c Σ_{k ≤ 3} ±max(θ_k·x, 0) with ‖θ_k‖ = 1, inputs uniform
on the sphere. Losses are relative: a share of v_0, the mean square of the test labels. Every draw has its own data, teacher and
start, the same for all scales.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np

from checks.measurements.streams import draw_seeds, stacked
from kernels import Parameters
from kernels.network import outputs_of
from kernels.relu_descent import descend, stacked_weights, take_steps

NEURONS = 3
RECORD_EVERY = 10
CIRCLE = {"samples": 15, "neurons": 16}
LAZY_TIME, LAZY_STEPS = 0.05, 4_000  # steps of 0.05/τ²: the same time, seen from the linearised network, for every τ
LATE = 0.1  # of the steps of stochastic descent, over which the loss at the end is averaged
WIDTH_STEPS = {0.5: 1.0, 1.0: 0.05}  # of f = m^{−β} Σ_j, times m^{2β−1}, which undoes the scale of the kernel


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


def network_outputs(B: np.ndarray, a: np.ndarray, X: np.ndarray) -> np.ndarray:
    """Σ_j a_j max(b_j·x, 0) at the rows of X (n, d) for networks B (networks, m, d), a (networks, m), (networks, n)."""
    return (a[:, None] @ np.maximum(B @ X.T, 0))[:, 0]


def relative_losses(trained: np.ndarray, tested: np.ndarray, problem: Problem) -> dict[str, np.ndarray]:
    """``train``, ``end``: training and test loss at the end; ``best``: least test loss on the way. NaN if it diverged.

    From the outputs ``trained`` (networks, n) at the end and ``tested`` (times, networks, n).
    """
    level = np.mean(problem.y_test**2)
    tests = np.mean((tested - problem.y_test) ** 2, axis=-1) / level
    found = {"train": np.mean((trained - problem.y) ** 2, axis=-1) / level, "end": tests[-1], "best": tests.min(axis=0)}
    return {key: np.where(np.isfinite(tests).all(axis=0), value, np.nan) for key, value in found.items()}


def over(values: Sequence[float], seeds: Sequence[int], one: Callable[[int, float], dict]) -> dict[str, np.ndarray]:
    """What ``one(seed, value)`` finds for every seed and value, (seeds, values) each."""
    rows = [[one(seed, value) for value in values] for seed in seeds]
    return {key: np.array([[found[key] for found in row] for row in rows]) for key in rows[0][0]}


def on_the_circle(seed: int, paired: bool) -> tuple[Problem, Parameters]:
    """15 points on the circle and 16 neurons, unit directions and output weights uniform on [0, 1), half of them negated."""
    rng, m = np.random.default_rng(seed), CIRCLE["neurons"]
    problem, neurons = make_problem(rng, n=CIRCLE["samples"], d=2), m // 2 if paired else m
    B, a = sphere(rng, neurons, 2), rng.uniform(size=neurons)
    return problem, pair(B, a) if paired else Parameters((B,), a)


def teacher_angle(teacher: Teacher, params: Parameters) -> float:
    """Mean angle of neurons to the nearest neuron of the teacher with their sign, π where it has none, weight |a_j|‖b_j‖."""
    inner, outer = params.weights[0], params.output
    lengths = np.linalg.norm(inner, axis=1)
    cosines = (inner / lengths[:, None]) @ teacher.directions.T
    cosines = np.where(np.sign(outer)[:, None] == teacher.signs, cosines, -1.0)
    return float(np.average(np.arccos(cosines.max(axis=1).clip(-1, 1)), weights=np.abs(outer) * lengths))


def schedule(tau: float, step: float, steps: int) -> tuple[float, int]:
    """Step and number of steps at τ: as given where the start is small."""
    return (step, steps) if tau < 1 else (LAZY_TIME / tau**2, LAZY_STEPS)


def displacements(
    *, taus: Sequence[float], paired: bool, step: float, steps: int, stream: Sequence[int], first: int, draws: int
) -> dict[str, np.ndarray]:
    """``moved`` ‖w(T) − w_0‖/‖w_0‖ of all weights, and `teacher_angle` at the ``end`` and at the ``start``, (draws, taus).

    Not finite if the weights overflow.
    """

    def norm(arrays: tuple[np.ndarray, ...]) -> float:
        return float(np.linalg.norm(np.concatenate([array.ravel() for array in arrays])))

    def one(seed: int, tau: float) -> dict[str, float]:
        problem, start = on_the_circle(seed, paired)
        start = scaled(start, tau)
        pace, count = schedule(tau, step, steps)
        (end,) = descend([start], problem.X, problem.y, scale=1.0, step=pace, steps=count)
        moved = norm(tuple(there - before for there, before in zip(end.arrays, start.arrays, strict=True)))
        angles = {"start": teacher_angle(problem.teacher, start), "end": teacher_angle(problem.teacher, end)}
        return {"moved": moved / norm(start.arrays), **angles}

    return over(taus, draw_seeds(stream, first, draws), one)


def paths(*, tau: float, step: float, steps: int, points: int, seed: int) -> dict[str, np.ndarray]:
    """Neurons |a_j|b_j at ``points`` steps, evenly spaced on a logarithmic scale: ``neurons`` (points, m, 2).

    ``signs`` (m,) are those of the a_j at the end, ``teacher`` (3, 2) its neurons, ``teacher_signs`` (3,).
    """
    problem, start = on_the_circle(seed, True)
    step, steps = schedule(tau, step, steps)
    params, found, done = scaled(start, tau), [], 0
    for k in np.unique(np.geomspace(1, steps, points).astype(int)):
        (params,) = descend([params], problem.X, problem.y, scale=1.0, step=step, steps=int(k) - done)
        found.append(np.abs(params.output)[:, None] * params.weights[0])
        done = int(k)
    teacher = problem.teacher
    signs = {"signs": np.sign(params.output), "teacher_signs": teacher.signs}
    return {"neurons": np.array(found), "teacher": teacher.directions, **signs}


def losses_of_scales(
    *,
    taus: Sequence[float],
    n: int,
    d: int,
    m: int,
    steps: int,
    step: float,
    largest_step: float,
    stream: Sequence[int],
    first: int,
    draws: int,
    labels: str = "teacher",
    trained: str = "all",
) -> dict[str, np.ndarray]:
    """`relative_losses` of a paired start of every scale τ, (draws, taus) each; steps min(``largest_step``, ``step``/τ²).

    The curvature grows like τ² once the start decides it. With ``trained`` "output" the inner weights stay, and so the step
    can be ``step``/τ² for every τ.
    """
    alone = trained == "output"
    paces = [step / tau**2 if alone else min(largest_step, step / tau**2) for tau in taus]

    def one(seed: int) -> dict[str, np.ndarray]:
        rng = np.random.default_rng(seed)
        problem = make_problem(rng, n=n, d=d, labels=labels)
        start = paired_start(rng, m, d)
        B, a = stacked_weights([scaled(start, tau) for tau in taus])
        outputs, options = [], {"scale": 1.0, "step": paces, "inner": 0.0 if alone else 1.0}
        with np.errstate(over="ignore", invalid="ignore"):
            for done in range(0, steps, RECORD_EVERY):
                outputs.append(network_outputs(B, a, problem.X_test))
                take_steps(B, a, problem.X, problem.y, steps=min(RECORD_EVERY, steps - done), **options)
            outputs.append(network_outputs(B, a, problem.X_test))
            return relative_losses(network_outputs(B, a, problem.X), np.array(outputs), problem)

    return stacked(map(one, draw_seeds(stream, first, draws)))


def losses_of_widths(
    *,
    widths: Sequence[int],
    betas: Sequence[float],
    neurons: int,
    n: int,
    d: int,
    steps: int,
    stream: Sequence[int],
    first: int,
    draws: int,
    labels: str = "teacher",
) -> dict[str, np.ndarray]:
    """``train``, ``end`` of `relative_losses` of f = m^{−β} Σ_j a_j max(b_j·x, 0), (draws, betas, widths) each.

    Geometric means over starts of ``neurons`` neurons together, at least one: the narrower the network, the more its loss
    depends on its start. Both β have the same starts. Descent is in single precision: in 46 draws that moved logarithms of test
    losses by 5·10⁻³ at most, which vary by 0.2 from draw to draw, and by 10⁻⁴ in the mean; training losses end above 10⁻¹².
    """

    def one(seed: int, m: float, beta: float) -> dict[str, float]:
        data, weights = np.random.default_rng(seed).spawn(2)
        problem = make_problem(data, n=n, d=d, labels=labels, size=100 * math.sqrt(d / 100))
        starts = [gaussian_start(weights, int(m), d) for _ in range(max(1, neurons // int(m)))]
        pace, scale = WIDTH_STEPS[beta] * m ** (2 * beta - 1), m**-beta
        ends = descend(starts, problem.X, problem.y, scale=scale, step=pace, steps=steps, dtype=np.float32)
        points = {"train": (problem.X, problem.y), "end": (problem.X_test, problem.y_test)}
        level = np.log(np.mean(problem.y_test**2))
        return {
            key: math.exp(np.mean([log_error(end, *at, scale) for end in ends]) - level) for key, at in points.items()
        }

    seeds = draw_seeds(stream, first, draws)
    found = [over(widths, seeds, partial(one, beta=beta)) for beta in betas]
    return {key: np.stack([own[key] for own in found], axis=1) for key in found[0]}


def log_error(params: Parameters, X: np.ndarray, y: np.ndarray, scale: float) -> float:
    """Logarithm of the mean square of f − y, f = ``scale`` Σ_j a_j max(b_j·x, 0); NaN if the weights are not finite."""
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
        square = np.mean((outputs_of(params.arrays, X.T, activation="relu", kappa=scale * params.width) - y) ** 2)
        return float(np.log(square)) if np.isfinite(square) else np.nan


def population_losses(
    *,
    taus: Sequence[float],
    d: int,
    m: int,
    batch: int,
    steps: int,
    step: float,
    largest_step: float,
    stream: Sequence[int],
    first: int,
    draws: int,
    labels: str = "teacher",
) -> dict[str, np.ndarray]:
    """``loss`` (draws, taus): loss on the fresh batch as a share of that of f = 0, mean over the last steps, `LATE`.

    ``inner``, ``outer`` are the weights of one neuron of each pair at τ = 1, ``teacher``, ``signs`` those of the teacher.

    f = (1/m) Σ_j a_j max(b_j·x, 0), the teacher's outputs divided by the size of a batch; steps m·min(``step``/τ²,
    ``largest_step``), times d for the inner weights, whose kernel is smaller by d. NaN if the run diverges.
    """

    def one(seed: int) -> dict[str, np.ndarray]:
        rng = np.random.default_rng(seed)
        teacher, start = make_teacher(rng, d, 1 / batch), paired_start(rng, m, d)
        B, a = stacked_weights([scaled(start, tau) for tau in taus])
        paces, found, levels = [m * min(step / tau**2, largest_step) for tau in taus], np.empty((len(taus), steps)), []
        for k in range(steps):
            X = sphere(rng, batch, d)
            y = teacher(X)
            levels.append(np.mean(y**2) / 2)
            if labels == "random":
                y = np.sqrt(np.mean(y**2)) * rng.normal(size=batch)
            found[:, k] = take_steps(B, a, X, y, scale=1 / m, step=paces, inner=d)
        ends = found[:, -int(LATE * steps) :].mean(axis=1) / np.mean(levels)
        return {"loss": np.where(np.isfinite(found).all(axis=1), ends, np.nan)}

    seeds, starts = draw_seeds(stream, first, draws), []
    for seed in seeds:
        rng = np.random.default_rng(seed)
        teacher, start = make_teacher(rng, d), paired_start(rng, m, d)
        names = {"inner": start.weights[0][: m // 2], "outer": start.output[: m // 2]}
        starts.append(names | {"teacher": teacher.directions, "signs": teacher.signs})
    return stacked(map(one, seeds)) | stacked(starts)
