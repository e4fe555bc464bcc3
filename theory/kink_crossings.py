"""Neurons of one hidden relu layer that cross a kink in lazy training, and what that does to the tangent kernel.

The term C/κ of li2024demystifying/kernel-stability, derived to leading order. In centred lazy training, at the scaled time
s = κ²t/m, neuron k has moved by

    δw_k = (a_k/κ) Σ_j σ'(w_k·x_j) α_j(s) x_j,    α(s) = K^{−1}(I − e^{−Ks/n})y.

Near the kink of x_i, z = κ w_k·x_i/a_k has two speeds, Σ_{j≠i} ρ_ijσ'(w_k·x_j)α_j' with the neuron off and α_i' more with it
on. Where both point at the kink, the neuron is held there, on for the share of the time that keeps it. Every kink is met by a
share of order 1/κ of the neurons, two kinks by one of order 1/κ².
"""

import numpy as np
from numba import njit
from scipy.special import ndtri

from argument_validation import validate_array, validate_count, validate_positive
from theory.gram_limits import limit_grams
from theory.validation import definite_spectrum, validate_unit_rows

LARGEST = 1e150  # a² and the change stay within float64
STEPS = 80  # of the scaled time; twice as many change the mean by less than 1 %


def crossing_change(
    X: np.ndarray, y: np.ndarray, U: np.ndarray, a: np.ndarray, *, kappa: float, scaled_time: float
) -> np.ndarray:
    """What crossings change in (m/κ²)G up to t = ``scaled_time`` m/κ², (n, n), for given neurons, to leading order.

    Σ_i of (1/m) Σ_k a_k² Δσ'(w_k·x_i) σ'(w_k·x_j)ρ_ij in row and column i, for pre-activations ``U`` w_k·x_i (m, n) and output
    weights ``a`` (m,) at θ_0, unit inputs ``X`` (n, d) and targets ``y`` (n,). ValueError for rows that are not of unit norm,
    and where K is singular to rounding.
    """
    X, rho, forces, size = _setting(X, y, scaled_time)
    U, kappa = validate_array(U, "U", ("m", len(X))), validate_positive(kappa, "kappa") / size
    a, change = validate_array(a, "a", (len(U),), largest=LARGEST), np.zeros(rho.shape)
    for i, reach in enumerate(np.abs(rho) @ np.abs(forces).sum(axis=0)):
        with np.errstate(all="ignore"):  # what overflows is far from the kink
            z = U[:, i] / a * kappa
        near = np.abs(z) < reach  # not a = 0
        active = (U[near] > 0).astype(float)
        active[:, i] = 0
        switched = _switched(z[near], np.sign(a[near]), active, rho[i] * forces, forces[:, i])
        switched *= a[near] ** 2 / len(a)
        _collect(change, i, rho[i] * (switched @ active), switched.sum())
    return change


def mean_crossing_change(X: np.ndarray, y: np.ndarray, *, scaled_time: float, doublings: int = 16) -> np.ndarray:
    """C = lim κ E `crossing_change` as κ grows, (n, n), for X, y as there: the mean change of the kernel of relu is C/κ.

    E over neurons on the kink, w·x_i = 0, of (2π)^{−½}E|a|³/2 times the integral over z of what neurons with a > 0 and with
    a < 0 switch; by 2^``doublings`` points of a Sobol sequence.
    """
    from scipy.stats import qmc  # slow to import, and nothing else here needs it

    X, rho, forces, size = _setting(X, y, scaled_time)
    points, change = 2 ** validate_count(doublings, "doublings", most=24), np.zeros(rho.shape)
    cube = qmc.Sobol(len(X) + 1, scramble=False).random(points) + 0.5 / points
    for i, reach in enumerate(np.abs(rho) @ np.abs(forces).sum(axis=0)):
        values, Q = np.linalg.eigh(rho - np.outer(rho[i], rho[i]))  # covariance of w·x_j given w·x_i = 0
        active = (ndtri(cube[:, :-1]) @ (Q * np.sqrt(np.maximum(values, 0))).T > 0).astype(float)
        active[:, i], z = 0, (2 * cube[:, -1] - 1) * reach
        both = [_switched(z, np.full(points, side), active, rho[i] * forces, forces[:, i]) for side in (1.0, -1.0)]
        switched = sum(both) * (2 * reach / points / np.pi)  # E|a|³/2 = √(2/π)
        _collect(change, i, rho[i] * (switched @ active), switched.sum())
    return change * size


def _setting(X: object, y: object, scaled_time: float) -> tuple[np.ndarray, np.ndarray, np.ndarray, float]:
    """X, ρ = XXᵀ, increments (STEPS, n) of α over steps of the scaled time for y of largest entry 1, and that entry."""
    X = validate_unit_rows(X)
    y, scaled_time = validate_array(y, "y", (len(X),), largest=LARGEST), validate_positive(scaled_time, "scaled_time")
    size = float(np.abs(y).max()) or 1.0
    values, Q = definite_spectrum(limit_grams(X, hidden_layers=1, activation="relu").ntk, "X` through `limit_grams")
    times = np.concatenate([[0.0], scaled_time * np.geomspace(1e-3, 1, STEPS)])
    with np.errstate(under="ignore", over="ignore"):
        alpha = -np.expm1(-np.outer(times, values) / len(y)) / values * (Q.T @ (y / size)) @ Q.T
    return X, X @ X.T, np.diff(alpha, axis=0), size


def _collect(change: np.ndarray, i: int, row: np.ndarray, own: float) -> None:
    """Add to row and column ``i`` what neurons at the kink of x_i changed there."""
    change[i] += row
    change[:, i] += row
    change[i, i] += own


@njit(cache=True, error_model="numpy", nogil=True)
def _switched(z: np.ndarray, side: np.ndarray, active: np.ndarray, pulls: np.ndarray, own: np.ndarray) -> np.ndarray:
    """Change of 1{w_k·x_i > 0} of neurons at z (N,), with the sign ``side`` (N,) of a_k and the other kinks ``active`` (N, n).

    ``pulls`` ρ_ijα_j' (STEPS, n) and ``own`` α_i' (STEPS,), as increments.
    """
    change = np.empty(len(z))
    for k in range(len(z)):
        here, positive, above, below = z[k], side[k] > 0, 0.0, 0.0
        for s in range(len(own)):
            others = 0.0
            for j in range(active.shape[1]):
                others += active[k, j] * pulls[s, j]
            above, below = others + own[s] * positive, others + own[s] * (not positive)
            low, high = min(above, below), max(above, below)
            if here == 0 and low <= 0 <= high:  # held, or pushed to both sides
                continue
            speed = above if here > 0 or (here == 0 and low > 0) else below
            moved = here + speed
            if here * moved < 0:  # crossed: the rest of the step is on the other side, if that does not push back
                moved *= (min(below, 0.0) if here > 0 else max(above, 0.0)) / speed
            here = moved
        off, on = (below, above) if positive else (above, below)
        if here != 0:
            end = 1.0 if side[k] * here > 0 else 0.0
        else:  # with all others off a neuron stays off
            end = 0.0 if off == on else min(max(off / (off - on), 0.0), 1.0)
        change[k] = end - (1.0 if side[k] * z[k] > 0 else 0.0)
    return change
