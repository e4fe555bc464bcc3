"""Finite-width Gram matrices at initialisation: their distance from limits, right and wrong ones, and their moments."""

import itertools
from collections.abc import Iterable, Sequence
from functools import cache

import numpy as np

from checks.measurements.data import in_span, inputs
from checks.measurements.streams import data_seed, draw_seeds, stacked
from kernels import Parameters, StreamedParameters, init_parameters, layer_grams
from kernels.ensemble import ensemble_grams
from theory import limit_grams

Arrays = dict[str, np.ndarray]


def gram_errors(
    *,
    data: Sequence[dict],
    hidden_layers: int,
    activation: str,
    widths: Sequence[int],
    stream: Sequence[int],
    first: int,
    draws: int,
    streamed: bool = False,
) -> Arrays:
    """``distance``: ‖(m/κ²) G^l − K^l‖_F for every draw of the weights, width, data set and layer, (draws, W, sets, L+1).

    All data sets see the same weights, and the weights of a width are the leading blocks of those of the next. ``streamed``
    networks are never stored.
    """
    blocks = data_sets(data, stream)
    seeds, design = draw_seeds(stream, first, draws), {"activation": activation, "hidden_layers": hidden_layers}
    if streamed:
        grams = streamed_ensemble(seeds, np.concatenate(blocks), widths, **design)
    else:
        grams = ensemble_grams(seeds[0], np.concatenate(blocks), widths, draws=draws, **design)
    return {"distance": distances(grams, blocks, activation)}


def streamed_ensemble(
    seeds: Sequence[int], X: np.ndarray, widths: Sequence[int], *, activation: str, hidden_layers: int = 1
) -> np.ndarray:
    """(m/κ²) G^1 … (m/κ²) G^{L+1} of one network a seed at nested widths, never stored, (draws, W, L+1, n, n)."""
    return np.array(
        [
            [
                layer_grams(
                    StreamedParameters(seed, X.shape[1], m, hidden_layers), X, activation=activation, kappa=np.sqrt(m)
                )
                for m in widths
            ]
            for seed in seeds
        ]
    )


def unscaled_errors(
    *,
    data: Sequence[dict],
    hidden_layers: int,
    activation: str,
    widths: Sequence[int],
    stream: Sequence[int],
    first: int,
    draws: int,
) -> Arrays:
    """`gram_errors` of a network without the 1/√m of its second layer."""
    blocks, L = data_sets(data, stream), hidden_layers
    X = np.concatenate(blocks)
    grams = np.empty((draws, len(widths), L + 1, len(X), len(X)))
    for (s, seed), (w, m) in itertools.product(enumerate(draw_seeds(stream, first, draws)), enumerate(widths)):
        W1, W2, *rest = (params := init_parameters(seed, X.shape[1], m, hidden_layers=L)).weights
        params = Parameters((W1, np.sqrt(m) * W2, *rest), params.output)
        grams[s, w] = layer_grams(params, X, activation=activation, kappa=np.sqrt(m))
        grams[s, w, 1] *= m  # ∂f/∂W² has lost its 1/√m as well
    return {"distance": distances(grams, blocks, activation)}


def distances(grams: np.ndarray, blocks: Sequence[np.ndarray], activation: str) -> np.ndarray:
    """Distances (draws, W, sets, L+1) of Gram matrices (draws, W, L+1, n, n) of stacked data sets from the limits of each."""
    found = []
    for block, end in zip(blocks, itertools.accumulate(map(len, blocks)), strict=True):
        own = grams[..., end - len(block) : end, end - len(block) : end]
        limits = _limits(block.tobytes(), len(block), grams.shape[2] - 1, activation)
        found.append(np.linalg.norm(own - limits, axis=(3, 4)))
    return np.stack(found, axis=2)


