"""A forecast in words: one fact a line, each with how it is known."""

import numpy as np

from checks.forecast.limits import GOAL, WIDEST, Limits
from checks.forecast.measured import Measured
from checks.forecast.prediction import CRITICAL, HELD, LAZY, MODES, STEP, VALID_KERNEL, Forecast, Network
from checks.forecast.scored import BANDS, unscored
from checks.forecast.subsample import Spread
from checks.forecast.user_data import UserData
from kernels.models import CountedWeights

ROWS, SHOWN = 5, 5  # rows that are named at most, and layers that are compared
NEXT = "what next: --train shows what it does; a larger --loss asks for less of the way"
LAZIER = "; its outputs times 16 or 64, with --centred, are a lazier module; more width or fewer rows change little"
LABEL, MODULES = "numerics/forecast", "numerics/module-forecast"


def lines(
    source: str,
    data: UserData,
    network: Network,
    layers: list[str],
    found: Forecast,
    wide: Limits,
    parts: tuple[Spread, Spread] | None,
) -> list[tuple[str, str]]:
    """(heading, sentence) of the data, the regime, the forecast, wider networks and learning."""
    lazier = "" if wide.width is None and wide.kappa is None else "; the line wider tells which network would be lazy"
    return [
        ("data", f"{source}: " + "; ".join(data.notes)),
        *(("", sentence) for sentence in _of_data(data, found, wide)),
        *_headed("rows", _of_rows(data, parts)),
        ("network", _of_network(network)),
        ("regime", _of_regime(found, "drift per neuron", layers)),
        *_headed("forecast", _of_forecast(found, unscored(network, len(data.X), found.loss_ratio), lazier)),
        *_headed("wider", _of_width(network, wide)),
        *_headed("learning", _of_learning(found, wide)),
    ]


def _headed(heading: str, sentences: list[str]) -> list[tuple[str, str]]:
    return [(heading if k == 0 else "", sentence) for k, sentence in enumerate(sentences)]


def _of_rows(data: UserData, parts: tuple[Spread, Spread] | None) -> list[str]:
    """What a part of the rows says of all: how other parts differ, and which of its numbers are bounds."""
    if parts is None:
        return []
    others, halves = parts
    return [
        f"{len(data.rows)} of {len(data.table[0])}; {len(others.time)} other draws of as many: {_ranges(others)} [measured: a "
        "spread, no bound]",
        f"half as many, two times {halves.rows} of these: {_ranges(halves)} [measured: what their number does]",
        "the least eigenvalues of these rows are upper bounds of those of all rows, K and network alike (Cauchy interlacing) "
        "[proved]; what is above them holds for these rows alone",
    ]


def _ranges(part: Spread) -> str:
    """Least and largest of each number; those of draws without a forecast are NaN."""
    values = {
        "drift": part.drift,
        "largest change of a layer": part.largest_change,
        "time": part.time,
        "largest stable step": part.largest_step,
        "λ_max of the network's kernel": part.largest,
        "λ_min": part.least,
    }
    known = np.isfinite(part.time)
    lost = f"{(~known).sum()} without a forecast; " if not known.all() else ""
    ends = [f"{name} {own[known].min():.3g} to {own[known].max():.3g}" for name, own in values.items() if known.any()]
    return lost + ", ".join(ends)


def _of_data(data: UserData, found: Forecast, wide: Limits) -> list[str]:
    X, y = data.X, data.y
    norms = np.linalg.norm(X, axis=1)
    said = [f"lengths of rows {norms.min():.3g} to {norms.max():.3g}"]
    _, first, place, counts = np.unique(X, axis=0, return_index=True, return_inverse=True, return_counts=True)
    doubles = int((counts > 1).sum())
    if doubles:
        ranges = [np.ptp(y[place.ravel() == k]) for k in np.flatnonzero(counts > 1)]
        worst = first[np.flatnonzero(counts > 1)[int(np.argmax(ranges))]]
        said.append(
            f"{doubles} rows occur more than once, with one target each: harmless, K is singular but nothing has to move there"
            if max(ranges) == 0
            else f"{doubles} rows occur more than once, row {data.rows[worst]}, counted from 0, with targets that differ by "
            f"{max(ranges):.3g}: the loss cannot fall to 0"
        )
    said.append(
        f"limit kernel K: λ_min {wide.least:.3g}, above {_down(wide.certified)} [proved], condition number {wide.condition:.3g}"
        if wide.certified > 0
        else f"limit kernel K: λ_min {wide.least:.3g}, not certified to be positive"
        + (f", condition number {wide.condition:.3g}" if np.isfinite(wide.condition) else ": singular to rounding")
    )
    rows = ", ".join(map(str, data.rows[found.least_rows[:ROWS]])) + (" …" if len(found.least_rows) > ROWS else "")
    said.append(
        f"{len(found.least_rows)} {'rows hold' if len(found.least_rows) > 1 else 'row holds'} {100 * HELD:g} % of the least "
        f"eigenvector of the network's kernel: {rows}, counted from 0 [measured]"
        if found.null_modes < 2
        else f"{found.null_modes} modes of the network's kernel are 0 to rounding: nothing moves there [measured]"
    )
    return said


