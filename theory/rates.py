"""Exponents in the width m along κ = k_0 m^γ, and what they are made of."""

from argument_validation import validate_count, validate_flag, validate_not_negative, validate_real


def drift_exponent(gamma: float, *, centred: bool, hidden_layers: int = 1, bounded: bool = False) -> float:
    """lazy-threshold (a, c): exponent of D = sup_t ‖θ_t − θ_0‖/√m.

    γ > 0: −γ in centred training; −min(γ, ½) otherwise, where the outputs at initialisation, of order κ/√m, have to be undone.
    γ = 0: 0. γ < 0, where κ tends to 0: |γ|/(L+1) for 1-homogeneous σ, since all L+1 layers grow; |γ| or more for ``bounded``
    σ, where only the growth of a makes the outputs grow.
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


def phase_exponents(gamma: float, delta: float) -> tuple[float, float]:
    """Exponents of sup_t ‖ΔW‖/‖W_0‖ and sup_t ‖Δa‖/‖a_0‖ of a two-layer relu network, κ = k_0 m^γ, β_W/β_a = b_0 m^δ.

    γ ≥ 0: the faster layer −γ, the slower one −γ − 2|δ|. γ < 0 and |δ| ≥ |γ|: the faster layer |γ|, the slower one
    −2(|δ| − |γ|). γ < 0 and |δ| ≤ |γ|: −(γ + δ)/2 and −(γ − δ)/2, both growing. A layer is lazy where its exponent is negative.
    """
    gamma, delta = validate_real(gamma, "gamma"), validate_real(delta, "delta")
    if gamma < -abs(delta):
        return -(gamma + delta) / 2, -(gamma - delta) / 2
    fast, slow = -gamma, (-gamma if gamma >= 0 else -2 * gamma) - 2 * abs(delta)
    return (slow, fast) if delta > 0 else (fast, slow)
