"""Judge of positive definiteness: a proof of λ_min > 0 on one side, a vector that shows λ_min = 0 on the other."""

import numpy as np

from checks.verdict import Evidence, Verdict
from theory import Certificate

ROUNDING = 1e-12
"""Rayleigh quotients below this, relative to the largest diagonal entry, are zero but for rounding."""


def positivity(part: str, certificate: Certificate, K: np.ndarray, vector: np.ndarray | None = None) -> Evidence:
    """Judge λ_min(K) > 0.

    SUPPORTED if ``certificate`` proves it. REFUTED if it does not and ``vector`` (n,), a candidate null vector, has a
    Rayleigh quotient vᵀKv/|v|², an upper bound on λ_min, of at most 1e-12 of the largest diagonal entry. Otherwise
    INCONCLUSIVE: that nothing was proved is no refutation. ``measured`` is the proved bound.
    """
    quotient = np.inf if vector is None else float(vector @ K @ vector / (vector @ vector))
    verdict, note = Verdict.INCONCLUSIVE, certificate.method
    if certificate.certified:
        verdict = Verdict.SUPPORTED
    elif quotient <= ROUNDING * np.diagonal(K).max():
        verdict, note = Verdict.REFUTED, f"{certificate.method}; a vector has Rayleigh quotient {quotient:.1e}"
    refutation = 0.0 if verdict is Verdict.REFUTED else 1.0
    return Evidence(part, verdict, 0.0, certificate.lower, refutation=refutation, note=note)
