"""Rules about the repository itself."""

import ast
import importlib
import inspect
import json
import re
import sys
import tomllib
import warnings
from configparser import ConfigParser
from pathlib import Path

import numpy as np
import pytest
from numba.core.errors import NumbaDeprecationWarning, NumbaPerformanceWarning
from threadpoolctl import threadpool_info

from checks.claims import CLAIMS
from checks.running.declared import declared
from checks.running.paper_claims import JSON_PATH, MARKDOWN_PATH, markdown, read_paper_claims
from checks.running.record import claim_tests, exit_status, marked_tests
from checks.running.sweep import read_code
from tests import modules

ROOT = Path(__file__).resolve().parents[1]
SHARED = {"argument_validation"}  # checks on arguments, no formula
SETUP = ConfigParser()
SETUP.read(ROOT / "setup.cfg", encoding="utf-8")
MAY_IMPORT = {
    "theory": SHARED,
    "kernels": SHARED,
    "checks.verdict": set(),
    "checks.judges": {"checks.verdict"},
    "checks.forecast": {
        "theory",
        "kernels",
        "checks.running.progress",
        "checks.running.table",
        "checks.running.user_files",
        "figures.training",
    }
    | SHARED,
    "checks.measurements": {"theory", "kernels", "checks.forecast"} | SHARED,
    "checks.claim": {"checks.judges", "checks.verdict", "checks.running.sweep"},
    "checks.claims": {"checks"},
    **{f"checks.{claim.paper}": {"checks.claim", "checks.judges", "checks.measurements", "theory"} for claim in CLAIMS},
    "checks.report": {"checks.running", "checks.verdict"},
    "checks.running": {
        "checks.claim",
        "checks.judges",
        "checks.verdict",
        "checks.version",
        "checks.measurements.cifar10",
    },
    "checks.version": set(),
    "checks.__main__": {"checks", "kernels", "command_start"} | SHARED,
    "figures": {"checks", "kernels", "theory", "benchmarks", "command_start"} | SHARED,
    "benchmarks": {"theory", "kernels", "checks", "command_start"} | SHARED,
}
"""A package or module, and what of ours it may import besides itself."""
PACKAGES = ("theory", "kernels", "checks", "figures", "benchmarks")
THIRD_PARTY = {
    "numba": {"kernels", "theory"},
    "matplotlib": {"figures"},
    "llvmlite": {"kernels"},
    "torch": {"kernels"},
}
SOURCES = [
    (package, path)
    for package in PACKAGES
    for path in sorted((ROOT / package).rglob("*.py"))
    if path.parent.name != "peer_scripts"  # they run in environments of other libraries
]
OURS = {*PACKAGES, "tests", *(path.stem for path in ROOT.glob("*.py"))}


def within(name, homes):
    """Whether a module is one of the packages or modules, or lies in one."""
    return any(name == home or name.startswith(f"{home}.") for home in homes)


@pytest.mark.parametrize("package, path", SOURCES, ids=lambda value: str(getattr(value, "stem", value)))
def test_imports_point_in_one_direction(package, path):
    """theory and kernels know nothing of each other: their agreement is evidence. Cells know no claim, judges no cell."""
    module = ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
    names = read_code(path.read_text(encoding="utf-8"))[1]
    rules = {home: allowed for home, allowed in MAY_IMPORT.items() if within(module, [home])}
    assert rules or module == "checks", f"{module} has no rule"
    for home, allowed in rules.items():
        wrong = {name for name in names if name.split(".")[0] in OURS and not within(name, allowed | {home})}
        assert not wrong, f"{module} imports {sorted(wrong)}"
    for library, homes in THIRD_PARTY.items():
        assert library not in {name.split(".")[0] for name in names} or package in homes, f"{library} is used in {path}"


@pytest.mark.parametrize("claim", CLAIMS, ids=lambda claim: claim.label)
def test_every_claim_has_a_test(claim):
    assert claim_tests(claim.label)


def test_tests_name_only_known_claims():
    unknown = {label for _, label in marked_tests(ROOT / "tests")} - {claim.label for claim in CLAIMS}
    assert not unknown


