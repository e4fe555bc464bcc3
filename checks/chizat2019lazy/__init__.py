"""Claims of chizat2019lazy, one a module."""
