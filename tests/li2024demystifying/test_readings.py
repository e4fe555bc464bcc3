"""What the judges of the claims are given, written out anew for arrays that no cell made."""

import itertools
from functools import partial

import numpy as np

from checks.li2024demystifying import (
    drift,
    gradient_descent,
    gram_limit,
    gram_moments,
    kernel_description,
    kernel_stability,
    lazy_threshold,
    limit_positive_definite,
    linearization,
    loss_decay,
    min_eigenvalue,
    phase_diagram,
    relu_condition,
    scheme_independence,
)
from checks.measurements.data import inputs, samples
from checks.measurements.kernel_changes import mean_change
from checks.measurements.streams import data_seed
from checks.measurements.trainings import DISTANCE_ERROR, SMOOTH_RTOL, isolated_seed, limits, network
from tests.claims import Tables, pinned, positive
from theory import gram_fluctuations, limit_grams, sufficient_width
from theory.eigenvalue_bounds import first_layer_failure_bound

DATA = {"kind": "random", "n": 4, "d": 5}
PAIRS = [[64, 2.0], [256, 32.0]]
M, KAPPA = np.array(PAIRS).T
drawn = Tables()


def setting(stream, activation, hidden_layers=1, seed=None, **more):
    """Configuration with its stream, y, the limits of the layers and (n, λ_min(K), R(θ_0))."""
    case = network(hidden_layers, activation, DATA, PAIRS, stream=stream, **more)
    X, y = samples(DATA, data_seed(stream) if seed is None else seed)
    layers = limit_grams(X, hidden_layers=hidden_layers, activation=activation).layers
    return case, y, layers, (len(y), np.linalg.eigvalsh(layers.sum(axis=0))[0], y @ y / (2 * len(y)))


def crowded(stream, **more):
    """The next stream whose data have a second eigenvalue so near to the first that a late rate needs others."""
    streams = ([stream[0] + k, *stream[1:]] for k in itertools.count())
    return next(own for own in streams if isolated_seed(setting(own, "tanh", **more)[0]) != data_seed(own))


def size(K, y):
    """√(yᵀK⁻¹y)."""
    return np.sqrt(y @ np.linalg.solve(K, y))


def around(rng, edge, shape):
    """Numbers on both sides of ``edge``, and NaN, which was not shown to be below it."""
    values = edge * rng.uniform(0.5, 1.5, shape)
    values[0, 0] = np.nan
    return values


@drawn
def drifts(rng, stream):
    case, y, layers, (n, lam, R) = setting(stream, "tanh", 2, gamma=0.3, margin=0.1, centred=False)
    D, error, linear = positive(rng, 3, 8, 2)
    edge = KAPPA**2 / M * lam / 2
    least, relative = around(rng, edge, D.shape), positive(rng, 8, 2, 3)
    bound, K = 2 * np.sqrt(n * R / lam * M) / KAPPA, layers.sum(axis=0)
    found = {"drift": D, "drift error": error, "linear": linear, "relative": relative, "least": least}
    mean = 2 * linear[:, 1] - linear[:, 0]
    return drift.CLAIM, case, found, {
        "a": dict(measured=D, bound=bound, error=error, holds=~(least < edge)),
        "a.1": dict(measured=D, bound=bound / np.sqrt(M), error=error, holds=~(least < edge)),
        "a.2": dict(measured=D, bound=bound, holds=least < edge),
        "b": dict(values=KAPPA[0] * D[:, 0] / size(K, y), predicted=1),
        "b.1": dict(values=KAPPA[0] * D[:, 0] / size(layers[-1], y)),
        "b′": dict(values=D[:, 0] / linear[:, 0], predicted=1),
        "b′.1": dict(values=KAPPA[0] * D[:, 0] / size(K, y)),
        "b″": dict(values=mean / size(K, y), predicted=1),
        "b″.1": dict(values=mean / size(layers[-1], y)),
        "c": dict(values=D, x=M, predicted=0),
        "c.1": dict(values=np.sqrt(M) * D, x=M),
        "d": dict(values=D, x=KAPPA, predicted=-1),
        "e": dict(values=D, x=M, predicted=-0.3),
        "e.1": dict(values=np.sqrt(M) * D, x=M),
        "f′": dict(values=np.sqrt((D.reshape(2, 4, 2) ** 2).mean(axis=1)), x=M, predicted=-0.3),
        "f′.1": dict(predicted=-0.3),
        "g": dict(values=relative[:, :, 1], x=M),
        "g.1": dict(values=D, x=M),
    }  # fmt: skip


