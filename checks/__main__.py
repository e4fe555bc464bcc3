"""Verify the claims from the command line."""

from command_start import leave, start

if __name__ == "__main__":
    start()

import argparse
import difflib
import inspect
import json
import os
import re
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path
from typing import NoReturn

from rich.console import Console

import command_start
from checks.claim import TIERS, Claim, Findings, Run
from checks.claims import CLAIMS
from checks.forecast.command import add_forecast, run_forecast
from checks.measurements.cifar10 import validate_cifar10_folder
from checks.report.page import LIMIT, report_of
from checks.running.citation import citation
from checks.running.files import locked, reading_record, run_folder, told, write_whole
from checks.running.paper_claims import JSON_PATH, MARKDOWN_PATH, read_paper_claims, write_paper_claims
from checks.running.progress import reporting
from checks.running.published import read_records, write_records
from checks.running.record import IN_CHECKOUT, OUTSIDE, exit_status, merged, record_of
from checks.running.soak import soak
from checks.running.sweep import Sweep
from checks.running.table import count_line, print_claim, print_entry, print_line, print_table
from checks.running.user_files import load
from checks.running.verify import verify
from checks.version import __version__

RECORD = "claims.json"
COMMANDS = ("list", "run", "soak", "forecast", "report", "cite")
FIGURES = Path("results", "figures")
REDIRECTED = 100  # columns of a table in a file
DEFAULTS = {"tier": "quick", "jobs": os.cpu_count(), "scheduler": None, "seed": 0, "out": Path("results")}
DEFAULTS |= {"device": "cpu", "cifar": None}

DESCRIPTION = """\
Verify the theorems and findings of two papers on lazy training, and theorems
of neighbouring ones. Without a command, every claim is checked.

Each claim is judged by rules declared beforehand and comes with controls,
false variants that the same judges must refute. Verdicts: SUPPORTED, REFUTED,
INCONCLUSIVE, HYPOTHESES_NOT_MET, NOT_RUN.
"""
EPILOG = """\
examples:
  python -m checks                           every claim, quick tier
  python -m checks list                      labels, sources, statements
  python -m checks run gram-limit            one claim, all its evidence
  python -m checks run path/to/my_claim.py   of your own, docs/adding_a_claim.md
  python -m checks --tier standard           larger; rewrites paper_claims.md
  python -m checks run drift --tier standard --record
                                             one row of paper_claims.md anew
  python -m checks forecast diabetes --scheme he
                                             is my network lazy on my data?
  python -m checks report                    all claims on one page, report.html
  python -m checks cite drift                BibTeX: papers, software, evidence
  python -m checks soak --seeds 20 --first 7000 drift
                                             how often it fails at unused seeds
  python -m checks --scheduler tcp://host:8786
                                             on a dask.distributed cluster

Finished cells are kept under --out, so a run that was interrupted continues
where it stopped, and claims.json there keeps every claim ever run into that
folder. Exit status: 0 every claim that ran is SUPPORTED and every control
REFUTED; 1 a claim is REFUTED, or a control that could be judged is not; 2 the
call or its files are wrong, or a cell raised an error; 3 something is
INCONCLUSIVE or HYPOTHESES_NOT_MET, or a control could not be judged, for
example because its cell gave NaN.
"""


RECORD_HELP = "record of a run, such as results/claims.json (default paper_claims.json)"
PAGE = f"""All claims of a record with their evidence on one HTML page that needs no network: statements, rules, parts case by
case, controls, figures, tests, provenance and citations, with a graph of which statement uses which; at most
{LIMIT / 1e6:g} MB."""
CITE = """\
BibTeX of the papers that state a claim, and of this software: its version,
where the claim stands, its verdict, and the commit, seed, tier and library
versions of the evidence on record. Cite both: the papers for the statement,
the software for the evidence.

example: python -m checks cite drift >> references.bib
"""


@told("python -m checks")
def main(arguments: list[str] | None = None) -> int:
    """Parse the command line, run, and return the exit status."""
    options = parse(arguments)
    command_start.keeps = options.command != "forecast"
    console = Console(highlight=False)
    if not console.is_terminal and "COLUMNS" not in os.environ:
        console.width = REDIRECTED
    if options.command == "list":
        print_list(console, as_json=options.json)
        return 0
    if options.command == "cite":
        label = options.claim.label
        with reading_record(options.record_path):
            found = {record["label"]: record for record in read_records(options.record_path)}
            cited = citation(label, found.get(label))
        print_line(console, cited)
        return 0
    if options.command == "report":
        write_report(options, console)
        return 0
    if options.command == "forecast":
        try:
            run_forecast(options, console)
        except ValueError as error:
            options.fail(str(error))
        return 0
    with run_folder(options.out):
        return run_soak(options, console) if options.command == "soak" else run_and_print(options, console)


