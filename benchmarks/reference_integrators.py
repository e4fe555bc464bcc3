"""Other integrators of gradient flow, for comparison: explicit Euler, a stabilised explicit method, and ETD2RK.

All follow x' = F(x) from x_0 to ``t_end`` on a flat vector x (p,) and return the end (p,) and the number of evaluations of F.
Adaptive ones keep the estimated error of a step below ``rtol`` times max(‖x_k − x_0‖, ‖x_{k+1} − x_0‖).
"""

from collections.abc import Callable

import numpy as np

Field = Callable[[np.ndarray], np.ndarray]


def euler(field: Field, x0: np.ndarray, t_end: float, steps: int) -> tuple[np.ndarray, int]:
    """Gradient descent: x_{k+1} = x_k + hF(x_k) with ``steps`` equal steps."""
    x, h = x0.copy(), t_end / steps
    for _ in range(steps):
        x += h * field(x)
    return x, steps


def chebyshev_step(field: Field, x: np.ndarray, F: np.ndarray, h: float, stages: int) -> np.ndarray:
    """One step of the Runge-Kutta-Chebyshev method of order two (van der Houwen and Sommeijer) with ``stages`` ≥ 2.

    Stable on [−β, 0] with β ≈ 0.65 (s² − 1); damping ε = 2/13. T_j(w_0), T_j', T_j'' by their three-term recursions.
    """
    w0 = 1 + 2 / 13 / stages**2
    T, dT, d2T = [1.0, w0], [0.0, 1.0], [0.0, 0.0]
    for j in range(2, stages + 1):
        T.append(2 * w0 * T[j - 1] - T[j - 2])
        dT.append(2 * w0 * dT[j - 1] - dT[j - 2] + 2 * T[j - 1])
        d2T.append(2 * w0 * d2T[j - 1] - d2T[j - 2] + 4 * dT[j - 1])
    w1 = dT[stages] / d2T[stages]
    b = [0.0, 0.0] + [d2T[j] / dT[j] ** 2 for j in range(2, stages + 1)]
    b[0] = b[1] = b[2]
    before, last = x, x + b[1] * w1 * h * F
    for j in range(2, stages + 1):
        mu, nu, pull = 2 * b[j] * w0 / b[j - 1], -b[j] / b[j - 2], 2 * b[j] * w1 / b[j - 1]
        new = (1 - mu - nu) * x + mu * last + nu * before + pull * h * (field(last) - (1 - b[j - 1] * T[j - 1]) * F)
        before, last = last, new
    return last


def rkc2(
    field: Field, x0: np.ndarray, t_end: float, rtol: float, radius: Callable[[np.ndarray], float]
) -> tuple[np.ndarray, int]:
    """Adaptive Runge-Kutta-Chebyshev method of order two (Sommeijer, Shampine, Verwer, J. Comput. Appl. Math. 1997).

    Error estimate 0.8(x_k − x_{k+1}) + 0.4h(F_k + F_{k+1}); as many stages as the spectral radius ``radius(x)`` asks for,
    which is taken anew every ten steps and not counted as an evaluation.
    """
    x, F, t, evaluations, accepted = x0, field(x0), 0.0, 1, 0
    bound = 1.1 * radius(x)
    h, h_before, error_before = 1 / bound, None, None
    while t < t_end:
        h = min(h, t_end - t)
        stages = max(2, 1 + int(np.sqrt(1.54 * h * bound + 1)))
        new = chebyshev_step(field, x, F, h, stages)
        F_new = field(new)
        evaluations += stages
        scale = rtol * max(np.linalg.norm(x - x0), np.linalg.norm(new - x0))
        error = np.linalg.norm(0.8 * (x - new) + 0.4 * h * (F + F_new)) / scale
        if not error <= 1:
            h *= max(0.1, 0.8 / error ** (1 / 3)) if error == error else 0.1
            continue
        growth = 0.8 / max(error, 1e-9) ** (1 / 3)
        if error_before is not None:
            growth *= h / h_before * (error_before / max(error, 1e-9)) ** (1 / 3)
        t, x, F, accepted = (t_end if h >= t_end - t else t + h), new, F_new, accepted + 1
        h, h_before, error_before = h * min(10.0, max(0.1, growth)), h, max(error, 1e-9)
        if accepted % 10 == 0:
            bound = 1.1 * radius(x)
    return x, evaluations


def etd2rk(
    field: Field, jacobian: Field, x0: np.ndarray, t_end: float, rtol: float, weight: float
) -> tuple[np.ndarray, int]:
    """ETD2RK (Cox and Matthews, J. Comput. Phys. 2002) about the Gauss-Newton part L = −w JᵀJ, J = ``jacobian(x)`` (n, p).

    a = x + hφ1(hL)F, x_{k+1} = a + hφ2(hL)(F(a) − F − L(a − x)); the last term is the error estimate. Order two; the solution
    is written in the space of parameters, with the eigenvectors of JJᵀ.
    """
    x, F, t, evaluations = x0, field(x0), 0.0, 1
    h = None
    while t < t_end:
        J = jacobian(x)
        values, U = np.linalg.eigh(weight * (J @ J.T))
        values, basis = np.maximum(values, 0.0), U.T @ J * np.sqrt(weight)

        def apply(
            s: int, h: float, u: np.ndarray, values: np.ndarray = values, basis: np.ndarray = basis
        ) -> np.ndarray:
            z = -h * values
            first = np.where(z < -1e-5, np.expm1(z) / np.minimum(z, -1e-300), 1 + z / 2 + z**2 / 6)
            second = np.where(z < -1e-2, (first - 1) / np.minimum(z, -1e-300), 1 / 2 + z / 6 + z**2 / 24 + z**3 / 120)
            third = np.where(z < -0.1, (second - 0.5) / np.minimum(z, -1e-300), _taylor3(z))
            return u * (1.0, 0.5)[s - 1] - h * basis.T @ ((second, third)[s - 1] * (basis @ u))

        if h is None:
            h = 0.1 / values[-1]
        while True:
            h = min(h, t_end - t)
            a = x + h * apply(1, h, F)
            correction = h * apply(2, h, field(a) - F + basis.T @ (basis @ (a - x)))
            evaluations += 1
            new = a + correction
            scale = rtol * max(np.linalg.norm(x - x0), np.linalg.norm(new - x0))
            error = np.linalg.norm(correction) / scale
            factor = min(5.0, max(0.2, 0.85 / max(error, 1e-9) ** 0.5)) if error == error else 0.2
            if error <= 1:
                break
            h *= factor
        t, x = (t_end if h >= t_end - t else t + h), new
        F, evaluations, h = field(x), evaluations + 1, h * factor
    return x, evaluations


def _taylor3(z: np.ndarray) -> np.ndarray:
    """φ3 near 0: 1/6 + z/24 + z²/120 + …"""
    return 1 / 6 + z / 24 + z**2 / 120 + z**3 / 720 + z**4 / 5040 + z**5 / 40320 + z**6 / 362880
