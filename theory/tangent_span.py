"""What a lazily trained two-layer relu network has learned of a relu teacher, inputs uniform on the sphere."""

import math

import numpy as np

from argument_validation import validate_array, validate_not_negative, validate_positive
from theory.validation import validate_kernel_inputs

LARGEST = 1e75  # in size of the arguments: their fourth powers are float64 numbers


def lazy_population_loss(
    inner: np.ndarray,
    outer: np.ndarray,
    teacher: np.ndarray,
    signs: np.ndarray,
    *,
    time: float,
    inner_rate: float = 1.0,
) -> float:
    """Share of E f*² that the linearised network has not learned at ``time``, population-loss.

    The linearisation of Σ_j a_j max(b_j·x, 0), its value at the start taken off, follows the gradient flow of ½E(f − f*)², x
    uniform on the sphere, f* = Σ_k s_k max(θ_k·x, 0), with k(d + 1) tangent features: √r a_j x_i 1(b_j·x > 0) and
    max(b_j·x, 0). With their Gram matrix UΛUᵀ and their products p with f* it is 1 − Σ_i (1 − e^{−2λ_it})(U_i·p)²/λ_i/E f*².
    As t → ∞ it is the distance of f* to their span.

    Parameters
    ----------
    inner, outer : b_j (k, d), not 0, and a_j (k,). teacher, signs : θ_k (q, d), not 0, and s_k (q,).
    time : t > 0. inner_rate : r ≥ 0, the rate of the inner weights over that of the outer ones.

    Raises
    ------
    ValueError : arrays that are not finite, above 10⁷⁵ in size or do not fit, rows of zeros, f* = 0, a time that is not
        positive, a negative rate.
    """
    directions = []
    for name, rows in (("inner", inner), ("teacher", teacher)):
        rows = validate_kernel_inputs(rows, name, LARGEST)
        largest = np.abs(rows).max(axis=1, keepdims=True)
        if not largest.all():
            raise ValueError(f"`{name}` must have no row of zeros, got one in row {int(largest.argmin())}")
        length = largest * np.linalg.norm(rows / largest, axis=1, keepdims=True)
        directions.append((rows / length, length[:, 0]))
    (U, lengths), (V, sizes) = directions
    (k, d), q = U.shape, len(V)
    outer = validate_array(outer, "outer", (k,), largest=LARGEST)
    signs = validate_array(signs, "signs", (q,), largest=LARGEST)
    time, inner_rate = validate_positive(time, "time"), validate_not_negative(inner_rate, "inner_rate")
    if V.shape[1] != d:
        raise ValueError(f"`teacher` must have as many columns as `inner`, {d}, got {V.shape[1]}")
    target = signs * sizes
    target = target[:, None] * V / (np.abs(target).max() or 1.0)
    square = np.einsum("qe,qref,rf->", target, _half_space_moments(V, V), target, optimize=True) / d
    if not square > 1e-12:
        raise ValueError("`teacher` and `signs` must not make f* = 0")
    slopes = math.sqrt(inner_rate) * np.abs(outer)
    size = max(slopes.max(), lengths.max())
    first = (slopes / size)[:, None, None] * np.eye(d)
    features = np.concatenate(
        [first, (lengths / size)[:, None, None] * U[:, None]], axis=1
    )  # c of all c·x 1(b_j·x > 0)
    gram = np.einsum("ipe,ijef,jqf->ipjq", features, _half_space_moments(U, U), features, optimize=True) / d
    products = np.einsum("ipe,iqef,qf->ip", features, _half_space_moments(U, V), target, optimize=True).ravel() / d
    values, vectors = np.linalg.eigh(gram.reshape(k * (d + 1), -1))
    kept = values > 1e-12 * values[-1]  # the features are not independent
    learned = (vectors.T[kept] @ products) ** 2 / values[kept]
    with np.errstate(over="ignore"):
        passed = -np.expm1(-2 * values[kept] * (time * size) * size)
    return max(0.0, float(1 - passed @ learned / square))


def _half_space_moments(U: np.ndarray, V: np.ndarray) -> np.ndarray:
    """E[g gᵀ 1(u·g > 0, v·g > 0)], g ~ N(0, I_d), for unit rows u of U (k, d) and v of V (l, d), (k, l, d, d).

    With the angle θ between u and v it is ((π − θ)I + sin θ (eeᵀ − ffᵀ))/(2π), e along u + v and f along u − v; the last term
    is 0 where u = ±v. For a point uniform on the unit sphere in place of g it is 1/d of this.
    """
    both = U[:, None] + V, U[:, None] - V
    lengths = [np.linalg.norm(part, axis=-1, keepdims=True) for part in both]
    theta = 2 * np.arctan2(*lengths[::-1])[..., None]
    e, f = (np.divide(part, n, out=np.zeros_like(part), where=n > 0) for part, n in zip(both, lengths, strict=True))
    tilt = e[..., :, None] * e[..., None, :] - f[..., :, None] * f[..., None, :]
    return ((np.pi - theta) * np.eye(U.shape[1]) + np.sin(theta) * tilt) / (2 * np.pi)
