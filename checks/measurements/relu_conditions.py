"""Flows of relu networks with one hidden layer: at the scale that the condition theorem certifies, and below where it fails."""

import numpy as np

from checks.measurements.data import samples
from checks.measurements.eigenvalues import pair
from checks.measurements.streams import data_seed, draw_seeds, each_draw, stacked
from checks.measurements.trainings import EVALUATIONS, LOSS_RATIO, drawn_networks, rough_tolerance
from kernels import gradient_flow, init_parameters, layer_grams
from kernels.activations import KINKED
from kernels.integrators import Ending
from theory import limit_grams
from theory.lazy_bounds import decay_rate, drift_bound
from theory.relu_condition import (
    certified_scale,
    displacement_bounds,
    halving_scale,
    kept_eigenvalue,
    own_halving_scale,
    sufficient_relu_scale,
    sufficient_relu_width,
    sufficient_smooth_scale,
    sufficient_smooth_width,
)

ABOVE = 1 + 1e-6  # the theorem is for κ above its threshold
RTOLS = (2e-3, 2e-4, 2e-5)  # the least eigenvalue is read at steps: few of them miss where it is least
AGREED = 0.002  # of the least eigenvalues of two tolerances, of which the next is not needed then
STAGES = (0.3, 1e-2, LOSS_RATIO)
PATH_RTOL, PATH_SHARE, PATH_END = 0.05, 4.0, 0.4


def limit_least(X: np.ndarray, activation: str = "relu") -> float:
    """λ_min(K), one hidden layer."""
    return float(np.linalg.eigvalsh(limit_grams(X, hidden_layers=1, activation=activation).ntk)[0])


def certified_flows(*, data: dict, width: int, stream: list, first: int, draws: int) -> dict[str, np.ndarray]:
    """What (T1) bounds, for every draw at κ_cert, (draws,), from flows to the losses `STAGES`.

    ``scale`` κ_cert, inf where λ_min(G_0) is too small, and the rest 0; ``kept`` Φ(τ_1); ``least`` min_t (m/κ²)λ_min(G_t),
    ``least error`` its change when the tolerance is last cut by ten; ``weights`` max_k ‖w_k(t) − w_k‖/r_k(τ_1) and ``output``
    max_k |a_k(t) − a_k|/δ_k(τ_1) at the ends of the stages, ``exchanged`` the first with h_k and |a_k| exchanged in r_k.
    """
    X, y = samples(data, data_seed(stream))
    return stacked(_certified(seed, X, y, width) for seed in draw_seeds(stream, first, draws))


def _certified(seed: int, X: np.ndarray, y: np.ndarray, m: int) -> dict[str, float]:
    params = init_parameters(seed, X.shape[1], m, hidden_layers=1)
    (W,), a = params.weights, params.output
    keys = ("kept", "least", "least error", "weights", "output", "exchanged")
    scale, tau = certified_scale(X, W, a, y, limit_least(X))
    found = {"scale": scale} | dict.fromkeys(keys, np.nan)
    if not tau:
        return found | dict.fromkeys(keys, 0.0)
    found["kept"], (r, delta) = kept_eigenvalue(X, W, a, tau), displacement_bounds(X, W, a, tau)
    h = np.linalg.norm(np.maximum(W @ X.T, 0), axis=1) / np.sqrt(np.linalg.eigvalsh(X @ X.T)[-1])
    seen = h > 0  # a neuron that is off on all inputs does not move
    exchanged = h * np.sinh(tau) + np.abs(a) * (np.cosh(tau) - 1)
    shares, least = [], []
    for rtol in RTOLS:
        own = []
        for ratio in STAGES:
            options = {"kappa": scale * ABOVE, "activation": "relu", "centred": True, "kernels": True} | EVALUATIONS
            run = gradient_flow(params, X, y, loss_ratio=ratio, rtol=rtol, **options)
            if run.status != Ending.TARGET:
                return found
            own.append(np.linalg.eigvalsh(run.kernels)[:, 0].min() * m / (scale * ABOVE) ** 2)
            moved = np.linalg.norm(run.params.weights[0] - W, axis=1), np.abs(run.params.output - a)
            shares.append([(moved[0] / r).max(), (moved[1] / delta)[seen].max(), (moved[0] / exchanged)[seen].max()])
        least.append(min(own))
        if len(least) > 1 and abs(least[-1] - least[-2]) <= AGREED * least[-1]:
            break
    found |= dict(zip(("weights", "output", "exchanged"), np.max(shares, axis=0), strict=True))
    return found | {"least": least[-1], "least error": abs(least[-1] - least[-2])}


def certified_scales(*, data: dict, widths: list, stream: list, first: int, draws: int) -> dict[str, np.ndarray]:
    """κ_cert at every width, (draws, widths)."""
    X, y = samples(data, data_seed(stream))
    found, lam = np.empty((draws, len(widths))), limit_least(X)
    for s, seed in enumerate(draw_seeds(stream, first, draws)):
        for k, m in enumerate(widths):
            params = init_parameters(seed, X.shape[1], m, hidden_layers=1)
            found[s, k] = certified_scale(X, params.weights[0], params.output, y, lam)[0]
    return {"scale": found}