@drawn
def steep_drifts(rng, stream):
    """Not centred, γ above 1/2; and D² where both terms of its mean are equal, tr(K⁻¹Σ)/m each."""
    case, _, (inner, outer), _ = setting(stream, "tanh", gamma=0.75, width=1024)
    square, term = positive(rng, 8), np.trace(np.linalg.solve(inner + outer, outer)) / 1024
    return drift.CLAIM, case, {"square": square, "drift": positive(rng, 8, 2)}, {
        "f": dict(values=square / (2 * term), predicted=1),
        "f.1": dict(values=square / term),
        "f′": dict(predicted=-0.5),
        "f′.1": dict(predicted=-0.75),
    }  # fmt: skip


@drawn
def rates(rng, stream):
    stream = crowded(stream)
    case, _, layers, (n, lam, _) = setting(stream, "tanh", against="limit")
    rate, error, least = positive(rng, 3, 8, 2)
    edge, most = KAPPA**2 / M * lam / 2, np.linalg.norm(layers.sum(axis=0), 2)
    least = around(rng, edge, rate.shape)
    bound, held = KAPPA**2 * lam / (M * n), ~(least < edge)
    found = {"rate": rate, "rate error": error, "least": least, "own": positive(rng, 8, 2)}
    _, _, _, (_, isolated, _) = setting(stream, "tanh", seed=isolated_seed(case))
    late = rate[:, 0] / (KAPPA[0] ** 2 * isolated / (M[0] * n))
    lost = np.count_nonzero(~(least >= 0.5))
    return loss_decay.CLAIM, case, found, {
        "a": dict(measured=rate, bound=bound, error=error, holds=held),
        "a.1": dict(measured=rate, bound=bound * most / lam, holds=held),
        "a.2": dict(measured=rate, bound=bound, holds=True),
        "b": dict(values=late / 2, predicted=1),
        "b.1": dict(values=late),
        "c.2": dict(measured=least, bound=0.5),
        "d": dict(failures=lost, trials=least.size),
    }  # fmt: skip


def on_one_side(rate, error, bound):
    """The slower rate where both are above the bound, the faster where both are below, else NaN; entry by entry."""
    found = np.full(rate.shape, np.nan)
    for at in np.ndindex(rate.shape):
        slower, faster = sorted([rate[at] - error[at], rate[at] + error[at]])
        if (slower >= bound[at]) == (faster >= bound[at]):
            found[at] = slower if slower >= bound[at] else faster
    return found


@drawn
def rates_with_kinks(rng, stream):
    case, _, _, (n, lam, _) = setting(stream, "relu", against="own")
    rate, error, own, least = positive(rng, 4, 8, 2)
    bound = np.broadcast_to(KAPPA**2 * lam / (M * n), rate.shape)
    agreed = on_one_side(rate, error, bound)
    found = {"rate": rate, "rate error": error, "own": own, "least": least}
    return loss_decay.CLAIM, case, found, {
        "a": dict(measured=agreed, bound=bound, error=0, holds=~(least < KAPPA**2 / M * lam / 2)),
        "b": dict(values=rate[:, 0] / own[:, 0]),
    }  # fmt: skip


@drawn
def eigenvalues_kept(rng, stream):
    """λ_min(G_t) where λ_min(G_0) is 3/4 of its limit and no output weight above 6; κ the threshold, c_σ² = 1 + 2B_2²6²."""
    case, _, layers, (n, lam, R) = setting(stream, "tanh", width=64)
    X = samples(DATA, data_seed(stream))[0]
    c = np.sqrt(max(2, 1 + 2 * (4 / np.sqrt(27) * 6) ** 2))
    kappa = 8 * np.sqrt(2) * np.sqrt(n * np.linalg.norm(X, 2) ** 2) * c * np.sqrt(R) / lam
    scale = kappa**2 / 64
    start, largest = scale * lam * np.array([[0.7], [0.8], [0.8], [np.nan]]), np.array([[5.0], [7.0], [5.0], [5.0]])
    least, error = positive(rng, 2, 4, 1)
    found = {"least": least, "least error": error, "least_0": start, "largest": largest}
    rows = {"error": error, "holds": np.array([[0], [0], [1], [1]]), "measured": least}
    values = {"bound": scale * lam / 2}, {"bound": scale * np.linalg.norm(layers.sum(axis=0), 2) / 2}
    return (
        loss_decay.CLAIM,
        case,
        found,
        {kind: {**rows, "bound": own["bound"] * (1 + 5e-13)} for kind, own in zip(("c", "c.1"), values, strict=True)},
    )