def data_sets(data: dict | Sequence[dict], stream: Sequence[int]) -> list[np.ndarray]:
    """The inputs of every data set, drawn apart, with zeros that make their dimensions equal, in coordinates of their span."""
    data = [data] if isinstance(data, dict) else data
    blocks = [inputs(**spec, seed=data_seed(stream) + k) for k, spec in enumerate(data)]
    d = max(X.shape[1] for X in blocks)
    X = in_span(np.concatenate([np.pad(X, ((0, 0), (0, d - X.shape[1]))) for X in blocks]))
    return [np.ascontiguousarray(block) for block in np.split(X, np.cumsum([*map(len, blocks)])[:-1])]


@cache
def _limits(content: bytes, n: int, L: int, activation: str) -> np.ndarray:
    """Limits for the inputs with these bytes: the cells of one process compute them once."""
    return limit_grams(np.frombuffer(content).reshape(n, -1), hidden_layers=L, activation=activation).layers


def wrong_limits(X: np.ndarray, L: int, activation: str) -> np.ndarray:
    """Limits with Σ in place of Σ̇ for K^1..K^L and Σ^{L−1} in place of Σ^L for K^{L+1}, (L+1, n, n)."""
    sigma = [X @ X.T] + [limit_grams(X, hidden_layers=l, activation=activation).nngp for l in range(1, L + 1)]
    return np.stack([np.prod(sigma[l:], axis=0) for l in range(L)] + [sigma[L - 1]])


def gram_sums(
    *,
    data: dict | Sequence[dict],
    activation: str,
    hidden_layers: int,
    width: int,
    batch: int,
    stream: Sequence[int],
    first: int,
    draws: int,
) -> Arrays:
    """Sums over ``batch`` networks, which are one draw: ``sum`` Σ_s (m/κ²) G^l_s (draws, L+1, n, n) and ``squares`` Σ_s ‖·‖_F².

    They give the mean, the mean square distance from any matrix and an unbiased estimate of the distance of the mean from it.
    Several data sets of one size see the same networks, the layers of each behind those of the one before.
    """
    blocks, design = data_sets(data, stream), {"activation": activation, "hidden_layers": hidden_layers}
    X, n = np.concatenate(blocks), len(blocks[0])
    grams = (ensemble_grams(seed, X, [width], draws=batch, **design)[:, 0] for seed in draw_seeds(stream, first, draws))
    own = [slice(k, k + n) for k in range(0, len(X), n)]
    return summed(np.concatenate([found[..., rows, rows] for rows in own], axis=1) for found in grams)


def summed(batches: Iterable[np.ndarray]) -> Arrays:
    """What `gram_sums` returns, of batches (batch, L+1, n, n)."""
    return stacked({"sum": grams.sum(axis=0), "squares": (grams**2).sum(axis=(0, 2, 3))} for grams in batches)


def square_distances(found: Arrays, layer: int, K: np.ndarray, batch: int) -> np.ndarray:
    """Mean of ‖(m/κ²) G^l − K‖_F² over the networks of each draw of `gram_sums`, (draws,)."""
    return found["squares"][:, layer] / batch - 2 * (found["sum"][:, layer] * K).sum(axis=(1, 2)) / batch + (K**2).sum()


def offsets(found: Arrays, layer: int, K: np.ndarray, batch: int, blocks: int) -> np.ndarray:
    """Unbiased estimates of ‖E (m/κ²) G^l − K‖_F²/‖K‖_F², one for each of ``blocks`` blocks of the draws of `gram_sums`.

    With D_s = G_s − K over the B networks of a block, (‖Σ_s D_s‖² − Σ_s ‖D_s‖²)/(B(B − 1)) has expectation ‖E D‖².
    """
    B = len(found["sum"]) // blocks * batch
    total = found["sum"][:, layer].reshape(blocks, -1, *K.shape).sum(axis=1) - B * K
    own = square_distances(found, layer, K, batch).reshape(blocks, -1).sum(axis=1) * batch
    return ((total**2).sum(axis=(1, 2)) - own) / (B * (B - 1)) / (K**2).sum()
