"""Exponents in the width m along κ = k_0 m^γ, and what they are made of."""

from argument_validation import validate_count, validate_flag, validate_not_negative, validate_real


def drift_exponent(gamma: float, *, centred: bool, hidden_layers: int = 1, bounded: bool = False) -> float:
    """lazy-threshold (a, c): exponent of D = sup_t ‖θ_t − θ_0‖/√m.

    γ > 0: −γ in centred training; −min(γ, ½) otherwise, where the outputs at initialisation, of order κ/√m, have to be undone.
    γ = 0: 0. γ < 0, where κ tends to 0: |γ|/(L+1) for 1-homogeneous σ, since all L+1 layers grow; |γ| for ``bounded`` σ, where
    only the growth of a makes the outputs grow.
    """
    gamma, layers = validate_real(gamma, "gamma"), validate_count(hidden_layers, "hidden_layers") + 1
    centred, bounded = validate_flag(centred, "centred"), validate_flag(bounded, "bounded")
    if gamma > 0:
        return -gamma if centred else -min(gamma, 0.5)
    return -gamma if bounded else -gamma / layers


def prediction_exponent(gamma: float, *, kinked: bool) -> float:
    """kernel-description (a): exponent of the distance to the kernel predictions for γ ≥ 0: −min(½, 2γ), with kinks −min(½,
    γ).
    """
    gamma = validate_not_negative(gamma, "gamma")
    return -min(0.5, gamma if validate_flag(kinked, "kinked") else 2 * gamma)
