"""limit-positive-definite on inputs with drawn separation, number, dimension, activation and depth."""

import numpy as np
import pytest
from hypothesis import given, target
from hypothesis import strategies as st

from checks.data import inputs
from checks.li2024demystifying.limit_positive_definite import (
    SMOOTH,
    bound_parts,
    bounds,
    constant_parts,
    separation_parts,
    singular_controls,
)
from checks.positivity import positivity
from checks.verdict import Verdict
from tests import examples
from theory import certified_kernel_min_eigenvalue, limit_grams, min_eigenvalue_lower_bound
from theory.dual_activations import DUALS

POLYNOMIAL = {"identity"}
seeds = st.integers(0, 2**32)
activations = st.sampled_from(sorted(set(DUALS) - POLYNOMIAL))


def separated(seed, n, d, separation):
    """n unit inputs, the first two at a given distance."""
    X = np.random.default_rng(seed).normal(size=(n, d))
    X /= np.linalg.norm(X, axis=1, keepdims=True)
    step = X[1] - (X[1] @ X[0]) * X[0]
    X[1] = X[0] + separation * step / np.linalg.norm(step)
    X[1] /= np.linalg.norm(X[1])
    return X


@pytest.mark.claim("li2024demystifying/limit-positive-definite")
@given(
    activation=activations,
    L=st.integers(1, 3),
    kind=st.sampled_from(["random", "digits"]),
    n=st.integers(2, 12),
    d=st.integers(2, 64),
    seed=st.integers(0, 1000),
)
def test_the_power_series_bound_holds_for_every_kernel(activation, L, kind, n, d, seed):
    data = {"kind": kind, "n": n, "seed": seed, **({"d": d} if kind == "random" else {})}
    found = bounds(data=data, activation=activation, hidden_layers=L)
    target(float((found["bound"] / np.maximum(found["least"], found["rounding"])).max()))
    parts = [*bound_parts(found, "bound", "", L), *bound_parts(found, "separation", "", L)]
    assert all(part.verdict is not Verdict.REFUTED for part in parts), parts
    decided = [*(found["least"] > 200 * found["rounding"])] * 2
    assert all(part.verdict is Verdict.SUPPORTED for part, sure in zip(parts, decided, strict=True) if sure)
    assert (found["separation"] <= found["bound"] * (1 + 1e-2)).all()  # the data form loses up to 0.3 % to its proofs


@pytest.mark.claim("li2024demystifying/limit-positive-definite")
@given(
    activation=activations,
    L=st.integers(1, 3),
    n=st.integers(2, 8),
    seed=st.integers(0, 2**32),
    exponent=st.floats(-1.0, 0.0),
)
def test_separated_inputs_have_a_positive_bound(activation, L, n, seed, exponent):
    X = separated(seed, n, 32, 10.0**exponent)
    assert min_eigenvalue_lower_bound(X, hidden_layers=L, activation=activation) > 0


@pytest.mark.claim("li2024demystifying/limit-positive-definite")
@pytest.mark.parametrize("activation", ["relu", *SMOOTH])
@pytest.mark.parametrize("L", [1, 2, 3])
def test_exponents_in_the_separation_and_their_exchange(activation, L):
    for part, control in separation_parts(activation, L):
        assert part.verdict is Verdict.SUPPORTED
        assert control.verdict is Verdict.REFUTED


@pytest.mark.claim("li2024demystifying/limit-positive-definite")
def test_constants_in_the_separation():
    assert all(part.verdict is Verdict.SUPPORTED for part in constant_parts())


@pytest.mark.claim("li2024demystifying/limit-positive-definite")
def test_singular_kernels_are_refuted():
    assert all(control.verdict is Verdict.REFUTED for control in singular_controls())


@examples(10)
@given(seed=st.integers(0, 2**32), L=st.integers(1, 3), exponent=st.floats(-6.0, -1.0))
def test_the_certificate_covers_the_exact_kernel_of_close_inputs(seed, L, exponent):
    pytest.importorskip("flint", reason="needs the extra `certify`")
    X = separated(seed, 4, 3, 10.0**exponent)
    certificate = certified_kernel_min_eigenvalue(X, hidden_layers=L, activation="relu")
    ntk = limit_grams(X, hidden_layers=L).ntk
    assert positivity("", certificate, ntk).verdict is Verdict.SUPPORTED
    assert certificate.lower <= np.linalg.eigvalsh(ntk)[0] + 1e-14


def test_opposite_inputs_are_outside_the_hypotheses_and_yet_positive_for_relu():
    """ρ = 1 makes the bound 0, which says nothing; relu tells opposite inputs apart all the same."""
    X = inputs("random", n=4, seed=0)
    X = np.concatenate([X, -X[:1]])
    assert (
        min_eigenvalue_lower_bound(X, hidden_layers=1, activation="relu")
        <= np.linalg.eigvalsh(limit_grams(X, hidden_layers=1).ntk)[0]
    )
    assert certified_kernel_min_eigenvalue(X, hidden_layers=1, activation="relu").certified
