"""Finite-width Gram matrices of every layer without a Jacobian."""

import numpy as np

from kernels.network import Parameters, hidden_layer, validate_network


def layer_grams(params: Parameters, X: np.ndarray, *, activation: str, kappa: float) -> np.ndarray:
    """Gram matrices G^l_ij = ⟨∂f(x_i)/∂W^l, ∂f(x_j)/∂W^l⟩, l = 1..L+1 with W^{L+1} = a; unscaled, (L+1, n, n).

    With A^l = [x^l(x_i)]_i (m, n), A^0 = Xᵀ, and B^l = [∂f(x_i)/∂z^l]_i (m, n):

        G^1     = (A^0ᵀA^0) ∘ (B^1ᵀB^1)
        G^l     = (1/m)(A^{l−1}ᵀA^{l−1}) ∘ (B^lᵀB^l),   2 ≤ l ≤ L
        G^{L+1} = (κ/m)² A^LᵀA^L

    so no (n, p) Jacobian is ever formed: cost O(L n m² + L n² m), memory O(L n m) beyond the weights. The sum over l is
    the neural tangent kernel at these weights, and (m/κ²) G^l tends to `theory.limit_grams` as m grows.

    Parameters
    ----------
    params : weights, see `Parameters`.
    X : (n, d) inputs without zero rows.
    activation : name of σ, see `kernels.activations`.
    kappa : output scale κ > 0.

    Returns
    -------
    (L+1, n, n), each layer exactly symmetric. Reproducible to rounding: the matrix products are the BLAS library's.

    Raises
    ------
    ValueError for shapes that do not fit, non-finite or zero rows, an unknown activation, κ that is not positive.
    """
    X, kappa = validate_network(params, X, activation, kappa)
    m, L = params.width, params.hidden_layers
    grams = np.empty((L + 1, len(X), len(X)))
    grams[0] = X @ X.T
    values, derivatives = X.T, []
    for l, W in enumerate(params.weights):
        values, derivative = hidden_layer(W, values, activation, first=l == 0)
        derivatives.append(derivative)
        grams[l + 1] = values.T @ values
    grams[1:L] /= m
    grams[L] *= (kappa / m) ** 2

    back = derivatives.pop()
    back *= (kappa / m) * params.output[:, None]
    grams[L - 1] *= back.T @ back
    for l in range(L - 1, 0, -1):
        back = params.weights[l].T @ back
        back *= derivatives.pop()
        back *= 1 / np.sqrt(m)
        grams[l - 1] *= back.T @ back
    return grams