@drawn
def limits_of_grams(rng, stream):
    """The distance of a layer in blocks of four, and moments of 32 batches of three matrices, entry by entry."""
    case, n = {"set": 1, "layer": 2, "widths": M}, 3
    distance = positive(rng, 8, 2, 3, 4)
    rows = np.sqrt((distance[:, :, 1, 2].reshape(2, 4, 2) ** 2).mean(axis=1))
    data = {"kind": "random", "n": n, "d": 4}
    case |= {"data": [data] * 2, "hidden_layers": 2, "activation": "tanh", "width": 16, "batch": 3, "stream": stream}
    X = inputs(**data, seed=data_seed(stream) + 1)
    K = limit_grams(X, hidden_layers=2, activation="tanh").layers[2]
    grams = rng.normal(size=(32, 3, 6, n, n))
    off = (grams[:, :, 5] - K).reshape(16, 6, -1)
    pairs = [np.mean([a @ b for i, a in enumerate(block) for j, b in enumerate(block) if i != j]) for block in off]
    found = {"distance": distance, "sum": grams.sum(axis=1), "squares": (grams**2).sum(axis=(1, 3, 4))}
    return gram_limit.CLAIM, case, found, {
        "a": dict(values=rows, x=M, predicted=-0.5),
        "c": dict(values=np.array(pairs) / (K**2).sum(), predicted=0),
    }  # fmt: skip


@drawn
def constants_of_grams(rng, stream):
    """m times the mean square distance over C_l; C_1 with E a⁴ = 1 for 3, which is (C_1 − 2‖K^1‖²)/3."""
    data = {"kind": "random", "n": 3, "d": 4}
    case = {
        "data": data,
        "hidden_layers": 1,
        "activation": "relu",
        "width": 16,
        "batch": 3,
        "stream": stream,
        "set": 0,
        "layer": 0,
    }
    X = inputs(**data, seed=data_seed(stream))
    K, C = limit_grams(X, hidden_layers=1, activation="relu").layers[0], gram_fluctuations(X, activation="relu")[0]
    grams = rng.normal(size=(8, 3, 2, 3, 3))
    squares = ((grams[:, :, 0] - K) ** 2).sum(axis=(2, 3)).mean(axis=1)
    found = {"sum": grams.sum(axis=1), "squares": (grams**2).sum(axis=(1, 3, 4))}
    return gram_limit.CLAIM, case, found, {
        "b": dict(values=16 * squares / C, predicted=1),
        "b.1": dict(values=16 * squares * 3 / (C - 2 * (K**2).sum())),
    }  # fmt: skip


@drawn
def moments_of_grams(rng, stream):
    """At one input: the mean, and the unbiased variance over the square of the mean; 1/2 the diagonal of K for relu."""
    data = {"kind": "random", "n": 1, "d": 4}
    case = {
        "data": data,
        "hidden_layers": 2,
        "activation": "relu",
        "width": 16,
        "batch": 9,
        "stream": stream,
        "layer": 1,
    }
    grams = positive(rng, 8, 9, 3, 1, 1)
    own = grams[:, :, 1, 0, 0]
    excess = own.var(axis=1, ddof=1) / own.mean(axis=1) ** 2
    found = {"sum": grams.sum(axis=1), "squares": (grams**2).sum(axis=(1, 3, 4))}
    K = limit_grams(inputs(**data, seed=data_seed(stream)), hidden_layers=2, activation="relu").layers[1, 0, 0]
    return gram_moments.CLAIM, case, found, {
        "a": dict(values=own.mean(axis=1) / K, predicted=1),
        "a.1": dict(values=(own**2).mean(axis=1) / K**2),
        "b": dict(values=excess / ((1 + 5 / 16) ** 2 - 1), predicted=1),
        "b.1": dict(values=excess / ((1 + 5 / 16) ** 3 - 1)),
        "b.2": dict(values=excess / ((1 + 5 / 16) * (1 + 1 / 16) - 1)),
        "b.3": dict(values=excess / (2 * 5 / 16)),
        "c": dict(predicted=1),
    }  # fmt: skip


