"""From raw weights W^l ~ N(0, β_l²), a ~ N(0, β_{L+1}²) to the normalised network: its inputs, its κ and its learning rates.

W^l_raw = β_lW^l, so ∇_W = β_l∇_raw, and gradient flow of the raw weights is gradient flow of the normalised ones with rates
r_l = 1/β_l²; descent likewise, with the same step. ‖S^{−½}(θ_t − θ_0)‖ is the distance that the raw weights move.
"""

import math
from dataclasses import dataclass
from decimal import Decimal

import numpy as np

from argument_validation import validate_array, validate_depth, validate_name, validate_size
from theory.dual_activations import DUALS, PiecewiseLinear
from theory.validation import bound

SQUARE_ROOT = 1e-12  # relative error of a β_l that is taken as m^{−½}


@dataclass(frozen=True)
class NormalizedNetwork:
    """The normalised network that a raw one is: train it on ``input_scale``·X with ``kappa`` κ and ``layer_rates`` (L+1,)."""

    kappa: float
    layer_rates: np.ndarray
    input_scale: float


def normalized_network(betas: np.ndarray, m: int, *, activation: str) -> NormalizedNetwork:
    """The normalised network that a·σ(W^L … σ(W^1x)), W^l ~ N(0, β_l²), a ~ N(0, β_{L+1}²), ``betas`` (L+1,), is at all times.

    1-homogeneous σ (relu, leaky_relu, abs, identity): κ = m^{(L+1)/2}β_1 ⋯ β_{L+1}, inputs as they are. Any σ: κ = mβ_{L+1} and
    inputs β_1X, provided that β_2 = … = β_L = m^{−½}, as in the normalised network: L = 1 asks nothing, LeCun and Xavier do,
    He does not. ValueError otherwise: σ(βz) is no multiple of σ(z), and no κ and rates make the two networks equal.
    """
    betas, m, rates = _validate_betas(betas), validate_size(m, "m"), layer_rates(betas)
    if _homogeneous(activation):
        return NormalizedNetwork(output_scale(betas, m, activation=activation), rates, 1.0)
    inner = betas[1:-1]
    if (np.abs(inner * np.sqrt(float(m)) - 1) > SQUARE_ROOT).any():
        raise ValueError(
            f"`betas` of W^2 … W^L must be m^(-1/2) = {m**-0.5:.6g} for {activation}, got {inner.tolist()}: σ(βz) is no "
            "multiple of σ(z) as for relu, and no kappa and rates make the networks equal"
        )
    return NormalizedNetwork(_output_scale(m, betas[-1:], 2), rates, float(betas[0]))


def output_scale(betas: np.ndarray, m: int, *, activation: str) -> float:
    """κ = m^{(L+1)/2} β_1 ⋯ β_{L+1} for ``betas`` (L+1,), 1-homogeneous σ; ValueError for others, see `normalized_network`."""
    betas, m = _validate_betas(betas), validate_size(m, "m")
    if not _homogeneous(activation):
        raise ValueError(
            f"`activation` must be 1-homogeneous, relu, leaky_relu, abs or identity, got {activation!r}: for others see "
            "`normalized_network`, which scales the inputs too"
        )
    return _output_scale(m, betas, len(betas))


def layer_rates(betas: np.ndarray) -> np.ndarray:
    """r_l = 1/β_l², (L+1,), for every σ."""
    betas = _validate_betas(betas)
    with np.errstate(over="ignore", under="ignore"):
        rates = (1 / betas) ** 2
    if not np.isfinite(rates).all():
        raise ValueError(f"`betas` must have rates 1/β² within float64, got {betas.min():g}")
    return rates


def standard_betas(name: str, d: int, m: int, hidden_layers: int) -> np.ndarray:
    """Standard deviations (L+1,) of a scheme: ``he`` √(2/fan-in), ``lecun`` √(1/fan-in), ``xavier`` √(2/(fan-in + fan-out)),
    ``ntk`` 1 and then m^{−½}, ``mean field`` 1 and 1/m, for one hidden layer.
    """
    known = ("he", "lecun", "xavier", "ntk", "mean field")
    L = validate_depth(hidden_layers)
    d, m = validate_size(d, "d"), validate_size(m, "m")
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


def _validate_betas(betas: object) -> np.ndarray:
    """Positive standard deviations (L+1,), L ≥ 1."""
    betas = validate_array(betas, "betas", ("L + 1",))
    if len(betas) < 2 or betas.min() <= 0:
        raise ValueError(f"`betas` must be at least two positive numbers, one a layer, got {betas.tolist()}")
    return betas


def _homogeneous(activation: str) -> bool:
    return isinstance(DUALS[validate_name(activation, DUALS, "activation")], PiecewiseLinear)


@bound
def _output_scale(m: int, betas: np.ndarray, power: int) -> float:
    """m^{power/2} Π_l β_l."""
    return math.prod(map(Decimal, betas), start=Decimal(m).sqrt() ** power)
