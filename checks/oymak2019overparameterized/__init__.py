"""Claims of Oymak, Soltanolkotabi, "Overparameterized Nonlinear Learning: Gradient Descent Takes the Shortest Path?" (2019)."""