@drawn
def changes_of_kernels(rng, stream):
    """c_σ² = max(2, 1 + 2B_2²a²), B_2 = 4/√27 for tanh; a flow without an end has no bound."""
    case, _, _, _ = setting(stream, "tanh")
    X = samples(DATA, data_seed(stream))[0]
    kernel, scaled, drift, jacobian, a = positive(rng, 5, 8, 2)
    scaled[0, 0] = np.nan
    top, c = np.linalg.norm(X, 2), np.sqrt(np.maximum(2, 1 + 2 * (4 / np.sqrt(27) * a) ** 2))
    second = np.where(np.isnan(scaled), np.nan, (top * c * drift) ** 2)
    first = 2 * jacobian * top * c * drift
    found = {"kernel": kernel, "scaled": scaled, "drift": drift, "jacobian": jacobian, "largest": a}
    return kernel_stability.CLAIM, case, found, {
        "a": dict(values=kernel, x=KAPPA, predicted=-2),
        "a.1": dict(predicted=-1),
        "b": dict(values=kernel, x=KAPPA, predicted=-1),
        "c": dict(values=kernel, x=M, predicted=-0.5),
        "e": dict(measured=scaled, bound=first + second, error=SMOOTH_RTOL * scaled, holds=True),
        "e.1": dict(measured=scaled, bound=second),
        "h": dict(values=kernel, x=M, predicted=-1),
    }  # fmt: skip


@drawn
def changes_with_kinks(rng, stream):
    """(m/κ²)ΔG = (crossings + sC)/κ + B/κ², κ = q: s is read, whatever B."""
    q = np.array(kernel_stability.MEAN_DRIFTS, dtype=float)
    case = {"data": DATA, "sizes": [[4096, own] for own in q], "stream": stream, "margin": 0.2}
    C, s, B = mean_change(case), positive(rng, 6), rng.normal(size=(6, 1, 4, 4))
    crossings = rng.normal(size=(6, 2, 4, 4))
    change = crossings + s[:, None, None, None] * C + B / q[:, None, None]
    own = (crossings * C).sum(axis=(2, 3)) / (C**2).sum()
    return kernel_stability.CLAIM, case, {"change": change, "crossings": crossings}, {
        "d": dict(values=s, predicted=0),
        "d.1": dict(values=s + (q[1] * own[:, 1] - q[0] * own[:, 0]) / (q[1] - q[0])),
    }  # fmt: skip


@drawn
def noise_of_kinks(rng, stream):
    """Differences of pairs of draws."""
    q, m = np.array([*kernel_stability.NOISE_DRIFTS, 8, 8], dtype=float), np.array([4096.0] * 3 + [1024, 256])
    case = {"data": DATA, "sizes": np.stack([m, q], axis=1).tolist(), "stream": stream, "margin": 0.2}
    change = rng.normal(size=(6, 5, 4, 4))
    gap = np.sqrt(((change[::2] - change[1::2]) ** 2).sum(axis=(2, 3))) / q
    return kernel_stability.CLAIM, case, {"change": change}, {
        "f": dict(values=gap[:, :3], x=q[:3], predicted=-0.5),
        "g": dict(values=gap[:, [4, 3, 0]], x=m[[4, 3, 0]], predicted=-0.5),
        "g.1": dict(predicted=0),
    }  # fmt: skip


@drawn
def linearised(rng, stream):
    case, _, _, (n, lam, R) = setting(stream, "tanh")
    outputs, scaled = positive(rng, 2, 8, 2)
    least = around(rng, lam / 2, outputs.shape)
    per_change = 2 / (np.e * lam) * np.sqrt(2 * n * R)
    return linearization.CLAIM, case, {"outputs": outputs, "scaled": scaled, "least": least}, {
        "a": dict(values=outputs, x=KAPPA, predicted=-2),
        "b": dict(values=outputs, x=KAPPA, predicted=-1),
        "c": dict(values=outputs, x=M, predicted=-0.5),
        "e": dict(measured=outputs, bound=per_change * scaled, error=DISTANCE_ERROR * outputs, holds=~(least < lam / 2)),
        "e.1": dict(measured=(1 - DISTANCE_ERROR) * outputs, bound=per_change * scaled**2 / lam),
        "h": dict(values=outputs, x=M, predicted=-1),
    }  # fmt: skip


