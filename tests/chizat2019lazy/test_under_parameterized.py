"""under-parameterized on drawn models."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from checks.chizat2019lazy.under_parameterized import (
    CLAIM,
    LARGEST_SECOND,
    LATE_SIZE,
    NULL,
    OUTPUTS,
    QUANTITIES,
    RANKS,
    SCALES,
    SIZES,
    resolved,
    saddles,
    settled,
)
from checks.claim import Case
from checks.measurements.local_minima import (
    Eight,
    degenerate,
    degenerate_gradients,
    limits,
    rank,
    ranks,
    scaled_hessian,
    shifts,
)
from checks.measurements.scaled_models import LOSSES, draw, make_loss
from checks.verdict import Verdict
from tests import examples
from tests.claims import judged, judged_together, part_of

RATE, APPROACH, ENDS = (replace(part_of(CLAIM, letter), controls=()) for letter in "abc")
kinds, losses, seeds = st.sampled_from(tuple(OUTPUTS)), st.sampled_from(LOSSES), st.integers(0, 2**32 - 1)
OF_ONE = {"first": 0, "draws": 1}


@pytest.mark.claim("chizat2019lazy/under-parameterized")
@examples(12)
@given(kind=kinds, seed=seeds, loss=losses)
def test_the_flow_ends_in_a_local_minimiser_at_a_rate_that_does_not_depend_on_the_scale(kind, seed, loss):
    config = {"kind": kind, "loss": loss, "outputs": OUTPUTS[kind], "sizes": SIZES}
    names = [name for name in QUANTITIES if name != "null" or kind in NULL]
    cases = [Case(name, config, 1, select={"quantity": name}) for name in names]
    found, _ = judged_together([RATE, ENDS], cases, seed)
    assume(found[0].verdict is not Verdict.HYPOTHESES_NOT_MET)  # a saturated neuron
    assert {part.verdict for part in found} == {Verdict.SUPPORTED}
    found = limits(**config, stream=[seed], **OF_ONE)
    assume(resolved(found).all())
    assert abs(found["rate"][0, -1] / found["predicted"][0] - 1) * SIZES[-1] < 100


@pytest.mark.claim("chizat2019lazy/under-parameterized")
@examples(10)
@given(kind=kinds, seed=seeds, loss=losses, alpha=st.floats(1, 100))
def test_the_hessian_is_that_of_finite_differences(kind, seed, loss, alpha):
    drawn = draw(kind, seed, outputs=OUTPUTS[kind])
    R, rng = make_loss(loss, drawn.targets), np.random.default_rng(seed)
    w, u = drawn.start + rng.normal(size=len(drawn.start)) / alpha, rng.normal(size=len(drawn.start))
    slope = lambda x: drawn.model.jacobian(x).T @ R.evaluate(alpha * drawn.model(x))[1] / alpha  # noqa: E731
    step = 1e-5 / alpha
    difference = (slope(w + step * u) - slope(w - step * u)) / (2 * step)
    product = scaled_hessian(drawn.model, R, w, alpha) @ u
    assert np.allclose(product, difference, atol=1e-5 * np.abs(product).max())


@examples(40)
@given(r=st.integers(2, 6), own=st.integers(1, 3), null=st.integers(0, 2), seed=seeds, share=st.floats(1e-3, 0.49))
def test_an_eigenvalue_moves_by_its_first_order_up_to_its_second(r, own, null, seed, share):
    rng, own = np.random.default_rng(seed), min(own, r)
    values = np.array([0.0] * null + [1.0] * own + [*rng.uniform(1.1, 3, size=r - own)])
    U = np.linalg.qr(rng.normal(size=(r + null, r + null)))[0]
    gaps = np.abs(values[values != 1] - 1)
    E = rng.normal(size=(r + null, r + null))
    E = (E + E.T) * share * gaps.min(initial=1.0) / np.linalg.norm(E + E.T, 2)
    first, second = shifts((U * values) @ U.T, E, r)
    rest = np.linalg.eigvalsh((U * values) @ U.T + E)[-r] - 1 - first
    assert abs(rest) <= second + 1e-12
    assert len(gaps) or second == 0


@examples(20)
@given(g=st.floats(0.01, 1), e=st.floats(1e-4, 1e-2))
def test_the_second_order_is_that_of_two_levels_and_none_where_they_cross(g, e):
    E = np.array([[0.0, e * g], [e * g, 0.0]])
    first, second = shifts(np.diag([1.0, 1 + g]), E, 2)
    assert first == 0
    assert (np.hypot(g / 2, e * g) - g / 2) == pytest.approx(second, rel=3 * e)
    assert shifts(np.diag([1.0, 1 + g]), E * 0.6 / e, 2)[1] == np.inf


@pytest.mark.claim("chizat2019lazy/under-parameterized")
@examples(8)
@given(kind=kinds, seed=seeds, loss=losses)
def test_the_change_of_the_hessian_is_known_before_training(kind, seed, loss):
    found = limits(kind=kind, loss=loss, outputs=OUTPUTS[kind], sizes=SIZES, stream=[seed], **OF_ONE)
    assume(resolved(found).all())
    moved = found["rate"][0, -4] / found["predicted"][0] - 1
    assert abs(moved - found["first"][0]) <= found["second"][0] + SIZES[-4] ** -2  # the first order is about 0.1/α


@examples(40)
@given(seed=seeds, models=st.integers(1, 8))
def test_models_are_kept_by_their_second_order(seed, models):
    rng = np.random.default_rng(seed)
    first, second = rng.normal(size=models), LARGEST_SECOND * np.exp(rng.normal(size=models))
    found = {"first": first, "second": second, "rounding": np.where(rng.random(models) < 0.2, 1.0, 0.0)}
    own = settled(found)
    assert resolved(found)[own].all()
    rms = lambda values: np.sqrt(np.mean(np.square(values)))  # noqa: E731
    fits = lambda kept: not kept.any() or rms(second[kept]) <= LARGEST_SECOND * rms(first[kept])  # noqa: E731
    assert fits(own)
    for limit in second[resolved(found) & ~own]:
        more = resolved(found) & (second <= limit)
        assert (own <= more).all() and not fits(more)


@pytest.mark.claim("chizat2019lazy/under-parameterized")
@examples(10)
@given(kind=kinds, seed=seeds)
def test_ranks_are_those_of_generic_points(kind, seed):
    drawn = draw(kind, seed, outputs=OUTPUTS[kind])
    expected = {"quadratic": 7, "oscillator": 3, "neuron": 2, "rank one": 8}[kind]
    assert rank(drawn.model.jacobian(drawn.start)) == expected
    assert len(drawn.targets) == OUTPUTS[kind] > expected and (expected < len(drawn.start)) == (kind in NULL)


@pytest.mark.claim("chizat2019lazy/under-parameterized")
@examples(8)
@given(kind=kinds, seed=seeds)
def test_the_gradient_falls_at_the_rate_that_is_predicted(kind, seed):
    config = {"kind": kind, "loss": "square", "outputs": OUTPUTS[kind], "size": LATE_SIZE}
    (found,), _ = judged(replace(part_of(CLAIM, "d"), controls=()), [Case("", config, 1)], seed)
    assert found.verdict is Verdict.SUPPORTED


@pytest.mark.claim("chizat2019lazy/under-parameterized")
@examples(5)
@given(kind=kinds, seed=seeds)
def test_no_start_has_a_rank_below_the_largest(kind, seed):
    found = ranks(kind=kind, outputs=OUTPUTS[kind], most=RANKS[kind], stream=[seed], first=0, draws=40)
    assert not found["short"].any()


@pytest.mark.claim("chizat2019lazy/under-parameterized")
@examples(5)
@given(seed=seeds)
def test_the_limit_may_be_higher_than_another(seed):
    for near, verdict in ((False, Verdict.SUPPORTED), (True, Verdict.REFUTED)):
        case = Case("", {"sizes": SCALES, "near": near}, 1)
        (found,), _ = judged(replace(part_of(CLAIM, "f"), controls=()), [case], seed)
        assert found.verdict is verdict


@examples(10)
@given(w=st.floats(-5, 5))
def test_the_curve_has_the_derivative_it_states(w):
    difference = (Eight()(np.array([w + 1e-6])) - Eight()(np.array([w - 1e-6]))) / 2e-6
    assert np.allclose(Eight().jacobian(np.array([w]))[:, 0], difference, atol=1e-8)


@pytest.mark.claim("chizat2019lazy/under-parameterized")
def test_without_constant_rank_the_rate_falls_or_the_limit_is_a_saddle():
    product, square = (degenerate(name=name, sizes=SCALES, stream=[0], **OF_ONE) for name in ("product", "square"))
    assert np.allclose(product["rate"] * np.square(SCALES), 0.5, rtol=1e-2)
    assert np.allclose(square["negative"] * SCALES, 2.0)
    for part in (RATE, APPROACH):
        case = Case("", {"name": "product", "sizes": SCALES}, 1)
        (found,), _ = judged(replace(part, cell=degenerate, cells_of=None), [case])
        assert found.verdict is Verdict.REFUTED
    (found,), _ = judged(replace(ENDS, cell=degenerate, cells_of=None), saddles("quick"))
    assert found.verdict is Verdict.HYPOTHESES_NOT_MET
    late = degenerate_gradients(name="product", size=SCALES[-1], stream=[0], **OF_ONE)["gradient"]
    assert np.allclose(late, late[..., :1], rtol=2e-2)  # over times of order 1 the gradient has come to rest
