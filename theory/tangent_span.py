"""What a lazily trained two-layer relu network has learned of a relu teacher, inputs uniform on the sphere."""

import math

import numpy as np

from argument_validation import validate_array, validate_positive


def half_space_moments(U: np.ndarray, V: np.ndarray) -> np.ndarray:
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


def lazy_population_loss(
    inner: np.ndarray,
    outer: np.ndarray,
    teacher: np.ndarray,
    signs: np.ndarray,
    *,
    time: float,
    rates: tuple[float, float] = (1.0, 1.0),
) -> float:
    """Share of E f*² that the linearised network has not learned at ``time``, population-loss.

    The linearisation of Σ_j a_j max(b_j·x, 0), its value at the start taken off, follows the gradient flow of ½E(f − f*)², x
    uniform on the sphere, f* = Σ_k s_k max(θ_k·x, 0), with k(d + 1) tangent features: √r_1 a_j x_i 1(b_j·x > 0) and
    √r_2 max(b_j·x, 0). With their Gram matrix UΛUᵀ and their products p with f* it is
    1 − Σ_i (1 − e^{−2λ_it})(U_i·p)²/λ_i/E f*². As t → ∞ it is the distance of f* to their span.

    Parameters
    ----------
    inner, outer : b_j (k, d), not 0, and a_j (k,). teacher, signs : θ_k (q, d), not 0, and s_k (q,).
    time : t > 0, inf too. rates : r_1, r_2 of inner and of outer weights, r_1 may be 0.

    Raises
    ------
    ValueError : arrays that are not finite or do not fit, a time that is not positive, negative rates.
    """
    inner, teacher = validate_array(inner, "inner", ("k", "d")), validate_array(teacher, "teacher", ("q", "d"))
    outer, signs = validate_array(outer, "outer", (len(inner),)), validate_array(signs, "signs", (len(teacher),))
    rates, d = validate_array(rates, "rates", (2,)), inner.shape[1]
    time = math.inf if time == math.inf else validate_positive(time, "time")
    if teacher.shape[1] != d:
        raise ValueError(f"`teacher` must have as many columns as `inner`, {d}, got {teacher.shape[1]}")
    if (rates < 0).any():
        raise ValueError(f"`rates` must not be negative, got {rates.tolist()}")
    sizes = [np.linalg.norm(rows, axis=1, keepdims=True) for rows in (inner, teacher)]
    for name, own in zip(("inner", "teacher"), sizes, strict=True):
        if not own.all():
            raise ValueError(f"`{name}` must have no row of zeros, got one in row {int(own.argmin())}")
    U, V = inner / sizes[0], teacher / sizes[1]
    first = math.sqrt(rates[0]) * outer[:, None, None] * np.eye(d)
    features = np.concatenate([first, math.sqrt(rates[1]) * inner[:, None]], axis=1)  # c of every c·x 1(b_j·x > 0)
    count, target = features.shape[0] * (d + 1), signs[:, None] * teacher
    gram = np.einsum("ipe,ijef,jqf->ipjq", features, half_space_moments(U, U), features, optimize=True) / d
    products = np.einsum("ipe,iqef,qf->ip", features, half_space_moments(U, V), target, optimize=True).ravel() / d
    square = np.einsum("qe,qref,rf->", target, half_space_moments(V, V), target, optimize=True) / d
    values, vectors = np.linalg.eigh(gram.reshape(count, count))
    kept = values > 1e-12 * values[-1]  # the features are not independent
    learned = (vectors.T[kept] @ products) ** 2 / values[kept]
    return float(1 + (np.expm1(-2 * values[kept] * time) @ learned) / square)
