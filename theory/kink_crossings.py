"""Neurons of one hidden relu layer that cross a kink in lazy training, and what that does to the tangent kernel.

The term C/κ of li2024demystifying/kernel-stability, derived to leading order. In centred lazy training, at the scaled time
s = κ²t/m, neuron k has moved by

    δw_k = (a_k/κ) Σ_j σ'(w_k·x_j) α_j(s) x_j,    α(s) = K^{−1}(I − e^{−Ks/n})y.

Near the kink of x_i, z = κ w_k·x_i/a_k has two speeds, Σ_{j≠i} ρ_ijσ'(w_k·x_j)α_j' with the neuron off and α_i' more with it
on. Where both point at the kink, the neuron is held there, on for the share of the time that keeps it. Every kink is met by a
share of order 1/κ of the neurons, two kinks by one of order 1/κ².
"""

import numpy as np
from scipy.special import ndtri
from scipy.stats import qmc

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


def _switched(z: np.ndarray, side: np.ndarray, active: np.ndarray, pulls: np.ndarray, own: np.ndarray) -> np.ndarray:
    """Change of 1{w_k·x_i > 0} of neurons at z (N,), with the sign ``side`` (N,) of a_k and the other kinks ``active`` (N, n).

    ``pulls`` ρ_ijα_j' (STEPS, n) and ``own`` α_i' (STEPS,), as increments.
    """
    here, positive = z.copy(), side > 0
    for pull, gain in zip(pulls, own, strict=True):
        others = active @ pull
        above, below = others + gain * positive, others + gain * ~positive
        up, down = np.maximum(above, 0.0), np.minimum(below, 0.0)
        speed = np.where((here > 0) | (here == 0) & (np.minimum(above, below) > 0), above, below)
        held = (
            (here == 0) & (np.minimum(above, below) <= 0) & (np.maximum(above, below) >= 0)
        )  # or pushed to both sides
        moved = here + speed
        crossed = here * moved < 0  # the rest of the step is on the other side, if that does not push back
        beyond = moved[crossed] * np.where(here[crossed] > 0, down[crossed], up[crossed]) / speed[crossed]
        moved[crossed] = beyond
        here = np.where(held, here, moved)
    off, on = np.where(positive, below, above), np.where(positive, above, below)
    with np.errstate(all="ignore"):  # with all others off a neuron stays off
        share = np.where(off == on, 0.0, np.clip(off / (off - on), 0.0, 1.0))
    return np.where(here != 0, side * here > 0, share) - (side * z > 0)
