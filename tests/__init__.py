"""Tests. Hypothesis draws configurations; `examples` sets how many."""

import os
from importlib import import_module
from importlib.util import find_spec
from pkgutil import walk_packages

import pytest
from hypothesis import settings

needs_cnn = pytest.mark.skipif(
    not (find_spec("torch") and find_spec("mlxtend")), reason="needs PyTorch and mlxtend: pip install -e '.[cnn]'"
)
DEEP = os.environ.get("HYPOTHESIS_PROFILE") == "deep"


def examples(count):
    """Settings with ``count`` examples, 40 times as many in the deep profile."""
    return settings(max_examples=40 * count if DEEP else count)


def modules():
    """Names of all our modules that can be imported here: two of `kernels` need PyTorch."""
    for package in ("theory", "kernels", "checks", "figures", "benchmarks"):
        for module in walk_packages(import_module(package).__path__, f"{package}."):
            if find_spec("torch") or module.name not in ("kernels.cnn", "kernels.torch_model"):
                yield module.name
