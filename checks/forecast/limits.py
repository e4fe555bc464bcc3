"""What wide networks would do on the same data: the limit kernels, the width and κ of 1 %, and what the theorems guarantee."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

import numpy as np

from checks.forecast.prediction import STUCK, LinearPath, Network, raw_betas
from kernels.activations import KINKED
from theory import certified_min_eigenvalue, limit_grams
from theory.parametrization import normalized_network
from theory.relu_condition import (
    sufficient_relu_scale,
    sufficient_relu_width,
    sufficient_smooth_scale,
    sufficient_smooth_width,
)
from theory.validation import spectrum

GOAL = 0.01  # largest relative change of a layer
WIDEST = 2**40
RESOLVED = 1e-20  # of ‖y‖² in null modes of K is rounding
DELTA = 0.1  # probability that a guarantee fails


@dataclass(frozen=True)
class Limits:
    """Limit kernel K = Σ_l K^l of the data, what it says of wider networks, and guarantees.

    ``least`` λ_min(K), ``certified`` the proved lower bound on that of the float64 matrix, less the
    rounding of its entries, ``condition`` λ_max/λ_min.
    ``generalisation`` √(2yᵀK⁺y/n), inf where a null mode of K holds a part of y. ``width``: least power of two times the width
    at which no layer changes by more than 1 % on the way to ``loss_ratio``, at the scheme's own κ and rates, None if none
    below 2⁴⁰ or there is no limit kernel; ``limit``: whether there is.
    ``kappa``: the same for κ at this width, for N(0, 1) weights, else None. ``theorem``: what is proved, a sentence.
    """

    least: float
    certified: float
    condition: float
    generalisation: float
    width: int | None
    limit: bool
    kappa: float | None
    theorem: str


def limits(X: np.ndarray, y: np.ndarray, network: Network, loss_ratio: float) -> Limits:
    """`Limits` of centred training of ``network`` to ``loss_ratio``."""
    L, m = network.params.hidden_layers, network.params.width
    K = limit_grams(X, hidden_layers=L, activation=network.activation).ntk
    values, Q, tau = spectrum(K, "K")
    live, coordinates = values > tau, Q.T @ y
    hidden = (coordinates[~live] ** 2).sum() > RESOLVED * (y @ y)
    lengths = _lengths(X, y, network, loss_ratio)
    change = lambda doublings: _largest_change(X.shape[1], network, m << doublings, lengths)  # noqa: E731
    now = change(0)
    width = None if now is None else _least_doubling(change, now, int(np.log2(WIDEST / m)))
    normal = bool((network.betas == 1).all())
    return Limits(
        least=float(values[0]),
        certified=certified_min_eigenvalue(K).lower - tau,
        condition=float(values[-1] / values[0]) if live.all() else np.inf,
        generalisation=np.inf if hidden else float(np.sqrt(2 * (coordinates[live] ** 2 / values[live]).sum() / len(X))),
        width=None if width is None else m << width,
        limit=now is not None,
        kappa=network.kappa * now / GOAL if normal and now is not None else None,
        theorem=_theorem(X, y, network),
    )


def _least_doubling(change: Callable[[int], float], now: float, most: int) -> int | None:
    """Least k ≤ ``most`` with ``change``(k) ≤ `GOAL`, for changes that fall, first guessed as ∝ m^{−1/2}."""
    if now <= GOAL:
        return 0
    k = min(max(int(np.ceil(2 * np.log2(now / GOAL))), 1), most)
    if change(k) > GOAL:
        return next((k for k in range(k + 1, most + 1) if change(k) <= GOAL), None) if change(most) <= GOAL else None
    while k > 1 and change(k - 1) <= GOAL:
        k -= 1
    return k


def _lengths(
    X: np.ndarray, y: np.ndarray, network: Network, loss_ratio: float
) -> Callable[[float, tuple[float, ...]], np.ndarray | None]:
    """(uᵀK^lu)^½ of every layer (L+1,), u = ∫e in units of mn/κ², for the scale of the inputs and the rates of the layers, each
    once; None where the loss cannot fall.
    """

    @cache
    def kernels(scale: float) -> np.ndarray:
        L = network.params.hidden_layers
        return limit_grams(X * scale, hidden_layers=L, activation=network.activation).layers

    @cache
    def lengths(scale: float, rates: tuple[float, ...]) -> np.ndarray | None:
        layers = kernels(scale)
        path = LinearPath.of(np.tensordot(rates, layers, axes=1), y)
        if path.hidden > STUCK:
            return None
        u = path.passed(path.time_of(path.reachable(loss_ratio)[0])) / len(X)
        return np.sqrt([max(u @ own @ u, 0.0) for own in layers])

    return lengths


def _largest_change(
    d: int, network: Network, m: int, lengths: Callable[[float, tuple[float, ...]], np.ndarray | None]
) -> float | None:
    """max_l ‖ΔW^l‖/‖W^l_0‖ = max_l r_l √m (uᵀK^lu)^½/(κ‖W^l_0‖); None without a normalised form, or without `_lengths`."""
    L = network.params.hidden_layers
    if network.scheme in ("ntk", "mean-field", "kappa"):
        kappa, rates, scale = m**0.5 if network.scheme == "ntk" else network.kappa, np.ones(L + 1), 1.0
    else:
        try:
            normal = normalized_network(raw_betas(network.scheme, d, m, L), m, activation=network.activation)
        except ValueError:
            return None
        kappa, rates, scale = normal.kappa, normal.layer_rates, normal.input_scale
    found = lengths(float(scale), tuple(rates.tolist()))
    if found is None:
        return None
    sizes = np.array([(m * d) ** 0.5] + [float(m)] * (L - 1) + [m**0.5])
    return float((rates * found * m**0.5 / kappa / sizes).max())


def _theorem(X: np.ndarray, y: np.ndarray, network: Network) -> str:
    """What theorems say of these data and this kind of network."""
    activation = network.activation
    if network.params.hidden_layers > 1:
        return "no theorem with explicit constants for more than one hidden layer; predicted by the leading order"
    if (network.rates != 1).any() or (network.betas != 1).any():
        return "no theorem for these rates; with N(0, 1) weights, schemes ntk and mean-field, there is one"
    if not np.allclose(np.linalg.norm(X, axis=1), 1, rtol=1e-12):
        return "no theorem for rows that are not of length 1; --normalise rows makes them so"
    if activation in KINKED and activation != "relu":
        return f"no theorem for {activation}"
    try:
        if activation == "relu":
            m, kappa, label = sufficient_relu_width(X, delta=DELTA), sufficient_relu_scale(X, y), "relu-condition (T3)"
        else:
            m = sufficient_smooth_width(X, activation=activation, delta=DELTA)
            kappa = sufficient_smooth_scale(X, y, m, activation=activation, delta=DELTA)
            label = "loss-decay (T5)"
    except ValueError as error:
        return f"no guarantee: {error}"
    met = "met" if network.params.width >= m and network.kappa >= kappa else "not met"
    said = f"f_0 off, m ≥ {m:.3g}, κ ≥ {kappa:.3g} ({met} here): λ_min never halves and the loss decays"
    return f"{said}, probability {1 - DELTA:g}, {label}"
