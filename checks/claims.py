"""All claims, in the order of the papers."""

from checks.claim import Claim
from checks.li2024demystifying import gram_limit, limit_positive_definite, min_eigenvalue, ntk_special_case

CLAIMS: tuple[Claim, ...] = (
    gram_limit.CLAIM,
    limit_positive_definite.CLAIM,
    min_eigenvalue.CLAIM,
    ntk_special_case.CLAIM,
)
