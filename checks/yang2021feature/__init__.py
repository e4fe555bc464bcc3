"""Claims of Yang, Hu, "Tensor Programs IV: Feature Learning in Infinite-Width Neural Networks" (2021)."""
