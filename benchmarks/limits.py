"""`limit_grams` of inputs with large norms against the same inputs with unit norms."""

import numpy as np
from rich.console import Console
from rich.progress import track
from rich.table import Table

from benchmarks.pairs import interleaved
from theory import limit_grams

TARGET = 10.0
ACTIVATIONS, NORMS = ("tanh", "sigmoid", "softplus"), (10.0, 1e4)


def run(*, n: int, d: int, L: int, repeats: int) -> list[dict]:
    """Median seconds and median ratio of the interleaved pairs for every activation and norm."""
    X = np.random.default_rng(0).normal(size=(n, d))
    X /= np.linalg.norm(X, axis=1, keepdims=True)
    cases, rows = [(name, norm) for name in ACTIVATIONS for norm in NORMS], []
    for name, norm in track(cases, description="limit_grams", console=Console(stderr=True)):
        options = {"hidden_layers": L, "activation": name}
        large, unit = interleaved(
            lambda norm=norm, options=options: limit_grams(norm * X, **options),
            lambda options=options: limit_grams(X, **options),
            repeats,
        )
        medians = {"large": np.median(large), "unit": np.median(unit), "ratio": np.median(large / unit)}
        rows.append({"activation": name, "norm": norm, **medians})
    return rows


def report(rows: list[dict], *, n: int, d: int, L: int, repeats: int) -> None:
    """Print the medians, and the ratio against its target."""
    table = Table(title=f"limit_grams, n = {n}, d = {d}, L = {L}, {repeats} pairs, seconds")
    for name in ("activation", "norm", "large norms", "unit norms", f"ratio (at most {TARGET:g})"):
        table.add_column(name)
    for row in rows:
        table.add_row(row["activation"], f"{row['norm']:g}", *(f"{row[key]:.3g}" for key in ("large", "unit", "ratio")))
    Console().print(table)
