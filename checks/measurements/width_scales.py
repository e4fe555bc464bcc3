"""κ_h(w_0) = ‖h(w_0) − y*‖‖D²h(w_0)‖/‖Dh(w_0)‖² of sums of m tanh units, with exact norms; and how far training moves Dh."""

from collections.abc import Sequence

import numpy as np

from checks.measurements.data import samples
from checks.measurements.streams import data_seed, draw_seeds
from kernels import Parameters, gradient_flow

SHAPES = {"orthonormal": (4, 4), "plane": (4, 2)}  # samples and dimension
ANGLES = 64
# a non-negative trigonometric polynomial of degree 2 stays below this times its largest value at `ANGLES` even angles
PEAK = 1 / np.cos(2 * np.pi / ANGLES)
HORIZON, SHIFT = 10.0, 0.25
# errors of first order do not cancel in a pair: a coarse flow shows them beside the change, which is of second order; a tenth
# of this moves no slope by more than 0.002
RTOL = 1e-4


def inputs_and_targets(kind: str, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Inputs (N, d), orthonormal or in the plane, and targets (N,) with ‖y*‖ = 1."""
    rng, (N, d) = np.random.default_rng(seed), SHAPES[kind]
    X = np.eye(N) if kind == "orthonormal" else rng.normal(size=(N, d))
    y = rng.normal(size=N)
    return X, y / np.linalg.norm(y)


def units(seed: int, m: int, d: int, output: str, paired: bool) -> tuple[np.ndarray, np.ndarray]:
    """w (m, d) normal and a (m,), signs or uniform on [−1, 1]; ``paired``: (w, a) and (w, −a)."""
    rng, size = np.random.default_rng([seed, m]), m // 2 if paired else m
    W = rng.normal(size=(size, d))
    a = rng.choice([-1.0, 1.0], size=size) if output == "signs" else rng.uniform(-1, 1, size=size)
    return (np.vstack([W, W]), np.concatenate([a, -a])) if paired else (W, a)


def curvatures(X: np.ndarray, W: np.ndarray, a: np.ndarray) -> np.ndarray:
    """Upper bounds (m,) on ‖D²φ(w_i)‖, φ(w) = (a tanh(w·x_j))_j; exact for orthonormal rows, to 0.25 % in the plane.

    ‖D²φ‖² = a² max_u Σ_j σ''(w·x_j)²(x_j·u)⁴ over unit vectors u: by Cauchy-Schwarz u = v is the worst pair. The maximum of a
    convex function of the (x_j·u)² is at a vertex for orthonormal x_j, and in the plane it is that of a trigonometric
    polynomial of degree 2 in twice the angle.
    """
    t = np.tanh(W @ X.T)
    squares = (2 * t * (1 - t**2)) ** 2
    if X.shape[1] > 2:
        return np.abs(a) * np.sqrt(squares.max(axis=1))
    angles = np.pi * np.arange(ANGLES) / ANGLES
    fourth = (X @ np.stack([np.cos(angles), np.sin(angles)])) ** 4
    return np.abs(a) * np.sqrt(PEAK * (squares @ fourth).max(axis=1))


def relative_scales(
    *,
    kind: str,
    output: str,
    paired: bool,
    betas: Sequence[float],
    widths: Sequence[int],
    stream: Sequence[int],
    first: int,
    draws: int,
) -> dict[str, np.ndarray]:
    """κ of h_m = m^{−β} Σ_i φ(w_i) for every draw, β and width, and ``both``, (draws, betas, widths).

    ``both`` is the root mean square over a and −a: the two have the same Dh and D²h up to signs, and ‖h_m(w_0) − y*‖² has the
    mean ‖h_m(w_0)‖² + ‖y*‖² over them.
    """
    found = {key: np.empty((draws, len(betas), len(widths))) for key in ("kappa", "both")}
    X, y = inputs_and_targets(kind, data_seed(stream))
    for s, seed in enumerate(draw_seeds(stream, first, draws)):
        for w, m in enumerate(widths):
            W, a = units(seed, m, X.shape[1], output, paired)
            t = np.tanh(W @ X.T)
            slopes, total = a[:, None] * (1 - t**2), np.zeros(len(X)) if paired else a @ t
            kernel = np.linalg.norm((slopes.T @ slopes) / m * (X @ X.T), 2)
            curvature = curvatures(X, W, a).max()
            for b, beta in enumerate(betas):
                alpha = m**-beta
                unit = curvature / (alpha * m * kernel)
                found["kappa"][s, b, w] = np.linalg.norm(alpha * total - y) * unit
                found["both"][s, b, w] = np.hypot(alpha * np.linalg.norm(total), np.linalg.norm(y)) * unit
    return found


def trained_changes(
    *, data: dict, betas: Sequence[float], widths: Sequence[int], stream: Sequence[int], first: int, draws: int
) -> dict[str, np.ndarray]:
    """``before`` K_0 and ``change`` K − K_0 of K = DhDhᵀ/(mα²) at t = `HORIZON`/(mα²‖XXᵀ‖), (draws, betas, widths, n, n).

    NaN where a flow did not get there.

    h_m = m^{−β} Σ_i φ(w_i) of paired units, a = ±1 fixed, w trained by gradient flow of ½‖h_m − y*‖². ‖y*‖ is so small that
    at the least width with α = m^{−1/2} no input w_i·x_j of a unit can move by more than `SHIFT`, see docs/theory.md. Inputs
    are replaced by others in as many dimensions as they span, with the same inner products: normal w stay normal.
    """
    X, y = samples(data, data_seed(stream))
    X, y = np.linalg.qr(X.T)[1].T, y / np.linalg.norm(y) * SHIFT * min(widths) ** 0.5 / HORIZON
    found = {key: np.full((draws, len(betas), len(widths), len(X), len(X)), np.nan) for key in ("before", "change")}
    seeds = draw_seeds(stream, first, draws)
    for s, b, k in np.ndindex(draws, len(betas), len(widths)):
        m, alpha = widths[k], widths[k] ** -betas[b]
        W, a = units(seeds[s], m, X.shape[1], "signs", True)
        end = HORIZON / (m * alpha**2 * np.linalg.norm(X, 2) ** 2)
        # the network's loss is that of h_m over n, and κ/m = α
        options = {"activation": "tanh", "kappa": m * alpha, "layer_rates": [1.0, 0.0], "kernels": True, "rtol": RTOL}
        run = gradient_flow(Parameters((W,), a), X, y, times=[0.0, end * len(X)], **options)
        if len(run.times) == 2:
            before, after = run.kernels / (m * alpha**2)
            found["before"][s, b, k], found["change"][s, b, k] = before, after - before
    return found
