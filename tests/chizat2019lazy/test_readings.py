"""What the judges of the claims are given, written out anew for arrays that no cell made."""

import numpy as np

from checks.chizat2019lazy import (
    cnn_activation_stability,
    cnn_performance,
    decay_lemma,
    finite_horizon,
    general_lazy,
    generalization,
    not_over_parameterization,
    over_parameterized,
    population_loss,
    relative_scale,
    scale_generalization,
    stability_lemma,
    tangent_kernel_method,
    tangent_kernel_spectrum,
    trajectories,
    two_layer_width,
    under_parameterized,
    width_generalization,
)
from checks.measurements.convergence import CONSTANTS
from checks.measurements.streams import data_seed
from checks.measurements.teacher_student import LATE
from checks.measurements.width_scales import inputs_and_targets
from tests.claims import Tables, pinned, positive
from theory.scaled_bounds import LINEAR_SHARE
from theory.tangent_span import lazy_population_loss
from theory.width_bounds import width_constant

ALPHAS = np.array([1.0, 4.0, 16.0])
drawn = Tables()


@drawn
def convergence(rng, stream):
    """Scales (draws, factors, offsets); hypotheses α > ‖y⋆‖/scale and ‖h(w_0)‖ ≤ C_0; c = M/μ."""
    case = {"loss": "soft far", "offsets": [0.0, 1.0, 2.0], "quantity": "drift", "kind": "parabola", "sizes": ALPHAS}
    mu, M, at_target = CONSTANTS["soft far"]
    names = ("rate", "rate error", "alpha", "targets", "scale", "sigma", "norm", "lipschitz", "drift", "drift error")
    found = dict(zip(names, positive(rng, len(names), 4, 2, 3), strict=True))
    found["norm"] += found["sigma"]  # the largest singular value and the least
    norm, sigma, targets, alpha = (found[key] for key in ("norm", "sigma", "targets", "alpha"))
    large, c = alpha > targets / found["scale"], M / mu
    drift = 6 * c**1.5 * norm * targets / (alpha * sigma**2)
    found |= {"late": positive(rng, 4, 2, 3), "least": positive(rng, 4, 2, 3)}
    late = found["late"] / sigma**2
    first = {key: found[key][..., 0] for key in ("drift", "drift error")}
    return over_parameterized.CLAIM, case, found, {
        "a": dict(
            measured=found["rate"], bound=mu * sigma**2 / 4, error=found["rate error"], holds=large & [True, True, False]
        ),
        "a.1": dict(measured=found["rate"], bound=0.25),
        "b": dict(measured=first["drift"], bound=drift[..., 0], error=first["drift error"], holds=large[..., 0]),
        "c": dict(values=late / at_target, predicted=1),
        "c.1": dict(values=4 * late / mu),
        "c.2": dict(values=late / mu),
        "d": dict(values=found["drift"], x=ALPHAS, error=found["drift error"], predicted=-1),
        "e": dict(measured=found["least"], bound=sigma**2 / 4),
        "e.1": dict(measured=found["least"], bound=sigma**2 / 2),
    }  # fmt: skip


@drawn
def predictions_that_converge(rng, stream):
    case = {"loss": "soft near", "quantity": "predictions", "offsets": [0.0, 1.0], "sizes": ALPHAS}
    mu, M, at_target = CONSTANTS["soft near"]
    names = ("alpha", "targets", "scale", "sigma", "norm", "lipschitz", "predictions", "predictions error", "late")
    found = dict(zip(names, positive(rng, len(names), 4, 2, 2), strict=True))
    found["norm"] += found["sigma"]
    norm, sigma, targets, alpha, lipschitz = (
        found[key][..., 0] for key in ("norm", "sigma", "targets", "alpha", "lipschitz")
    )
    bound = 15 * (M / mu) ** 3 * norm**3 * lipschitz * targets**2 / (alpha * sigma**5)
    late = found["late"] / found["sigma"] ** 2
    return over_parameterized.CLAIM, case, found, {
        "b": dict(measured=found["predictions"][..., 0], bound=bound, error=found["predictions error"][..., 0]),
        "c": dict(values=late / at_target),
        "c.2": dict(values=late / M),
        "d": dict(predicted=-1),
    }  # fmt: skip


