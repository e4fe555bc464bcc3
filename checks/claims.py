"""All claims, in the order of the papers, those about the numerical methods last."""

from checks.claim import Claim
from checks.li2024demystifying import gram_limit, limit_positive_definite, min_eigenvalue, ntk_special_case
from checks.numerics import oracle_agreement

CLAIMS: tuple[Claim, ...] = (
    gram_limit.CLAIM,
    limit_positive_definite.CLAIM,
    min_eigenvalue.CLAIM,
    ntk_special_case.CLAIM,
    oracle_agreement.CLAIM,
)
