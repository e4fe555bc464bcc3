"""Claims, judges, sweeps and the claims table."""

from checks.version import __version__

__all__ = ["__version__"]
