"""Second moments of finite-width Gram matrices at one input: exact where σ is 1-homogeneous, else to first order in 1/m."""

import numpy as np

from argument_validation import validate_count, validate_depth, validate_name, validate_positive
from theory.dual_activations import DUALS, PiecewiseLinear
from theory.quadrature import gaussian_grid

NORMS = 0.01, 10.0  # of inputs: the grid of the integrals resolves every σ up to there
STEP = 0.25  # of the grid, over 1 + √q


def layer_excess(activation: str) -> float:
    """c of gram-moments: E G^l(x,x)²/(E G^l(x,x))² = (1 + c/m)^L at every width m, for σ = au + b|u|.

        c = E σ(Z)⁴/(E σ(Z)²)² − 1 = 2 + 12a²b²/(a² + b²)²,    5 for relu, 2 for abs and the identity.

    ValueError for an activation that is not 1-homogeneous. Source: Hanin and Nica 2020 for relu; proof in docs/theory.md.
    """
    homogeneous = [name for name, dual in DUALS.items() if isinstance(dual, PiecewiseLinear)]
    dual = DUALS[validate_name(activation, homogeneous, "activation")]
    return 2 + 12 * (dual.a * dual.b) ** 2 / (dual.a**2 + dual.b**2) ** 2


def exact_moment(width: int, *, hidden_layers: int, activation: str) -> float:
    """E G^l(x,x)²/(E G^l(x,x))² = (1 + c/m)^L of gram-moments, the same for l = 1..L+1 and every x ≠ 0; c is `layer_excess`.

    ValueError for an activation that is not 1-homogeneous, a depth or width below 1, a width above 2^53.
    """
    m, L = validate_count(width, "width", most=2**53), validate_depth(hidden_layers)
    return float((1 + layer_excess(activation) / m) ** L)


def moment_coefficients(norm: float, *, hidden_layers: int, activation: str) -> np.ndarray:
    """c_1 … c_{L+1} of gram-moments, E G^l(x,x)²/(E G^l(x,x))² = 1 + c_l/m + O(1/m²), for |x| = ``norm``; (L+1,).

    With q_0 = |x|², q_j = v(q_{j−1}), v(q) = E σ², w(q) = E σ'², F = E σ⁴ − v², C = E σ²σ'² − vw, H = 3E σ'⁴ − w², all under
    N(0, q_{j−1}) where they carry the index j, and e_j the derivative of log K^l(x,x) with respect to q_j:

        c_l = Σ_{j≤L} (e_j² F_j + [j ≥ l] (2 e_j C_j/w_j + H_j/w_j²)),
        e_L = [l = L+1]/q_L,    e_j = v'_{j+1} e_{j+1} + [j = l − 1]/q_j + [j ≥ l − 1] w'_{j+1}/w_{j+1},  j < L.

    Norms from 0.01 to 10. ValueError for others, a depth below 1 and an unknown activation. Derived in docs/theory.md.
    """
    L, dual = validate_depth(hidden_layers), DUALS[validate_name(activation, DUALS, "activation")]
    norm = validate_positive(norm, "norm")
    if not NORMS[0] <= norm <= NORMS[1]:
        raise ValueError(f"`norm` must lie between {NORMS[0]:g} and {NORMS[1]:g}, got {norm:g}")
    q, moments = [norm**2], []
    for _ in range(L):
        moments.append(_moments(dual, q[-1]))
        q.append(moments[-1][0])
    found = np.zeros(L + 1)
    for l in range(1, L + 2):
        e = 1 / q[L] if l == L + 1 else 0.0
        for j in range(L, 0, -1):  # e is e_j
            _, F, w, H, C, dv, dw = moments[j - 1]
            found[l - 1] += e**2 * F
            if j >= l:
                found[l - 1] += 2 * e * C / w + H / w**2
            e = dv * e + (1 / q[j - 1] if j == l else 0.0) + (dw / w if j >= l else 0.0)
    return found


def _moments(dual: object, q: float) -> tuple[float, ...]:
    """v, F, w, H, C of `moment_coefficients` under N(0, q), and the derivatives of v and w in q.

    d/dq E f(√q Z) = E f(√q Z)(Z² − 1)/(2q).
    """
    if isinstance(dual, PiecewiseLinear):
        N = dual.a**2 + dual.b**2
        P = N**2 + 4 * (dual.a * dual.b) ** 2
        return N * q, (3 * P - N**2) * q**2, N, 3 * P - N**2, (P - N**2) * q, N, 0.0
    z, weights = gaussian_grid(STEP / (1 + np.sqrt(q)))
    weights = weights * np.exp(-(z**2) / 4) / (2 * np.pi) ** 0.25 / 2
    square, dot = (np.stack([f(np.sqrt(q) * z), f(-np.sqrt(q) * z)]) ** 2 for f in (dual.function, dual.derivative))
    mean = lambda f: float((f @ weights).sum())  # noqa: E731
    v, w, score = mean(square), mean(dot), (z**2 - 1) / (2 * q)
    F, C = mean((square - v) ** 2), mean((square - v) * (dot - w))
    return v, F, w, 3 * mean(dot**2) - w**2, C, mean(square * score), mean(dot * score)
