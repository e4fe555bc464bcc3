"""Judge of positive definiteness: a proof of λ_min > 0 on one side, a vector that shows λ_min = 0 on the other."""

import math
from dataclasses import dataclass

import numpy as np

from checks.judges.reading import Proof
from checks.verdict import Evidence, Verdict

ROUNDING = 1e-12
"""Rayleigh quotients below this, relative to the largest diagonal entry, are zero but for rounding."""


@dataclass(frozen=True)
class Positive:
    """λ_min > 0 is proved.

    SUPPORTED if the proved lower bound is positive and no candidate null vector contradicts it. REFUTED if it is not positive
    and a candidate null vector v has a Rayleigh quotient vᵀKv/|v|², an upper bound on λ_min, of at most 1e−12 of the largest
    diagonal entry. Otherwise INCONCLUSIVE: that nothing was proved is no refutation. ``measured`` is the proved bound; the
    resolution is the factor between the least Rayleigh quotient that is known and the proved bound.
    """

    side = "≥"
    random = False

    def __str__(self) -> str:
        return f"a proved lower bound above 0; refuted by a vector with a Rayleigh quotient below {ROUNDING:g} of the diagonal"

    def __call__(self, reading: Proof, *, looks: int = 1, control: bool = False) -> Evidence:
        """Evidence of one case."""
        K, v, lower = reading.matrix, reading.vector, float(reading.lower)
        quotient = np.inf if v is None else float(v @ K @ v / (v @ v))
        verdict, note, zero = Verdict.INCONCLUSIVE, reading.method, ROUNDING * np.diagonal(K).max()
        if not (np.isfinite(K).all() and quotient >= lower - zero):
            note = f"{reading.method}; the bound {lower:.1e} is contradicted by a Rayleigh quotient {quotient:.1e}"
        elif 0 < lower < math.inf:
            verdict = Verdict.SUPPORTED
        elif quotient <= zero:
            verdict, note = Verdict.REFUTED, f"{reading.method}; a vector has Rayleigh quotient {quotient:.1e}"
        refutation = 0.0 if verdict is Verdict.REFUTED else 1.0
        resolution = float(np.linalg.eigvalsh(K)[0]) / lower if verdict is Verdict.SUPPORTED else math.inf
        strain = 1 - 1 / resolution if 1 <= resolution < math.inf else 0.0 if verdict is Verdict.SUPPORTED else math.inf
        return Evidence(
            "",
            verdict,
            0.0,
            lower,
            refutation=refutation,
            note=note,
            side=self.side,
            strain=strain,
            resolution=resolution,
        )
