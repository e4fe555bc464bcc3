"""From raw weights W^l ~ N(0, β_l²), a ~ N(0, β_{L+1}²) to the normalised network: its κ and its learning rates.

For 1-homogeneous σ the raw network a·σ(W^L … σ(W^1x)) is the normalised one with κ = m^{(L+1)/2}β_1 ⋯ β_{L+1}.
W^l_raw = β_lW^l, so ∇_W = β_l∇_raw, and gradient flow of the raw weights is gradient flow of the normalised ones with rates
r_l = 1/β_l².
"""

import numpy as np

from argument_validation import all_positive, validate_count, validate_name


def output_scale(betas: np.ndarray, m: int) -> float:
    """κ = m^{(L+1)/2} β_1 ⋯ β_{L+1} for ``betas`` (L+1,)."""
    return float(m ** (len(betas) / 2) * np.prod(betas))


def layer_rates(betas: np.ndarray) -> np.ndarray:
    """r_l = 1/β_l², (L+1,)."""
    return 1 / np.asarray(betas, dtype=float) ** 2


def standard_betas(name: str, d: int, m: int, hidden_layers: int) -> np.ndarray:
    """Standard deviations (L+1,) of a scheme: ``he`` √(2/fan-in), ``lecun`` √(1/fan-in), ``xavier`` √(2/(fan-in + fan-out)),
    ``ntk`` 1 and then m^{−½}, ``mean field`` 1 and 1/m, for one hidden layer.
    """
    known = ("he", "lecun", "xavier", "ntk", "mean field")
    all_positive(d=d, m=m)
    L = validate_count(hidden_layers, "hidden_layers")
    fans = [(d, m)] + [(m, m)] * (L - 1) + [(m, 1)]
    variances = {
        "he": [2 / fan_in for fan_in, _ in fans],
        "lecun": [1 / fan_in for fan_in, _ in fans],
        "xavier": [2 / (fan_in + fan_out) for fan_in, fan_out in fans],
        "ntk": [1.0] + [1 / m] * L,
        "mean field": [1.0, 1 / m**2],
    }[validate_name(name, known, "name")]
    if len(variances) != L + 1:
        raise ValueError(f"`hidden_layers` must be 1 for {name}, got {hidden_layers}")
    return np.sqrt(variances)
