"""two-layer-width: a sum of m units scaled by α(m) is lazy if mα(m) → ∞."""

from collections.abc import Iterator

import numpy as np

from checks.claim import Claim, Findings, Run
from checks.inequality import inequality
from checks.rate_fit import rate_fit
from checks.running.sweep import Arrays
from checks.verdict import Evidence
from theory.width_bounds import width_bound, width_exponent

BETAS = (0.5, 0.75, 1.0)
WIDTHS = {
    "quick": [2**k for k in range(8, 14)],
    "standard": [2**k for k in range(8, 15)],
    "full": [2**k for k in range(8, 17)],
}
# inputs, output weights, paired; of all three tiers the unpaired have the noise of h_m(w_0) and more seeds
CASES = {
    "quick": (("orthonormal", "signs", True), ("plane", "uniform", True), ("orthonormal", "signs", False)),
    "standard": tuple(
        (kind, output, paired)
        for kind in ("orthonormal", "plane")
        for output, paired in (("signs", True), ("uniform", True), ("signs", False))
    ),
}
CASES["full"] = CASES["standard"]
SEEDS = {"quick": {True: 16, False: 64}, "standard": {True: 16, False: 64}, "full": {True: 48, False: 256}}
MARGIN = 0.08
DATA = {"orthonormal": (4, 4), "plane": (4, 2)}  # samples and dimension
ANGLES = 64
# a non-negative trigonometric polynomial of degree 2 stays below this times its largest value at `ANGLES` even angles
PEAK = 1 / np.cos(2 * np.pi / ANGLES)


