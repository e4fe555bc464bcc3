"""kernel-stability on drawn configurations."""

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from checks.claim import Case
from checks.li2024demystifying.kernel_stability import CLAIM
from checks.measurements.kernel_changes import changes_and_crossings, largest_changes, mean_change
from checks.measurements.trainings import deviations, network
from checks.verdict import Verdict
from kernels.models import NetworkModel
from tests import examples
from tests.claims import judged, part_of
from tests.flows import flat, make_network
from tests.lazy import data_sets, drawn, mostly_supported, seeds, smooth, verdict_of, width
from theory.lazy_bounds import CURVATURE_BOUNDS, feature_constant, kernel_change_bound


@pytest.mark.claim("li2024demystifying/kernel-stability")
@examples(8)
@given(data=data_sets(16, each=1), activation=smooth, log_kappa=st.floats(-1, 3), paired=st.booleans(), seed=seeds)
def test_the_kernel_changes_less_than_its_bound(data, activation, log_kappa, paired, seed):
    """At every κ: the bound knows nothing of training."""
    config = network(1, activation, data, [[width(1, 0), 10.0**log_kappa]], paired=paired)
    part = part_of(CLAIM, "e")
    assert verdict_of(part, config, seed, control=None).verdict is Verdict.SUPPORTED


@pytest.mark.claim("li2024demystifying/kernel-stability")
@given(seed=seeds, activation=st.sampled_from(sorted(CURVATURE_BOUNDS)), n=st.integers(1, 6), size=st.floats(-3, 0.5))
def test_the_bound_holds_for_any_displacement(seed, activation, n, size):
    """Up to D = 3, with Λ = λ_max(XXᵀ)."""
    net = make_network(seed, n=n, d=3, m=8, L=1, kappa=2.0, activation=activation)
    model, w = NetworkModel(net.X, activation, 2.0, 8, 1), flat(net.params.arrays)
    delta = np.random.default_rng(seed).normal(size=w.shape)
    delta *= 10.0**size * np.sqrt(8) / np.linalg.norm(delta)
    J_0, J = model.jacobian(w), model.jacobian(w + delta)
    change = 8 / 4 * np.linalg.norm(J @ J.T - J_0 @ J_0.T, 2)
    c, norm, largest = feature_constant(activation, net.params.output), np.sqrt(8) / 2, np.linalg.norm(net.X, 2) ** 2
    assert change <= kernel_change_bound(n, c, norm * np.linalg.norm(J_0, 2), 10.0**size, largest=largest) * (1 + 1e-9)


@pytest.mark.claim("li2024demystifying/kernel-stability")
def test_paired_kernels_change_in_second_order():
    def judge(data, activation, seed):
        pairs = [[256, kappa] for kappa in (256.0, 512.0, 1024.0)]
        config = network(1, activation, data, pairs, paired=True, rtol=1e-6)
        (found,), (control,) = judged(part_of(CLAIM, "a"), [Case("", config, 5, 5)], seed)
        assume("not finite" not in found.note)  # a flow that does not end
        assert control.verdict is Verdict.REFUTED
        return found

    assert mostly_supported(judge, 5, data=data_sets(6, each=1), activation=smooth, seed=seeds)


@pytest.mark.claim("li2024demystifying/kernel-stability")
def test_outputs_at_the_start_leave_a_change_of_first_order():
    def judge(data, activation, seed):
        config = network(1, activation, data, [[256, 2.0**k] for k in (12, 13, 14)])
        return verdict_of(part_of(CLAIM, "b"), config, seed, 8)

    assert mostly_supported(judge, 5, data=data_sets(6, each=1), activation=smooth, seed=seeds)


@pytest.mark.claim("li2024demystifying/kernel-stability")
@examples(5)
@given(seed=seeds, kind=st.sampled_from([("random", "random"), ("digits", "own"), ("diabetes", "linear")]))
def test_relu_changes_in_the_mean_as_its_crossings_say(seed, kind):
    """Within a third of C, and the limit of κ is approached from one side; without crossings there would be nothing."""
    data = {"kind": kind[0], "n": 4, "target": kind[1], **({"d": 6} if kind[0] == "random" else {})}
    case = drawn({"data": data, "sizes": [[4096, 64.0]]}, seed)
    found, C = changes_and_crossings(**case, first=0, draws=16), mean_change(case)
    rest = ((found["change"] - found["crossings"])[:, 0] * C).sum(axis=(1, 2)) / np.sum(C**2)
    assert abs(rest.mean()) <= 0.4 + 4 * rest.std() / 4


@examples(5)
@given(data=data_sets(8, each=1), seed=seeds)
def test_the_change_of_the_kernel_is_that_of_the_finer_flow(data, seed):
    """Not paired and far from lazy: the tolerance of the weights is that of the kernel."""
    case = drawn(network(1, "tanh", data, [[64, 16.0]]), seed)
    coarse, fine = (cell(**case, first=0, draws=1) for cell in (largest_changes, deviations))
    for key in ("kernel", "scaled", "drift", "jacobian", "largest"):
        assert np.allclose(coarse[key], fine[key], rtol=0.02, atol=1e-3)