def test_claims_are_listed_in_one_place_and_nowhere_else():
    """Every file of a paper that defines CLAIM is in claims.py, once; none puts itself into a list at import."""
    files = sorted((ROOT / "checks").glob("*/*.py"))
    trees = {path: ast.parse(path.read_text(encoding="utf-8")) for path in files}
    trees = {
        path: tree
        for path, tree in trees.items()
        if any(isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "CLAIM" for node in tree.body)
    }
    defined = [f"{path.parent.name}/{path.stem.replace('_', '-')}" for path in trees]
    assert sorted(defined) == sorted(claim.label for claim in CLAIMS)
    for path, tree in trees.items():
        calls = [ast.unparse(node) for node in tree.body if isinstance(node, ast.Expr | ast.For | ast.With | ast.If)]
        assert all(text.startswith(("'", '"')) for text in calls), f"{path} runs code when it is imported: {calls}"


@pytest.mark.parametrize("claim", CLAIMS, ids=lambda claim: claim.label)
def test_a_claim_stands_where_its_label_says(claim):
    module = f"checks.{claim.paper}.{claim.name.replace('-', '_')}"
    assert importlib.import_module(module).CLAIM is claim
    assert f"### {claim.name}\n" in (ROOT / "docs" / "theory.md").read_text(encoding="utf-8")
    assert not claim.figure or (ROOT / "figures" / f"{claim.figure}.py").exists()


def test_labels_are_unique():
    assert len({claim.label for claim in CLAIMS}) == len(CLAIMS)


def test_the_claims_table_is_what_its_record_generates():
    records = read_paper_claims()
    assert [record["label"] for record in records] == [claim.label for claim in CLAIMS]
    assert MARKDOWN_PATH.read_text(encoding="utf-8") == markdown(records)
    assert MARKDOWN_PATH.stat().st_size <= 150_000 and JSON_PATH.stat().st_size <= 385_000


def test_every_row_of_the_claims_table_is_supported_with_its_controls_refuted():
    assert [record["label"] for record in read_paper_claims() if exit_status([record])] == []


@pytest.mark.parametrize("claim", CLAIMS, ids=lambda claim: claim.label)
def test_the_claims_table_states_what_the_code_declares(claim):
    record = next(r for r in read_paper_claims() if r["label"] == claim.label)
    stated = {key: getattr(claim, key) for key in ("statement", "assumptions", "summary", "source", "figure", "uses")}
    stated["declared"] = declared(claim, record["provenance"]["tier"])
    stated["tests"] = claim_tests(claim.label)
    for key, value in json.loads(json.dumps(stated)).items():
        again = f"python -m checks run {claim.name} --tier standard --record writes the row anew"
        assert record[key] == value, f"{key} changed: {again}"


BOUNDS = ("lazy", "scaled", "convergence", "width", "eigenvalue", "path")


def bounds():
    for path in (*(f"theory.{name}_bounds" for name in BOUNDS), "theory.gram_fluctuations"):
        for name, function in inspect.getmembers(importlib.import_module(path), inspect.isfunction):
            if not name.startswith("_") and function.__module__ == path:
                yield pytest.param(function, id=f"{path}.{name}")


@pytest.mark.parametrize("function", list(bounds()))
def test_a_bound_names_the_claims_and_the_parts_that_it_serves(function):
    """Its first line begins with "claim (part), claim: …", so that a reader gets from the bound to the claim."""
    letters = {claim.name: {part.letter for part in claim.parts} for claim in CLAIMS}
    named = inspect.getdoc(function).partition(":")[0]
    found = re.findall(r"([a-z-]+)(?: \(([^)]*)\))?(?:, |$)", named)
    assert found and ", ".join(name + f" ({parts})" * bool(parts) for name, parts in found) == named
    for name, parts in found:
        assert name in letters and set(filter(None, parts.split(", "))) <= letters[name], named


def public_functions():
    for path in modules():
        if path.endswith("__main__"):
            continue
        for name, function in inspect.getmembers(importlib.import_module(path), inspect.isfunction):
            if not name.startswith("_") and function.__module__ == path:
                yield pytest.param(function, id=f"{path}.{name}")


@pytest.mark.parametrize("function", list(public_functions()))
def test_public_functions_are_typed_and_documented(function):
    signature = inspect.signature(function)
    assert function.__doc__
    assert signature.return_annotation is not inspect.Signature.empty
    missing = [n for n, p in signature.parameters.items() if p.annotation is inspect.Parameter.empty]
    assert not missing