@drawn
def thresholds(rng, stream):
    """Slopes over two widths; draws with a plateau at any κ are excluded; bounded σ: at most |γ| per decade of κ."""
    case, _, _, _ = setting(stream, "tanh", gamma=-0.5)
    D = positive(rng, 8, 2)
    plateau = np.zeros(D.shape)
    plateau[3, 1] = 1
    slope = np.log(D[:, 1] / D[:, 0]) / np.log(M[1] / M[0])
    return lazy_threshold.CLAIM, case, {"drift": D, "plateau": plateau}, {
        "a": dict(values=slope),
        "a.1": dict(values=D[:, 1] / D[:, 0]),
        "b": dict(values=D[:, 1] / D[:, 0], predicted=1),
        "b.2": dict(predicted=np.log(M[0]) / np.log(M[1])),
        "b″": dict(values=np.log(D[:, 0] / D[:, 1])),
        "c": dict(values=slope),
        "c.1": dict(values=D, x=M, predicted=-0.5),
        "d": dict(values=np.delete(D, 3, axis=0), x=KAPPA, excluded=1, predicted=-1, side="≤"),
        "d.1": dict(predicted=-0.5, side="="),
    }  # fmt: skip


@drawn
def falling_thresholds(rng, stream):
    case, _, _, _ = setting(stream, "relu", 2, gamma=0.5)
    D = positive(rng, 8, 3)
    return lazy_threshold.CLAIM, case | {"pairs": [[4, 1.0], [4, 2.0], [64, 2.0]]}, {"drift": D, "plateau": 0 * D}, {
        "a": dict(values=-np.polyfit(np.log([4, 4, 64]), np.log(D).T, 1)[0]),
        "b′": dict(values=D[:, 2] / D[:, 1], predicted=1),
        "b′.1": dict(values=D[:, 2] / D[:, 0]),
        "d": dict(predicted=-1 / 3, side="="),
        "d.1": dict(predicted=-1),
    }  # fmt: skip


def phases(gamma, delta, exponents, continued=None):
    """Both layers at a point of the phase diagram; κD in units of the features at the start."""

    def table(layer, rng, stream):
        case, y, layers, _ = setting(stream, "relu", gamma=gamma, delta=delta, layer=layer)
        relative, D, balance = positive(rng, 8, 2, 2), positive(rng, 8, 2), positive(rng, 8, 2)
        found = {"relative": relative, "drift": D, "kernel": D**2, "balance": balance, "unrated": 2 * balance}
        last = KAPPA[1] * D[:, 1]
        beside = {} if continued is None else {"c.1": dict(predicted=continued), "d.1": dict(predicted=continued)}
        return phase_diagram.CLAIM, case, found, beside | {
            "a": dict(values=balance.max(axis=1), predicted=0),
            "a.1": dict(values=2 * balance.max(axis=1)),
            "c": dict(values=relative[..., layer], x=M, predicted=exponents[layer]),
            "c.2": dict(predicted=-gamma),
            "d": dict(values=relative[..., layer], x=M, predicted=exponents[layer]),
            "e": dict(values=last, predicted=1),
            "e.1": dict(values=last * size(layers[-1], y) / size(layers.sum(axis=0), y)),
            "f": dict(values=D**2, x=M, predicted=exponents[0]),
            "f.1": dict(predicted=-gamma),
            "g": dict(values=relative[..., 1], x=M, side="≤"),
            "g.1": dict(values=relative[..., 0], x=M),
            "h": dict(values=np.log(D[:, 0] / D[:, 1])),
        }  # fmt: skip

    for layer in (0, 1):
        drawn(partial(table, layer))


phases(0.5, 0.25, (-1.0, -0.5))  # W slower
phases(0.5, -0.25, (-0.5, -1.0))
phases(-0.25, 0.5, (-0.5, 0.25), continued=-0.75)  # W alone lazy
phases(-0.5, 0.25, (0.125, 0.375), continued=0.5)  # both grow


@drawn
def growths(rng, stream):
    """V(A_0 + (V − V_0)r'/r) = T, T = (‖f‖/(κ‖X‖))², solved for V; with a slower W as if a stayed, VA_0 = T."""
    case, rates = setting(stream, "relu")[0], np.array([[0.25, 1.0], [1.0, 0.5]])
    relative, error, squares = positive(rng, 6, 2, 2), positive(rng, 6, 2, 2), positive(rng, 6, 2, 2)
    targets, norms = 40 * positive(rng, 6, 2), positive(rng, 6)
    T = (targets / (KAPPA * norms[:, None]))[..., None] ** 2
    other, share = squares[..., ::-1], rates / rates[:, ::-1]
    V = (squares - share * other) / 2 + np.sqrt(((squares - share * other) / 2) ** 2 + share * T)
    least, alone = np.sqrt(V / squares) - 1, np.zeros(relative.shape)
    far = (1e12 * other - squares) / 2
    alone[:, 0, 0] = (np.sqrt(1e12 * T / (far + np.sqrt(far**2 + 1e12 * T)) / squares) - 1)[:, 0, 0]
    found = {"relative": relative, "error": error, "squares": squares, "targets": targets, "inputs": norms}
    return phase_diagram.CLAIM, case | {"rates": rates.tolist()}, found, {
        "b": dict(measured=relative, bound=least, error=error, holds=least > 0),
        "b.1": dict(measured=relative, bound=alone, holds=alone > 0),
    }  # fmt: skip


