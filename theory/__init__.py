"""Analytic side: infinite-width kernels and bounds. Nothing is drawn at random and no width is finite here."""

from theory.ball_kernels import certified_kernel_min_eigenvalue
from theory.certificates import Certificate, certified_min_eigenvalue
from theory.eigenvalue_bounds import (
    first_layer_failure_bound,
    kernel_failure_bound,
    last_layer_failure_bound,
    min_eigenvalue_lower_bound,
    separation_lower_bound,
    sufficient_kernel_width,
    sufficient_width,
)
from theory.gram_fluctuations import gram_fluctuations
from theory.gram_limits import LimitGrams, LimitKernels, limit_grams
from theory.kernel_regression import KernelRegression, kernel_regression
from theory.linearized_flow import LinearizedFlow, linearized_flow
from theory.quadrature import dual_activation

__all__ = [
    "Certificate",
    "KernelRegression",
    "LimitGrams",
    "LimitKernels",
    "LinearizedFlow",
    "certified_kernel_min_eigenvalue",
    "certified_min_eigenvalue",
    "dual_activation",
    "first_layer_failure_bound",
    "gram_fluctuations",
    "kernel_failure_bound",
    "kernel_regression",
    "last_layer_failure_bound",
    "limit_grams",
    "linearized_flow",
    "min_eigenvalue_lower_bound",
    "separation_lower_bound",
    "sufficient_kernel_width",
    "sufficient_width",
]
