"""y' = −Σ(t)∇R(y) with a kernel Σ(t) that is given as a function of time, against the bounds on its decay and its stability."""

from collections.abc import Callable, Sequence

import numpy as np
from scipy.integrate import solve_ivp

from checks.measurements.scaled_models import MU, M, make_loss
from checks.measurements.streams import each_draw
from kernels.losses import SquareLoss
from theory.convergence_bounds import decay_envelope, stability_bound

TOLERANCES = (1e-7, 1e-8)
DECAY_TIMES, STABILITY_TIMES, STABILITY_DECAYS = 24, 100, 12.0
END = 1e-6  # of K/(λμ)

Field = Callable[[float, np.ndarray], np.ndarray]


@each_draw
def decay_along_random_paths(seed: int, *, loss: str) -> dict[str, float]:
    """sup_t ‖y(t) − y*‖ over its bound, and the change when the tolerance is cut by ten, (draws,) each.

    Σ(t) = λI + A(t)A(t)ᵀ, A(t) = A_0 + A_1 cos ωt + A_2 sin ωt of random rank in 1 to 4 dimensions, λ from 0.1 to 10.
    """
    rng = np.random.default_rng(seed)
    outputs, lam = int(rng.integers(1, 5)), 10.0 ** rng.uniform(-1, 1)
    targets, parts = rng.normal(size=outputs), rng.normal(size=(3, outputs, rng.integers(1, outputs + 1)))
    omega, start, function = 3 * lam * rng.uniform(), 3 * rng.normal(size=outputs), make_loss(loss, targets)

    def field(t: float, y: np.ndarray) -> np.ndarray:
        gradient = function.evaluate(y)[1]
        A = parts[0] + parts[1] * np.cos(omega * t) + parts[2] * np.sin(omega * t)
        return -lam * gradient - A @ (A.T @ gradient)

    mu, smooth = (1.0, 1.0) if isinstance(function, SquareLoss) else (MU, M)
    times = np.linspace(0, 3 / (mu * lam), DECAY_TIMES + 1)[1:]
    size, found = np.linalg.norm(start - targets), []
    for rtol in TOLERANCES:
        run = solve_ivp(field, (0, times[-1]), start, "LSODA", t_eval=times, rtol=rtol, atol=rtol * 1e-4)
        errors = np.linalg.norm(run.y.T - targets, axis=1) / size if run.success else np.full(len(times), np.nan)
        found.append(max(e / decay_envelope(mu, smooth, lam, t) for e, t in zip(errors, times, strict=True)))
    return {"share": found[1], "error": abs(found[1] - found[0])}


def decay_along_a_level_set(*, speeds: Sequence[float], condition: float, lam: float) -> dict[str, np.ndarray]:
    """The same for R = ½yᵀdiag(1, c)y from (0, 1) and Σ = λI + βvvᵀ, for every β of ``speeds``; c = ``condition``.

    v makes the angle (β/λ)^{−1/2} with the level set, so that y arrives after a time of order β^{−1/2} and R has lost a share
    of the same order: another angle makes one of them larger. It ends at the time 1/λ or when y is on the first axis, from
    where Σ = λI keeps the ratio. Σ depends on t through y alone.
    """
    hessian, rows = np.array([1.0, condition]), []
    for speed in speeds:
        angle, found = (speed / lam) ** -0.5, []

        def field(t: float, y: np.ndarray, speed: float = speed, angle: float = angle) -> np.ndarray:
            gradient = hessian * y
            n = gradient / np.linalg.norm(gradient)
            v = np.cos(angle) * np.array([-n[1], n[0]]) + np.sin(angle) * n
            return -lam * gradient - speed * v * (v @ gradient)

        def arrival(t: float, y: np.ndarray) -> float:
            return y[1]

        arrival.terminal = True
        for rtol in TOLERANCES:
            run = solve_ivp(field, (0, 1 / lam), [0.0, 1.0], "DOP853", rtol=rtol, atol=1e-3 * rtol, events=arrival)
            shares = [np.linalg.norm(run.y[:, k]) / decay_envelope(1.0, condition, lam, s) for k, s in enumerate(run.t)]
            found.append(max(shares) if run.success else np.nan)
        rows.append((found[1], abs(found[1] - found[0])))
    share, error = np.transpose(rows)
    return {"share": share, "error": error}


