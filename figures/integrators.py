"""Displacement error against evaluations of gradient flow, of descent, and of other integrators, on two stiff problems."""

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure

from benchmarks.flow import METHODS, by_scipy, displacement_error, make_problem
from checks.claim import Run
from figures.style import GREYS, MARKERS

CAPTION = (
    "Claim numerics/oracle-agreement. Relative displacement error ‖θ_T − θ_T^ref‖/‖θ_T^ref − θ_0‖ against evaluations of the "
    "gradient; reference: DOP853 at 1e-10. P1: n = 32, d = 3, one hidden layer, m = 1024; P2: n = 32, d = 6, two hidden "
    "layers, m = 256; tanh, κ = √m, up to T = min(3/λ_min, 2·10⁴/λ_max). Each point is one tolerance, for Euler one number "
    "of steps."
)
PROBLEMS = ("P1", "P2")
COLUMNS = ("problem", "method", "setting", "evaluations", "error")
SETTINGS = {
    "gradient_flow": (1e-1, 1e-2, 1e-3, 1e-4, 1e-5),
    "ETD2RK": (1e-1, 1e-2, 1e-3, 1e-4),
    "RKC2": (1e-2, 1e-3, 1e-4, 1e-5),
    "RK45": (1e-3, 1e-2, 1e-4),
    "DOP853": (1e-3, 1e-2, 1e-5),
    "Euler": (1.2, 0.6, 2.4),  # steps over T λ_max
}
EXPLICIT, EXPLICIT_SETTINGS = ("RK45", "DOP853", "Euler"), {"quick": 1, "standard": 3, "full": 3}
NAMES = {"gradient_flow": "exponential, order 3", "Euler": "Euler (descent)"}


def reference(*, problem: str, seed: int) -> dict[str, np.ndarray]:
    """The end of the flow by DOP853 at 1e-10."""
    end, evaluations = by_scipy(make_problem(problem, seed), 1e-10, "DOP853")
    return {"end": end, "evaluations": np.array(evaluations)}


def solution(*, problem: str, seed: int, method: str, setting: float) -> dict[str, np.ndarray]:
    """The end of the flow by one method."""
    flow = make_problem(problem, seed)
    if method == "Euler":
        setting = setting * flow.t_end * flow.radius(flow.flat) + 1
    end, evaluations = METHODS[method](flow, setting)
    return {"end": end, "evaluations": np.array(evaluations)}


def compute(run: Run) -> np.ndarray:
    """Structured array with `COLUMNS`, one row a problem, method and setting."""
    cells = [
        {"problem": problem, "seed": run.seed, "method": method, "setting": setting}
        for problem in PROBLEMS
        for method, settings in SETTINGS.items()
        for setting in sorted(settings[: EXPLICIT_SETTINGS[run.tier]] if method in EXPLICIT else settings)
    ]
    references = run.sweep.run(
        reference, [{"problem": problem, "seed": run.seed} for problem in PROBLEMS], "references"
    )
    ends = dict(zip(PROBLEMS, references, strict=True))
    rows = []
    with np.errstate(over="ignore", invalid="ignore"):  # methods beyond their stability
        for cell, found in zip(cells, run.sweep.run(solution, cells, "integrators"), strict=True):
            flow = make_problem(cell["problem"], cell["seed"])
            error = displacement_error(flow, found["end"], ends[cell["problem"]]["end"])
            rows.append((cell["problem"], cell["method"], cell["setting"], int(found["evaluations"]), error))
    return np.array(rows, dtype=list(zip(COLUMNS, ["U4", "U16", float, int, float], strict=True)))


def draw(table: np.ndarray) -> Figure:
    """One panel a problem."""
    problems = list(dict.fromkeys(table["problem"].tolist()))
    figure, panels = plt.subplots(1, len(problems), figsize=(7.2, 3.3), sharey=True, squeeze=False)
    for problem, panel in zip(problems, panels[0], strict=True):
        for k, method in enumerate(dict.fromkeys(table["method"].tolist())):
            own = table[(table["problem"] == problem) & (table["method"] == method) & (table["error"] < 1)]
            panel.plot(
                own["evaluations"],
                own["error"],
                marker=MARKERS[k],
                color=GREYS[k],
                markerfacecolor=GREYS[k] if k % 2 == 0 else "white",
                label=NAMES.get(method, method),
            )
        panel.set(xscale="log", yscale="log", xlabel="evaluations of the gradient", title=problem)
    panels[0][0].set_ylabel("relative displacement error")
    figure.legend(*panels[0][0].get_legend_handles_labels(), loc="lower center", ncols=len(SETTINGS))
    figure.tight_layout(rect=(0, 0.05, 1, 1))
    return figure
