"""Hypothesis profiles: the default repeats the same draws everywhere, `deep` draws fresh ones and many."""

import os
from importlib import import_module
from pathlib import Path

from hypothesis import HealthCheck, settings
from hypothesis.database import DirectoryBasedExampleDatabase
from threadpoolctl import threadpool_limits

from command_start import require_own_packages
from tests import modules

require_own_packages()

settings.register_profile(
    "default", deadline=None, derandomize=True, max_examples=25, suppress_health_check=[HealthCheck.too_slow]
)
settings.register_profile(
    "deep",
    settings.get_profile("default"),
    derandomize=False,
    max_examples=200,
    database=DirectoryBasedExampleDatabase(Path(__file__).parents[1] / ".hypothesis" / "examples"),
    print_blob=True,
)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "default"))


def pytest_collection(session):
    """Import all modules and limit their threads, but not in the process that only hands out the tests."""
    if session.config.pluginmanager.hasplugin("dsession"):
        return
    # Hypothesis draws constants of the modules imported so far: with all of them imported, the draws of a test do not depend
    # on which tests run beside it.
    for name in modules():
        import_module(name)
    threadpool_limits(1)  # pytest runs one process a processor


def pytest_collection_modifyitems(config, items):
    """Leave out slow tests unless ``-m`` speaks of them."""
    slow = [item for item in items if item.get_closest_marker("slow")]
    if slow and "slow" not in config.option.markexpr:
        config.hook.pytest_deselected(items=slow)
        items[:] = [item for item in items if item not in slow]


def pytest_itemcollected(item):
    """Let ``pytest -k LABEL`` select the tests of a claim."""
    for mark in item.iter_markers("claim"):
        item.extra_keyword_matches.add(mark.args[0])
