"""cnn-performance on drawn seeds, what a stuck run is, and what is said where PyTorch or CIFAR-10 is missing."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from checks.chizat2019lazy import cnn_activation_stability, cnn_performance, tangent_kernel_spectrum
from checks.chizat2019lazy.cnn_designs import ALPHAS, CIFAR, CIFAR_STEPS
from checks.chizat2019lazy.cnn_performance import CLAIM, compared, difference, networks
from checks.claim import Run
from checks.measurements.convolutional import spectra, train_on_cifar, train_on_digits
from checks.running import verify
from checks.running.sweep import Sweep
from checks.verdict import Verdict
from tests import examples, needs_cnn
from tests.claims import judged, part_of
from tests.test_cifar10 import batches, write

MODULES = (cnn_performance, cnn_activation_stability, tangent_kernel_spectrum)
PHOTOGRAPHS = {"cnn-performance": "e", "cnn-activation-stability": "d", "tangent-kernel-spectrum": "c"}
seeds = st.integers(0, 2**31)


# One draw is a few dozen trainings: the variety is in the networks and images that it draws itself.
@needs_cnn
@pytest.mark.claim("chizat2019lazy/cnn-performance")
@examples(1)
@given(seed=seeds)
def test_lazy_training_is_less_accurate_at_the_end(seed):
    (case,) = networks("quick", alphas=[1.0, 100.0])
    (found,), _ = judged(part_of(CLAIM, "a"), [case], seed)
    assert found.verdict is Verdict.SUPPORTED


@given(seed=seeds, pair=st.sampled_from([(1.0, 100.0), (100.0, 1_000.0), (1_000.0, 10.0)]))
def test_a_stuck_run_and_one_that_diverged_are_no_numbers(seed, pair):
    found = {key: np.random.default_rng(seed).uniform(0.8, 1, size=(6, 4, 2)) for key in ("accuracy", "train accuracy")}
    first, second = (ALPHAS.index(alpha) for alpha in pair)
    values = difference("accuracy", pair, {"alphas": ALPHAS}, found)
    assert np.array_equal(values, found["accuracy"][:, first, 1] - found["accuracy"][:, second, 1])
    found["train accuracy"][0, first, 1], found["accuracy"][3, second, 1] = 0.65 if pair[0] == 1 else 0.4, np.nan
    bad = np.isnan(difference("accuracy", pair, {"alphas": ALPHAS}, found))
    assert bad[[0, 3]].all() and not bad[[1, 2, 4, 5]].any()


@needs_cnn
def test_mnist_is_trained_on_too():
    config = networks("standard")[1].config | {"n": 50, "epochs": [1, 20], "alphas": [1.0]}
    found = train_on_digits(**config, stream=[0, 1, 2, 3], first=0, draws=1, device="cpu")
    assert found["loss"][0, 0, 1] < found["loss"][0, 0, 0] and found["train accuracy"][0, 0, 1] > 0.2


@pytest.mark.parametrize("absent, words", [(("torch", "mlxtend"), "PyTorch and mlxtend"), (("mlxtend",), "mlxtend")])
@pytest.mark.parametrize("module", MODULES, ids=lambda module: module.CLAIM.name)
def test_without_its_packages_the_claim_is_not_run_and_says_why(module, absent, words, monkeypatch):
    monkeypatch.setattr(verify, "find_spec", lambda name: None if name in absent else object())
    findings, _ = verify.verify([module.CLAIM], Run("quick", 0, Sweep()))[module.CLAIM.label]
    assert findings.verdict is findings.control_verdict is Verdict.NOT_RUN
    assert findings.parts[0].note == f"needs {words} (pip install -e '.[cnn]')"


@pytest.mark.parametrize("module", MODULES, ids=lambda module: module.CLAIM.name)
def test_the_full_tier_without_cifar_10_says_so(module):
    part = part_of(module.CLAIM, PHOTOGRAPHS[module.CLAIM.name])
    assert verify.missing(part, Run("full", 0, Sweep())).endswith("--cifar DIR")
    assert not verify.missing(part, Run("quick", 0, Sweep()))


@needs_cnn
@pytest.mark.parametrize("network", CIFAR_STEPS)
def test_networks_train_on_cifar_10_files(network, tmp_path):
    write(tmp_path, "binary", batches(n=2, n_test=5))
    files = {"cifar": verify.cifar_files(tmp_path), "device": "cpu", "stream": [0, 1, 2, 3], "first": 0, "draws": 1}
    sizes = CIFAR | {"width": 2, "batch": 5, "epochs": [1, 5], "alphas": [1.0, 1e7]}
    found = train_on_cifar(network=network, step=CIFAR_STEPS[network], **sizes, **files)
    pooled = network == "vgg11"
    for key, values in found.items():
        assert values.shape == (1, 2, 2) and (np.isfinite(values).all() or (key == "replaced" and not pooled))
    assert (found["loss"][..., 1] < 1).all() and found["moved"][0, 1] == pytest.approx(
        1e-7 * found["moved"][0, 0], rel=0.5
    )
    n = {"n": 6, "images": "photographs", "width": 2, "network": network}
    values = spectra(**n, **files)
    assert values["mean"].shape == (1, 3, 6) and set(values) == {"mean"}


def test_without_pooling_no_windows_are_judged():
    """ResNet-18 has none by the largest input."""
    cases = cnn_activation_stability.layers_on_photographs("full")
    assert [(case.config["network"], case.select["key"]) for case in cases] == [
        ("vgg11", "flipped"),
        ("vgg11", "replaced"),
        ("resnet18", "flipped"),
    ]


@given(seed=seeds)
def test_stuck_networks_are_counted_and_diverged_ones_are_not(seed):
    found = {key: np.random.default_rng(seed).uniform(0.8, 1, size=(6, 4, 2)) for key in ("accuracy", "train accuracy")}
    found["train accuracy"][0, 0, 1], found["accuracy"][3, 2, 1] = 0.65, np.nan
    reading = compared("accuracy", (1.0, 100.0), {"alphas": ALPHAS}, found)
    assert reading.excluded == 1 and np.isnan(reading.values).tolist() == [False, False, True, False, False]