def run_and_print(options: argparse.Namespace, console: Console) -> int:
    """Check the claims, print the table and, of claims that were named, all their evidence; the exit status."""
    whole = options.command is None
    claims = CLAIMS if whole else tuple({claim.label: claim for claim in options.claims}.values())
    records, kept = run_claims(claims, options, console)
    published = (whole and options.tier == "standard") or (not whole and options.record)
    if published and IN_CHECKOUT:
        with locked(options.out / ".lock"):
            publish(records)
    print_table(console, records)
    if not whole:
        for record in records:
            print_claim(console, record)
    for label in kept:
        print_line(console, f"{label}: not run this time, its earlier row is kept")
    print_line(console, f"record: {options.out / RECORD}")
    if published:
        print_line(console, f"table: {MARKDOWN_PATH if IN_CHECKOUT else f'not written, {OUTSIDE}'}")
    print_line(console, count_line(records))
    return exit_status(records)


def publish(records: list[dict]) -> None:
    """Put the records of listed claims into the claims table of the checkout."""
    order = [claim.label for claim in CLAIMS]
    everything, _ = merged(read_paper_claims(), [r for r in records if r["label"] in order], order)
    write_paper_claims([record for record in everything if record["label"] in order])


def print_list(console: Console, *, as_json: bool) -> None:
    """Labels, sources and statements, for people or as JSON."""
    if as_json:
        keys = ("label", "paper", "source", "summary", "statement", "assumptions", "figure")
        found = [{key: getattr(claim, key) for key in keys} for claim in CLAIMS]
        print_line(console, json.dumps(found, ensure_ascii=False, indent=1))
        return
    for claim in CLAIMS:
        print_entry(console, claim.label, f"({claim.source})")
        print_entry(console, "  ", claim.statement, prose=True)


def write_report(options: argparse.Namespace, console: Console) -> None:
    """Write the page, and say where figures come from that it has not."""
    content, left_out = report_of(options.record_path, options.figures)
    write_whole(options.page, content)
    if not any(options.figures.glob("*.svg")):
        print_line(console, f"figures: none in {options.figures}, python -m figures draws them")
    if left_out:
        print_line(console, f"figures left out, for which the page has no room: {', '.join(left_out)}")
    print_line(console, f"report: {options.page}, {len(content) / 1e6:.2g} MB")


def run_claims(
    claims: tuple[Claim, ...], options: argparse.Namespace, console: Console
) -> tuple[list[dict], list[str]]:
    """Records of the claims, with live progress and a line for each that is finished and on record.

    Also the labels of those that were not run and whose earlier record is kept.
    """
    records, written, kept = {}, options.out / RECORD, []
    read_records(written)  # what cannot be read is said before any work
    order = [claim.label for claim in CLAIMS]

    def done(claim: Claim, findings: Findings, seconds: float) -> None:
        record = record_of(claim, findings, tier=options.tier, seed=options.seed, seconds=seconds)
        if claim.label not in order and claim.parts:  # a file that is not in the repository
            path = inspect.getsourcefile(inspect.unwrap(claim.parts[0].cell))
            record["command"] = record["command"].replace(claim.label, path)
        records[claim.label] = record
        with locked(options.out / ".lock"):  # another run may have finished other claims
            everything, old = merged(read_records(written), [record], order)
            write_records(written, everything)
        kept.extend(old)
        verdicts = f"{findings.verdict}, controls {findings.control_verdict}"
        print_line(console, f"{claim.label}: {verdicts} ({seconds:.1f} s of cells)")

    with reporting(Console(stderr=True)) as report:
        sweep = Sweep(options.out / "cells", jobs=options.jobs, scheduler=options.scheduler)
        run = Run(options.tier, options.seed, sweep, options.device, options.cifar)
        verify(claims, run, weight=expected_cost(), done=done, advance=report)
    return [records[claim.label] for claim in claims], kept


def run_soak(options: argparse.Namespace, console: Console) -> int:
    """Check the claims at many seeds, with a line for each, and print how often each of them failed."""
    claims = options.claims or CLAIMS
    seeds = range(options.seed, options.seed + options.seeds)
    path = options.out / f"soak-{options.tier}.json"
    sweep = Sweep(options.out / "soak-cells", jobs=options.jobs, scheduler=options.scheduler)
    run = Run(options.tier, options.seed, sweep, options.device, options.cifar)
    tell = partial(print_line, console)
    with reporting(Console(stderr=True)) as report:
        status = soak(claims, run, seeds, path, weight=expected_cost(), tell=tell, advance=report)
    print_line(console, f"record: {path}")
    return status


