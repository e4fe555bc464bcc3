"""Finite-width side: weights, forward pass and Gram matrices. Nothing here knows an infinite-width formula."""

from kernels.gram import layer_grams
from kernels.network import Parameters, forward, init_parameters

__all__ = ["Parameters", "forward", "init_parameters", "layer_grams"]