def _down(x: float) -> str:
    """x > 0 to three digits, never more than x."""
    unit = 10.0 ** (np.floor(np.log10(x)) - 2)
    return f"{np.floor(x / unit) * unit:.3g}"


def _of_network(network: Network) -> str:
    L, m = network.params.hidden_layers, network.params.width
    scheme = network.scheme if isinstance(network.scheme, str) else "β = " + ", ".join(map(str, network.scheme))
    return f"{L} hidden layer{'s' * (L > 1)} of {m} {network.activation} neurons, no biases, {scheme}"


def _of_regime(found: Forecast, what: str, names: list[str]) -> str:
    largest = float(found.layer_changes.max())
    layers = ", ".join(f"{change:.2g}" for change in found.layer_changes)
    if len(names) > SHOWN:
        layers = f"{largest:.2g} and less, {names[int(found.layer_changes.argmax())]} most,"
    if found.linear:
        return (
            "LAZY: the tangent kernel does not change, to rounding: it is its own linearisation, however far its weights go; "
            f"layers change by {layers} of their size (that alone: {found.per_layer}), {what} {found.drift:.2g} [derived]"
        )
    where = {
        "lazy": f"below {LAZY:g}: lazy by this measure",
        "critical": f"above {LAZY:g}, below which a network is lazy, and below {CRITICAL:g}, from which on it is not",
        "not lazy": f"not below {CRITICAL:g}: not lazy by this measure",
    }[found.regime]
    alone = "" if found.per_neuron == found.regime else f", which alone would be {found.per_neuron}"
    return (
        f"{found.regime.upper()}: layers change by {layers} of their size, and {largest:.3g} is {where}; "
        f"{what} {found.drift:.2g}{alone} [derived]"
    )


def _of_forecast(found: Forecast, missing: list[str], lazier: str) -> list[str]:
    """``missing``: what the claim has not scored, in words; ``lazier``: what would be valid."""
    goal = f"{found.loss_ratio:.3g} of the loss at the start"
    said = (
        [] if found.reached else [f"{found.hidden:.2g} of the loss is where nothing can move: looked at down to {goal}"]
    )
    right = f"the two paths agree; not scored for {', '.join(missing)} [derived]"
    if not missing:
        right = (
            "the two paths agree; of networks like this three in four had drift right to "
            f"{100 * BANDS['drift'] - 100:.0f} %, kernel change and time to a factor of {BANDS['kernel']:g} [measured, {LABEL}]"
        )
    small = found.kernel_change < VALID_KERNEL
    why = "the losses of its two paths differ" if small else f"kernel change {found.kernel_change:.2g}"
    said.append(
        f"down to {goal}, valid: {right}"
        if found.valid
        else f"down to {goal}, NOT VALID ({why}): regime and forecast are hints, training may go elsewhere"
    )
    if not found.valid:
        said.append(NEXT + lazier)
    said.append(
        f"kernel change {found.kernel_change:.2g}, outputs end {found.distance:.2g} of "
        "the residual at the start from the linearised ones [derived]"
    )
    if found.start:
        said.append(
            f"outputs at the start {found.start:.2g} of the targets: {goal} is {_left(found):.2g} of the targets' square"
        )
    return said


def _left(found: Forecast) -> float:
    """Mean square of f − y at the end over that of y, the loss counts f_0 too."""
    return found.loss_ratio * found.residual**2


