"""Collects the evidence of claims: plans all their cells, runs them through one queue, and judges as they are finished."""

import inspect
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from importlib.util import find_spec
from pathlib import Path
from types import MappingProxyType

import numpy as np

from checks.claim import Arrays, Case, Cell, Claim, Findings, Part, Run
from checks.judges import Judge
from checks.judges.interval import undecided
from checks.measurements.cifar10 import fingerprint
from checks.running.seeds import stream_of
from checks.running.sweep import Task
from checks.verdict import Evidence, Verdict

UNKNOWN = 1e3
"""Expected seconds of a case of a claim that was never run: it goes first."""

REPEATS = "all cells gave the same draws: does the cell use its `stream` and `first`?"


@dataclass
class Row:
    """One line of evidence: a part, or one of its controls, in one case."""

    part: Part
    case: Case
    judge: Judge
    config: dict
    place: tuple[int, int, int]  # part, 0 or number of the control, case
    evidence: Evidence | None = None

    @property
    def control(self) -> bool:
        """Whether this is a false variant."""
        return self.place[1] > 0

    @property
    def looks(self) -> int:
        """Looks among which the level of the judge is shared."""
        return self.part.looks if self.judge.random and self.case.draws else 1

    def undecided(self) -> bool:
        """Whether more draws may still decide it."""
        return self.evidence is None or self.evidence.verdict is Verdict.INCONCLUSIVE

    def hopeful(self) -> bool:
        """Whether more draws may still decide it: what is not finite stays so."""
        return self.undecided() and (self.evidence is None or self.evidence.draws > 0)

    def decide(self, arrays: Arrays, seconds: float) -> None:
        """Judge the arrays of all draws so far."""
        try:
            found = self.judge(self.part.read(self.config, arrays), looks=self.looks, control=self.control)
        except Exception as error:
            error.add_note(f"while part ({self.part.letter}), {self.part.says!r}, was judged in {self.case.name!r}")
            raise
        self.evidence = replace(
            found,
            part=" · ".join(text for text in (f"({self.part.letter}) {self.part.says}", self.case.name) if text),
            kind=kind_of(self.part.letter, self.place[1]),
            case=self.case.name,
            status=self.part.status,
            seconds=seconds,
            refutation=min(1.0, self.looks * found.refutation),
        )