@drawn
def scales(rng, stream):
    """Relative distances against κ K², with the curvature found, and curves against κ or α."""
    K, case = 0.5, {"horizon": 0.5, "quantity": "distance", "sizes": ALPHAS, "kinks": []}
    distance, own, error, ratio, square, slope = positive(rng, 6, 4, 3)
    resolved, scale = rng.random((4, 3)) < 0.7, positive(rng, 4, 3)
    found = {"distance": distance, "found": own, "error": error, "resolved": resolved, "scale": scale}
    found |= {"ratio": ratio, "square": square, "slope": slope, "criterion": scale}
    return relative_scale.CLAIM, case, found, {
        "a": dict(measured=distance, bound=K**2, error=error, holds=resolved),
        "a.1": dict(measured=distance.min(), bound=K**2 / 2),
        "a.2": dict(measured=distance, bound=K**2 / 2, holds=resolved),
        "b": dict(values=distance, x=scale[0], error=error, predicted=1),
        "b.1": dict(values=distance, x=ALPHAS, error=error, predicted=-1),
        "c": dict(measured=distance, bound=own * K**2, error=error, holds=resolved),
        "c.1": dict(measured=distance, bound=own * K**2 / 2, holds=resolved),
        "d": dict(measured=ratio, bound=1, error=error),
        "d.1": dict(measured=square, bound=1, error=error),
        "e": dict(values=slope, x=scale[0], error=error, predicted=1),
        "e.1": dict(values=slope, x=ALPHAS, error=error, predicted=-1),
    }  # fmt: skip


@drawn
def scales_of_pairs(rng, stream):
    case = {"paired": True, "quantity": "scale", "sizes": ALPHAS}
    found = {"scale": positive(rng, 4, 3), "distance": positive(rng, 4, 3), "error": positive(rng, 4)}
    rows = {"b": dict(predicted=2), "b.1": dict(values=found["scale"], x=ALPHAS, error=0), "b.2": dict(predicted=2)}
    return relative_scale.CLAIM, case, found, rows


def lazy(quantity, exponent, paired):
    """Suprema (draws, horizons, scales), each a curve; drifts (draws, scales, times) and √(tR(0))/α."""

    def table(rng, stream):
        case = {"quantity": quantity, "sizes": ALPHAS, "paired": paired}
        values, error = positive(rng, 2, 2, 3), positive(rng, 2, 2)
        time, loss, alpha, drift, off = positive(rng, 5, 2, 3, 4)
        bound = np.sqrt(time * loss) / alpha
        found = {quantity: values, f"{quantity} error": error} if quantity != "drift" else {}
        found |= {"time": time, "loss": loss, "alpha": alpha, "error": off}
        found |= {"drift": drift} if quantity != "drift" else {"drift": drift, "drift error": off[..., 0]}
        a = dict(predicted=exponent) if quantity == "drift" else dict(values=values.reshape(4, 3), error=error.ravel())
        return general_lazy.CLAIM, case, found, {
            "a": a | dict(x=ALPHAS, predicted=exponent),
            "a.2": dict(predicted=-2),
            "b": dict(measured=drift, bound=bound, error=off),
            "b.1": dict(measured=drift[..., -1], bound=bound[..., 0], error=off[..., -1]),
            "b.2": dict(measured=drift[..., -1], bound=LINEAR_SHARE * bound[..., -1], error=off[..., -1]),
        }  # fmt: skip

    return table


for options in (("path", -2, False), ("predictions", -1, False), ("predictions", -2, True), ("drift", -1, False)):
    drawn(lazy(*options))


