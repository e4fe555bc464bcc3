"""Claims, judges, sweeps and the claims table."""

__version__ = "1.0.0"