def samples(kind: str, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Inputs (N, d), orthonormal or in the plane, and targets (N,) with ‖y*‖ = 1."""
    rng, (N, d) = np.random.default_rng([seed, 5]), DATA[kind]
    X = np.eye(N) if kind == "orthonormal" else rng.normal(size=(N, d))
    y = rng.normal(size=N)
    return X, y / np.linalg.norm(y)


def units(seed: int, m: int, d: int, output: str, paired: bool) -> tuple[np.ndarray, np.ndarray]:
    """w (m, d) normal and a (m,), signs or uniform on [−1, 1]; ``paired``: (w, a) and (w, −a)."""
    rng, size = np.random.default_rng([seed, m]), m // 2 if paired else m
    W = rng.normal(size=(size, d))
    a = rng.choice([-1.0, 1.0], size=size) if output == "signs" else rng.uniform(-1, 1, size=size)
    return (np.vstack([W, W]), np.concatenate([a, -a])) if paired else (W, a)


def curvatures(X: np.ndarray, W: np.ndarray, a: np.ndarray) -> np.ndarray:
    """Upper bounds (m,) on ‖D²φ(w_i)‖, φ(w) = (a tanh(w·x_j))_j; exact for orthonormal rows, to 0.25 % in the plane.

    ‖D²φ‖² = a² max_u Σ_j σ''(w·x_j)²(x_j·u)⁴ over unit vectors u: by Cauchy-Schwarz u = v is the worst pair. The maximum of a
    convex function of the (x_j·u)² is at a vertex for orthonormal x_j, and in the plane it is that of a trigonometric
    polynomial of degree 2 in twice the angle.
    """
    t = np.tanh(W @ X.T)
    squares = (2 * t * (1 - t**2)) ** 2
    if X.shape[1] > 2:
        return np.abs(a) * np.sqrt(squares.max(axis=1))
    angles = np.pi * np.arange(ANGLES) / ANGLES
    fourth = (X @ np.stack([np.cos(angles), np.sin(angles)])) ** 4
    return np.abs(a) * np.sqrt(PEAK * (squares @ fourth).max(axis=1))


def relative_scales(
    *, kind: str, output: str, paired: bool, widths: list[int], first_seed: int, seeds: int
) -> dict[str, np.ndarray]:
    """κ of h_m = m^{−β} Σ_i φ(w_i) for every β of `BETAS`, seed and width, (betas, seeds, widths); and ``ratio``, κ over
    its bound."""
    found = {key: np.empty((len(BETAS), seeds, len(widths))) for key in ("kappa", "ratio")}
    for s, w in np.ndindex(seeds, len(widths)):
        (X, y), m = samples(kind, first_seed + s), widths[w]
        W, a = units(first_seed + s, m, X.shape[1], output, paired)
        t = np.tanh(W @ X.T)
        slopes, total = a[:, None] * (1 - t**2), np.zeros(len(X)) if paired else a @ t
        kernel = np.linalg.norm((slopes.T @ slopes) / m * (X @ X.T), 2)
        curvature = curvatures(X, W, a).max()
        for b, beta in enumerate(BETAS):
            alpha = m**-beta
            kappa = np.linalg.norm(alpha * total - y) * alpha * curvature / (alpha**2 * m * kernel)
            spread = float(np.linalg.norm(total)) / np.sqrt(m)
            found["kappa"][b, s, w] = kappa
            found["ratio"][b, s, w] = kappa / width_bound(m, alpha, curvature, kernel, 1.0, spread)
    return found


def collect(run: Run, kind: str, output: str, paired: bool) -> Arrays:
    """`relative_scales` of the tier, in cells of a quarter of the seeds."""
    widths, size = WIDTHS[run.tier], SEEDS[run.tier][paired] // 4
    design = {"kind": kind, "output": output, "paired": paired, "widths": widths, "seeds": size}
    cells = [{**design, "first_seed": (run.seed << 16) + k * size} for k in range(4)]
    results = run.sweep.run(relative_scales, cells, "two-layer-width")
    return {key: np.concatenate([part[key] for part in results], axis=1) for key in results[0]}


def slope_parts(run: Run) -> Iterator[tuple[Evidence, Evidence | None]]:
    """Exponents of κ in m; control: the exponent −1/2 of α = m^{−1/2} for α = 1/m."""
    widths = WIDTHS[run.tier]
    for kind, output, paired in CASES[run.tier]:
        found = collect(run, kind, output, paired)
        for beta, values in zip(BETAS, found["kappa"], strict=True):
            name = f"α = m^−{beta:g} · {kind} · {output}{' · paired' if paired else ''}"
            exponent = width_exponent(beta)
            part = f"slope {exponent:g} · {name}" if paired else f"slope at most {exponent:g} · {name}"
            judged = rate_fit(part, widths, values, predicted=exponent, margin=MARGIN, one_sided=not paired)
            wrong = f"lazy with slope −0.5 · {name}"
            control = (
                rate_fit(wrong, widths, values, predicted=-0.5, margin=MARGIN, one_sided=True) if beta == 1 else None
            )
            yield judged, control
        yield (
            inequality(f"κ ≤ bound · {kind} · {output}{' · paired' if paired else ''}", found["ratio"].max(), 1.0),
            None,
        )


def check(run: Run) -> Findings:
    """Exponents and bound, with the controls."""
    pairs = list(slope_parts(run))
    return Findings([part for part, _ in pairs], [control for _, control in pairs if control is not None])


CLAIM = Claim(
    paper="chizat2019lazy",
    name="two-layer-width",
    source="Section 1.2 and Appendix A.2 of arXiv:1812.07956; proof in docs/theory.md",
    statement=(
        "h_m = α(m) Σ_{i≤m} φ(θ_i) with Eφ(θ_i) = 0: E κ_{h_m}(w_0) ≤ C(m^{−1/2} + 1/(mα(m))), so κ → 0 if mα(m) → ∞; for "
        "paired units κ is of order 1/(mα(m))"
    ),
    assumptions="units independent but for pairs, D²φ bounded, here tanh and output weights in [−1, 1] that are not trained",
    predicted="slopes of κ in m −1/2, −1/4, 0 for α = m^{−1/2}, m^{−3/4}, 1/m, unpaired at most these; κ ≤ bound",
    judge=(
        "exact norms, 4 orthonormal inputs or 4 in the plane; m = 2⁸ to 2¹³ (quick), 2¹⁴, 2¹⁶; 16, 16 or 48 seeds, unpaired "
        "64, 64 or 256; margin 0.08: max_i ‖D²φ(θ_i)‖ still grows a little with m, the slopes differ by 0.25"
    ),
    control="α = 1/m judged as lazy, slope at most −1/2",
    figure="relative_scale_width",
    check=check,
)
