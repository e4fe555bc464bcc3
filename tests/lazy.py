"""Configurations on which the claims about the lazy regime are tested: data, networks, seeds of both."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from checks.li2024demystifying.trainings import decays, deviations, limits
from checks.rate_fit import rate_fit
from checks.verdict import Verdict
from kernels import init_parameters, layer_grams
from tests import examples
from tests.flows import SMOOTH

WIDTHS = {1: (256, 1024), 2: (64, 256), 3: (64, 128)}


def make_data(kind, n, d, seed):
    return {"kind": kind, "n": n, "seed": seed} | ({"d": d} if kind == "random" else {})


def datasets(largest=32, least=2):
    """Random inputs with n ≤ 4d, whose kernels are not nearly singular, and digits; ``least`` to ``largest`` of them."""
    random = st.integers(2, 64).flatmap(
        lambda d: st.builds(
            make_data, st.just("random"), st.integers(least, min(largest, 4 * d)), st.just(d), st.integers(0, 1000)
        )
    )
    digits = st.builds(make_data, st.just("digits"), st.integers(least, largest), st.just(64), st.integers(0, 1000))
    return st.one_of(random, digits)


smooth = st.sampled_from(SMOOTH)
activations = st.sampled_from((*SMOOTH, "relu"))
bounded_settings = st.one_of(st.tuples(datasets(), smooth), st.tuples(datasets(8), st.just("relu")))
"""Data and activation; few samples with kinks, whose flow takes many steps to the accuracy of a bound."""
depths = st.integers(1, 3)
seeds = st.integers(0, 2**32 - 1)


def width(hidden_layers, size):
    """A width that a test can afford; ``size`` 0 or 1."""
    return WIDTHS[hidden_layers][size]


def one(found, key):
    """The single number of a cell with one seed and one pair (m, κ)."""
    return float(np.squeeze(found[key]))


def least_of_start(X, activation, m, hidden_layers, seed):
    """(m/κ²)λ_min(G_0)."""
    params = init_parameters(seed, X.shape[1], m, hidden_layers=hidden_layers)
    return np.linalg.eigvalsh(m * layer_grams(params, X, activation=activation, kappa=1.0).sum(axis=0))[0]


def mostly_supported(judge, count, **strategies):
    """Whether of ``count`` draws half lie within the hypotheses and 80 % of those are SUPPORTED; none may be REFUTED."""
    verdicts = []

    @examples(count)
    @given(**strategies)
    def draw(**case):
        part = judge(**case)
        verdicts.append(part.verdict)
        assert part.verdict is not Verdict.REFUTED, part

    draw()
    within = len(verdicts) - verdicts.count(Verdict.HYPOTHESES_NOT_MET)
    return within >= 0.5 * len(verdicts) and verdicts.count(Verdict.SUPPORTED) >= 0.8 * within


def decay_case(setting, L, log_kappa, size, seed):
    """`decays` of one network, whether λ_min(G_t) ≥ (κ²/m)λ/2 along its run, and the arguments κ, m, n, λ of the bounds."""
    data, activation = setting
    m, kappa = width(L, size), 10.0**log_kappa
    found = decays(data=data, activation=activation, hidden_layers=L, pairs=[[m, kappa]], first_seed=seed, seeds=1)
    lam = np.linalg.eigvalsh(limits(data, activation, L)[0].sum(axis=0))[0]
    return found, ~(found["least"] < kappa**2 / m * lam / 2), (kappa, m, data["n"], lam)


decay_cases = {
    "setting": bounded_settings,
    "L": depths,
    "seed": seeds,
    "log_kappa": st.floats(2, 3),
    "size": st.integers(0, 1),
}


def second_order(key):
    """Judge for `mostly_supported`: ``key`` of `deviations` has the exponent −2 in κ for paired networks; −1 is refuted."""
    scales = [128.0, 256.0, 512.0]

    def judge(data, activation, seed):
        design = {"data": data, "activation": activation, "hidden_layers": 1, "first_seed": seed % 2**31, "seeds": 5}
        found = deviations(**design, pairs=[[1024, kappa] for kappa in scales], paired=True)[key]
        assert rate_fit("", scales, found, predicted=-1.0, margin=0.15).verdict is Verdict.REFUTED
        return rate_fit("", scales, found, predicted=-2.0, margin=0.15)

    return judge