@drawn
def points(rng, stream):
    """α(s‖·‖ + c‖·‖²/2), and at the worst point with s = c = 1 at the end of the horizon."""
    case = {"alphas": ALPHAS.tolist(), "paired": False}
    slope, curvature, path, drift, gap = positive(rng, 5, 4, 3, 6, 2)
    worst, distance, error = positive(rng, 4, 3), positive(rng, 4, 3), positive(rng, 4)
    end, last = path[..., -1, 0], drift[..., -1, 0]
    found = {"slope": slope, "curvature": curvature, "path": path, "drift": drift, "gap": gap}
    found |= {"worst": worst, "distance": distance, "error": error}
    bound = ALPHAS[:, None, None] * (slope * path + curvature * drift**2 / 2)
    return generalization.CLAIM, case, found, {
        "a": dict(measured=gap, bound=bound),
        "b": dict(measured=np.abs(1 - worst / (ALPHAS * (end + last**2 / 2)))),
        "b.1": dict(measured=worst, bound=ALPHAS * end),
        "b.2": dict(measured=worst, bound=ALPHAS * last**2 / 2),
        "c": dict(values=distance, x=ALPHAS, error=error, predicted=-1),
        "c.2": dict(predicted=-2),
    }  # fmt: skip


@drawn
def shares(rng, stream):
    share, error, s = positive(rng, 3), positive(rng, 3), np.array([1.0, 10.0, 100.0])
    found = {"share": share, "error": error}
    pinned(
        decay_lemma.CLAIM,
        {"condition": 9.0},
        found,
        {
            "a": dict(measured=share, bound=1, error=error),
            "b": dict(measured=share, bound=1, error=error),
            "b.1": dict(measured=3 * share, bound=1, error=3 * error),
        },
    )
    return stability_lemma.CLAIM, {"starts": s.tolist()}, found, {
        "a": dict(measured=share, bound=1, error=error),
        "b": dict(measured=share, bound=1, error=error),
        "b.1": dict(measured=2 * share, bound=1, error=2 * error),
        "c": dict(measured=share, bound=(1 - 1e-5) * s / (1 + s), error=error),
        "c.1": dict(measured=1 / (1 + s), bound=share, error=error),
    }  # fmt: skip


@drawn
def horizons(rng, stream):
    """K²Lip(Dh)‖r‖²/(αLip(h)²) where α ≥ K‖r‖/(rLip(h)); of descent 1 − 1/(2n) of it."""
    names = ("horizon", "residual", "lipschitz", "alpha", "curvature", "radius", "distance", "error")
    found = dict(zip(names, positive(rng, len(names), 6, 4), strict=True)) | {"steps": np.array([1, 2, 4, 8])}
    K, r, lipschitz, alpha, curvature, radius, distance, error = (found[key] for key in names)
    bound, holds = K**2 * curvature * r**2 / (alpha * lipschitz**2), alpha >= K * r / (radius * lipschitz)
    n = found["steps"]
    return finite_horizon.CLAIM, {}, found, {
        "a": dict(measured=distance, bound=bound, error=error, holds=holds),
        "a.1": dict(measured=distance, bound=K * bound, error=error, holds=holds),
        "b": dict(measured=distance, bound=(1 - 0.5 / n) * bound, error=1e-12 * bound, holds=holds),
        "b.1": dict(measured=distance[:, -1], bound=bound[:, -1] / 16),
    }  # fmt: skip


