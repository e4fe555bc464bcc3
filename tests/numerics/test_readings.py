"""What the judges of the other papers' claims and of the numerical ones are given, written out anew."""

import numpy as np

from checks.arora2019fine import generalization_term
from checks.jacot2018neural import training_direction
from checks.lee2019wide import ensemble
from checks.measurements.data import samples
from checks.measurements.ensembles import predicted
from checks.measurements.forecasts import BANDS
from checks.measurements.streams import data_seed
from checks.nguyen2021tight import sphere_eigenvalue
from checks.numerics import forecast, module_forecast, oracle_agreement
from checks.oymak2019overparameterized import path_length
from checks.yang2021feature import dichotomy
from tests.claims import Tables, positive
from theory import limit_grams
from theory.directed_training import relu_directed_kernel
from theory.feature_changes import feature_change_constant
from theory.sphere_spectrum import sphere_min_eigenvalue

drawn = Tables()


@drawn
def led_networks(rng, stream):
    """λ_max(XXᵀ) by its eigenvalue; tanh has |σ'| ≤ 1 and |σ''| ≤ 4/√27, sin 1 and 1."""
    data, largest = {"kind": "random", "n": 3, "d": 4}, positive(rng, 6, 2)
    case = {"data": data, "activation": "tanh", "stream": stream, "pairs": [[64, 8.0], [256, 4.0]], "reach": 0.3}
    case |= {"direction": "loop", "seen": 2}
    X, _ = samples(data, data_seed(stream))
    c = np.sqrt(np.maximum(2, 1 + 32 / 27 * largest**2))
    x = 2 * np.sqrt(np.linalg.eigvalsh(X @ X.T)[-1]) * c * 0.3 / np.array([8.0, 4.0])
    found = {"change": positive(rng, 6, 2, 2), "largest": largest}
    return training_direction.CLAIM, case, found, {
        "a": dict(measured=found["change"], bound=np.expm1(x[..., None] * np.array([0.5, 1.0]))),
        "a.1": dict(measured=found["change"][..., 1:], bound=np.expm1(1e-9 * x[..., None])),
        "b": dict(values=np.maximum(*np.moveaxis(found["change"], 2, 0)), x=[64, 256], predicted=-1),
        "b.1": dict(predicted=-0.5),
        "b.2": dict(predicted=-1),
        "c": dict(values=np.maximum(*np.moveaxis(found["change"], 2, 0)), x=[64, 256], predicted=-1),
        "c.1": dict(predicted=-0.5),
    }  # fmt: skip


@drawn
def led_along_one_input(rng, stream):
    """sin: V = 28 E sin²cos⁴ and 2M = E[−16 sin²cos² + (5 + 3z²)/2 cos⁴], by E cos kz = e^{−k²/2}."""
    scaled, wave = rng.normal(size=(128, 1)), lambda k: np.exp(-(k**2) / 2)
    case = {"activation": "sin", "pairs": [[64, 8.0]], "reach": 0.4, "stream": stream}
    V = 28 * (2 + wave(2) - 2 * wave(4) - wave(6)) / 32
    cosines, moved = (3 + 4 * wave(2) + wave(4)) / 8, (3 + 4 * (1 - 4) * wave(2) + (1 - 16) * wave(4)) / 8
    M = (-2 * (1 - wave(4)) + 2.5 * cosines + 1.5 * moved) / 2
    size = np.sqrt(np.mean(scaled.reshape(2, 64) ** 2, axis=1))
    return training_direction.CLAIM, case, {"scaled": scaled}, {
        "d": dict(values=size / np.sqrt(0.05**2 * V / 64 + 0.05**4 * M**2), predicted=1),
        "d.1": dict(values=size / np.sqrt(0.05**2 * V / 64)),
        "d.2": dict(values=size / np.sqrt(0.05**4 * M**2)),
        "e": dict(values=scaled[:, 0] / (relu_directed_kernel(0.05) - 1), predicted=1),
        "e.1": dict(values=scaled[:, 0] / (np.cosh(0.1) - 1)),
    }  # fmt: skip


