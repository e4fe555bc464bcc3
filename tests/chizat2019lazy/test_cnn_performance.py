"""cnn-performance on drawn seeds, its controls, and what is said where PyTorch or CIFAR-10 is missing."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from checks.chizat2019lazy import cnn_activation_stability, cnn_performance, tangent_kernel_spectrum
from checks.chizat2019lazy.cnn_designs import CIFAR_STEPS, digits
from checks.chizat2019lazy.cnn_performance import CLAIM, networks
from checks.claim import Run
from checks.measurements.convolutional import train_on_cifar, train_on_digits
from checks.running import verify
from checks.running.sweep import Sweep
from checks.verdict import Verdict
from tests import examples
from tests.claims import judged, part_of
from tests.test_cifar10 import batches, write

MODULES = (cnn_performance, cnn_activation_stability, tangent_kernel_spectrum)
seeds = st.integers(0, 2**31)


def evidence(seed, level, draws, **variant):
    return judged(part_of(CLAIM, "a"), networks("quick", level, draws, **variant), seed)[0][0]


# One draw is a few dozen trainings: the variety is in the networks and images that it draws itself.
@pytest.mark.claim("chizat2019lazy/cnn-performance")
@examples(1)
@given(seed=seeds)
def test_lazy_training_is_less_accurate_at_the_same_training_loss(seed):
    pytest.importorskip("torch", reason="needs PyTorch: pip install -e '.[cnn]'")
    assert evidence(seed, 0.5, 12).verdict is Verdict.SUPPORTED


@pytest.mark.claim("chizat2019lazy/cnn-performance")
@examples(1)
@given(seed=seeds)
def test_the_output_layer_alone_is_the_same_at_every_scale(seed):
    """It is linear in its weights: laziness changes nothing, and no accuracy is lost."""
    pytest.importorskip("torch", reason="needs PyTorch: pip install -e '.[cnn]'")
    config = digits("quick", [0.3, 100.0], [0.9], trained="output")
    found = train_on_digits(**config, stream=[seed, 1, 2, 3], first=0, draws=2, device="cpu")["accuracy"]
    assert np.isfinite(found).all() and np.abs(found[:, 0] - found[:, 1]).max() < 0.005


@pytest.mark.claim("chizat2019lazy/cnn-performance")
@examples(1)
@given(seed=seeds)
def test_noise_is_guessed_alike(seed):
    pytest.importorskip("torch", reason="needs PyTorch: pip install -e '.[cnn]'")
    assert evidence(seed, 0.5, 6, labels="random").verdict is Verdict.REFUTED


@pytest.mark.parametrize("module", MODULES, ids=lambda module: module.CLAIM.name)
def test_without_pytorch_the_claim_is_not_run_and_says_why(module, monkeypatch):
    monkeypatch.setattr(verify, "find_spec", lambda name: None)
    findings, _ = verify.verify([module.CLAIM], Run("quick", 0, Sweep()))[module.CLAIM.label]
    assert findings.verdict is findings.control_verdict is Verdict.NOT_RUN
    assert findings.parts[0].note == "needs PyTorch, pip install -e '.[cnn]'"


@pytest.mark.parametrize("module", MODULES, ids=lambda module: module.CLAIM.name)
def test_the_full_tier_without_cifar_10_says_so(module):
    part = part_of(module.CLAIM, "b")
    assert verify.missing(part, Run("full", 0, Sweep())).endswith("--cifar DIR")
    assert not verify.missing(part, Run("quick", 0, Sweep()))


@pytest.mark.parametrize("network", CIFAR_STEPS)
def test_networks_train_on_cifar_10_files(network, tmp_path):
    pytest.importorskip("torch", reason="needs PyTorch: pip install -e '.[cnn]'")
    write(tmp_path, "binary", batches(n=2, n_test=5))
    options = {"width": 2, "gain": 1.0, "batch": 5, "epochs": 5, "decay": 0.0, "step": CIFAR_STEPS[network]}
    options |= {"alphas": [1.0, 10.0], "levels": [0.999, 1e-6], "cifar": verify.cifar_files(tmp_path), "device": "cpu"}
    found = train_on_cifar(network=network, stream=[0, 1, 2, 3], first=0, draws=1, **options)
    assert (found["loss"][0, :, 0] <= 0.999).all() and (found["moved"][0, :, 0] > 0).all()
    assert all(np.isnan(found[key][..., 1]).all() for key in ("accuracy", "moved", "flipped", "epoch", "loss"))
