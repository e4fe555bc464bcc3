"""Tests. Hypothesis draws configurations; `examples` sets how many."""

import os

from hypothesis import settings

DEEP = os.environ.get("HYPOTHESIS_PROFILE") == "deep"


def examples(count):
    """Settings with ``count`` examples, 40 times as many in the deep profile."""
    return settings(max_examples=40 * count if DEEP else count)
