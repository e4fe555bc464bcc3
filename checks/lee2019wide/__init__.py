"""Claims of Lee et al., "Wide Neural Networks of Any Depth Evolve as Linear Models Under Gradient Descent" (2019)."""
