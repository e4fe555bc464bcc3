"""cnn-performance on drawn seeds, its controls, and what is said where PyTorch or CIFAR-10 is missing."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from checks.chizat2019lazy import cnn_activation_stability, cnn_performance, cnn_runs, tangent_kernel_spectrum
from checks.chizat2019lazy.cnn_performance import LARGE, SMALL, gap, levels_to
from checks.chizat2019lazy.cnn_runs import NEEDS_TORCH, collect_cifar, train_on_digits
from checks.claim import Run
from checks.running.sweep import Sweep
from checks.verdict import Verdict
from tests import examples
from tests.test_cifar10 import batches, write

CLAIMS = (cnn_performance, cnn_activation_stability, tangent_kernel_spectrum)
SETTING = {"n": 100, "width": 4, "epochs": 500, "device": "cpu"}
seeds = st.integers(0, 2**31)


def judged(first, count, level, **setting):
    runs = [
        [train_on_digits(seed=seed, alpha=alpha, levels=[level], **SETTING, **setting) for alpha in (SMALL, LARGE)]
        for seed in range(first, first + count)
    ]
    accuracy = np.array([[one["accuracy"] for one in pair] for pair in runs])
    return gap("", {"accuracy": accuracy}, level, 0.02)


@pytest.mark.claim("chizat2019lazy/cnn-performance")
@examples(1)
@given(first=seeds)
def test_lazy_training_is_less_accurate_at_the_same_training_loss(first):
    pytest.importorskip("torch", reason="needs PyTorch: pip install -e '.[cnn]'")
    assert judged(first, 16, 0.5).verdict is Verdict.SUPPORTED


@pytest.mark.claim("chizat2019lazy/cnn-performance")
@examples(2)
@given(seed=seeds)
def test_the_output_layer_alone_is_the_same_at_every_scale(seed):
    pytest.importorskip("torch", reason="needs PyTorch: pip install -e '.[cnn]'")
    found = judged(seed, 5, 0.8, trained="output")
    assert found.verdict is Verdict.REFUTED and abs(found.measured) < 0.005


@pytest.mark.claim("chizat2019lazy/cnn-performance")
@examples(1)
@given(first=seeds)
def test_noise_is_guessed_alike(first):
    pytest.importorskip("torch", reason="needs PyTorch: pip install -e '.[cnn]'")
    assert judged(first, 6, 0.5, labels="random").verdict is not Verdict.SUPPORTED


@pytest.mark.parametrize("module", CLAIMS, ids=lambda module: module.CLAIM.name)
def test_without_pytorch_the_claim_is_not_run_and_says_how_to_install_it(module, monkeypatch):
    monkeypatch.setattr(cnn_runs, "find_spec", lambda _: None)
    found = module.check(Run("quick", 0, Sweep()))
    assert found.verdict is found.control_verdict is Verdict.NOT_RUN
    assert found.hardest.part == NEEDS_TORCH and "pip install" in NEEDS_TORCH


@pytest.mark.parametrize("module", CLAIMS, ids=lambda module: module.CLAIM.name)
def test_the_full_tier_without_cifar_10_is_not_decided(module, monkeypatch):
    pytest.importorskip("torch", reason="needs PyTorch: pip install -e '.[cnn]'")
    monkeypatch.setattr(module, "collect", fake_collect)
    parts = [part for part in module.check(Run("full", 0, Sweep())).parts if "CIFAR-10" in part.part]
    assert len(parts) == 2 and {part.verdict for part in parts} == {Verdict.NOT_RUN}
    assert all("--cifar" in part.part for part in parts)


def fake_collect(run, *arguments, **setting):
    """Arrays of the right shape for every claim, whatever they say."""
    if arguments and isinstance(arguments[0], tuple):
        alphas, count, levels = arguments
        values = np.ones((count, len(alphas), len(levels))) / np.array(alphas)[:, None]
        return dict.fromkeys(("accuracy", "moved", "flipped"), values)
    return np.ones((arguments[0], 3, 100))


@pytest.mark.parametrize("network", cnn_runs.CIFAR_NETWORKS)
def test_networks_train_on_cifar_10_files(network, tmp_path, monkeypatch):
    pytest.importorskip("torch", reason="needs PyTorch: pip install -e '.[cnn]'")
    write(tmp_path, "binary", batches(n=2, n_test=5))
    monkeypatch.setattr(cnn_runs, "CIFAR", {"width": 2, "gain": 1.0, "batch": 5, "epochs": 5, "decay": 0.0})
    found = collect_cifar(Run("full", 0, Sweep(), cifar=tmp_path), network, (1.0, 10.0), 1, (0.999, 1e-6))
    assert (found["loss"][0, :, 0] <= 0.999).all() and (found["moved"][0, :, 0] > 0).all()
    assert all(np.isnan(found[key][..., 1]).all() for key in ("accuracy", "moved", "flipped", "epoch", "loss"))


def test_levels_go_down_to_the_one_that_is_judged():
    assert levels_to(0.1) == (0.5, 0.3, 0.1) and levels_to(0.8) == (0.8,)
