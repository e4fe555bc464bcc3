"""Least eigenvalues: of the limit kernels with the bounds on them, and of finite-width Gram matrices draw by draw."""

from collections.abc import Sequence
from itertools import count, product

import numpy as np

from checks.measurements.data import in_span, inputs
from checks.measurements.gram_errors import streamed_ensemble
from checks.measurements.streams import data_seed, draw_seeds
from kernels.ensemble import ensemble_grams
from theory import (
    certified_kernel_min_eigenvalue,
    certified_min_eigenvalue,
    first_layer_failure_bound,
    gram_fluctuations,
    kernel_failure_bound,
    last_layer_failure_bound,
    limit_grams,
    min_eigenvalue_lower_bound,
    separation_lower_bound,
)

ANGLES = 10.0 ** -np.arange(1, 4.6, 0.5)
ENTRY_ERROR = 1e-13  # of `limit_grams`, relative to the diagonal
UNIT = 2.0**-52


def limit_bounds(*, data: dict, activation: str, depths: Sequence[int], stream: Sequence[int]) -> dict[str, np.ndarray]:
    """λ_min and the bounds on it for K^1..K^{L+1} and the NTK of every depth L, one after another.

    ``least``, ``rounding`` its error n u‖K‖, ``bound`` the data form, ``separation`` the separation form at the largest
    correlation ρ of the data, ``orthonormal`` the same at ρ = 0, what would hold if the inputs were orthonormal.
    """
    X = inputs(**data, seed=data_seed(stream))
    rho = float(np.abs(X @ X.T - np.eye(len(X))).max())
    rows = []
    for L in depths:
        grams = limit_grams(X, hidden_layers=L, activation=activation)
        for K, layer in zip((*grams.layers, grams.ntk), (*range(1, L + 2), None), strict=True):
            kernel = {"hidden_layers": L, "activation": activation, "layer": layer}
            bound = min_eigenvalue_lower_bound(X, **kernel)
            forms = [separation_lower_bound(r, len(X), **kernel) for r in (min(1.0, rho + 1e-15), 0.0)]
            rows.append([np.linalg.eigvalsh(K)[0], len(X) * UNIT * np.linalg.norm(K, 2), bound, *forms])
    return dict(zip(("least", "rounding", "bound", "separation", "orthonormal"), np.array(rows).T, strict=True))


def certificate(*, data: dict, activation: str, hidden_layers: int, stream: Sequence[int]) -> dict[str, np.ndarray]:
    """Lower bound on λ_min of the NTK that a float64 Cholesky factorisation proves, −inf where it proves none."""
    K = limit_grams(inputs(**data, seed=data_seed(stream)), hidden_layers=hidden_layers, activation=activation).ntk
    return {"matrix": K, "lower": certified_min_eigenvalue(K, ENTRY_ERROR * float(K.max())).lower}


def singular_kernel(*, flaw: str, activation: str, hidden_layers: int, stream: Sequence[int]) -> dict[str, np.ndarray]:
    """A K^{L+1} with λ_min = 0 because of a ``flaw`` of the inputs, its null vector, and what is proved about it."""
    X = inputs("random", n=5, seed=data_seed(stream), d=4)
    vector = np.array([1.0, 0, 0, 0, 0, 1.0 if flaw == "opposite inputs, odd σ" else -1.0])
    if flaw == "n > d":
        vector = np.linalg.svd(X.T)[2][-1]
    else:
        X = np.concatenate([X, X[:1] if flaw == "repeated input" else -X[:1]])
    kernel = {"hidden_layers": hidden_layers, "activation": activation}
    lower = certified_kernel_min_eigenvalue(X, **kernel, kernel="nngp").lower
    return {"matrix": limit_grams(X, **kernel).nngp, "vector": vector, "lower": lower}


def least_of_pair(*, activation: str, hidden_layers: int) -> dict[str, np.ndarray]:
    """λ_min of K^1..K^{L+1} and the NTK of two unit inputs at the angles `ANGLES`, (L+2, angles), and its relative error."""
    grams = [limit_grams(pair(phi), hidden_layers=hidden_layers, activation=activation) for phi in ANGLES]
    least = np.array([[np.linalg.eigvalsh(K)[0] for K in (*g.layers, g.ntk)] for g in grams]).T
    return {"least": least, "error": 4 * UNIT * hidden_layers / least}


def pair(phi: float) -> np.ndarray:
    """Two unit inputs at angle φ."""
    return np.array([[1.0, 0.0], [np.cos(phi), np.sin(phi)]])


def failure_bound(X: np.ndarray, width: int, activation: str, layer: int, eps: float) -> float:
    """Bound on P(λ_min((m/κ²)G^l) ≤ (1 − ε) λ_min(K^l)) for l = 1 or 2, one hidden layer; for l = 0 that of their sums."""
    bound = (kernel_failure_bound, first_layer_failure_bound, last_layer_failure_bound)[layer]
    return bound(X, width, activation=activation, eps=eps)


