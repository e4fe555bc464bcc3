"""The command ``python -m checks forecast``."""

import argparse
import dataclasses
import errno
import json
import os
import tempfile
import time
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.table import Table
from rich.text import Text

from checks.forecast.limits import limits
from checks.forecast.measured import MOST_STEPS, POINTS, Measured, seconds_of_a_step, train
from checks.forecast.module import criterion, forecast_model, layer_names, load_module, targets_of, train_model
from checks.forecast.prediction import SCHEMES, STEP, Forecast, deviation, forecast, make_network
from checks.forecast.progress import Progress
from checks.forecast.report import comparison, lines, lines_of_module
from checks.forecast.scored import unscored
from checks.forecast.subsample import Spread, spreads
from checks.forecast.user_data import NORMALISATIONS, SETS, UserData, read
from checks.running.table import print_line
from kernels.activations import ACTIVATIONS
from kernels.network import machine_memory

EPILOG = """\
examples:
  python -m checks forecast diabetes --scheme he --width 1024 --hidden-layers 2
  python -m checks forecast table.csv --target price --width 4096 --train
  python -m checks forecast table.csv --target price --module my_net.py:build
  python -m checks forecast table.csv --target price --train --figure loss.svg
  python -m checks forecast digits --scheme 1,2*m^-0.5 --hidden-layers 1 --json

Words in brackets say how a line is known: proved, derived (leading order) or
measured.
"""


DEFAULTS = {"hidden_layers": 1, "width": 1024, "activation": "relu", "scheme": "ntk"}  # of what a module has of its own
KINDS = (".svg", ".png", ".pdf")
FLOW, LONG = (30, 200), 30.0  # kernels that most flows take; seconds of training that are said before it begins
MATRICES, JACOBIANS = 25, 4  # n × n and outputs·n × weights that are held at the same time