def widths(beta, end, paired):
    """κ against C(m^{−1/2} + 1/(mα)), α = m^{−β}; the change of means of four kernels over the mean."""

    def table(rng, stream):
        m, k = np.array([256.0, 1024.0]), [0.5, 0.75, 1.0].index(beta)
        case = {"beta": beta, "betas": [0.5, 0.75, 1.0], "widths": m, "end": end, "paired": paired, "output": "signs"}
        case |= {"kind": "orthonormal", "stream": stream}
        both, kappa, before, moved = (
            positive(rng, 8, 3, 2),
            positive(rng, 8, 3, 2),
            *rng.normal(size=(2, 8, 3, 2, 4, 4)),
        )
        mean = lambda A: A[:, k].reshape(2, 4, 2, 4, 4).mean(axis=1)  # noqa: E731
        norms = [np.linalg.svd(mean(A), compute_uv=False)[..., 0] for A in (moved, before)]
        C = width_constant(inputs_and_targets("orthonormal", data_seed(stream))[0], 1.0)
        own, size = kappa[:, k, end], m[end]
        found = {"both": both, "kappa": kappa, "change": moved, "before": before}
        rows = np.sqrt((both[:, k].reshape(2, 4, 2) ** 2).mean(axis=1))
        return two_layer_width.CLAIM, case, found, {
            "a": dict(values=rows, x=m, predicted=beta - 1, side="=" if paired else "≤"),
            "a.1": dict(predicted=-0.5),
            "b": dict(values=own / (C * (size**-0.5 + size ** (beta - 1)))),
            "b.1": dict(values=own / (C * size**-0.5)),
            "c": dict(values=norms[0] / norms[1], x=m, predicted=2 * beta - 2),
            "c.1": dict(predicted=-1),
        }  # fmt: skip

    return table


for options in ((0.5, 0, True), (1.0, -1, False)):
    drawn(widths(*options))


@drawn
def populations(rng, stream):
    loss, case = positive(rng, 4, 3), {"d": 4, "m": 6, "steps": 100, "step": 0.25}
    found = {"loss": loss, "inner": rng.normal(size=(4, 3, 4)), "outer": rng.normal(size=(4, 3))}
    found |= {"teacher": rng.normal(size=(4, 2, 4)), "signs": rng.choice([-1.0, 1.0], size=(4, 2))}
    parts = [[found[key][s] for key in ("inner", "outer", "teacher", "signs")] for s in range(4)]
    time = 2 * 0.25 * 100 * (1 - LATE / 2) / 6
    learned, output = ([lazy_population_loss(*own, time=time, inner_rate=r) for own in parts] for r in (4.0, 0.0))
    first, second = np.log(loss[:, 1] / loss[:, 0]), np.log(loss[:, 2] / loss[:, 1])
    return population_loss.CLAIM, case, found, {
        "a": dict(values=first),
        "a.2": dict(values=second),
        "b": dict(values=second, predicted=0),
        "b.1": dict(values=first),
        "c": dict(values=loss[:, 2] / learned, predicted=1),
        "c.1": dict(values=loss[:, 2] / output),
    }  # fmt: skip


@drawn
def losses_of_students(rng, stream):
    best, end = positive(rng, 4, 3), positive(rng, 4, 2, 3)
    lazy, other = np.log(end[:, 0]), np.log(end[:, 1])
    pinned(
        width_generalization.CLAIM,
        {"threshold": 1.5},
        {"end": end},
        {
            "a": dict(values=lazy[:, -1] - other[:, -1]),
            "b": dict(values=(lazy - other)[:, -1] - (lazy - other)[:, 0]),
            "c": dict(values=other[:, -1] - other[:, 0], predicted=0),
            "c.1": dict(values=lazy[:, -1] - lazy[:, 0]),
        },
    )
    first, second = np.log(best[:, 1] / best[:, 0]), np.log(best[:, 2] / best[:, 1])
    return scale_generalization.CLAIM, {"key": "best"}, {"best": best, "end": 2 + best}, {
        "a": dict(values=first),
        "a.3": dict(values=second),
        "b": dict(values=second, predicted=0),
        "b.1": dict(values=first),
    }  # fmt: skip


