"""Constants of lazy training: decay of the loss, drift, change of the kernel, distance to the linearised network.

All for the loss (1/2n)‖f − y‖² and, where λ enters, under λ_min(G_t) ≥ (κ²/m)λ/2 for all t, which follows from
`condition_threshold`. With relu, leaky_relu and abs a path must not slide along a kink: docs/theory.md, loss-decay.

With learning rates r_l of the layers, θ' = −S∇R, every kernel is that of the rates: K = Σ_l r_lK^l (`rated_kernel`) and
G = Σ_l r_lG^l = JSJᵀ. λ and λ_max are those of this K; those of Σ_lK^l are wrong unless all rates are 1. Lengths are in the
metric of the rates, ‖S^{−½}(θ_t − θ_0)‖, which for r_l = 1/β_l² is the distance that raw weights move, see
`theory.parametrization`. Functions that give ‖θ_t − θ_0‖ itself, or need the rates beside K, take ``layer_rates``, by default
all 1. Proofs in docs/theory.md.

A result beyond float64 is a ValueError, one below it is 0.
"""

import math
from decimal import Decimal

import numpy as np

from argument_validation import validate_array, validate_name, validate_positive, validate_rates, validate_size
from theory.dual_activations import DUALS
from theory.eigenvalue_bounds import SLOPE_BOUNDS
from theory.validation import (
    SLACK,
    bound,
    counts,
    definite_spectrum,
    in_order,
    not_negative,
    positive,
    rates_of,
    spectrum,
)

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


def rated_kernel(layers: np.ndarray, layer_rates: np.ndarray) -> np.ndarray:
    """loss-decay, drift, scheme-independence: K = Σ_l r_lK^l (n, n) for ``layers`` K^l (L+1, n, n) and rates r_l (L+1,):
    the kernel that all constants speak of.
    """
    layers, rates, _ = _validate_layers(layers, layer_rates)
    with np.errstate(over="ignore", invalid="ignore"):
        K = np.tensordot(rates, layers, axes=1)
    if not np.isfinite(K).all():
        raise ValueError(f"`layer_rates` must leave Σ_l r_lK^l within float64, got {rates.tolist()}")
    return K / 2 + K.T / 2  # the sum of two halves does not overflow


@bound
def decay_rate(kappa: float, m: int, n: int, lam: float) -> float:
    """loss-decay (a): rate κ²λ/(mn) at which the loss decays at least: R(θ_t) ≤ R(θ_0) e^{−rate·t}; λ that of
    `rated_kernel`.
    """
    (kappa, lam), (m, n) = positive(kappa=kappa, lam=lam), counts(m=m, n=n)
    return kappa**2 * lam / (m * n)


@bound
def drift_bound(
    kappa: float, m: int, n: int, lam: float, initial_loss: float, *, layer_rates: np.ndarray | None = None
) -> float:
    """drift (a): sup_t ‖θ_t − θ_0‖ ≤ √(max_l r_l) 2√(nR(θ_0)/λ) √m/κ; λ that of `rated_kernel`.

    Without ``layer_rates`` it is the bound in their metric, whatever they are: sup_t ‖S^{−½}(θ_t − θ_0)‖ ≤ 2√(nR(θ_0)/λ) √m/κ.
    """
    (kappa, lam), (m, n) = positive(kappa=kappa, lam=lam), counts(m=m, n=n)
    (initial_loss,), fastest = not_negative(initial_loss=initial_loss), Decimal(float(rates_of(layer_rates).max()))
    return 2 * (fastest * n * initial_loss / lam * m).sqrt() / kappa


def drift_constant(K: np.ndarray, y: np.ndarray) -> float:
    """drift (b): limit √(yᵀK^{−1}y) of κ sup_t ‖θ_t − θ_0‖/√m in centred training, as κ and m grow; y (n,), K (n, n)
    positive definite.

    With rates K is `rated_kernel` and the limit that of κ sup_t ‖S^{−½}(θ_t − θ_0)‖/√m, see also `rated_drift_constant`.
    ValueError for a K that is not symmetric, or not positive definite beyond rounding: then no limit is known.
    """
    y = validate_array(y, "y", ("n",))
    values, Q = definite_spectrum(K, "K", len(y))
    size, largest = float(np.abs(y).max()) or 1.0, float(values[-1])
    norm = np.linalg.norm((y / size) @ Q / np.sqrt(values / largest))
    return _drift_constant(norm, size, largest)


