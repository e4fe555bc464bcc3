"""Exponents in the width m along κ = k_0 m^γ, and what they are made of."""


def drift_exponent(gamma: float, *, centred: bool, hidden_layers: int = 1, bounded: bool = False) -> float:
    """Exponent of D = sup_t ‖θ_t − θ_0‖/√m.

    γ > 0: −γ in centred training; −min(γ, ½) otherwise, where the outputs at initialisation, of order κ/√m, have to be undone.
    γ = 0: 0. γ < 0, where κ tends to 0: |γ|/(L+1) for 1-homogeneous σ, since all L+1 layers grow; |γ| for ``bounded`` σ, where
    only the growth of a makes the outputs grow.
    """
    if gamma > 0:
        return -gamma if centred else -min(gamma, 0.5)
    return -gamma if bounded else -gamma / (hidden_layers + 1)


def prediction_exponent(gamma: float, *, kinked: bool) -> float:
    """Exponent of the distance to the kernel predictions: −min(½, 2γ), with kinks −min(½, γ)."""
    return -min(0.5, gamma if kinked else 2 * gamma)
