"""All claims, in the order of the papers."""

from checks.claim import Claim
from checks.li2024demystifying import gram_limit, ntk_special_case

CLAIMS: tuple[Claim, ...] = (gram_limit.CLAIM, ntk_special_case.CLAIM)
