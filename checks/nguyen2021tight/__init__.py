"""Claims of Nguyen et al., "Tight Bounds on the Smallest Eigenvalue of the NTK for Deep ReLU Networks" (2021)."""
