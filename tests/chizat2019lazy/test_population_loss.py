"""population-loss on drawn problems, and its control."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from checks.chizat2019lazy.population_loss import CLAIM, LARGEST_STEP, STEP, TAUS
from checks.claim import Case
from checks.measurements.teacher_student import make_teacher, population_losses, sphere
from checks.verdict import Verdict
from tests import examples
from tests.claims import judged, part_of
from theory.tangent_span import lazy_population_loss

seeds = st.integers(0, 2**31)
SIZE = {"d": 20, "m": 10, "batch": 100, "steps": 800, "step": STEP, "largest_step": LARGEST_STEP}


def verdict(seed, **variant):
    case = Case("", {**SIZE, "taus": TAUS, **variant}, draws=6)
    return judged(part_of(CLAIM, "a"), [case], seed)[0][0].verdict


# One draw is half a dozen trainings: the variety is in the problems that it draws itself.
@pytest.mark.claim("chizat2019lazy/population-loss")
@examples(1)
@given(seed=seeds)
def test_a_lazy_start_ends_at_a_higher_population_loss(seed):
    assert verdict(seed) is Verdict.SUPPORTED


@pytest.mark.claim("chizat2019lazy/population-loss")
@examples(1)
@given(seed=seeds)
def test_noise_costs_the_same_from_every_start(seed):
    assert verdict(seed, labels="random") is Verdict.REFUTED


@pytest.mark.claim("chizat2019lazy/population-loss")
@examples(5)
@given(seed=seeds, exponent=st.floats(0.5, 1.5))
def test_far_in_the_lazy_regime_the_loss_does_not_depend_on_the_start(seed, exponent):
    taus = [10**exponent, 10 ** (exponent + 1)]
    ((near, far),) = population_losses(**SIZE, taus=taus, stream=[seed, 1, 2, 3], first=0, draws=1)["loss"]
    assert near == pytest.approx(far, rel=0.02)


def test_a_run_that_diverges_has_no_loss():
    wild = {**SIZE, "step": 100.0, "taus": [10.0]}
    assert np.isnan(population_losses(**wild, stream=[0, 1, 2, 3], first=0, draws=1)["loss"])


@given(
    seed=seeds,
    k=st.integers(1, 4),
    d=st.integers(1, 4),
    rate=st.sampled_from([0.0, 1.0, 3.0]),
    time=st.floats(0.01, 100),
)
def test_the_linearised_network_on_many_points_leaves_as_much(seed, k, d, rate, time):
    """Kernel regression by gradient flow on 20,000 points of the sphere, up to their scatter."""
    rng, n = np.random.default_rng(seed), 20_000
    B, a, teacher, X = rng.normal(size=(k, d)), rng.normal(size=k), make_teacher(rng, d), sphere(rng, n, d)
    on = (X @ B.T > 0) / np.sqrt(n)
    features = [(np.sqrt(rate) * a * on)[:, :, None] * X[:, None, :], (on * (X @ B.T))[:, :, None]]
    J, y = np.concatenate(features, axis=2).reshape(n, -1), teacher(X) / np.sqrt(n)
    values, vectors = np.linalg.eigh(J.T @ J)
    kept = values > 1e-10 * values[-1]
    left = y - J @ (vectors[:, kept] @ (-np.expm1(-values[kept] * time) / values[kept] * (vectors.T[kept] @ (J.T @ y))))
    exact = lazy_population_loss(B, a, teacher.directions, teacher.signs, time=time, inner_rate=rate)
    assert exact == pytest.approx(left @ left / (y @ y), abs=0.05)


@given(seed=seeds, k=st.integers(1, 4), d=st.integers(2, 5))
def test_a_teacher_among_the_neurons_is_learned_and_time_never_hurts(seed, k, d):
    rng = np.random.default_rng(seed)
    B, a, signs = rng.normal(size=(k, d)), rng.normal(size=k), rng.choice([-1.0, 1.0], size=k)
    losses = [lazy_population_loss(B, a, B, signs, time=t) for t in (1e-9, 0.1, 1.0, 10.0, 1e12)]
    assert losses[0] == pytest.approx(1, abs=1e-6) and losses[-1] < 1e-6 and (np.diff(losses) <= 1e-12).all()
    turned = np.linalg.qr(rng.normal(size=(d, d)))[0]
    assert lazy_population_loss(B @ turned, a, B @ turned, signs, time=1.0) == pytest.approx(losses[2], abs=1e-9)