@drawn
def paths_of_neurons(rng, stream):
    moved, start, end = positive(rng, 4, 3), positive(rng, 4, 3), positive(rng, 4, 3)
    turned = np.log(start / end)
    return trajectories.CLAIM, {"taus": ALPHAS}, {"moved": moved, "start": start, "end": end}, {
        "a": dict(values=moved, x=ALPHAS, predicted=-2),
        "b": dict(measured=moved[:, 0]),
        "b.1": dict(measured=moved[:, 1]),
        "c": dict(values=-np.log10(moved[:, 1])),
        "c.1": dict(values=-np.log10(moved[:, 0])),
        "d": dict(values=turned[:, 0]),
        "d.1": dict(values=turned[:, 1]),
        "e": dict(values=turned[:, 1], predicted=0),
        "e.1": dict(values=turned[:, 0]),
    }  # fmt: skip


@drawn
def kernel_regressions(rng, stream):
    """Models whose kernel is too nearly singular are excluded; drifts are root mean squares over the others."""
    condition = tangent_kernel_method.CONDITION * np.array([0.5, 2.0, 0.9, 1.0])
    own, case = np.array([True, False, True, True]), {"sizes": ALPHAS}
    values, other, drift = positive(rng, 3, 4, 3)
    error, off = positive(rng, 2, 4)
    found = {"condition": condition, "predictions": values, "predictions error": error, "drift": drift}
    found |= {"drift error": off, "output layer": other}
    size = np.sqrt((drift[own] ** 2).mean(axis=0))
    return tangent_kernel_method.CLAIM, case, found, {
        "a": dict(values=values[own], x=ALPHAS, error=error[own], excluded=1, predicted=-1),
        "a.1": dict(values=other[own], x=ALPHAS),
        "b": dict(values=[size], x=ALPHAS, error=off[own].max() / size[-1], excluded=1, members=3),
        "c": dict(measured=drift[:, -1], bound=1e-2, error=off, holds=own),
    }  # fmt: skip


@drawn
def convolutional(rng, stream):
    """At the end of training; networks that have not learnt their images at either α are excluded."""
    alphas = [1.0, 10.0, 100.0, 1_000.0, 1e6, 1e7]
    case = {"alphas": alphas, "images": "digits", "key": "flipped"}
    accuracy, loss, flipped = positive(rng, 3, 5, 6, 2)
    train = rng.uniform(0.81, 1, size=(5, 6, 2))
    train[1, 0, -1], train[2, 2, -1], train[3, 0, 0] = 0.79, 0.49, 0.1  # the last has learnt by the end
    found = {"accuracy": accuracy, "loss": loss, "train accuracy": train, "flipped": flipped}
    at = {alpha: k for k, alpha in enumerate(alphas)}

    def change(values, one, other, out):
        return dict(values=np.delete(values[:, at[one], -1] - values[:, at[other], -1], out), excluded=len(out))

    pinned(
        cnn_performance.CLAIM,
        case,
        found,
        {
            "a": change(accuracy, 1.0, 100.0, [1, 2]),
            "b": change(accuracy, 100.0, 1_000.0, [2]) | dict(predicted=0),
            "b.1": change(accuracy, 1.0, 10.0, [1]),
            "c": change(loss, 100.0, 1.0, [1, 2]),
            "c.1": change(loss, 1_000.0, 100.0, [2]),
            "d": change(train, 1.0, 100.0, [1, 2]),
            "d.1": change(train, 100.0, 1_000.0, [2]),
            "f": dict(measured=np.abs(accuracy[:, 4, -1] - accuracy[:, 5, -1])),
        },
    )
    moved, three = positive(rng, 5, 3, 2), case | {"alphas": [10.0, 100.0, 1_000.0]}
    log = -np.log10(flipped[:, :, -1])
    return cnn_activation_stability.CLAIM, three, {"flipped": flipped, "moved": moved}, {
        "a": dict(values=log[:, 1]),
        "a.1": dict(values=log[:, 0]),
        "b": dict(values=moved[..., -1], x=[10, 100, 1_000], predicted=-1),
        "c": dict(values=log[:, 2] - log[:, 1], predicted=1),
        "c.1": dict(predicted=0.5),
        "c.2": dict(values=2 * np.log10(moved[:, 1, -1] / moved[:, 2, -1])),
    }  # fmt: skip