def expected_cost() -> dict[tuple[str, str], float]:
    """Seconds of every case by (label, case) in the claims table, and by (label, "") the most that one takes.

    Whatever the tier: only the order counts.
    """
    found: dict[tuple[str, str], float] = {}
    with reading_record(JSON_PATH):
        for record in read_paper_claims():
            for row in record["parts"]:
                for key in ((record["label"], row["part"]), (record["label"], "")):
                    found[key] = max(found.get(key, 0.0), float(row.get("seconds", 0.0)))
    return found


class Parser(argparse.ArgumentParser):
    """A parser that says of a claim in the place of a command how it is run, and of another word which one it may be."""

    def error(self, message: str) -> NoReturn:
        """Leave with status 2."""
        word = re.match(r"argument \{.*\}: invalid choice: '(.*?)' ", message)
        if word and (word[1].endswith(".py") or word[1] in known_claims()):
            message = f"{word[1]} is a claim: python -m checks run {word[1]}"
        elif word:
            message = unknown(word[1], (*COMMANDS, *known_claims()))
        super().error(message)


def parse(arguments: list[str] | None) -> argparse.Namespace:
    """Options of the command line; the same ones before and after a command."""
    formatter = argparse.RawDescriptionHelpFormatter
    parser = Parser(prog="python -m checks", description=DESCRIPTION, epilog=EPILOG, formatter_class=formatter)
    parser.add_argument("--version", action="version", version=f"lazy-training-checks {__version__}")
    add_options(parser, DEFAULTS)
    options = {"metavar": f"{{{','.join(COMMANDS)}}}", "parser_class": argparse.ArgumentParser}
    commands = parser.add_subparsers(dest="command", **options)
    listing = commands.add_parser("list", help="labels, sources, statements")
    listing.add_argument("--json", action="store_true", help="as JSON")
    run = commands.add_parser("run", help="check the named claims and show all their evidence")
    soaked = commands.add_parser("soak", help="check claims at many seeds and report how often they fail")
    for command, number in ((run, "+"), (soaked, "*")):
        command.add_argument(
            "claims", nargs=number, metavar="LABEL|FILE", type=claim_named, help="paper/name, the name, or a file"
        )
    run.add_argument("--record", action="store_true", help="replace the rows of these claims in paper_claims.md")
    soaked.add_argument("--seeds", type=positive, required=True, metavar="N", help="number of seeds")
    soaked.add_argument("--first", type=natural, dest="seed", default=argparse.SUPPRESS, help="the first (default 0)")
    add_options(run, {})
    add_options(soaked, {})
    add_forecast(commands)
    add_record_commands(commands)
    options = parser.parse_args(arguments)
    listed = {claim.label for claim in CLAIMS}
    own = [claim for claim in getattr(options, "claims", ()) if claim.label not in listed]
    if options.command == "run" and options.record and own:
        parser.error("--record: only claims that are listed in checks/claims.py have a row in paper_claims.md")
    for wrong in filter(None, (wrong_cases(claim, options.tier) for claim in own)):
        parser.error(wrong)
    return options