def uncentred_drift_square(
    layers: np.ndarray, y: np.ndarray, kappa: float, m: int, *, layer_rates: np.ndarray | None = None
) -> float:
    """drift (f): E D² ≈ yᵀK^{−1}y/κ² + tr(K^{−1}Σ^L)/m where f_0 is not subtracted, for ``layers`` K^l (L+1, n, n), Σ^L =
    K^{L+1}.

    f_0 is N(0, (κ²/m)Σ^L) in the limit and has to be undone: (y − f_0)ᵀK^{−1}(y − f_0)/κ² in the mean. With rates,
    K^{−1}(Σ_l r_l²K^l)K^{−1}, K = Σ_l r_lK^l, takes the place of K^{−1}, and D is ‖θ_∞ − θ_0‖/√m.
    """
    y, kappa, m = validate_array(y, "y", ("n",)), validate_positive(kappa, "kappa"), validate_size(m, "m")
    layers, rates, roots = _validate_layers(layers, layer_rates, len(y))
    of_targets, of_outputs = (_displacements(layers, rates, roots, Y)[0] for Y in (y, roots[-1]))
    return _uncentred_drift_square(of_targets, of_outputs, kappa, m)


def rated_drift_constant(layers: np.ndarray, layer_rates: np.ndarray, y: np.ndarray) -> tuple[float, float]:
    """scheme-independence (b): limits with learning rates r_l: of κ‖θ_∞ − θ_0‖/√m, and of the same in the metric of the rates.

    With u = (Σ_l r_lK^l)^{−1}y: (Σ_l r_l² uᵀK^lu)^½ and (yᵀu)^½, for ``layers`` K^l (L+1, n, n), ``layer_rates`` (L+1,). The
    second is the limit of the supremum over t as well. ‖θ_t − θ_0‖ itself need not increase where rates differ.
    """
    y = validate_array(y, "y", ("n",))
    return _displacements(*_validate_layers(layers, layer_rates, len(y)), y)[:2]


def layer_drift_constants(layers: np.ndarray, layer_rates: np.ndarray, y: np.ndarray) -> np.ndarray:
    """scheme-independence (c): limits r_l(uᵀK^lu)^½ of κ‖W^l_∞ − W^l_0‖/√m, (L+1,), u = (Σ_l r_lK^l)^{−1}y.

    Arguments as in `rated_drift_constant`.
    """
    y = validate_array(y, "y", ("n",))
    return np.array(_displacements(*_validate_layers(layers, layer_rates, len(y)), y)[2])


@bound
def layer_drift_bound(
    kappa: float,
    m: int,
    n: int,
    lam: float,
    initial_loss: float,
    rate: float,
    jacobian_norm: float,
    slope: float,
    other_rate: float,
) -> float:
    """scheme-independence (f): sup_t ‖W^l_t − W^l_0‖ ≤ r_l j 2√(2nR(θ_0))/λ √m/κ for a layer l of rate r_l.

    r_l = ``rate``. j bounds (√m/κ)‖J^l_t‖. One hidden layer, |σ'| ≤ B: j = ``jacobian_norm`` +
    ``slope``·√``other_rate``·2√(nR(θ_0)/λ)/κ with ``slope`` B‖X‖ and the rate of the other layer; ``jacobian_norm`` is
    B‖X‖‖a_0‖/√m for W and ‖σ(XW_0ᵀ)‖/√m for a. λ may be that of `rated_kernel` or smaller, such as max_l r_l · min_l
    λ_min(K^l): then nothing but r_l/max r is left of the rates.
    """
    (kappa, lam), (m, n) = positive(kappa=kappa, lam=lam), counts(m=m, n=n)
    initial_loss, rate, jacobian_norm, slope, other_rate = not_negative(
        initial_loss=initial_loss, rate=rate, jacobian_norm=jacobian_norm, slope=slope, other_rate=other_rate
    )
    moved = other_rate.sqrt() * 2 * (n * initial_loss / lam).sqrt() / kappa
    return rate * (jacobian_norm + slope * moved) * 2 * (2 * n * initial_loss).sqrt() / lam * m.sqrt() / kappa


@bound
def balanced_growth(
    kappa: float, targets: float, input_norm: float, mean_square: float, other_square: float, ratio: float
) -> float:
    """phase-diagram (b): ‖W‖/‖W_0‖ ≥ √(V/V_0) where a two-layer network reaches outputs of this norm by its flow.

    For 1-homogeneous σ, |σ(u)| ≤ |u|: ‖f‖ ≤ κ‖X‖√(VA) with the mean squares V = ‖W‖²/m, A = ‖a‖²/m, and V − V_0 = r(A − A_0)
    at all times, r = ``ratio`` = r_W/r_a: V is at least the positive root of V(A_0 + (V − V_0)/r) = (‖f‖/(κ‖X‖))².
    ``targets`` ‖f‖, ``input_norm`` ‖X‖, ``mean_square`` V_0, ``other_square`` A_0. The same with W and a exchanged, ``ratio``
    then r_a/r_W.
    """
    kappa, input_norm, V, A, ratio = positive(
        kappa=kappa, input_norm=input_norm, mean_square=mean_square, other_square=other_square, ratio=ratio
    )
    (targets,) = not_negative(targets=targets)
    half, product = (V - ratio * A) / 2, ratio * (targets / (kappa * input_norm)) ** 2
    root = (half**2 + product).sqrt()
    square = root + half if half >= 0 else product / (root - half)
    return (square / V).sqrt()


