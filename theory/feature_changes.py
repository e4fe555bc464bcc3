"""How far training moves the features of a wide two-layer network."""

import numpy as np

from argument_validation import validate_array
from theory.gram_limits import limit_grams
from theory.validation import definite_spectrum, validate_unit_rows


def feature_change_constant(X: np.ndarray, y: np.ndarray) -> float:
    """dichotomy (b): limit of κ‖x¹_∞ − x¹_0‖/‖x¹_0‖ in lazy training of relu networks with one hidden layer, over all inputs.

    The root of (2/n) Σ_i Σ_jk α_jα_kρ_ijρ_ik P_ijk, α = K^{−1}y, ρ = XXᵀ, with the probability that a neuron is active on all
    three, P_ijk = 1/8 + (arcsin ρ_ij + arcsin ρ_jk + arcsin ρ_ik)/4π. ``X`` (n, d) unit rows, no two parallel; ``y`` (n,).
    ValueError for other rows, a singular K, and shapes that do not fit.
    """
    X = validate_unit_rows(X)
    y = validate_array(y, "y", (len(X),))
    values, Q = definite_spectrum(limit_grams(X, hidden_layers=1, activation="relu").ntk, "X` by its kernel `K")
    size = float(np.abs(y).max()) or 1.0
    alpha, rho = Q @ (Q.T @ (y / size) / values), np.clip(X @ X.T, -1, 1)
    angles = np.arcsin(rho)
    P = 1 / 8 + (angles[:, :, None] + angles[:, None, :] + angles[None]) / (4 * np.pi)
    pulls = rho * alpha
    constant = size * float(np.sqrt(2 * np.einsum("ij,ik,ijk->", pulls, pulls, P) / len(y)))
    if not np.isfinite(constant):
        raise ValueError(f"`y` must give a constant within float64, got targets up to {size:.3g}")
    return constant
