"""Claims of Li, Luo, Zhou, "Demystifying Lazy Training of Neural Networks from a Macroscopic Viewpoint" (2024)."""