def test_no_test_is_silently_empty():
    """A test function asserts, raises or warns; none returns early."""
    for path in sorted((ROOT / "tests").rglob("test_*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.FunctionDef) and node.name.startswith("test_"):
                text = ast.unparse(node)
                assert any(word in text for word in ("assert", "pytest.raises", "pytest.warns")), f"{path}::{node.name}"
                assert not any(isinstance(inner, ast.Return) and inner.value is None for inner in ast.walk(node))


def requirements(extras):
    """name -> oldest version of what setup.cfg requires, with or without its extras."""
    lines = SETUP["options"]["install_requires"].split()
    if extras:
        lines += [line for lines in SETUP["options.extras_require"].values() for line in lines.split()]
    found = dict(re.fullmatch(r"([a-z-]+)(?:\[\w+\])?>=([0-9.]+)", line).groups() for line in lines)
    return {
        {"scikit-learn": "sklearn", "python-flint": "flint"}.get(name, name): least for name, least in found.items()
    }


def test_the_dependency_group_is_the_extra():
    """Groups cannot name extras, and pip knows groups only from version 25.1 on."""
    groups = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["dependency-groups"]
    assert groups["test"] == SETUP["options.extras_require"]["test"].split()


def imported(paths, *, everywhere):
    """Libraries imported at the top of the files, or anywhere in them."""
    names = set()
    for path in paths:
        tree = ast.parse(path.read_text(encoding="utf-8"))
        for node in ast.walk(tree) if everywhere else tree.body:
            if isinstance(node, ast.Import):
                names |= {alias.name for alias in node.names}
            elif isinstance(node, ast.ImportFrom):
                names.add(node.module)
    return {name.split(".")[0] for name in names} - OURS - sys.stdlib_module_names


def test_setup_declares_every_library_with_its_oldest_version():
    packages = [path for _, path in SOURCES]
    assert imported(packages, everywhere=False) - {"torch"} == requirements(extras=False).keys() - {"sklearn"}
    assert imported(packages, everywhere=True) <= requirements(extras=True).keys() | {"distributed"}
    assert imported((ROOT / "tests").rglob("*.py"), everywhere=True) <= requirements(extras=True).keys()


def test_setup_installs_every_module_and_package():
    assert set(SETUP["options"]["py_modules"].split()) == {path.stem for path in ROOT.glob("*.py")}
    assert set(SETUP["options.packages.find"]["include"].split()) == {f"{package}*" for package in PACKAGES}
    folders = {path.parent for _, path in SOURCES}
    assert all((folder / "__init__.py").exists() for folder in folders)


def test_threads_of_numpy_and_scipy_obey_their_limit():
    """conftest limits them to one; threadpoolctl before 3.5 does not know the OpenBLAS of NumPy 2 and limits nothing."""
    blas = [library for library in threadpool_info() if library["user_api"] == "blas"]
    assert {library["num_threads"] for library in blas} == {1} or (sys.platform == "darwin" and not blas)


def warned(module, category, text="careful"):
    """Warnings that are shown, not raised, where code of ``module`` warns."""
    with warnings.catch_warnings(record=True) as shown:
        exec("import warnings; warnings.warn(text, category)", {"__name__": module, "text": text, "category": category})
    return [warning.category for warning in shown]


@pytest.mark.parametrize("module", ["argument_validation", "theory.quadrature", "checks", "tests.test_sweep"])
@pytest.mark.parametrize("category", [UserWarning, DeprecationWarning, RuntimeWarning])
def test_a_warning_of_ours_fails_a_test(module, category):
    with pytest.raises(category, match="careful"):
        warned(module, category)


@pytest.mark.parametrize("module", ["matplotlib._mathtext", "theory_of_others.checks", "checksum", "numpy.lib"])
@pytest.mark.parametrize("category", [UserWarning, DeprecationWarning, NumbaDeprecationWarning])
def test_a_warning_of_a_dependency_does_not(module, category):
    assert warned(module, category) == [category]


def test_numerical_trouble_that_our_arguments_cause_in_a_dependency_fails_a_test():
    with pytest.raises(RuntimeWarning, match="Mean of empty slice"):  # attributed to numpy itself
        np.mean([])
    with pytest.raises(NumbaPerformanceWarning):
        warned("numba.core.dispatcher", NumbaPerformanceWarning)