@drawn
def descents(rng, stream):
    """‖r_0‖ = 1, c = 1 − η(β² + L)/2."""
    alpha, beta = np.sort(positive(rng, 2, 6), axis=0)
    L, residuals = positive(rng, 6), rng.uniform(0, 1, (6, 4))
    step, steps = 0.8 / (beta**2 + L), np.sort(rng.integers(1, 99, (6, 4)))
    lengths, distances = positive(rng, 2, 6, 4)
    found = {"least": alpha, "largest": beta, "lipschitz": L, "step": step, "steps": steps}
    found |= {"residuals": residuals, "lengths": lengths, "distances": distances}
    rate = lambda slope: -np.log(1 - 0.6 * step * slope**2)[:, None]  # noqa: E731
    return path_length.CLAIM, {}, found, {
        "a": dict(measured=lengths, bound=(1 - residuals) / (0.6 * alpha[:, None])),
        "a.1": dict(measured=lengths, bound=(1 - residuals) / beta[:, None]),
        "b": dict(measured=-np.log(residuals), bound=steps * rate(alpha)),
        "b.1": dict(measured=-np.log(residuals), bound=steps * rate(beta)),
        "c": dict(measured=distances, bound=(1 - residuals) / beta[:, None]),
        "c.1": dict(measured=distances, bound=(1 - residuals) / alpha[:, None]),
    }  # fmt: skip


def label_costs(power, coefficient):
    """Costs of labels against the coefficient of t^p in t(π/2 + arcsin t)/(2π)."""

    def table(rng, stream):
        k = generalization_term.POWERS.index(power)
        inner, both, largest = positive(rng, 3, 6, 4)
        case, found = {"n": 64, "d": 8, "power": k}, {"inner": inner, "both": both, "largest": largest}
        return generalization_term.CLAIM, case, found, {
            "a": dict(measured=np.sqrt(inner[:, k]), bound=coefficient**-0.5),
            "a.1": dict(measured=np.sqrt(inner[:, k]), bound=np.sqrt(2) * largest[:, k]),
            "b": dict(values=inner[:, 0] / 4, predicted=1),
            "b.1": dict(values=both[:, 0] / 4),
        }  # fmt: skip

    return table


for own in ((1, 1 / 4), (2, 1 / (2 * np.pi)), (4, 1 / (12 * np.pi)), (6, 3 / (80 * np.pi))):
    drawn(label_costs(*own))


@drawn
def harmonics(rng, stream):
    """E g² = 6(d − 1)/(d(d + 2)²(d + 4)) for g = t³ − 3t/(d + 2), E t² = 1/d."""
    inner, trace, (n, d) = positive(rng, 6, 2), positive(rng, 6), (64, 8)
    cubic, linear = inner[:, 0] / (2 * n * 6 * (d - 1) / (d * (d + 2) ** 2 * (d + 4))), inner[:, 1] * d / (2 * n)
    return generalization_term.CLAIM, {"n": n, "d": d}, {"inner": inner, "trace": trace}, {
        "c": dict(values=cubic - linear),
        "c.1": dict(values=linear),
        "d": dict(measured=trace / n, bound=2),
        "d.1": dict(measured=d * inner[:, 1] / n, bound=2),
    }  # fmt: skip


@drawn
def permutations(rng, stream):
    inner = positive(rng, 6, 3)
    term = np.sqrt(2 / 64 * inner)
    rows = {"e": dict(values=term[:, 1] - term[:, 0]), "e.1": dict(values=term[:, 1] - term[:, 2])}
    return generalization_term.CLAIM, {"n": 64, "d": 8}, {"inner": inner}, rows


@drawn
def spheres(rng, stream):
    case, least = {"sizes": [[64, 16], [125, 25]], "hidden_layers": 1}, positive(rng, 6, 2)
    law, limit = (
        sphere_min_eigenvalue(125, 25, hidden_layers=1, activation="relu", limit=own) for own in (False, True)
    )
    found = {"least": least, "limit": positive(rng, 6, 2)}
    return sphere_eigenvalue.CLAIM, case, found, {
        "a": dict(values=least[:, 1] / law, predicted=1),
        "a.1": dict(values=least[:, 1] / limit),
        "b": dict(values=least[:, 1] / least[:, 0]),
        "c": dict(values=least / found["limit"]),
    }  # fmt: skip


@drawn
def ensembles(rng, stream):
    case = {"data": {"kind": "random", "n": 3, "d": 4}, "activation": "tanh", "stream": stream}
    theory, time = predicted(**case), 0
    outputs = rng.normal(size=(6, 2, theory["mean"].shape[1]))
    squares = (outputs[:, time] - theory["mean"][time]) ** 2
    return ensemble.CLAIM, case | {"time": time, "margin": 0.1}, {"outputs": outputs}, {
        "a": dict(values=(squares / theory["variance"][time]).mean(axis=1), predicted=1),
        "a.1": dict(values=(squares / theory["posterior"]).mean(axis=1)),
        "a.2": dict(values=(squares / theory["start"]).mean(axis=1)),
    }  # fmt: skip


