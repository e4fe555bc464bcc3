"""Claims, judges, sweeps and the claims table."""
