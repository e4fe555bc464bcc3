"""Cells: module-level functions from plain JSON to named arrays. They import theory and kernels and nothing else of ours."""