@each_draw
def stability_along_random_paths(seed: int, *, loss: str) -> dict[str, float]:
    """sup ‖y − ȳ‖ over its bound, and the change when the tolerance is cut by ten, (draws,) each.

    Σ(t) = λI + A(t)A(t)ᵀ, A(t) = A_0 + s(A_1(cos ωt − 1) + A_2 sin ωt), in 1 to 4 dimensions, s from 0.01 to 1, λ from 0.3 to
    3. K is the largest over 100 times, at most the supremum: that errs on the strict side.
    """
    rng = np.random.default_rng(seed)
    outputs, size, lam = int(rng.integers(1, 5)), 10.0 ** rng.uniform(-2, 0), 3.0 ** rng.uniform(-1, 1)
    targets, parts = rng.normal(size=outputs), rng.normal(size=(3, outputs, rng.integers(1, outputs + 1)))
    omega, start, function = 3 * lam * rng.uniform(), 3 * rng.normal(size=outputs), make_loss(loss, targets)
    mu = 1.0 if loss == "square" else MU

    def kernel(t: float) -> np.ndarray:
        A = parts[0] + size * (parts[1] * (np.cos(omega * t) - 1) + parts[2] * np.sin(omega * t))
        return lam * np.eye(outputs) + A @ A.T

    def field(t: float, both: np.ndarray) -> np.ndarray:
        y, twin = np.split(both, 2)
        return -np.concatenate([kernel(t) @ function.evaluate(y)[1], kernel(0) @ function.evaluate(twin)[1]])

    values, found = np.linalg.eigvalsh(kernel(0)), []
    times = np.geomspace(1e-3 / values[-1], STABILITY_DECAYS / (mu * lam), STABILITY_TIMES)
    both, options = np.concatenate([start, start]), {"method": "LSODA", "t_eval": times}
    for rtol in TOLERANCES:
        run = solve_ivp(field, (0, times[-1]), both, rtol=rtol, atol=1e-4 * rtol, **options)
        y, twin = np.split(run.y.T, 2, axis=1)
        changes = [(kernel(t) - kernel(0)) @ function.evaluate(point)[1] for t, point in zip(run.t, y, strict=True)]
        K, distance = (np.linalg.norm(rows, axis=1).max() for rows in (changes, y - twin))
        found.append(distance / stability_bound(K, values[-1], values[0], mu) if run.success else np.nan)
    return {"share": found[1], "error": abs(found[1] - found[0])}


def scalar_stability(*, lam: float, mu: float, K: float, starts: Sequence[float]) -> dict[str, np.ndarray]:
    """Worst case: R = μy²/2, Σ(0) = λ and Σ(t) = λ + K/(μy) for t > 0; ``starts`` y(0) in K/(λμ).

    Both flows are integrated, until y has fallen to a millionth of K/(λμ) with Σ ever larger. ``share``, ``error`` as above.
    """
    unit, rows = K / (lam * mu), []
    for start in starts:
        found = []

        def field(t: float, both: np.ndarray) -> np.ndarray:
            y, twin = both
            return np.array([-(lam + K / (mu * y)) * mu * y, -lam * mu * twin])

        def arrival(t: float, both: np.ndarray) -> float:
            return both[0] / unit - END

        arrival.terminal = True
        for rtol in TOLERANCES:
            longest = 2 * np.log1p(start) / (lam * mu)
            options = {"method": "DOP853", "rtol": rtol, "atol": 1e-4 * rtol * unit, "events": arrival}
            run = solve_ivp(field, (0, longest), [start * unit] * 2, **options)
            y, twin = run.y
            size = np.abs(K / (mu * y) * mu * y).max()  # (Σ(t) − Σ(0))∇R
            arrived = run.success and len(run.t_events[0]) == 1
            found.append(np.abs(y - twin).max() / stability_bound(size, lam, lam, mu) if arrived else np.nan)
        rows.append((found[1], abs(found[1] - found[0])))
    share, error = np.transpose(rows)
    return {"share": share, "error": error}