@drawn
def rated(rng, stream):
    """w = (Σ_l r_lK^l)⁻¹y with the rates of the last width; the late rate with those of the first."""
    rates, exponents = np.array([[1.0, 0.25], [1.0, 0.0625]]), (0.0, -1.0)
    stream = crowded(stream, rates=rates.tolist())
    case, y, layers, _ = setting(
        stream, "tanh", rates=rates.tolist(), gamma=0.5, exponents=exponents, margin=0.1, layer=1
    )
    D, end, rate, moved = positive(rng, 8, 2), positive(rng, 8, 2), positive(rng, 8, 2), positive(rng, 8, 2, 2)
    r = rates[-1]
    w, v = np.linalg.solve(np.tensordot(r, layers, axes=1), y), np.linalg.solve(layers.sum(axis=0), y)
    isolated, n = limits(case, isolated_seed(case))[0], len(y)
    least = [np.linalg.eigvalsh(np.tensordot(own, isolated, axes=1))[0] for own in (rates[0], np.ones(2))]
    late = rate[:, 0] / (2 * KAPPA[0] ** 2 / (M[0] * n))
    last = KAPPA[1] * moved[:, 1, 1]
    return scheme_independence.CLAIM, case, {"drift": D, "end": end, "layers": moved, "rate": rate}, {
        "a": dict(values=D, x=M, predicted=-0.5),
        "a.1": dict(predicted=-1),
        "b": dict(values=moved[..., 1], x=M, predicted=-1.5),
        "b.1": dict(predicted=-0.5),
        "c": dict(values=last / (r[1] * np.sqrt(w @ layers[1] @ w)), predicted=1),
        "c.1": dict(values=last / np.sqrt(v @ layers[1] @ v)),
        "d": dict(values=D, x=KAPPA, predicted=-1),
        "e": dict(values=late / least[0], predicted=1),
        "e.1": dict(values=late / least[1]),
    }  # fmt: skip


@drawn
def rated_as_a_whole(rng, stream):
    rates = np.array([[1.0, 0.25], [1.0, 0.0625]])
    case, y, layers, _ = setting(stream, "tanh", rates=rates.tolist(), margin=0.1, layer=None)
    end, r = positive(rng, 8, 2), rates[-1]
    w, v = np.linalg.solve(np.tensordot(r, layers, axes=1), y), np.linalg.solve(layers.sum(axis=0), y)
    whole = np.sqrt(sum(r[l] ** 2 * w @ layers[l] @ w for l in range(2)))
    return scheme_independence.CLAIM, case, {"end": end}, {
        "c": dict(values=KAPPA[1] * end[:, 1] / whole),
        "c.1": dict(values=KAPPA[1] * end[:, 1] / np.sqrt(v @ y)),
    }  # fmt: skip


@drawn
def least_eigenvalues(rng, stream):
    """n e^{−sm} to the tenth power of e^{−sm}; single angles against widths that suffice."""
    X, n, m = inputs(**DATA, seed=data_seed(stream)), DATA["n"], 64
    setting = {"data": DATA, "activation": "relu", "layer": 1, "eps": 0.5, "width": m}
    angles = [0.4, 0.2]
    case = {"setting": setting, "stream": stream, "widths": M, "angles": angles, "activation": "relu", "exponent": 1.0}
    lam = np.linalg.eigvalsh(limit_grams(X, hidden_layers=1, activation="relu").layers[0])[0]
    least = lam / 2 * rng.uniform(0.5, 1.5, 32)
    bound = first_layer_failure_bound(X, m, activation="relu", eps=0.5)
    error, shifts, widths = positive(rng, 32, 2), rng.normal(size=(32, 2)), positive(rng, 6, 2)
    pairs = [np.array([[1, 0], [np.cos(phi), np.sin(phi)]]) for phi in angles]
    # K^1 of relu at angle φ is (1 ± (1 − φ/π) cos φ)/2, and λ_max(XXᵀ) = 1 + cos φ
    lams = [(1 - (1 - phi / np.pi) * np.cos(phi)) / 2 for phi in angles]
    enough = np.array([sufficient_width(pair, activation="relu") for pair in pairs])
    failures = np.count_nonzero(least <= lam / 2)
    found = {"least": least, "error": error, "bias": shifts, "widths": widths}
    return min_eigenvalue.CLAIM, case, found, {
        "a": dict(failures=failures, trials=32, bound=bound),
        "a.1": dict(failures=failures, bound=n * (bound / n) ** 10),
        "b1": dict(values=np.sqrt((error**2).reshape(2, 16, 2).mean(axis=1)), x=M, predicted=-0.5),
        "b2": dict(values=shifts.reshape(2, 16, 2).mean(axis=1), x=M, predicted=-1),
        "c1": dict(measured=widths.mean(axis=0), bound=enough),
        "c1.1": dict(measured=widths[:, 1].mean(), bound=enough[1] / np.sqrt((1 + np.cos(angles[1])) / lams[1])),
        "c2": dict(values=widths, x=1 / np.array(lams), predicted=1),
        "d.1": dict(failures=failures, trials=32, bound=min_eigenvalue.AIM),
    }  # fmt: skip


