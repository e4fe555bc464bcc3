"""Claims about the numerical methods on which the other claims rest."""
