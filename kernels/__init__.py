"""Finite-width side: weights, forward pass and Gram matrices. Nothing here knows an infinite-width formula."""

from kernels.gram import layer_grams
from kernels.network import Parameters, StreamedParameters, forward, init_parameters
from kernels.training import Trajectory, gradient_descent, gradient_flow

__all__ = [
    "Parameters",
    "StreamedParameters",
    "Trajectory",
    "forward",
    "gradient_descent",
    "gradient_flow",
    "init_parameters",
    "layer_grams",
]
