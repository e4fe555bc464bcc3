"""Configurations on which the claims about the lazy regime are tested: data, networks, seeds of both."""

from math import ceil

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from checks.claim import Case
from checks.measurements.data import samples
from checks.measurements.streams import data_seed, draw_seeds
from checks.measurements.trainings import network, start
from checks.verdict import Verdict
from kernels import layer_grams
from tests import examples
from tests.claims import judged
from tests.flows import SMOOTH

WIDTHS = {1: (256, 1024), 2: (64, 256), 3: (64, 128)}


def data_sets(largest=32, least=2, each=4):
    """Random inputs, ``each`` a dimension at most, whose kernels are not nearly singular, and digits; ``least`` to ``largest``.

    One each where the slowest mode must not decide, a quarter where no two inputs may be close.
    """
    random = st.integers(max(2, ceil(least / each)), 64).flatmap(
        lambda d: st.integers(least, min(largest, int(each * d))).map(lambda n: {"kind": "random", "n": n, "d": d})
    )
    return st.one_of(random, st.integers(least, largest).map(lambda n: {"kind": "digits", "n": n}))


def datasets(largest=32, least=2):
    """`data_sets` with a seed, as the claims take them that are not data yet."""
    return st.builds(lambda data, seed: data | {"seed": seed}, data_sets(largest, least), st.integers(0, 1000))


smooth = st.sampled_from(SMOOTH)
activations = st.sampled_from((*SMOOTH, "relu"))
bounded_settings = st.one_of(st.tuples(data_sets(), smooth), st.tuples(data_sets(8, each=1 / 4), st.just("relu")))
"""Data and activation; few samples with kinks, whose flow takes many steps to the accuracy of a bound."""
depths = st.integers(1, 3)
seeds = st.integers(0, 2**32 - 1)
decay_cases = {
    "setting": bounded_settings,
    "L": depths,
    "seed": seeds,
    "log_kappa": st.floats(1, 3),
    "size": st.integers(0, 1),
}


def width(hidden_layers, size):
    """A width that a test can afford; ``size`` 0 or 1."""
    return WIDTHS[hidden_layers][size]


def drawn(config, seed):
    """The configuration with a stream of this seed, as readings are given it."""
    return {**config, "stream": [seed, 0, 0, 0]}


def train(cell, case, **options):
    """What ``cell`` finds for one draw of the case; its only number where there is one pair (m, κ)."""
    found = cell(**case, first=0, draws=1, **options)
    return {key: float(value.item()) if value.size == 1 else value for key, value in found.items()}


def start_of(case, **others):
    """Inputs X, targets y, weights of the first draw at the first width, and (m/κ²)G^l_0 there."""
    m, stream = case["pairs"][0][0], case["stream"]
    X, y = samples(case["data"], data_seed(stream))
    params = start(draw_seeds(stream, 0, 1)[0], X.shape[1], m, case["hidden_layers"], **others)
    return X, y, params, m * layer_grams(params, X, activation=case["activation"], kappa=1.0)


def least_of(grams):
    """λ_min of their sum."""
    return np.linalg.eigvalsh(grams.sum(axis=0))[0]


def verdict_of(part, config, seed, draws=1, *, control=Verdict.REFUTED, **select):
    """Evidence of a part for one configuration; its controls must have the verdict ``control``, None if anything goes."""
    (found,), controls = judged(part, [Case("", config, draws, draws, select)], seed)
    assert control is None or all(other.verdict is control for other in controls), controls
    return found


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


def decay_config(setting, L, log_kappa, size):
    """One network of the `decay_cases`."""
    data, activation = setting
    return network(L, activation, data, [[width(L, size), 10.0**log_kappa]])


def second_order(part):
    """Judge for `mostly_supported`: a part on paired networks has the exponent −2 in κ; −1 is refuted."""

    def judge(data, activation, seed):
        config = network(1, activation, data, [[1024, kappa] for kappa in (128.0, 256.0, 512.0)], paired=True)
        return verdict_of(part, config, seed, 5)

    return judge