@drawn
def catapults(rng, stream):
    """Outputs (draws, widths, steps) that fall, stay or overflow; Σ_k η²f_k²/m with η = start/λ_0."""
    start, outputs, curvature, last = 2.5, positive(rng, 3, 2, 9), positive(rng, 3, 2), positive(rng, 3, 2)
    outputs[0, :, -1] = 1e-9
    case = {"start": start, "widths": M.tolist()}
    squares = outputs**2
    gone = squares[..., -1] <= gradient_descent.CONVERGED * squares.max(axis=-1)
    length = (squares * (start / curvature[..., None]) ** 2 / M[:, None]).sum(axis=-1)
    grown = squares / squares[..., :1] / (start - 1) ** (2 * np.arange(9))
    found = {"outputs": outputs, "curvature": curvature, "last": last}
    return gradient_descent.CLAIM, case, found, {
        "e": dict(measured=last, bound=2, holds=gone),
        "e.1": dict(measured=(squares / M[:, None]).max(axis=-1)),
        "e′": dict(measured=length, bound=2.5 / 1.5),
        "e′.1": dict(measured=length, bound=2.5 / 4),
        "f.1": dict(measured=grown.max(axis=-1), bound=1),
        "g": dict(values=squares.max(axis=-1) / 2, x=M, predicted=1),
    }  # fmt: skip


@drawn
def descents(rng, stream):
    """Σ_k p_k‖e_k‖/Σ_k p_k² with p_k = ‖(I − ηK/n)^k y‖, η = n/(2λ_max), for K and for the last layer's."""
    case, y, layers, _ = setting(stream, "tanh", 2)
    K, steps, laws = layers.sum(axis=0), gradient_descent.STEPS, []
    once = [np.eye(len(y)) - own / (2 * np.linalg.eigvalsh(K)[-1]) for own in (K, layers[-1])]
    laws = [np.array([np.linalg.norm(np.linalg.matrix_power(A, k) @ y) for k in range(steps + 1)]) for A in once]
    errors, gaps = positive(rng, 4, steps + 1), positive(rng, 1, 5)
    found = {"squares": errors**2, "gaps": gaps, "error": 0.1 * gaps[:, 0]}
    right, last = (errors @ p / (p @ p) for p in laws)
    counts = np.array(gradient_descent.COUNTS)
    return gradient_descent.CLAIM, case, found, {
        "b": dict(values=right, predicted=1),
        "b.1": dict(values=last),
        "c": dict(values=gaps, x=1 / counts, error=0.1 * gaps[:, 0], predicted=1),
        "c.1": dict(predicted=2),
    }  # fmt: skip


@drawn
def certified(rng, stream):
    """Excluded where nothing is certified; what is lost is not at least a half."""
    least, error, kept, weights, output, exchanged = positive(rng, 6, 4)
    scale = np.where(rng.random(4) < 0.5, positive(rng, 4), np.inf)
    data = DATA | {"twin": 0.2}
    case = {"data": data, "stream": stream, "of": "output", "widths": M, "delta": 0.1}
    X, _ = samples(data, data_seed(stream))
    mean = np.trace(limit_grams(X, hidden_layers=1, activation="relu").ntk) / len(X)
    found = {"least": least, "least error": error, "kept": kept, "weights": weights, "output": output}
    found |= {"exchanged": exchanged, "scale": scale}
    lost = np.count_nonzero(~(least >= 0.5))
    return relu_condition.CLAIM, case, found, {
        "a": dict(measured=least, bound=kept, error=error, holds=np.isfinite(scale)),
        "a.1": dict(measured=least, bound=mean, holds=np.isfinite(scale)),
        "a.2": dict(measured=least, bound=0.5),
        "b": dict(measured=output, bound=1, error=0, holds=np.isfinite(scale)),
        "b.1": dict(measured=exchanged, bound=1),
        "c": dict(values=scale, x=M, predicted=0, side="≤"),
        "d": dict(failures=lost, trials=4, bound=0.1),
    }  # fmt: skip