def feature_constant(activation: str, output: np.ndarray, *, layer_rates: np.ndarray | None = None) -> float:
    """loss-decay (c), kernel-stability (e): c_σ, c_σ² = max(2B², B² + 2B_2² max_k a_k²), for one hidden layer with |σ'| ≤
    B, |σ''| ≤ B_2 and unit inputs.

    ‖∇f_θ(x) − ∇f_θ0(x)‖ ≤ (κ/m)c_σ‖θ − θ_0‖ for output weights a (m,) = ``output`` at θ_0. With rates (r_1, r_2) it is
    c_σ² = max(2r_1r_2B², r_1r_2B² + 2r_1²B_2² max_k a_k²), and ‖S^½(∇f_θ(x) − ∇f_θ0(x))‖ ≤ (κ/m)c_σ‖S^{−½}(θ − θ_0)‖.
    ValueError if σ is not smooth.
    """
    if validate_name(activation, DUALS, "activation") not in CURVATURE_BOUNDS:
        raise ValueError(
            f"`activation` must be smooth, one of {', '.join(CURVATURE_BOUNDS)}, got {activation!r}: at its kink σ'' has no "
            "bound. Use gelu or softplus in its place, or measure the change of the kernel by gradient_flow(…, kernels=True)"
        )
    largest = float(np.abs(validate_array(output, "output", ("m",))).max())
    r_1, r_2 = (1.0, 1.0) if layer_rates is None else validate_rates(layer_rates, 2)
    return _feature_constant(largest, float(r_1), float(r_2), SLOPE_BOUNDS[activation], CURVATURE_BOUNDS[activation])


@bound
def _feature_constant(output: float, r_1: float, r_2: float, B: float, B_2: float) -> float:
    a, r_1, r_2, B, B_2 = map(Decimal, (output, r_1, r_2, B, B_2))
    return max(2 * r_1 * r_2 * B**2, r_1 * r_2 * B**2 + 2 * (r_1 * B_2 * a) ** 2).sqrt()


@bound
def condition_threshold(
    n: int, lam: float, initial_loss: float, c_sigma: float, *, largest: float | None = None
) -> float:
    """loss-decay (c): 8√2 √(nΛ) c_σ √R(θ_0)/λ: above it λ_min(G_0) ≥ (3/4)(κ²/m)λ implies λ_min(G_t) ≥ (κ²/m)λ/2 for all t.

    ``largest`` Λ = λ_max(XXᵀ), by default n, which no unit inputs exceed. λ that of `rated_kernel`, c_σ that of the same rates;
    c_σ = 0 where only a is trained.
    """
    (n,), (lam,) = counts(n=n), positive(lam=lam)
    initial_loss, c_sigma = not_negative(initial_loss=initial_loss, c_sigma=c_sigma)
    return 8 * (2 * n * _largest(n, largest) * initial_loss).sqrt() * c_sigma / lam


@bound
def kernel_change_bound(
    n: int, c_sigma: float, jacobian_norm: float, D: float, *, largest: float | None = None
) -> float:
    """kernel-stability (e): (m/κ²)‖G_t − G_0‖ ≤ 2 j √Λ c_σ D + Λ c_σ²D² with j = (√m/κ)‖J_0S^½‖, D = ‖S^{−½}(θ_t − θ_0)‖/√m.

    ``largest`` Λ = λ_max(XXᵀ), by default n, which no unit inputs exceed.
    """
    (n,), (c_sigma, jacobian_norm, D) = (
        counts(n=n),
        not_negative(c_sigma=c_sigma, jacobian_norm=jacobian_norm, D=D),
    )
    top = _largest(n, largest)
    return 2 * jacobian_norm * top.sqrt() * c_sigma * D + top * c_sigma**2 * D**2


def _largest(n: Decimal, largest: float | None) -> Decimal:
    """Λ, between 1 and n for n unit inputs."""
    if largest is None:
        return n
    (top,) = positive(largest=largest)
    in_order(largest=top, n=n)
    return top


