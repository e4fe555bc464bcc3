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
from scipy.stats import qmc

from argument_validation import validate_array, validate_count, validate_positive
from theory.gram_limits import limit_grams

STEPS = 80  # of the scaled time; twice as many change the mean by less than 1 %


def crossing_change(
    X: np.ndarray, y: np.ndarray, U: np.ndarray, a: np.ndarray, *, kappa: float, scaled_time: float
) -> np.ndarray:
    """What crossings change in (m/κ²)G up to t = ``scaled_time`` m/κ², (n, n), for given neurons, to leading order.

    Σ_i of (1/m) Σ_k a_k² Δσ'(w_k·x_i) σ'(w_k·x_j)ρ_ij, in row and column i, for pre-activations ``U`` w_k·x_i (m, n) and output
    weights ``a`` (m,) at θ_0; unit inputs ``X`` (n, d) and targets ``y`` (n,), whose kernel K must be positive definite.
    """
    X, y = validate_array(X, "X", ("n", "d")), validate_array(y, "y", (len(X),))
    U = validate_array(U, "U", ("m", len(X)))
    a, kappa = validate_array(a, "a", (len(U),)), validate_positive(kappa, "kappa")
    K = limit_grams(X, hidden_layers=1, activation="relu").ntk
    forces, rho = _forces(K, y, validate_positive(scaled_time, "scaled_time")), X @ X.T
    change, reach = np.zeros((len(X), len(X))), np.abs(forces).sum(axis=0) @ np.abs(rho)
    for i in range(len(X)):
        near = np.abs(U[:, i]) * kappa < np.abs(a) * reach[i]
        active, weights = (U[near] > 0).astype(float), a[near] ** 2 / len(a)
        active[:, i] = 0
        switched = weights * _switched(
            kappa * U[near, i] / a[near], np.sign(a[near]), active, rho[i] * forces, forces[:, i]
        )
        _collect(change, i, rho[i] * (switched @ active), switched.sum())
    return change


def mean_crossing_change(X: np.ndarray, y: np.ndarray, *, scaled_time: float, points: int = 2**16) -> np.ndarray:
    """lim κ E `crossing_change` as κ grows, (n, n): C of the mean change C/κ of the kernel of relu, for X, y as there.

    (2π)^{−½}E|a|³/2 times the integral over z of what both signs of a switch, in the mean over neurons on the kink,
    w·x_i = 0; by ``points`` of a Sobol sequence, a power of two.
    """
    X, y = validate_array(X, "X", ("n", "d")), validate_array(y, "y", (len(X),))
    points = validate_count(points, "points")
    K = limit_grams(X, hidden_layers=1, activation="relu").ntk
    forces, rho, n = _forces(K, y, validate_positive(scaled_time, "scaled_time")), X @ X.T, len(X)
    change, reach = np.zeros((n, n)), np.abs(forces).sum(axis=0) @ np.abs(rho)
    cube = qmc.Sobol(n + 1, scramble=False).random(points) + 0.5 / points
    for i in range(n):
        values, Q = np.linalg.eigh(rho - np.outer(rho[i], rho[i]))  # covariance of w·x_j given w·x_i = 0
        active = (ndtri(cube[:, :n]) @ (Q * np.sqrt(np.maximum(values, 0))).T > 0).astype(float)
        active[:, i], z = 0, (2 * cube[:, n] - 1) * reach[i]
        switched = sum(
            _switched(z, np.full(points, side), active, rho[i] * forces, forces[:, i]) for side in (1.0, -1.0)
        )
        switched *= 2 * reach[i] / points * np.sqrt(2 / np.pi) / np.sqrt(2 * np.pi)
        _collect(change, i, rho[i] * (switched @ active), switched.sum())
    return change


def _collect(change: np.ndarray, i: int, row: np.ndarray, own: float) -> None:
    """Add to row and column ``i`` what neurons at the kink of x_i changed there."""
    change[i] += row
    change[:, i] += row
    change[i, i] += own


def _forces(K: np.ndarray, y: np.ndarray, scaled_time: float) -> np.ndarray:
    """Increments of α over steps of the scaled time, (STEPS, n)."""
    values, Q = np.linalg.eigh(K)
    times = np.concatenate([[0.0], scaled_time * np.geomspace(1e-3, 1, STEPS)])
    return np.diff(-np.expm1(-np.outer(times, values) / len(y)) / values * (Q.T @ y) @ Q.T, axis=0)


@njit(cache=True, error_model="numpy")
def _switched(z: np.ndarray, side: np.ndarray, active: np.ndarray, pulls: np.ndarray, own: np.ndarray) -> np.ndarray:
    """Change of 1{w_k·x_i > 0} of neurons at z (N,), with the sign ``side`` (N,) of a_k and the other kinks ``active`` (N, n).

    ``pulls`` ρ_ijα_j' (STEPS, n) and ``own`` α_i' (STEPS,), as increments.
    """
    switched = np.empty(len(z))
    for k in range(len(z)):
        here, above, below = z[k], 0.0, 0.0
        for step in range(len(own)):
            other = 0.0
            for j in range(active.shape[1]):
                other += active[k, j] * pulls[step, j]
            above, below = other, other
            if side[k] > 0:
                above += own[step]
            else:
                below += own[step]
            speed = above if here > 0 or (here == 0 and min(above, below) > 0) else below
            if here == 0 and min(above, below) <= 0 <= max(above, below):
                continue  # held, or pushed away to both sides
            moved = here + speed
            if here * moved < 0:  # the rest of the step on the other side, if that does not push back
                moved *= (min(below, 0.0) if here > 0 else max(above, 0.0)) / speed
            here = moved
        if here != 0:
            on = 1.0 if side[k] * here > 0 else 0.0
        else:
            off_speed, on_speed = (below, above) if side[k] > 0 else (above, below)
            on = off_speed / (off_speed - on_speed) if off_speed * on_speed < 0 else 0.5
        switched[k] = on - (side[k] * z[k] > 0)
    return switched