def add_record_commands(commands: argparse._SubParsersAction) -> None:
    """The commands that read a record and run nothing."""
    page = commands.add_parser("report", help="write all claims and their evidence as one HTML page", description=PAGE)
    page.add_argument(
        "record_path",
        nargs="?",
        metavar="CLAIMS.json",
        type=existing("file", Path.is_file),
        default=JSON_PATH,
        help=RECORD_HELP,
    )
    page.add_argument(
        "--out", type=no_folder, dest="page", default=Path("report.html"), metavar="FILE", help="default report.html"
    )
    page.add_argument(
        "--figures",
        type=existing("folder", Path.is_dir),
        default=FIGURES,
        metavar="DIR",
        help=f"SVGs of python -m figures (default {FIGURES})",
    )
    cite = commands.add_parser(
        "cite", help="BibTeX of a claim", description=CITE, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    cite.add_argument("claim", metavar="LABEL", type=listed_claim, help="paper/name, or the name")
    cite.add_argument(
        "--record",
        type=existing("file", Path.is_file),
        dest="record_path",
        default=JSON_PATH,
        metavar="CLAIMS.json",
        help=RECORD_HELP,
    )


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
    parser.add_argument(
        "--seed", type=natural, default=default("seed"), help="of weights, data, targets: everything random (default 0)"
    )
    parser.add_argument(
        "--out", type=folder, metavar="DIR", default=default("out"), help="folder of records (default results)"
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


def existing(kind: str, there: Callable[[Path], bool]) -> Callable[[str], Path]:
    """What makes a path of a text, if there is a file or folder, as ``kind`` says."""

    def path_of(text: str) -> Path:
        if not there(Path(text)):
            raise argparse.ArgumentTypeError(f"there is no {kind} {text}")
        return Path(text)

    return path_of


def no_folder(text: str) -> Path:
    """A path at which a file can be, or be replaced."""
    if Path(text).is_dir():
        raise argparse.ArgumentTypeError(f"{text} is a folder")
    return Path(text)


def folder(text: str) -> Path:
    """A folder, or the path where one can be made."""
    path = Path(text)
    try:
        there = next(parent for parent in (path, *path.absolute().parents) if parent.exists())
    except OSError as error:
        raise argparse.ArgumentTypeError(f"{path} cannot be a folder ({error.strerror})") from error
    if not there.is_dir():
        raise argparse.ArgumentTypeError(f"{there} is not a folder")
    return path


def cluster(address: str) -> str:
    """The address of a dask.distributed scheduler that answers and has a worker."""
    try:
        from distributed import Client
    except ImportError as error:
        raise argparse.ArgumentTypeError("needs dask: pip install 'lazy-training-checks[dask]'") from error
    try:
        with Client(address, timeout=10) as client:
            client.wait_for_workers(1, timeout=60)
    except (OSError, ValueError) as error:
        raise argparse.ArgumentTypeError(f"no cluster answers at {address!r}: {error}") from error
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
    """The claim with this label or name, or the one that a Python file defines as ``CLAIM``."""
    return claim_of_file(Path(label)) if label.endswith(".py") else listed_claim(label)


def listed_claim(label: str) -> Claim:
    """The claim with this label or name."""
    known = known_claims()
    if label not in known:
        raise argparse.ArgumentTypeError(unknown(label, known))
    return known[label]


def known_claims() -> dict[str, Claim]:
    """Claims by label and by name."""
    return {claim.name: claim for claim in CLAIMS} | {claim.label: claim for claim in CLAIMS}


def unknown(word: str, known: Iterable[str]) -> str:
    """That a word is unknown, with at most three names that it may stand for, else all of them."""
    names = list(dict.fromkeys(name.split("/")[-1] for name in known))
    last = word.split("/")[-1]
    near = [name for name in names if last and f"-{name}".replace("_", "-").count(f"-{last}")]
    near += difflib.get_close_matches(last, names, cutoff=0.5)
    hint = f"did you mean {' or '.join(list(dict.fromkeys(near))[:3])}?" if near else f"known are {', '.join(names)}"
    return f"{word!r} is unknown: {hint}"


def claim_of_file(path: Path) -> Claim:
    """``CLAIM`` of a file that is not in the repository; a file of the repository must be listed in checks/claims.py."""
    if not os.path.isfile(path):  # whatever the name
        raise argparse.ArgumentTypeError(f"there is no file {path}")
    try:
        claim = getattr(load(path), "CLAIM", None)
    except Exception as error:  # whatever the file does
        raise argparse.ArgumentTypeError(f"{path} cannot be loaded: {type(error).__name__}: {error}") from error
    if not isinstance(claim, Claim):
        raise argparse.ArgumentTypeError(f"{path} must define CLAIM, a checks.claim.Claim")
    letters = [part.letter for part in claim.parts]
    for part in claim.parts:
        if part.cells_of not in (None, *letters):
            reason = f"`cells_of` of part {part.letter} must be a letter of {letters}, got {part.cells_of!r}"
            raise argparse.ArgumentTypeError(f"{path}: {reason}")
    inside = path.resolve().is_relative_to(Path(__file__).parent)
    if not inside and claim.label in {c.label for c in CLAIMS}:
        raise argparse.ArgumentTypeError(
            f"{path} must have a label of its own, {claim.label} is a claim of the project"
        )
    if inside and claim.label not in {c.label for c in CLAIMS}:
        raise argparse.ArgumentTypeError(f"{path} is not listed: add its CLAIM to CLAIMS in checks/claims.py")
    return claim


def wrong_cases(claim: Claim, tier: str) -> str:
    """What is wrong with the cases of a claim at a tier; "" if nothing is."""
    found = [(f"{claim.label}, part ({part.letter})", list(part.cases(tier))) for part in claim.parts]
    for where, cases in found:
        names = [case.name for case in cases]
        if len(set(names)) < len(names):
            return f"{where}: cases must have different names, got {names}"
        for case in cases:
            try:
                json.dumps(case.config)
            except (TypeError, ValueError) as error:
                return f"{where}, case {case.name!r}: `config` must be plain JSON: {error}"
    return "" if any(cases for _, cases in found) else f"{claim.label}: no part has a case at the {tier} tier"


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
    leave(main)