@bound
def linearization_bound(n: int, lam: float, initial_loss: float, kernel_change: float) -> float:
    """linearization (e): sup_t max_i |f_t(x_i) − f_t^lin(x_i)| ≤ (2/(eλ)) √(2nR(θ_0)) sup_t (m/κ²)‖G_t − G_0‖; λ that of
    `rated_kernel`.
    """
    (n,), (lam,) = counts(n=n), positive(lam=lam)
    initial_loss, kernel_change = not_negative(initial_loss=initial_loss, kernel_change=kernel_change)
    return 2 / (Decimal(1).exp() * lam) * (2 * n * initial_loss).sqrt() * kernel_change


@bound
def largest_step(kappa: float, m: int, n: int, largest: float) -> float:
    """gradient-descent (a): step η_max = mn/(2κ²λ_max(K)) of gradient descent, half of what the linearised network allows
    without overshooting.

    ``largest`` is λ_max of `rated_kernel`: the step of layer l is η_max r_l, and raw weights take η_max itself.
    """
    (kappa, largest), (m, n) = positive(kappa=kappa, largest=largest), counts(m=m, n=n)
    return m * n / (2 * kappa**2 * largest)


@bound
def descent_factor(step: float, kappa: float, m: int, n: int, lam: float, *, largest: float | None = None) -> float:
    """gradient-descent (a): 1 − ηκ²λ/(2mn): R(θ_k) ≤ factor^{2k} R(θ_0), for ηλ_max(G_k) ≤ n; λ and λ_max those of
    `rated_kernel`.

    ValueError where the step is too large for that: above mn/(κ²λ_max) where ``largest`` λ_max is given. Without it only a
    negative factor, a step above 2mn/(κ²λ), is noticed.
    """
    (step, kappa, lam), (m, n) = positive(step=step, kappa=kappa, lam=lam), counts(m=m, n=n)
    limit = 2 * m * n / (kappa**2 * lam)
    if largest is not None:
        (largest,) = positive(largest=largest)
        in_order(lam=lam, largest=largest)
        limit = m * n / (kappa**2 * largest) * SLACK
    if step > limit:
        raise ValueError(
            f"`step` must be at most {float(limit):.4g}, beyond which ηλ_max(G) ≤ n fails and descent need not converge, "
            f"got {float(step):.4g}"
        )
    return 1 - step * kappa**2 * lam / (2 * m * n)


def _validate_layers(
    layers: object, layer_rates: object, n: int | str = "n"
) -> tuple[np.ndarray, np.ndarray, list[np.ndarray]]:
    """Positive semidefinite layers K^l (L+1, n, n), rates (L+1,), and roots B_l (n, ·), K^l = B_lB_lᵀ to rounding."""
    layers = validate_array(layers, "layers", ("L + 1", n, n))
    rates, roots = validate_rates(layer_rates, len(layers)), []
    for l, K in enumerate(layers):
        values, Q, tau = spectrum(K, f"layers[{l}]")
        roots.append(Q[:, values > tau] * np.sqrt(values[values > tau]))
    return layers / 2 + layers.transpose(0, 2, 1) / 2, rates, roots


def _displacements(
    layers: np.ndarray, rates: np.ndarray, roots: list[np.ndarray], Y: np.ndarray
) -> tuple[float, float, list[float]]:
    """(Σ_l r_l² tr(UᵀK^lU))^½, tr(YᵀU)^½ and the roots of the terms of the first sum, U = (Σ_l r_lK^l)^{−1}Y, for Y (n,) or
    (n, k); by factors of order one.
    """
    size, scale, fastest = (float(np.abs(x).max(initial=0)) or 1.0 for x in (Y, layers, rates))
    values, Q = definite_spectrum(
        np.tensordot(rates / fastest, layers / scale, axes=1), "layers` summed with `layer_rates"
    )
    modes = Q.T @ (Y / size)
    U = Q @ (modes.T / values).T
    parts = [rate / fastest * B.T @ U / np.sqrt(scale) for rate, B in zip(rates, roots, strict=True)]
    plain, metric = np.linalg.norm(np.concatenate(parts)), np.linalg.norm(modes.T / np.sqrt(values))
    own = [_drift_constant(np.linalg.norm(part), size, scale) for part in parts]
    return _drift_constant(plain, size, scale), _drift_constant(metric, size, scale, fastest), own


@bound
def _drift_constant(norm: float, y: float, layers: float, layer_rates: float = 1.0) -> float:
    """norm·‖y‖/√(‖K‖r), the factors that were scaled out."""
    return Decimal(float(norm)) * Decimal(y) / (Decimal(layers).sqrt() * Decimal(layer_rates).sqrt())


@bound
def _uncentred_drift_square(y: float, layers: float, kappa: float, m: int) -> float:
    return (Decimal(y) / Decimal(kappa)) ** 2 + Decimal(layers) ** 2 / m
