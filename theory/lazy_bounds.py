"""Constants of lazy training: decay of the loss, drift, change of the kernel, distance to the linearised network.

All for the loss (1/2n)‖f − y‖² and, where λ enters, under λ_min(G_t) ≥ (κ²/m)λ/2 for all t, which follows from
`condition_threshold`.
Proofs in docs/theory.md.
"""

import math

import numpy as np

from argument_validation import all_positive, validate_name
from theory.eigenvalue_bounds import SLOPE_BOUNDS

CURVATURE_BOUNDS = {
    "tanh": 4 / math.sqrt(27),  # −2 tanh(1 − tanh²) where tanh² = 1/3
    "erf": 4 / math.sqrt(2 * math.pi * math.e),  # at u² = ½
    "softplus": 0.25,
    "sigmoid": 1 / math.sqrt(108),
    "gelu": 2 / math.sqrt(2 * math.pi),  # φ(u)(2 − u²) at 0
    "sin": 1.0,
    "cos": 1.0,
    "identity": 0.0,
}
"""sup |σ''| of the smooth activations."""


def decay_rate(kappa: float, m: int, n: int, lam: float) -> float:
    """Rate κ²λ/(mn) at which the loss decays at least: R(θ_t) ≤ R(θ_0) e^{−rate·t}."""
    all_positive(kappa=kappa, m=m, n=n, lam=lam)
    return kappa**2 * lam / (m * n)


def drift_bound(kappa: float, m: int, n: int, lam: float, initial_loss: float) -> float:
    """sup_t ‖θ_t − θ_0‖ ≤ 2√(nR(θ_0)/λ) √m/κ."""
    all_positive(kappa=kappa, m=m, n=n, lam=lam, initial_loss=initial_loss)
    return 2 * math.sqrt(n * initial_loss / lam * m) / kappa


def drift_constant(K: np.ndarray, y: np.ndarray) -> float:
    """Limit √(yᵀK^{−1}y) of κ sup_t ‖θ_t − θ_0‖/√m in centred training, as κ and m grow."""
    return math.sqrt(y @ np.linalg.solve(K, y))


def uncentred_drift_square(layers: np.ndarray, y: np.ndarray, kappa: float, m: int) -> float:
    """E D² ≈ yᵀK^{−1}y/κ² + tr(K^{−1}Σ^L)/m where f_0 is not subtracted, for ``layers`` K^l (L+1, n, n), Σ^L = K^{L+1}.

    f_0 is N(0, (κ²/m)Σ^L) in the limit and has to be undone: (y − f_0)ᵀK^{−1}(y − f_0)/κ² in the mean.
    """
    all_positive(kappa=kappa, m=m)
    inverse = np.linalg.inv(layers.sum(axis=0))
    return float(y @ inverse @ y / kappa**2 + np.sum(inverse * layers[-1]) / m)


def rated_drift_constant(layers: np.ndarray, rates: np.ndarray, y: np.ndarray) -> tuple[float, float]:
    """Limits with learning rates r_l: of κD, and of κD measured in the metric of the rates.

    With u = (Σ_l r_lK^l)^{−1}y: (Σ_l r_l² uᵀK^lu)^½ and (yᵀu)^½, for ``layers`` K^l (L+1, n, n), ``rates`` (L+1,).
    """
    u = np.linalg.solve(np.tensordot(rates, layers, axes=1), y)
    return math.sqrt(sum(r**2 * (u @ K @ u) for r, K in zip(rates, layers, strict=True))), math.sqrt(y @ u)


def feature_constant(activation: str, output: np.ndarray) -> float:
    """c_σ, c_σ² = max(2B², B² + 2B_2² max_k a_k²), for one hidden layer with |σ'| ≤ B, |σ''| ≤ B_2 and unit inputs.

    ‖∇f_θ(x) − ∇f_θ0(x)‖ ≤ (κ/m)c_σ‖θ − θ_0‖ for output weights a (m,) = ``output`` at θ_0. ValueError if σ is not smooth.
    """
    B, B_2 = SLOPE_BOUNDS[validate_name(activation, CURVATURE_BOUNDS, "activation")], CURVATURE_BOUNDS[activation]
    return math.sqrt(max(2 * B**2, B**2 + 2 * B_2**2 * float(np.max(output**2))))


def condition_threshold(n: int, lam: float, initial_loss: float, c_sigma: float) -> float:
    """12.6 n c_σ √R(θ_0)/λ: from this κ on λ_min(G_0) ≥ (3/4)(κ²/m)λ implies λ_min(G_t) ≥ (κ²/m)λ/2 for all t.

    12.6 is 2/(√(3/4) − √(1/2)) = 12.585, rounded up.
    """
    all_positive(n=n, lam=lam, initial_loss=initial_loss, c_sigma=c_sigma)
    return 12.6 * n * c_sigma * math.sqrt(initial_loss) / lam


def kernel_change_bound(n: int, c_sigma: float, jacobian_norm: float, D: float) -> float:
    """(m/κ²)‖G_t − G_0‖ ≤ 2 j √n c_σ D + n c_σ²D² with j = (√m/κ)‖J_0‖ and D = ‖θ_t − θ_0‖/√m."""
    return 2 * jacobian_norm * math.sqrt(n) * c_sigma * D + n * c_sigma**2 * D**2


def linearization_bound(n: int, lam: float, initial_loss: float, kernel_change: float) -> float:
    """sup_t max_i |f_t(x_i) − f_t^lin(x_i)| ≤ (2/(eλ)) √(2nR(θ_0)) sup_t (m/κ²)‖G_t − G_0‖."""
    all_positive(n=n, lam=lam, initial_loss=initial_loss)
    return 2 / (math.e * lam) * math.sqrt(2 * n * initial_loss) * kernel_change


def largest_step(kappa: float, m: int, n: int, largest: float) -> float:
    """Step η_max = mn/(2κ²λ_max(K)) of gradient descent, half of what the linearised network allows without overshooting."""
    all_positive(kappa=kappa, m=m, n=n, largest=largest)
    return m * n / (2 * kappa**2 * largest)


def descent_factor(step: float, kappa: float, m: int, n: int, lam: float) -> float:
    """1 − ηκ²λ/(2mn): R(θ_k) ≤ factor^{2k} R(θ_0)."""
    all_positive(step=step, kappa=kappa, m=m, n=n, lam=lam)
    return 1 - step * kappa**2 * lam / (2 * m * n)
