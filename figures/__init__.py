"""Figures of the claims, each drawn from data written beside it."""
