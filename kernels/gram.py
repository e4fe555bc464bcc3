"""Finite-width Gram matrices of every layer without a Jacobian."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from argument_validation import validate_array, validate_callable
from kernels.network import (
    LARGEST,
    Parameters,
    StreamedParameters,
    finite_at_scale,
    hidden_layer,
    scale_rows,
    validate_network,
)


@dataclass(frozen=True)
class Factors:
    """Factors of the Jacobian of a network on n inputs, one column an input.

    ∂f(x_i)/∂W^l is the outer product of column i of ``backs[l − 1]`` and of column i of ``values[l − 1]``, over √m for
    l ≥ 2; ∂f(x_i)/∂a is κ/m times column i of ``values[L]``.

    Attributes
    ----------
    values : A^0 = Xᵀ (d, n), A^1, …, A^L (m, n), A^l = [x^l(x_i)]_i.
    backs : B^1, …, B^L (m, n), B^l = [∂f(x_i)/∂z^l]_i.
    output_scale : κ/m.
    """

    values: list[np.ndarray]
    backs: list[np.ndarray]
    output_scale: float


def propagate(params: Parameters, inputs: np.ndarray, activation: str, kappa: float) -> Factors:
    """Forward and backward pass on the columns of ``inputs`` (d, n); nothing is checked."""
    m, L, scale = params.width, params.hidden_layers, kappa / params.width
    # One piece of memory, which the allocator keeps for the next call: pieces of the size of a layer go back to the system and
    # come again as new pages, a tenth of the time at m = 2048.
    memory = np.empty((2 * L, m, inputs.shape[1]))
    values, backs = [inputs, *memory[:L]], list(memory[L:])
    for l, W in enumerate(params.weights):
        hidden_layer(W, values[l], activation, first=l == 0, out=(values[l + 1], backs[l]))
    scale_rows(backs[-1], scale * params.output)  # each derivative is overwritten by its B
    for l in range(L - 1, 0, -1):
        back = params.weights[l].T @ backs[l]
        back *= 1 / np.sqrt(m)
        backs[l - 1] *= back
    return Factors(values, backs, scale)


def layer_products(P: Factors, Q: Factors, first: np.ndarray) -> Iterator[np.ndarray]:
    """G^l_PQ = J^l_P (J^l_Q)ᵀ, (n, n'), of one layer after the other, for ``first`` A^0_PᵀA^0_Q."""
    m, L = len(P.backs[0]), len(P.backs)
    yield first * (P.backs[0].T @ Q.backs[0])
    for l in range(1, L):
        yield P.values[l].T @ Q.values[l] / m * (P.backs[l].T @ Q.backs[l])
    yield P.output_scale * Q.output_scale * (P.values[L].T @ Q.values[L])


def streamed_grams(
    params: StreamedParameters, inputs: np.ndarray, split: int, activation: str, report: Callable[[int, int], object]
) -> np.ndarray:
    """`layer_grams` at κ = 1 of the columns of ``inputs`` (d, n), unless ``split`` is 0 of those before it with all others.

    The last layer is never stored: each block of W^L serves the forward pass, the Gram matrices of its neurons and the backward
    pass at once. Only W^2 … W^{L−1} are drawn again, for the backward pass, which runs from the last layer to the first.
    """
    m, L, n, drawn = params.width, params.hidden_layers, inputs.shape[1], 0
    planned = m * params.input_dim + max(2 * L - 3, 0) * m**2

    def blocks(l: int) -> Iterator[tuple[slice, np.ndarray]]:
        nonlocal drawn
        for rows, W in params.blocks(l, n):
            yield rows, W
            drawn += W.size
            report(drawn, planned)

    def gram(F: np.ndarray) -> np.ndarray:
        return F[:, : split or n].T @ F[:, split:]

    values, backs = [inputs], []
    for l in range(L - 1):
        values.append(np.empty((m, n)))
        backs.append(np.empty((m, n)))
        for rows, W in blocks(l):
            hidden_layer(W, values[-2], activation, first=l == 0, out=(values[-1][rows], backs[-1][rows]))
    block = np.empty((2, params.block_shape(L - 1, n)[0], n))
    back, part = np.zeros((2, m if L > 1 else 0, n))
    features = derivatives = 0.0
    for rows, W in blocks(L - 1):
        out = block[:, : len(W)]
        value, derivative = hidden_layer(W, values[-1], activation, first=L == 1, out=(out[0], out[1]))
        scale_rows(derivative, params.output(rows) / m)
        features += gram(value)
        derivatives += gram(derivative)
        if L > 1:
            back += np.matmul(W.T, derivative, out=part)
    grams = [gram(values[-1]) * derivatives, features / m**2]
    for l in range(L - 2, -1, -1):
        backs[l] *= back
        backs[l] *= 1 / np.sqrt(m)
        grams.insert(0, gram(values[l]) * gram(backs[l]))
        if l:
            back[:] = 0.0
            for rows, W in blocks(l):
                back += np.matmul(W.T, backs[l][rows], out=part)
    grams = np.stack(grams)
    grams[1:L] /= m
    return grams


def layer_grams(
    params: Parameters | StreamedParameters,
    X: np.ndarray,
    X2: np.ndarray | None = None,
    *,
    activation: str,
    kappa: float,
    callback: Callable[[int, int], object] | None = None,
) -> np.ndarray:
    """Gram matrices G^l_ij = ⟨∂f(x_i)/∂W^l, ∂f(x_j)/∂W^l⟩, l = 1..L+1 with W^{L+1} = a; unscaled, (L+1, n, n).

    With A^l = [x^l(x_i)]_i (m, n), A^0 = Xᵀ, and B^l = [∂f(x_i)/∂z^l]_i (m, n):

        G^1     = (A^0ᵀA^0) ∘ (B^1ᵀB^1)
        G^l     = (1/m)(A^{l−1}ᵀA^{l−1}) ∘ (B^lᵀB^l),   2 ≤ l ≤ L
        G^{L+1} = (κ/m)² A^LᵀA^L

    so no (n, p) Jacobian is ever formed: cost O(L n m² + L n² m), memory O(L n m) beyond the weights. The sum over l is
    the neural tangent kernel at these weights, and (m/κ²) G^l tends to `theory.limit_grams` as m grows.

    Streamed weights are never stored: memory `StreamedParameters.memory`, which for L = 1 does not grow with m. Those of
    W^2 … W^{L−1} are drawn twice, all others once.

    Parameters
    ----------
    params : weights, see `Parameters`, or `StreamedParameters`.
    X : (n, d) inputs, entries at most 1e150 in size. X2 : (n2, d) the second inputs, by default X.
    activation : name of σ, see `kernels.activations`.
    kappa : output scale κ > 0.
    callback : called with (weights drawn, weights to be drawn) after every block of streamed weights.

    Returns
    -------
    (L+1, n, n), each layer exactly symmetric, or (L+1, n, n2). Reproducible to rounding: the matrix products are the BLAS
    library's.

    Raises
    ------
    ValueError for shapes that do not fit, numbers that are not finite, an unknown activation, κ that is not positive, and
    matrices that overflow: it names κ, the inputs or the weights, whichever is the cause. MemoryError where a streamed network
    does not fit into memory.
    """
    X, kappa = validate_network(params, X, activation, kappa, kinds=Parameters | StreamedParameters)
    X2 = None if X2 is None else validate_array(X2, "X2", ("n2", params.input_dim), largest=LARGEST)
    callback = validate_callable(callback, "callback")
    both = X if X2 is None else np.vstack([X, X2])
    if isinstance(params, StreamedParameters):
        params.require_memory(len(both))
        with np.errstate(all="ignore"):
            raw = streamed_grams(params, both.T, 0 if X2 is None else len(X), activation, callback or (lambda *_: None))
        return finite_at_scale(lambda kappa: kappa * raw * kappa, kappa, both)

    def grams(kappa: float) -> np.ndarray:
        factors = propagate(params, X.T, activation, kappa)
        others = factors if X2 is None else propagate(params, X2.T, activation, kappa)
        return np.stack(list(layer_products(factors, others, factors.values[0].T @ others.values[0])))

    return finite_at_scale(grams, kappa, both, params.arrays, "params")