def features(gamma, other):
    """κF over its constant, or over (wᵀK^1w)^{1/2}, w = K⁻¹y, of weights whose rows have length √d."""

    def table(rng, stream):
        data, change = {"kind": "random", "n": 4, "d": 5}, positive(rng, 6, 2)
        case = {"data": data, "pairs": [[64, 8.0], [256, 16.0]], "stream": stream, "gamma": gamma, "hidden_layers": 1}
        X, y = samples(data, data_seed(stream))
        inner, outer = limit_grams(X, hidden_layers=1, activation="relu").layers
        w = np.linalg.solve(inner + outer, y)
        return dichotomy.CLAIM, case, {"change": change}, {
            "a": dict(values=change, x=[64, 256], predicted=-gamma),
            "a.1": dict(predicted=other),
            "b": dict(values=8 * change[:, 0] / feature_change_constant(X, y), predicted=1),
            "b.1": dict(values=8 * change[:, 0] / np.sqrt(w @ inner @ w / 5)),
        }  # fmt: skip

    return table


drawn(features(0.5, 0.0))
drawn(features(0.0, -0.5))


def forecasts(claim, letters):
    """What of the valid ones is outside of its band, on either side or not a number; the others are excluded."""

    def table(rng, stream):
        bands = {key: BANDS.get(key, BANDS[like]) for key, like in OTHERS.items()}
        # a half and a third of the allowed logarithm beyond the band or within it
        found = {
            key: np.exp(np.log(most) * rng.choice([-1.5, -0.5, 0.5, 1.5, np.nan], size=40))
            for key, most in bands.items()
        }
        found |= {key: rng.choice([0, 1, np.nan], size=40) for key in ("stable", "beyond")}
        found["valid"] = valid = rng.random(40) < 0.7
        number = {"trials": valid.sum(), "excluded": (~valid).sum(), "bound": 0.25}
        out = {key: ~(np.abs(np.log(found[key])) < np.log(most)) & valid for key, most in bands.items()}
        out |= {key: (found[key] != 1) & valid for key in ("stable", "beyond")}
        rows = {
            kind: number | {"failures": np.any([out[key] for key in keys], axis=0).sum()}
            for kind, keys in letters.items()
        }
        return claim, {}, found, rows

    return table


OTHERS = {
    "drift": "drift",
    "other": "drift",
    "layer": "layer",
    "alike": "layer",
    "kernel": "kernel",
    "square": "kernel",
}
OTHERS |= {"time": "time", "fastest": "time"}
PARTS = {"a": ["drift"], "a.1": ["other"], "b": ["layer"], "b.1": ["alike"], "c": ["kernel"], "c.1": ["square"]}
PARTS |= {"d": ["time"], "d.1": ["fastest"], "e": ["stable"], "e.1": ["beyond"]}
drawn(forecasts(forecast.CLAIM, PARTS))
PARTS = {"a": ["drift", "layer"], "a.1": ["other"], "a.2": ["alike"], "b": ["kernel"], "b.1": ["square"]}
PARTS |= {"c": ["time"], "c.1": ["fastest"]}
drawn(forecasts(module_forecast.CLAIM, PARTS))


@drawn
def distances_of_flows(rng, stream):
    """Against a tolerance, of descent plus a gap that must not be larger than it; of kinks in digits, with the gap."""
    names = (
        "solver",
        "wrong rate",
        "descent",
        "descent, wrong rate",
        "flow",
        "wrong targets",
        "closed form",
        "over n + 1",
    )
    found = dict(zip((*names, "other loss"), positive(rng, len(names) + 1, 6), strict=True))
    tolerance = oracle_agreement.DESCENT_TOLERANCE
    found["gap"] = gap = tolerance * np.array([0.0, 0.5, 1.0, 2.0, np.nan, 1e9])
    rounding = oracle_agreement.LINEAR_TOLERANCE
    return oracle_agreement.CLAIM, {}, found, {
        "a": dict(measured=found["solver"], bound=oracle_agreement.SMOOTH_TOLERANCE, holds=True),
        "a.1": dict(measured=found["wrong rate"]),
        "b": dict(measured=found["descent"], bound=tolerance + gap, holds=[1, 1, 1, 0, 0, 0]),
        "b.1": dict(measured=found["descent, wrong rate"], bound=tolerance),
        "c": dict(values=-np.log(found["flow"] + gap) / np.log(10)),
        "c.1": dict(values=-np.log(found["wrong targets"] + gap) / np.log(10)),
        "d": dict(measured=found["closed form"], bound=rounding, holds=True),
        "d.1": dict(measured=found["over n + 1"], bound=rounding),
        "e": dict(measured=found["solver"], bound=1),
        "e.1": dict(measured=found["other loss"], bound=1),
    }  # fmt: skip


test_what_is_read_is_what_the_claim_says = drawn.test()