@dataclass
class Experiment:
    """The cells of one configuration of a part, and the rows that read them."""

    label: str
    cell: Cell
    config: dict
    case: Case
    rows: list[Row] = field(default_factory=list)
    chunks: list[Arrays | None] = field(default_factory=list)
    seconds: float = 0.0
    look: int = 0

    def next_cells(self) -> list[dict]:
        """Configurations of the cells that the next look needs and no earlier one had."""
        self.look += 1
        accepted = inspect.signature(self.cell).parameters
        base = {key: value for key, value in self.config.items() if key in accepted}
        if not self.case.draws:
            return [base]
        draws, chunk = self.case.draws, self.case.chunk or -(-self.case.draws // 8)
        first, last = (0 if self.look == 1 else draws << (self.look - 2)), draws << (self.look - 1)
        return [{**base, "first": s, "draws": min(chunk, last - s)} for s in range(first, last, chunk)]

    def arrays(self) -> Arrays:
        """What all cells so far found, draws along the first axis."""
        if not self.case.draws:
            return self.chunks[0]
        return {key: np.concatenate([chunk[key] for chunk in self.chunks]) for key in self.chunks[0]}

    def repeats(self) -> bool:
        """Whether cells of different draws all gave the same numbers, not whole ones as counts of a rare event are."""
        first, *others = self.chunks
        same = [
            np.array_equal(chunk[key], array[: len(chunk[key])], equal_nan=array.dtype.kind == "f")
            for chunk in others
            for key, array in first.items()
        ]
        floats = [array[np.isfinite(array)] for array in first.values() if array.dtype.kind == "f"]
        return bool(same) and all(same) and any((array != np.floor(array)).any() for array in floats)

    def judge(self) -> None:
        """Judge every row that is not decided yet by all draws so far."""
        arrays, repeats = self.arrays(), self.case.draws > 0 and self.repeats()
        for row in self.rows:
            if row.undecided():
                row.decide(arrays, self.seconds)
                if repeats and row.judge.random:
                    nothing = undecided(row.evidence.predicted, row.evidence.margin, REPEATS, row.evidence.side)
                    kept = {key: getattr(row.evidence, key) for key in ("part", "kind", "case", "status", "seconds")}
                    row.evidence = replace(nothing, **kept)

    def goes_on(self) -> bool:
        """Whether another look is allowed and needed."""
        return any(row.hopeful() and self.look < row.looks for row in self.rows)


def kind_of(letter: str, control: int) -> str:
    """The key of the rows of a part, "a", or of its k-th control, "a.k"."""
    return f"{letter}.{control}" if control else letter


def experiments_of(claim: Claim, run: Run) -> list[Experiment]:
    """All experiments of a claim at the tier of the run, with their rows in the order of the parts."""
    found: dict[tuple, Experiment] = {}
    for number, part in enumerate(claim.parts):
        cases, letter = tuple(part.cases(run.tier)), part.cells_of or part.letter
        if missing(part, run):
            continue
        _add(found, claim.label, letter, part, cases, run, (number, 0))
        for k, control in enumerate(part.controls, start=1):
            own = cases if control.cases is None else tuple(control.cases(run.tier))
            own = [case for case in own if control.when({**case.config, **case.select})]
            alone = control.cases is not None or control.cell is not None
            variant = replace(
                part,
                says=control.says,
                cell=control.cell or part.cell,
                read=control.read or part.read,
                judge=control.judge or part.judge,
            )
            _add(found, claim.label, kind_of(part.letter, k) if alone else letter, variant, own, run, (number, k))
    return list(found.values())


def missing(part: Part, run: Run) -> str:
    """What a part needs and has not, in words; empty if it has all, or no cases at this tier."""
    packages = missing_packages(name for name in part.needs if name != "cifar")
    files = "--cifar DIR" if "cifar" in part.needs and run.cifar is None else ""
    return ", ".join(filter(None, (packages, files))) if part.cases(run.tier) else ""


def missing_packages(names: Iterable[str]) -> str:
    """Those of these packages of the extra ``cnn`` that are not installed, and how to have them; empty if none is missing."""
    absent = [{"torch": "PyTorch"}.get(name, name) for name in names if find_spec(name) is None]
    return f"{' and '.join(absent)} (pip install -e '.[cnn]')" if absent else ""


def _add(
    found: dict, label: str, letter: str, part: Part, cases: Iterable[Case], run: Run, place: tuple[int, int]
) -> None:
    """Add a row for every case to the experiment that it reads, and the experiments that are not there yet."""
    accepted = inspect.signature(part.cell).parameters
    for number, case in enumerate(cases):
        stream = stream_of(run.seed, label, letter, case.config)
        options = {"device": run.device, "cifar": None if run.cifar is None else cifar_files(run.cifar)}
        config = {**case.config, **{key: options[key] for key in options if key in accepted}, "stream": stream}
        experiment = found.setdefault((part.cell, *stream), Experiment(label, part.cell, config, case))
        if (experiment.case.draws, experiment.case.chunk) != (case.draws, case.chunk):
            raise ValueError(f"{label} ({letter}): cases of one configuration must have the same number of draws")
        settings = {**config, **case.select}
        judge = part.judge if hasattr(part.judge, "side") else part.judge(settings)
        experiment.rows.append(Row(part, case, judge, settings, (*place, number)))


def verify(
    claims: Sequence[Claim],
    run: Run,
    *,
    weight: Mapping[tuple[str, str], float] = MappingProxyType({}),
    done: Callable[[Claim, Findings, float], None] = lambda claim, findings, seconds: None,
    advance: Callable[[int, int], None] = lambda finished, planned: None,
) -> dict[str, tuple[Findings, float]]:
    """Findings of every claim, and the seconds of its cells, whether computed now or kept.

    ``weight`` has the expected cost by label and case, of other cases by label and "". ``done`` is called when a claim is
    complete, ``advance`` with the numbers of finished and of planned cells.
    """
    experiments = {claim.label: experiments_of(claim, run) for claim in claims}
    open_cells = {claim.label: 0 for claim in claims}
    results: dict[str, tuple[Findings, float]] = {}
    finished = planned = 0

    def complete(claim: Claim) -> None:
        rows = [row for experiment in experiments[claim.label] for row in experiment.rows]
        rows.sort(key=lambda row: row.place)
        absent = [not_run(part, missing(part, run)) for part in claim.parts if missing(part, run)]
        parts = [row.evidence for row in rows if not row.control] + absent
        controls = [row.evidence for row in rows if row.control] + absent
        seconds = sum(experiment.seconds for experiment in experiments[claim.label])
        results[claim.label] = Findings(parts, controls), seconds
        done(claim, *results[claim.label])

    by_label = {claim.label: claim for claim in claims}
    waiting = [experiment for group in experiments.values() for experiment in group]
    for label in [label for label in by_label if not experiments[label]]:
        complete(by_label[label])
    while waiting:
        tasks, owners = [], []
        for experiment in waiting:
            start = len(experiment.chunks)
            cells = experiment.next_cells()
            experiment.chunks += [None] * len(cells)
            label = experiment.label
            cost = weight.get((label, experiment.case.name), weight.get((label, ""), UNKNOWN)) / len(cells)
            tasks += [Task(experiment.cell, cell, cost) for cell in cells]
            owners += [(experiment, start + k) for k in range(len(cells))]
            open_cells[experiment.label] += 1
        planned, waiting = planned + len(tasks), []
        advance(finished, planned)
        for i, result in run.sweep.stream(tasks):
            experiment, k = owners[i]
            experiment.chunks[k] = result.arrays
            experiment.seconds += result.seconds
            finished += 1
            advance(finished, planned)
            if all(chunk is not None for chunk in experiment.chunks):
                experiment.judge()
                if experiment.goes_on():
                    waiting.append(experiment)
                else:
                    open_cells[experiment.label] -= 1
                    experiment.chunks = [{}]  # the arrays are not needed any more
                if not open_cells[experiment.label]:
                    complete(by_label[experiment.label])
        for experiment in waiting:
            open_cells[experiment.label] -= 1  # counted again with the next look
    return results


def not_run(part: Part, missing: str) -> Evidence:
    """Evidence of a part that lacks something."""
    name = f"({part.letter}) {part.says} · not run"
    return Evidence(
        name,
        Verdict.NOT_RUN,
        np.nan,
        np.nan,
        note=f"needs {missing}",
        kind=part.letter,
        case="not run",
        status=part.status,
    )


def cifar_files(folder: Path) -> dict[str, str]:
    """Where CIFAR-10 is, and a fingerprint of its files, for the configuration of a cell."""
    return {"folder": str(folder), "data": fingerprint(folder)}


def measure(
    claim: Claim, letter: str, run: Run, widen: Callable[[dict], dict] = lambda config: config
) -> list[tuple[dict, Arrays]]:
    """(settings, arrays) of every case of a part after its first look: what a figure draws is what was judged.

    ``widen`` may put more values into a configuration than were judged; cases that share their cells are then one.
    """
    part = next(part for part in claim.parts if part.letter == letter)
    cases = list(part.cases(run.tier))
    wide = [replace(case, config=widen(case.config)) for case in cases]
    if wide != cases:
        cases = list({stream_key(case): case for case in wide}.values())
    alone = replace(claim, parts=(replace(part, controls=(), cases=lambda tier: cases),))
    experiments, owners, tasks = experiments_of(alone, run), [], []
    for experiment in experiments:
        cells = experiment.next_cells()
        experiment.chunks = [None] * len(cells)
        tasks += [Task(experiment.cell, cell) for cell in cells]
        owners += [(experiment, k) for k in range(len(cells))]
    for i, result in run.sweep.stream(tasks):
        experiment, k = owners[i]
        experiment.chunks[k] = result.arrays
    rows = [(row, experiment.arrays()) for experiment in experiments for row in experiment.rows]
    return [(row.config, arrays) for row, arrays in sorted(rows, key=lambda pair: pair[0].place)]


def stream_key(case: Case) -> str:
    """What tells the cells of a case from those of others."""
    return json.dumps(case.config, sort_keys=True)
