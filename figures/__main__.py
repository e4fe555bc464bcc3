"""Draw the figures of the claims."""

from command_start import leave, start

if __name__ == "__main__":
    start()

import argparse
import csv
import io
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.progress import Progress

from checks.__main__ import DEFAULTS, add_options, unknown
from checks.claim import Run
from checks.running.files import run_folder, told, write_whole, writing
from checks.running.record import IN_CHECKOUT, OUTSIDE
from checks.running.sweep import Sweep
from checks.running.table import print_line
from checks.running.verify import missing_packages
from figures import (
    cnn,
    drift,
    forecast,
    gallery,
    gradient_descent,
    gram_limit,
    gram_moments,
    integrators,
    kernel_description,
    kernel_stability,
    lazy_distance,
    lazy_tightness,
    limit_positive_definite,
    loss_decay,
    min_eigenvalue,
    neighbouring_papers,
    ntk_special_case,
    oscillator,
    other_architectures,
    phase_diagram,
    regime_map,
    relative_scale_width,
    relu_condition,
    scheme_independence,
    sphere_eigenvalue,
    teacher_student,
    training_direction,
    width_population,
)
from figures.style import save, style

FIGURES = {
    "lazy_distance": lazy_distance,
    "lazy_tightness": lazy_tightness,
    "relative_scale_width": relative_scale_width,
    "oscillator": oscillator,
    "teacher_student": teacher_student,
    "width_population": width_population,
    "cnn": cnn,
    "gram_limit": gram_limit,
    "gram_moments": gram_moments,
    "limit_positive_definite": limit_positive_definite,
    "min_eigenvalue": min_eigenvalue,
    "loss_decay": loss_decay,
    "relu_condition": relu_condition,
    "drift": drift,
    "regime_map": regime_map,
    "kernel_stability": kernel_stability,
    "scheme_independence": scheme_independence,
    "phase_diagram": phase_diagram,
    "ntk_special_case": ntk_special_case,
    "gradient_descent": gradient_descent,
    "kernel_description": kernel_description,
    "other_architectures": other_architectures,
    "training_direction": training_direction,
    "neighbouring_papers": neighbouring_papers,
    "sphere_eigenvalue": sphere_eigenvalue,
    "integrators": integrators,
    "forecast": forecast,
}
EPILOG = """\
Each figure is written as SVG and PNG, with the data it was drawn from (CSV)
and its caption (TXT) beside it, to OUT/figures. Measurements are shared with
python -m checks through the records in OUT/cells.

examples:
  python -m figures                          all figures, quick tier
  python -m figures gram_limit --tier standard
  python -m figures --gallery --tier standard --seed 7
                                             docs/gallery.md anew
"""


@told("python -m figures")
def main(arguments: list[str] | None = None) -> int:
    """Parse the command line and draw."""
    formatter = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(
        prog="python -m figures", description=__doc__, epilog=EPILOG, formatter_class=formatter
    )
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(FIGURES)} (default: all)")
    parser.add_argument("--gallery", action="store_true", help="write all pictures into docs/gallery and its page anew")
    add_options(parser, DEFAULTS)
    options = parser.parse_args(arguments)
    for name in options.names:
        if name not in FIGURES:
            parser.error(unknown(name, FIGURES))
    missing = missing_packages(("torch", "mlxtend"))
    if missing and (options.gallery or "cnn" in options.names):
        parser.error(f"cnn needs {missing}")
    for reason, stands in {"it has all figures, name none": options.names, OUTSIDE: not IN_CHECKOUT}.items():
        if options.gallery and stands:
            parser.error(f"--gallery: {reason}")
    folder = options.out / "figures"
    console = Console()
    with run_folder(options.out), Progress(console=Console(stderr=True), transient=True) as progress:
        with writing(folder):
            folder.mkdir(exist_ok=True)
        sweep = Sweep(options.out / "cells", jobs=options.jobs, scheduler=options.scheduler, progress=progress)
        run = Run(options.tier, options.seed, sweep, options.device, options.cifar)
        for name in options.names or FIGURES:
            if missing and name == "cnn":
                print_line(console, f"cnn: not drawn, needs {missing}")
                continue
            table = FIGURES[name].compute(run)
            for path in write_figure(folder / name, table, FIGURES[name].draw, FIGURES[name].CAPTION):
                print_line(console, path)
    if options.gallery:
        gallery.FOLDER.mkdir(exist_ok=True)
        for name in FIGURES:
            write_whole(gallery.FOLDER / f"{name}.svg", (folder / f"{name}.svg").read_bytes())
        captions = {name: module.CAPTION for name, module in FIGURES.items()}
        write_whole(gallery.PAGE, gallery.page(captions, options.tier, options.seed).encode())
        print_line(console, gallery.PAGE)
    return 0


def write_figure(stem: Path, table: np.ndarray, draw: object, caption: str) -> list[str]:
    """Write data, caption and pictures; return the paths."""
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows([table.dtype.names, *table.tolist()])
    write_whole(stem.with_suffix(".csv"), text.getvalue().encode())
    write_whole(stem.with_suffix(".txt"), (caption + "\n").encode())
    with style():
        return [f"{stem}.csv", f"{stem}.txt", *save(draw(table), str(stem))]


if __name__ == "__main__":
    leave(main)