def end_to_end(case: dict) -> tuple[np.ndarray, np.ndarray, int, float]:
    """X, y, m and κ of a configuration: (T3) for relu, (T5) for smooth σ; a ``share`` is one of `halving_scale` or of κ."""
    (X, y), name, delta = samples(case["data"], data_seed(case["stream"])), case["activation"], case["delta"]
    share = case.get("share", 0.0)
    if name in KINKED:
        m, kappa = sufficient_relu_width(X, delta=delta), sufficient_relu_scale(X, y)
        return X, y, m, share * halving_scale(case["data"]["twin"], abs(y[0] - y[1])) if share else kappa
    m = sufficient_smooth_width(X, activation=name, delta=delta)
    return X, y, m, (share or ABOVE) * sufficient_smooth_scale(X, y, m, activation=name, delta=delta)


def kept_shares(
    *, data: dict, activation: str, delta: float, stream: list, first: int, draws: int, share: float = 0.0
) -> dict[str, np.ndarray]:
    """``least`` min_t (m/κ²)λ_min(G_t)/λ_1 over the flow, (draws,), for `end_to_end`; λ_1 = λ_min(K^1)."""
    case = {"data": data, "activation": activation, "delta": delta, "stream": stream, "share": share}
    X, y, m, kappa = end_to_end(case)
    lam = np.linalg.eigvalsh(limit_grams(X, hidden_layers=1, activation=activation).layers[0])[0]
    found = np.full(draws, np.nan)
    for s, seed in enumerate(draw_seeds(stream, first, draws)):
        params = init_parameters(seed, X.shape[1], m, hidden_layers=1)
        options = {"activation": activation, "kappa": kappa, "centred": True, "kernels": True, "loss_ratio": LOSS_RATIO}
        run = gradient_flow(params, X, y, **options, rtol=rough_tolerance(activation))
        if run.status == Ending.TARGET:
            found[s] = np.linalg.eigvalsh(run.kernels)[:, 0].min() * m / kappa**2 / lam
    return {"least": found}


@each_draw
def halvings(seed: int, *, angles: list, widths: list) -> dict[str, list]:
    """``scale`` κ_c of two relu inputs at every angle, labels ±1, and ``own`` its `own_halving_scale`, (angles,).

    One flow at a κ far below: its path is that of every κ, because the residual keeps its direction, and each ends where
    f_1 − f_2 = 2. So κ_c is 2 over what (f_1 − f_2)/κ is where λ_min(G_t) has halved; flows in κ bracket it in the tests.
    """
    rows = [_halving(seed, phi, m) for phi, m in zip(angles, widths, strict=True)]
    return dict(zip(("scale", "own"), zip(*rows, strict=True), strict=True))


def _halving(seed: int, phi: float, m: int) -> tuple[float, float]:
    X, params = pair(phi), init_parameters(seed, 2, m, hidden_layers=1)
    own = own_halving_scale(X, params.weights[0], params.output, 2.0)
    if not np.isfinite(own):
        return np.nan, own
    options = {"activation": "relu", "kappa": own / PATH_SHARE}
    path = {"centred": True, "kernels": True, "loss_ratio": PATH_END, "rtol": PATH_RTOL}
    run = gradient_flow(params, X, np.array([1.0, -1.0]), **options, **path)
    start = np.linalg.eigvalsh(layer_grams(params, X, **options).sum(axis=0))[0]
    share = np.append(1.0, np.linalg.eigvalsh(run.kernels)[:, 0] / start)
    gap = np.append(0.0, run.outputs[:, 0] - run.outputs[:, 1]) / options["kappa"]
    k = int(np.argmax(share <= 0.5))  # 0 where it never is
    scale = 2 / float(np.interp(0.5, share[[k, k - 1]], gap[[k, k - 1]])) if k else np.nan
    return scale, own


def envelopes(
    *, data: dict, activation: str, pairs: list, stream: list, first: int, draws: int
) -> dict[str, np.ndarray]:
    """Flows to `LOSS_RATIO` against what holds under the condition, for every draw and pair (m, κ), (draws, pairs).

    ``excess`` max_t log10 of R_t over the envelope R_0e^{−κ²λt/(mn)} after the first step, ``rate`` min_t of ln(R_0/R_t)/t over
    κ²λ/(mn), ``drift`` sup_t ‖θ_t − θ_0‖ over its bound, ``least`` min_t (m/κ²)λ_min(G_t)/λ.
    """
    X, y = samples(data, data_seed(stream))
    n, lam, loss = len(y), limit_least(X, activation), 0.5 * (y @ y) / len(y)
    found = {key: np.full((draws, len(pairs)), np.nan) for key in ("excess", "rate", "drift", "least")}
    for at, params, m, kappa in drawn_networks(X.shape[1], 1, pairs, stream, first, draws):
        options = {"activation": activation, "kappa": kappa, "centred": True, "kernels": True}
        run = gradient_flow(params, X, y, loss_ratio=LOSS_RATIO, **options)
        if run.status == Ending.TARGET:
            late = run.times > 0
            fallen, time = np.log(loss / run.losses[late]), decay_rate(kappa, m, n, lam) * run.times[late]
            found["excess"][at] = (time - fallen).max() / np.log(10)
            found["rate"][at] = (fallen / time).min()
            found["drift"][at] = run.drift.max() / drift_bound(kappa, m, n, lam, loss)
            found["least"][at] = np.linalg.eigvalsh(run.kernels)[:, 0].min() * m / kappa**2 / lam
    return found