@drawn
def spectra(rng, stream):
    """log₁₀(λ_i/λ_j), counted from 1, on images less that on their noise, or on uniform noise."""
    mean, whole = positive(rng, 2, 4, 3, 600)
    fall = lambda own, i, j: np.log10(own[:, :, i - 1] / own[:, :, j - 1])  # noqa: E731
    a, control, b = fall(mean, 2, 50), fall(whole, 2, 50), fall(whole, 20, 500)
    return tangent_kernel_spectrum.CLAIM, {}, {"mean": mean, "whole": whole}, {
        "a": dict(values=a[:, 0] - a[:, 1]),
        "a.1": dict(values=control[:, 0] - control[:, 1]),
        "b": dict(values=b[:, 0] - b[:, 1]),
        "b.1": dict(values=b[:, 0] - b[:, 2]),
        "c": dict(measured=a[:, 0] - a[:, 1]),
    }  # fmt: skip


@drawn
def local_minima(rng, stream):
    """Where the rank is constant and rounding small; ρ/λ⁺, root mean square over the models that are resolved."""
    case = {"quantity": "gradient", "sizes": ALPHAS}
    values, rates = positive(rng, 4, 2), positive(rng, 5, 3)
    rounding = under_parameterized.LARGEST_ROUNDING * np.array([0.5, 2.0, 1.0, 0.1])
    resolved = np.array([True, False, True, True])
    constant, short = np.array([[1, 0], [1, 1], [0, 1], [1, 1]]), np.array([0, 1, 1, 0])
    angle, left, lower, curvature, finer, predicted = positive(rng, 6, 4)
    curvature = np.array([[0.5, 2.0]] * 4)
    decays = np.array([[1.0, 2.0]] * 4)
    left, lower = positive(rng, 4, 2), positive(rng, 4, 2)
    found = {"gradient": values, "gradient error": finer, "rounding": rounding, "constant": constant, "short": short}
    found |= {"angle": angle, "left": left, "lower": lower, "curvature": curvature, "decays": decays}
    found |= {"rate": rates[:4], "finer": finer, "predicted": predicted, "first": np.ones(4), "second": np.zeros(4)}
    share = rates[:4][resolved] / predicted[resolved, None]
    mean, last = np.sqrt((share**2).mean(axis=0)), np.sqrt(((finer / predicted)[resolved] ** 2).mean())
    return under_parameterized.CLAIM, case, found, {
        "a": dict(values=mean, x=ALPHAS, error=abs(mean[-1] / last - 1), excluded=1, members=3, predicted=0),
        "b": dict(values=[np.sqrt(((share - 1) ** 2).mean(axis=0))], x=ALPHAS, excluded=1, members=3, predicted=-1),
        "c": dict(measured=values, holds=(constant == 1) & resolved[:, None]),
        "c.1": dict(measured=values, holds=True),
        "d": dict(values=values, x=np.exp([1.0, 2.0]), error=finer, predicted=-1),
        "e": dict(failures=2, trials=4),
        "f": dict(measured=np.where(curvature > 1, left, np.nan), bound=lower + 0.98 * np.cos(2 * angle)[:, None]),
    }  # fmt: skip


@drawn
def fewer_parameters_than_outputs(rng, stream):
    values, error = positive(rng, 2, 2, 3), positive(rng, 2, 2)
    case, found = {"quantity": "path", "sizes": ALPHAS}, {"path": values, "path error": error}
    rows = {"a": dict(values=values.reshape(4, 3), x=ALPHAS, error=error.ravel(), predicted=-2)}
    return not_over_parameterization.CLAIM, case, found, rows


test_what_is_read_is_what_the_claim_says = drawn.test()
