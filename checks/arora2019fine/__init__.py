"""Claims of Arora, Du, Hu, Li, Wang, "Fine-Grained Analysis of Optimization and Generalization for Overparameterized Two-Layer
Neural Networks" (2019).
"""