def add_forecast(commands: argparse._SubParsersAction) -> None:
    """The command's own parser."""
    parser = commands.add_parser(
        "forecast",
        help="is my network lazy on my data? told before training",
        description="Forecast how far gradient flow moves a network on your data,\nbefore it is trained.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    parser.set_defaults(fail=parser.error)
    add("data", metavar="DATA", help=f"a .csv or .npz file, or {', '.join(SETS)}")
    add(
        "--target",
        metavar="COLUMN",
        help="column of a .csv file, array y or column y[0] of an array of a .npz file (default y)",
    )
    add(
        "--hidden-layers",
        type=int,
        default=DEFAULTS["hidden_layers"],
        metavar="L",
        help="number of hidden layers (default %(default)s)",
    )
    add("--width", type=int, default=DEFAULTS["width"], metavar="M", help="neurons of each (default %(default)s)")
    add(
        "--activation",
        default=DEFAULTS["activation"],
        choices=sorted(ACTIVATIONS),
        metavar="NAME",
        help=f"{', '.join(sorted(ACTIVATIONS))} (default %(default)s)",
    )
    add(
        "--scheme",
        default=DEFAULTS["scheme"],
        help=f"{', '.join(SCHEMES)}, or deviations β_1,…,β_(L+1) of the raw weights, also 2*m^-0.5 (default %(default)s)",
    )
    add("--module", metavar="FILE.py:NAME", help="a torch.nn.Module, or a function of the number of columns, instead")
    add("--kappa", type=float, metavar="K", help="output scale κ of N(0, 1) weights, in place of the scheme's")
    rate = f"step of descent with --train (default: {STEP:g} of the largest stable one)"
    add("--rate", type=float, metavar="R", help=rate)
    add(
        "--loss",
        type=float,
        default=0.01,
        metavar="SHARE",
        help="look down to this share of the loss (default %(default)s)",
    )
    add("--centred", action="store_true", help="train f − f_0")
    add("--normalise", default="columns", choices=NORMALISATIONS, help="of the inputs (default %(default)s)")
    add(
        "--rows",
        type=int,
        default=2_000,
        metavar="N",
        help="use at most so many rows, drawn at random (default %(default)s)",
    )
    add("--seed", type=int, default=0, help="of weights and rows (default %(default)s)")
    add("--train", action="store_true", help="train the network too, and print predicted beside measured")
    add("--figure", type=Path, metavar="FILE", help="draw both, with --train, as .svg, .png or .pdf")
    add("--json", action="store_true", help="all numbers as JSON")


def run_forecast(options: argparse.Namespace, console: Console) -> None:
    """Read, forecast, print; ValueError for whatever is wrong with data or network."""
    if options.rows < 2:
        raise ValueError(f"--rows must be at least 2, got {options.rows}")
    if options.rate is not None and not options.rate > 0:
        raise ValueError(f"--rate must be positive, got {options.rate}")
    if options.rate is not None and not (options.train or options.module):
        raise ValueError("--rate is a step of training, and needs --train")
    if options.figure is not None:
        if not options.train:
            raise ValueError("--figure shows predicted beside measured, and needs --train")
        _writable(options.figure)
    if options.module and (options.kappa is not None or options.rate is not None):
        raise ValueError("--module has its own scale, and is trained by gradient flow: without --kappa and --rate")
    own = [name for name, value in DEFAULTS.items() if options.module and getattr(options, name) != value]
    if own:
        raise ValueError(f"--module has its own layers: without --{own[0].replace('_', '-')}")
    data = read(options.data, options.target, normalise=options.normalise, rows=options.rows, seed=options.seed)
    told, numbers = _of_module(options, data) if options.module else _of_network(options, data)
    if options.json:
        print_line(
            console, json.dumps(_plain({"data": options.data, "notes": data.notes, **numbers}), ensure_ascii=False)
        )
    else:
        print_told(console, told)


def _of_network(options: argparse.Namespace, data: UserData) -> tuple[list[tuple[str, str]], dict]:
    """What is said of a network drawn by a scheme, and all numbers."""
    if data.y.ndim == 2:
        name = options.target or "y"
        raise ValueError(
            f"{options.data}: the target has {data.y.shape[1]} columns, and this network one output: name a column, --target "
            f"'{name}[0]', each has a network of its own; or take a --module with an output for each"
        )
    scheme = options.scheme if options.scheme in SCHEMES else _deviations(options.scheme)
    model = {"hidden_layers": options.hidden_layers, "activation": options.activation, "scheme": scheme}
    network = make_network(data.X.shape[1], options.width, kappa=options.kappa, seed=options.seed, **model)
    _fits(MATRICES * len(data.X) ** 2, len(data.X))
    goal, (X, y) = {"loss_ratio": options.loss, "centred": options.centred}, data.table
    with Progress() as progress:
        progress.say("kernels along the path …")
        began = time.monotonic()
        found = forecast(data.X, data.y, network, **goal)
        kernel = (time.monotonic() - began) / (len(found.path_times) + 1)
        wide = limits(data.X, data.y, network, options.loss)
        parts = _parts(options, data, progress, lambda rows: forecast(X[rows], y[rows], network, nodes=1, **goal))
        names, run = [*(f"W^{l}" for l in range(1, options.hidden_layers + 1)), "a"], None
        told = lines(options.data, data, network, names, found, wide, parts)
        if options.train:
            steps = found.steps if options.rate is None else found.steps_of(options.rate)
            _warn(progress, kernel, min(steps, MOST_STEPS), seconds_of_a_step(data.X, data.y, network))
            more = {"callback": progress.flow, "stepped": progress.descent}
            run = train(data.X, data.y, network, found, rate=options.rate, centred=options.centred, **more)
    numbers = {"limits": wide, "unscored": unscored(network, len(data.X), found.loss_ratio)}
    return _told(options, told, found, parts, run, names, "drift per neuron", numbers)


def _of_module(options: argparse.Namespace, data: UserData) -> tuple[list[tuple[str, str]], dict]:
    """What is said of a module, and all numbers."""
    if find_spec("torch") is None:
        raise ValueError("--module needs PyTorch: pip install 'lazy-training-checks[cnn]'")
    from kernels.torch_model import TorchModel

    module, n = load_module(options.module, data.X.shape[1]), len(data.X)
    model, goal = TorchModel(module, data.X), {"loss_ratio": options.loss, "centred": options.centred}
    X, whole = data.table[0], targets_of(data.table[1], model.outputs).reshape(len(data.table[0]), -1)
    y = whole[data.rows].ravel()
    _fits(len(y) * (JACOBIANS * len(model.start) + MATRICES * len(y)) + sum(POINTS) * len(model.start), n)

    def of_rows(rows: np.ndarray) -> Forecast:
        own = TorchModel(module, X[rows])
        return forecast_model(own, model.start, whole[rows].ravel(), samples=len(rows), nodes=1, **goal)

    with Progress() as progress:
        progress.say("kernels along the path …")
        began = time.monotonic()
        found = forecast_model(model, model.start, y, samples=n, **goal)
        kernel = (time.monotonic() - began) / (len(found.path_times) + 1)
        progress.say("curvature …")
        scale = criterion(model, model.start, y, largest=found.eigenvalues[-1], centred=options.centred)
        parts = _parts(options, data, progress, of_rows)
        names, run = layer_names(model.names, model.shapes), None
        told = lines_of_module(options.data, data, options.module, model, names, found, scale, parts)
        if options.train:
            _warn(progress, kernel)
            run = train_model(model, model.start, y, found, samples=n, centred=options.centred, callback=progress.flow)
    return _told(options, told, found, parts, run, names, "drift", {"criterion": scale})


def _warn(progress: Progress, kernel: float, steps: float = 0, step: float = 0.0) -> None:
    """Say what training takes before it begins, where that is long."""
    least, most = (kernels * kernel + steps * step for kernels in FLOW)
    if least > LONG:
        unit, name = (60, "minutes") if least > 120 else (1, "seconds")
        descent = f", descent {steps:.0f} steps of {step:.2g} s" if steps else ""
        flow = f"flow mostly {FLOW[0]} to {FLOW[1]} kernels of {kernel:.2g} s"
        takes = f"training takes about {least / unit:.0f} to {most / unit:.0f} {name}"
        progress.keep(f"{takes}: {flow}{descent}; less with a larger --loss or fewer --rows")


def _parts(
    options: argparse.Namespace, data: UserData, progress: Progress, of_rows: Callable[[np.ndarray], Forecast]
) -> tuple[Spread, Spread] | None:
    """What other parts of the rows foretell, where not all are used."""
    if data.whole:
        return None
    progress.say("other rows …")
    return spreads(data.rows, len(data.table[0]), of_rows, seed=options.seed)


def _told(
    options: argparse.Namespace,
    told: list[tuple[str, str]],
    found: Forecast,
    parts: tuple[Spread, Spread] | None,
    run: Measured | None,
    names: list[str],
    drift: str,
    more: dict,
) -> tuple[list[tuple[str, str]], dict]:
    """All sentences, with those of training, and all numbers; the figure is drawn."""
    numbers = {"regime": found.regime, "valid": found.valid, "layers": names, "forecast": found, **more}
    if parts is not None:
        numbers["subsample"] = dict(zip(("others", "halves"), parts, strict=True))
    if run is None:
        return told, numbers
    told, numbers["trained"] = told + comparison(found, run, names, drift), run
    if options.figure is not None:
        from figures.training import write  # matplotlib takes its time

        write(options.figure, found, run, names)
        told.append(("figure", str(options.figure)))
    return told, numbers


def print_told(console: Console, told: list[tuple[str, str]]) -> None:
    """Headings and sentences, in two columns on a terminal, a line each in a file."""
    table = Table.grid(padding=(0, 2))
    for heading, sentence in told:
        table.add_row(Text(heading, style="bold"), Text(sentence))
    if console.is_terminal:
        console.print(table)
        return
    for heading, sentence in told:
        print_line(console, f"{heading:10}{sentence}")


def _writable(path: Path) -> None:
    """ValueError unless a figure of a known kind can be written to ``path``."""
    if path.suffix.lower() not in KINDS:
        raise ValueError(f"--figure must end in {', '.join(KINDS)}, got {path}")
    try:
        if path.is_dir():
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
        with tempfile.TemporaryFile(dir=path.parent):
            pass
    except OSError as error:
        raise ValueError(f"--figure {path} cannot be written ({error.strerror})") from error


def _fits(numbers: int, n: int) -> None:
    """ValueError where so many ``numbers`` do not fit in this machine's memory."""
    have = machine_memory()
    if 8 * numbers > have:
        raise ValueError(
            f"{n} rows need about {8e-9 * numbers:.3g} GB of memory, this machine has {1e-9 * have:.3g}: use fewer, --rows N"
        )


def _deviations(text: str) -> list[str]:
    parts = text.split(",")
    try:
        for part in parts:
            deviation(part, 1)
    except ValueError as error:
        known = ", ".join(SCHEMES)
        rule = "or numbers or powers of the width such as 2*m^-0.5 with commas between them"
        raise ValueError(f"--scheme must be {known} {rule}, got {text!r}") from error
    return parts


def _plain(value: object) -> object:
    """As JSON takes it: frozen results as their fields, arrays as lists, numbers that are not finite as words."""
    if dataclasses.is_dataclass(value):
        value = {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
    if isinstance(value, np.ndarray | np.generic):
        value = value.tolist()
    if isinstance(value, dict):
        return {key: _plain(own) for key, own in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(own) for own in value]
    return str(value) if isinstance(value, float) and not np.isfinite(value) else value
