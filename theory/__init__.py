"""Analytic side: infinite-width kernels and bounds. Nothing is drawn at random and no width is finite here."""

from theory.gram_fluctuations import gram_fluctuations
from theory.gram_limits import LimitGrams, limit_grams
from theory.quadrature import dual_activation

__all__ = ["LimitGrams", "dual_activation", "gram_fluctuations", "limit_grams"]