def failure_setting(setting: dict, stream: Sequence[int]) -> tuple[np.ndarray, int]:
    """Inputs and width of a ``setting`` {data, activation, layer, eps, width}.

    A ``width`` below 1 is a probability: the least width at which `failure_bound`, n e^{−sm}, is at most that.
    """
    data, m, kernel = setting["data"], setting["width"], [setting[key] for key in ("activation", "layer", "eps")]
    X = in_span(inputs(**data, seed=data_seed(stream)))
    if m < 1:
        rate = -np.log(failure_bound(X, 1, *kernel) / len(X))
        m = int(np.ceil(np.log(len(X) / m) / rate))
    return X, m


def failures(*, setting: dict, stream: Sequence[int], first: int, draws: int) -> dict[str, np.ndarray]:
    """λ_min((m/κ²) G^l), for l = 0 of Σ_l G^l, of every draw, (draws,), in a `failure_setting`."""
    X, m = failure_setting(setting, stream)
    grams = ensemble_grams(draw_seeds(stream, first, 1)[0], X, [m], draws=draws, activation=setting["activation"])
    own = grams[:, 0, setting["layer"] - 1] if setting["layer"] else grams[:, 0].sum(axis=1)
    return {"least": np.linalg.eigvalsh(own)[:, 0]}


def limit_least(X: np.ndarray, activation: str, layer: int) -> float:
    """λ_min(K^l), one hidden layer; for l = 0 that of the sum."""
    limits = limit_grams(X, hidden_layers=1, activation=activation)
    return float(np.linalg.eigvalsh(limits.layers[layer - 1] if layer else limits.ntk)[0])


def gap_width(X: np.ndarray, activation: str, layer: int) -> float:
    """16 C_l/(ng)²: from this width on an entry of (m/κ²)G^l fluctuates by at most a quarter of the gap g above λ_min(K^l)."""
    values = np.linalg.eigvalsh(limit_grams(X, hidden_layers=1, activation=activation).layers[layer - 1])
    constant = gram_fluctuations(X, activation=activation)[layer - 1]
    return 16 * constant / (len(X) * max(values[1] - values[0], 1e-9)) ** 2


def spaced(data: dict, activation: str, layer: int, width: int, stream: Sequence[int]) -> np.ndarray:
    """Inputs in coordinates of their span, drawn again until their `gap_width` is at most ``width``."""
    drawn = (in_span(inputs(**data, seed=data_seed(stream) + k)) for k in count())
    return next(X for X in drawn if gap_width(X, activation, layer) <= width)


def least_eigenvalues(
    *,
    data: dict,
    activation: str,
    layer: int,
    widths: Sequence[int],
    stream: Sequence[int],
    first: int,
    draws: int,
    streamed: bool = False,
) -> dict[str, np.ndarray]:
    """|λ_min((m/κ²) G^l) − λ_min(K^l)| of every draw and width, and δ = vᵀ(m/κ²)G^l v − λ_min ≥ 0, (draws, widths).

    v is the limit's eigenvector: E δ = λ_min(K^l) − E λ_min((m/κ²)G^l) exactly, because E (m/κ²)G^l = K^l.
    ``streamed`` networks are never stored.
    """
    X, seeds = spaced(data, activation, layer, widths[0], stream), draw_seeds(stream, first, draws)
    if streamed:
        grams = streamed_ensemble(seeds, X, widths, activation=activation)
    else:
        grams = ensemble_grams(seeds[0], X, widths, draws=draws, activation=activation)
    values, vectors = np.linalg.eigh(limit_grams(X, hidden_layers=1, activation=activation).layers[layer - 1])
    own, v = grams[:, :, layer - 1], vectors[:, 0]
    least = np.linalg.eigvalsh(own)[..., 0]
    return {"error": np.abs(least - values[0]), "bias": np.einsum("i,swij,j->sw", v, own, v) - least}


def widths_of_pairs(
    *,
    activation: str,
    angles: Sequence[float],
    scale: float,
    by_angle: bool,
    networks: int,
    stream: Sequence[int],
    first: int,
    draws: int,
) -> dict[str, np.ndarray]:
    """Width from which on at most a tenth of the networks has λ_min((m/κ²)G^1) < λ_min(K^1)/2, (draws, angles).

    Two inputs at each angle φ; each draw estimates the width from ``networks`` of them, on a grid of quarter powers of 2 from
    ``scale``, over φ with ``by_angle``.
    """
    found = np.empty((draws, len(angles)))
    for (s, seed), (k, phi) in product(enumerate(draw_seeds(stream, first, draws)), enumerate(angles)):
        start = scale / phi if by_angle else scale
        widths = [round(start * 2 ** (j / 4)) for j in range(12)]
        grams = ensemble_grams(seed, pair(phi), widths, draws=networks, activation=activation)
        least = np.linalg.eigvalsh(grams[:, :, 0])[..., 0]
        found[s, k] = crossing(widths, least < limit_least(pair(phi), activation, 1) / 2)
    return {"widths": found}


def crossing(widths: Sequence[int], failed: np.ndarray, share: float = 0.1) -> float:
    """Width from which on at most a ``share`` of the draws (draws, widths) fails, by log m; NaN where it is not on the grid."""
    shares = failed.mean(axis=0)
    above = np.flatnonzero(shares > share)
    if not len(above) or above[-1] + 1 == len(widths):
        return float("nan")
    k = above[-1]
    weight = (shares[k] - share) / (shares[k] - shares[k + 1])
    return float(np.exp((1 - weight) * np.log(widths[k]) + weight * np.log(widths[k + 1])))