@drawn
def halved(rng, stream):
    """κ_c in units of gap/(2λ), gap 2 and λ = φ/2π; a share πφ/(1 + πφ) is left of close inputs."""
    scale, own, excess, least, rate, error = positive(rng, 6, 8, 2)
    phi, twin = np.array([0.4, 0.2]), 0.1
    data = DATA | {"n": 2, "twin": twin}
    case = {"data": data, "angles": phi.tolist(), "stream": stream, "pairs": PAIRS, "activation": "tanh"}
    layers, y = limits(case)
    lam, order, left = (
        np.linalg.eigvalsh(layers.sum(axis=0))[0],
        scale * phi / (2 * np.pi),
        np.pi * twin / (1 + np.pi * twin),
    )
    bound = np.broadcast_to(KAPPA**2 * lam / (M * len(y)), rate.shape)
    found = {"scale": scale, "own": own, "least": least, "excess": excess, "rate": rate, "rate error": error}
    return relu_condition.CLAIM, case, found, {
        "e": dict(values=scale / own, x=1 / phi, predicted=0),
        "e.1": dict(values=order, x=1 / phi),
        "f": dict(values=(scale / own).mean(axis=1), predicted=1),
        "f.1": dict(values=order.mean(axis=1)),
        "g": dict(values=least[:, 0] / left, predicted=1),
        "h": dict(values=excess[:, 0]),
        "i": dict(measured=on_one_side(rate, error, bound), bound=bound),
        "i.1": dict(measured=rate, bound=1),
    }  # fmt: skip


def described(activation, gamma, exponent, side):
    """Distances to K, to K^{L+1}, in the time κt/m and to the linearised network."""

    def table(rng, stream):
        case = setting(stream, activation, gamma=gamma, margin=0.1)[0]
        found = {key: positive(rng, 8, 2) for key in ("right", "wrong", "slower", "training")}
        return kernel_description.CLAIM, case, found, {
            "a": dict(values=found["right"], x=M, predicted=exponent, side=side),
            "a.1": dict(values=found["wrong"], x=M),
            "a.2": dict(values=found["slower"], x=M),
            "b": dict(values=found["training"], x=M, predicted=-2 * gamma, side="≤"),
            "b.1": dict(values=found["slower"], x=M),
        }  # fmt: skip

    drawn(table)


described("tanh", 1 / 8, -1 / 4, "≤")
described("tanh", 1.0, -1 / 2, "=")
described("relu", 3 / 8, -3 / 8, "≤")


@drawn
def positive_definite(rng, stream):
    """Of two layers' kernels; near φ = 0 λ_min(K^1) is φ/2π and λ_min(K^2) φ²/4, to 2φ and φ of themselves."""
    phi = limit_positive_definite.ANGLES
    least, error = positive(rng, 3, len(phi)), positive(rng, 3, len(phi)) * 1e-3
    lower, bound, separation, rounding = positive(rng, 4, 3)
    ratio = least[:2] / [phi / (2 * np.pi), phi**2 / 4]
    off = error[:2] * ratio
    allowed = np.array([2 * phi, phi])
    case, found = {"kernels": [0, 2], "exponent": 2}, {"least": least, "error": error}
    pinned(
        limit_positive_definite.CLAIM,
        case,
        {"least": lower, "bound": bound, "separation": separation, "rounding": rounding},
        {
            "a": dict(measured=lower, bound=bound, error=rounding),
            "b": dict(measured=lower, bound=separation, error=rounding),
        },
    )
    return limit_positive_definite.CLAIM, case, found, {
        "d": dict(values=least[[0, 2]], x=phi, error=error[[0, 2], -1], predicted=2),
        "d.1": dict(predicted=1),
        "e": dict(measured=np.abs(ratio - 1), bound=allowed, error=off, holds=off < allowed / 200),
    }  # fmt: skip


test_what_is_read_is_what_the_claim_says = drawn.test()
