"""Verify the claims from the command line."""

from command_start import start

if __name__ == "__main__":
    start()

import argparse
import os
import sys
import time
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from argument_validation import validate_name
from checks.cifar10 import validate_cifar10_folder
from checks.claim import TIERS, Claim, Run
from checks.claims import CLAIMS
from checks.paper_claims import MARKDOWN_PATH, write_paper_claims
from checks.record import IN_CHECKOUT, OUTSIDE, record_of, write_records
from checks.sweep import Sweep
from checks.table import print_claim, print_entry, print_line, print_table

RECORD = "claims.json"

DESCRIPTION = """\
Verify the theorems and findings of two papers on lazy training. Without a command, every claim is checked.

Each claim is judged by a rule declared beforehand and comes with controls, false variants that the same judge must
refute. Verdicts: SUPPORTED, REFUTED, INCONCLUSIVE, HYPOTHESES_NOT_MET, NOT_RUN.
"""
EPILOG = """\
examples:
  python -m checks                                    every claim, quick tier, in three minutes
  python -m checks list                               labels, sources, statements
  python -m checks run gram-limit                     one claim, all its evidence
  python -m checks --tier standard                    larger widths; also rewrites paper_claims.md
  python -m checks --scheduler tcp://host:8786        on a dask.distributed cluster

Finished cells are kept under --out, so a run that was interrupted continues where it stopped. The exit status is 0 only
if no claim is REFUTED and every control is.
"""


def main(arguments: list[str] | None = None) -> int:
    """Parse the command line, run, and return the exit status."""
    options = parse(arguments)
    console = Console()
    if options.command == "list":
        for claim in CLAIMS:
            print_entry(console, claim.label, f"({claim.source})")
            print_entry(console, "  ", claim.statement, prose=True)
        return 0
    whole = options.command is None
    claims = CLAIMS if whole else tuple(options.claims)
    records = verify(claims, options, console)
    tables = whole and options.tier == "standard" and IN_CHECKOUT
    if tables:
        write_paper_claims(records)
    print_table(console, records)
    if not whole:
        for record in records:
            print_claim(console, record)
    print_line(console, f"record: {options.out / RECORD}")
    if whole and options.tier == "standard":
        print_line(console, f"table: {MARKDOWN_PATH if tables else f'not written, {OUTSIDE}'}")
    sound = all(r["verdict"] != "REFUTED" and r["control_verdict"] in ("REFUTED", "NOT_RUN") for r in records)
    return 0 if sound else 1


def verify(claims: tuple[Claim, ...], options: argparse.Namespace, console: Console) -> list[dict]:
    """Check the claims one after the other, with live progress and a line for each that is finished and on record."""
    records = []
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        sweep = Sweep(options.out / "cells", jobs=options.jobs, scheduler=options.scheduler, progress=progress)
        for claim in claims:
            before = time.perf_counter()
            findings = claim.check(Run(options.tier, options.seed, sweep, options.device, options.cifar))
            seconds = time.perf_counter() - before
            records.append(record_of(claim, findings, tier=options.tier, seed=options.seed, seconds=seconds))
            write_records(options.out / RECORD, records)
            verdicts = f"{findings.verdict}, controls {findings.control_verdict}"
            print_line(console, f"{claim.label}: {verdicts} ({seconds:.1f} s)")
    return records


def parse(arguments: list[str] | None) -> argparse.Namespace:
    """Options of the command line; the same ones before and after a command."""
    formatter = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(
        prog="python -m checks", description=DESCRIPTION, epilog=EPILOG, formatter_class=formatter
    )
    defaults = {"tier": "quick", "jobs": os.cpu_count(), "scheduler": None, "seed": 0, "out": Path("results")}
    add_options(parser, {**defaults, "device": "cpu", "cifar": None})
    commands = parser.add_subparsers(dest="command", metavar="{list,run}")
    commands.add_parser("list", help="labels, sources, one-line statements")
    run = commands.add_parser("run", help="check the named claims and show all their evidence")
    run.add_argument("claims", nargs="+", metavar="LABEL", type=claim_named, help="paper/name, or the name alone")
    add_options(run, {})
    return parser.parse_args(arguments)


def add_options(parser: argparse.ArgumentParser, defaults: dict) -> None:
    """Options shared by all runs; without defaults they leave alone what the main parser has set."""
    default = lambda name: defaults.get(name, argparse.SUPPRESS)  # noqa: E731
    parser.add_argument("--tier", choices=TIERS, default=default("tier"), help="size of the runs (default quick)")
    parser.add_argument(
        "--jobs", type=positive, default=default("jobs"), help="parallel processes (default: all processors)"
    )
    parser.add_argument(
        "--scheduler",
        type=cluster,
        metavar="ADDRESS",
        default=default("scheduler"),
        help="dask.distributed scheduler to run on",
    )
    parser.add_argument("--seed", type=natural, default=default("seed"), help="seed of all random numbers (default 0)")
    parser.add_argument(
        "--out", type=Path, metavar="DIR", default=default("out"), help="folder of records (default results)"
    )
    parser.add_argument(
        "--device",
        type=torch_device,
        default=default("device"),
        help="where convolutional networks run: cpu (default), cuda, cuda:1 …",
    )
    parser.add_argument(
        "--cifar",
        type=cifar_folder,
        metavar="DIR",
        default=default("cifar"),
        help="folder of CIFAR-10, binary or Python version, for the full tier of the convolutional networks",
    )


def cluster(address: str) -> str:
    """The address of a dask.distributed scheduler that answers."""
    try:
        from distributed import Client
    except ImportError as error:
        raise argparse.ArgumentTypeError("needs dask: pip install 'lazy-training-checks[dask]'") from error
    try:
        Client(address, timeout=10).close()
    except (OSError, ValueError) as error:
        raise argparse.ArgumentTypeError(f"no scheduler answers at {address!r}: {error}") from error
    return address


def torch_device(name: str) -> str:
    """The name of a device that is there; the processor always is."""
    if name == "cpu":
        return name
    try:
        from kernels.cnn import validate_device
    except ImportError as error:
        raise argparse.ArgumentTypeError(f"{name!r} needs PyTorch: pip install 'lazy-training-checks[cnn]'") from error
    try:
        validate_device(name)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error
    return name


def cifar_folder(text: str) -> Path:
    """The folder that holds CIFAR-10's files."""
    try:
        return validate_cifar10_folder(Path(text))
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def claim_named(label: str) -> Claim:
    """The claim with this label or name."""
    claims = {claim.label: claim for claim in CLAIMS} | {claim.name: claim for claim in CLAIMS}
    try:
        return claims[validate_name(label, claims, "LABEL")]
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def natural(text: str) -> int:
    """A whole number of at least 0."""
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f"must be a whole number of at least 0, got {text!r}")
    return int(text)


def positive(text: str) -> int:
    """A whole number of at least 1."""
    if natural(text) < 1:
        raise argparse.ArgumentTypeError(f"must be at least 1, got {text!r}")
    return int(text)


if __name__ == "__main__":
    sys.exit(main())
