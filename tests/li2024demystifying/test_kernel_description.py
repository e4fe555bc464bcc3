"""kernel-description on drawn configurations."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from checks.li2024demystifying.kernel_description import errors, kernel_predictions, scaled_times, test_inputs
from checks.li2024demystifying.trainings import pairs_along, samples
from checks.rate_fit import rate_fit
from kernels import gradient_flow, init_parameters
from tests import examples
from tests.lazy import activations, datasets, depths, mostly_supported, seeds
from theory import limit_grams

test_inputs.__test__ = False  # the inputs at which a network is tested, no test
WIDTHS = {1: [64, 256, 1024], 2: [32, 64, 128]}


@pytest.mark.claim("li2024demystifying/kernel-description")
def test_predictions_approach_those_of_the_kernel():
    def judge(data, L, activation, seed):
        design = {"data": data, "activation": activation, "hidden_layers": L, "first_seed": seed % 2**31, "seeds": 16}
        found = errors(**design, pairs=pairs_along(WIDTHS[L], 0.5, 16.0))
        return rate_fit("", WIDTHS[L], found["right"], predicted=-0.5, margin=0.4)

    assert mostly_supported(
        judge, 5, data=datasets(8, least=4), L=st.integers(1, 2), activation=activations, seed=seeds
    )


@pytest.mark.claim("li2024demystifying/kernel-description")
@examples(3)
@given(data=datasets(6), activation=st.sampled_from(["tanh", "erf", "relu"]), seed=seeds)
def test_the_last_layer_alone_does_not_predict(data, activation, seed):
    design = {"data": data, "activation": activation, "hidden_layers": 1, "first_seed": seed % 2**31, "seeds": 5}
    found = errors(**design, pairs=[[2048, 512.0]])
    assert (found["wrong"] > 2 * found["right"]).all()


@examples(5)
@given(data=datasets(6), L=depths, activation=activations)
def test_predictions_start_at_zero_and_end_in_kernel_regression(data, L, activation):
    X, y = samples(data)
    K, cross = (limit_grams(Z, X, hidden_layers=L, activation=activation).ntk for Z in (X, test_inputs(data)))
    late = 1e4 * len(y) / np.linalg.eigvalsh(K)[0]
    start, end = kernel_predictions(data, activation, L, np.array([0.0, late]))
    assert (start == 0).all()
    assert np.allclose(end, cross @ np.linalg.solve(K, y), rtol=1e-5, atol=1e-7)


@pytest.mark.claim("li2024demystifying/kernel-description")
@examples(5)
@given(data=datasets(6), activation=activations, seed=seeds)
def test_all_times_count(data, activation, seed):
    """The supremum over the trajectory is at least the error at its end."""
    (X, y), m, kappa = samples(data), 256, 64.0
    design = {"data": data, "activation": activation, "hidden_layers": 1}
    found = errors(**design, pairs=[[m, kappa]], first_seed=seed, seeds=1)["right"]
    times = scaled_times(data, activation, 1)
    params, tests = init_parameters(seed, X.shape[1], m, hidden_layers=1), test_inputs(data)
    run = gradient_flow(
        params, X, y, activation=activation, kappa=kappa, centred=True, times=times[-1:] * m / kappa**2, X_test=tests
    )
    last = np.abs(run.test_outputs[-1] - kernel_predictions(data, activation, 1, times)[-1]).max()
    assert found[0, 0] >= 0.9 * last