def _of_width(network: Network, wide: Limits) -> list[str]:
    width = (
        "no prediction: no limit kernel for this scheme and σ, or it cannot lower the loss"
        if not wide.limit
        else f"no width below {WIDEST:.0e} does it, κ must grow with m [derived]"
        if wide.width is None
        else f"m = {wide.width} by the leading order [derived]"
    )
    said = [f"no layer changes by more than {100 * GOAL:g} %, f_0 taken off: {width}"]
    if wide.kappa is not None:
        said[0] += f"; at this width κ = {wide.kappa:.3g}, it has {network.kappa:.3g} [derived]"
    return [*said, f"guaranteed: {wide.theorem}"]


def _of_learning(found: Forecast, wide: Limits) -> list[str]:
    term = f"generalisation term √(2yᵀK⁻¹y/n), N(0, 1) weights, one rate, f_0 taken off: {wide.generalisation:.3g} [derived]"
    none = "no generalisation term: K cannot tell rows apart that have different targets"
    return [*_of_steps(found), term if np.isfinite(wide.generalisation) else none]


def _of_steps(found: Forecast) -> list[str]:
    shares = ", ".join(f"{found.loss_shares[-k:].sum():.2f}" for k in MODES)
    return [
        f"largest stable step {found.largest_step:.4g}: linear stability, 2n/λ_max of the kernel at the start [derived]",
        f"at {STEP:g} of it {found.steps} step{'s' * (found.steps != 1)}, in time {found.time:.4g} [derived]",
        f"share of the loss in the {', '.join(map(str, MODES))} fastest modes: {shares} [measured]",
    ]


def lines_of_module(
    source: str,
    data: UserData,
    name: str,
    model: CountedWeights,
    layers: list[str],
    found: Forecast,
    scale: float,
    parts: tuple[Spread, Spread] | None,
) -> list[tuple[str, str]]:
    """(heading, sentence) for a module: its kernel, regime, forecast, criterion κ and step."""
    outputs = f"{model.outputs} output{'s' * (model.outputs > 1)}"
    least, largest = found.eigenvalues[[0, -1]]
    kernel = (
        f"tangent kernel: λ_min {least:.3g}, λ_max {largest:.3g}, condition number {largest / least:.3g} [measured]"
        if least
        else f"tangent kernel: λ_max {largest:.3g}, {found.null_modes} of {len(found.eigenvalues)} modes are 0 to rounding: "
        "nothing moves there [measured]"
    )
    return [
        ("data", f"{source}: " + "; ".join(data.notes)),
        *_headed("rows", _of_rows(data, parts)),
        ("network", f"{name}: {len(model.start)} weights in {len(model.shapes)} parameters, {outputs}, one rate"),
        ("", kernel),
        ("regime", _of_regime(found, "drift ‖w − w_0‖/‖w_0‖", layers)),
        *_headed(
            "forecast",
            _of_forecast(found, [f"modules other than dense ones as PyTorch starts them, {MODULES}"], LAZIER),
        ),
        (
            "criterion",
            f"κ_h = ‖h − y‖‖D²h‖/‖Dh‖² ≥ {scale:.3g} at the start by power iteration, small is lazy, relative-scale [measured]",
        ),
        *_headed("learning", _of_steps(found)),
    ]


def _side_by_side(pairs: list[tuple[str, float, float]], more: list[str]) -> list[tuple[str, str]]:
    width = max(len(name) for name, *_ in pairs)
    said = [
        f"{name:{width}}  predicted {a:.4g}, measured {b:.4g}, ratio {a / b:.3g}"
        if np.isfinite(a) and np.isfinite(b) and b
        else f"{name:{width}}  predicted {a:.4g}, measured "
        + ("nothing: no time near the predicted one" if np.isnan(b) else f"{b:.4g}")
        for name, a, b in pairs
    ]
    return _headed("trained", [*said, *more])


def comparison(found: Forecast, run: Measured, layers: list[str], drift: str) -> list[tuple[str, str]]:
    """(heading, sentence) of what was foretold and what training gave; of many layers those that are to change most."""
    shown = np.sort(np.argsort(-found.layer_changes, kind="stable")[:SHOWN])
    pairs = [
        ("time", found.time, run.time),
        (drift, found.drift, run.drift),
        *((layers[l], float(found.layer_changes[l]), float(run.layer_changes[l])) for l in shown),
        ("kernel change", found.kernel_change, run.kernel_change),
    ]
    more = [f"flow: {run.status[0]}"]
    if run.steps:
        left = f"{run.descent_ratio:.3g} of the loss left; " if np.isfinite(run.descent_ratio) else ""
        more.append(f"descent: {run.steps} steps of {run.rate:.4g}: {left}{run.status[1]}")
    return _side_by_side(pairs, more)
