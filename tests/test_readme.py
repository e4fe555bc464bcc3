"""The examples of the README run, in order, and say what stands beside them."""

import re
from pathlib import Path

import numpy as np
import pytest

TEXT = Path(__file__).parents[1].joinpath("README.md").read_text("utf-8")
BLOCKS = [block for block in re.findall(r"```python\n(.*?)```", TEXT, re.S) if "SLURM" not in block]  # see test_runs.py


@pytest.fixture(scope="module")
def names():
    """What is defined after all blocks have run in one interpreter, as a reader would run them."""
    found = {}
    for block in BLOCKS:
        exec(block, found)
    return found


def test_the_normalised_network_of_he_weights_trains_with_its_largest_step(names):
    assert names["net"].kappa == pytest.approx(28.62, abs=0.01) and names["net"].layer_rates == pytest.approx(
        [5, 512, 512]
    )
    assert names["step"] == pytest.approx(6.3318e-4, rel=1e-4)
    run = names["run"]
    assert run.status == "all steps taken" and (np.diff(run.losses) < 0).all()
    assert run.losses[0] == pytest.approx(0.5) and run.losses[-1] == pytest.approx(0.30, abs=0.01)


def test_the_kernel_of_equal_rates_would_diverge_and_decay_too_slowly(names):
    """λ and λ_max of Σ_l K^l: a step 467 times too long, a rate 186 times too small."""
    layers = names["limit_grams"](names["X"], hidden_layers=2, activation="relu").layers
    wrong, right = np.linalg.eigvalsh(layers.sum(axis=0)), names["values"]
    step = names["largest_step"](names["net"].kappa, 1024, 442, wrong[-1])
    assert step == pytest.approx(0.296, abs=5e-4) and right[0] / wrong[0] == pytest.approx(186, abs=0.5)
    with pytest.raises(ValueError, match=r"`step` must be at most 0.001266, beyond which"):
        names["descent_factor"](step, names["net"].kappa, 1024, 442, right[0], largest=right[-1])
    run = names["gradient_descent"](names["params"], names["X"], names["y"], step=step, steps=8, **names["rated"])
    assert run.status == "diverged: the loss is not finite after 5 steps"
