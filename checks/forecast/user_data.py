"""Data of a user: a CSV file, an NPZ file or a data set of scikit-learn, as inputs and numeric targets.

Whatever is wrong with them is one ValueError, a sentence that names the file and the place.
"""

import csv
import math
import re
from dataclasses import dataclass
from pathlib import Path
from zipfile import BadZipFile, is_zipfile

import numpy as np

from checks.forecast.tables import table

SETS = ("iris", "wine", "breast_cancer", "diabetes", "digits")
NORMALISATIONS = ("columns", "rows", "none")
LARGEST = 1e100  # the largest number of a column: squares are formed


@dataclass(frozen=True)
class UserData:
    """Inputs X (n, d), targets y (n,) or (n, k), what was done to them in sentences, ``rows`` (n,), their places in the table.

    ``table``: inputs and targets of all rows, treated alike.
    """

    X: np.ndarray
    y: np.ndarray
    notes: tuple[str, ...]
    rows: np.ndarray
    table: tuple[np.ndarray, np.ndarray]

    @property
    def whole(self) -> bool:
        """Whether all rows of the table are used."""
        return len(self.rows) == len(self.table[0])


def read(source: str, target: str | None, *, normalise: str = "columns", rows: int = 2_000, seed: int = 0) -> UserData:
    """The table ``source`` with the column ``target`` as y; at most ``rows`` of its rows, drawn by ``seed``.

    ``normalise`` "columns": mean 0 and standard deviation 1 over the whole table, constant columns left out; "rows": length 1;
    "none". The target, or each of its columns, is centred and divided by its standard deviation there.
    """
    X, y = _load(source, target)
    if len(X) < 2:
        raise ValueError(f"{source} must have at least 2 rows, has {len(X)}")
    targets = y.reshape(len(y), -1).T
    names = ["the target"] if len(targets) == 1 else [f"column {k} of the target" for k in range(len(targets))]
    for values, what in (*zip(targets, names, strict=True), *((X[:, k], f"column {k}") for k in range(X.shape[1]))):
        if (largest := np.abs(values).max()) > LARGEST or 0 < largest < 1 / LARGEST:
            raise ValueError(
                f"{source}: {what} has numbers up to {largest:.3g}; choose a unit between {1 / LARGEST:g} and {LARGEST:g}"
            )
    notes = [f"{len(X)} rows, {X.shape[1]} columns"]
    mean, size = y.mean(axis=0), y.std(axis=0)
    for own, spread, what in zip(mean.ravel(), size.ravel(), names, strict=True):
        if not spread > 4 * 2.0**-53 * abs(own):
            raise ValueError(f"{source}: {what} is {own:g} in every row, there is nothing to learn")
    kinds = len(np.unique(y))
    classes = f", {kinds} values taken as numbers" if kinds <= 20 and kinds < len(y) / 2 else ""
    notes.append(
        f"target centred and divided by its standard deviation {size:.4g}{classes}"
        if y.ndim == 1
        else f"{len(names)} targets, each centred and divided by its standard deviation"
    )
    y = (y - mean) / size
    if normalise == "columns":
        mean, size = X.mean(axis=0), X.std(axis=0)
        kept = size > 4 * 2.0**-53 * np.abs(mean)
        if not kept.any():
            raise ValueError(f"{source}: every column is constant, there is nothing to learn from")
        X = (X[:, kept] - mean[kept]) / size[kept]
        left = f", {(~kept).sum()} constant ones left out" if not kept.all() else ""
        notes.append(f"columns with mean 0 and standard deviation 1{left}")
    norms = np.linalg.norm(X, axis=1)
    zero = np.flatnonzero(norms == 0)
    if len(zero) and normalise == "rows":
        raise ValueError(
            f"{source}: row {zero[0]} is zero, which no factor gives length 1; --normalise columns centres it"
        )
    if normalise == "rows":
        X = X / norms[:, None]
        notes.append("rows of length 1")
    chosen = np.arange(len(X))
    if len(X) > rows:
        chosen = np.sort(np.random.default_rng(seed).choice(len(X), size=rows, replace=False))
        notes.append(f"{rows} of the rows drawn, --rows N takes more")
    if zeros := np.isin(zero, chosen).sum():
        notes.append(
            f"{zeros} rows are zero: without biases relu, tanh and all σ with σ(0) = 0 give 0 there, whatever the weights"
        )
    return UserData(X[chosen], y[chosen], tuple(notes), chosen, (X, y))


def _load(source: str, target: str | None) -> tuple[np.ndarray, np.ndarray]:
    path = Path(source)
    if source in SETS and not path.exists():
        if target not in (None, "target"):
            raise ValueError(f"{source} has one target, called target, got {target!r}")
        X, y = table(source)
        return X.copy(), y.copy()
    if path.suffix.lower() not in (".csv", ".npz"):
        arrays = "; of arrays np.savez('data.npz', X=X, y=y) makes one" if path.suffix.lower() == ".npy" else ""
        raise ValueError(f"{source!r} must be a .csv or .npz file or one of {', '.join(SETS)}{arrays}")
    if not path.is_file():
        raise ValueError(f"there is no file {source}")
    return _npz(path, target or "y") if path.suffix.lower() == ".npz" else _csv(path, target)


def _npz(path: Path, target: str) -> tuple[np.ndarray, np.ndarray]:
    """X (n, d) and the array ``target`` (n,) or (n, k), or of ``NAME[c]`` its column c."""
    if not is_zipfile(path):
        raise ValueError(f"{path} is no NPZ file")
    named = re.fullmatch(r"(.+)\[(\d+)\]", target)
    name, column = (named[1], int(named[2])) if named else (target, None)
    with np.load(path, allow_pickle=False) as file:
        missing = [own for own in ("X", name) if own not in file]
        if missing:
            raise ValueError(f"{path} must hold the arrays X and {name}, holds {', '.join(file) or 'none'}")
        try:
            X, y = file["X"], file[name]
        except (ValueError, EOFError, BadZipFile) as error:
            raise ValueError(
                f"{path}: X and {name} must be plain arrays of numbers; pickled objects are not read"
            ) from error
    for own, array, axes in (("X", X, (2,)), (name, y, (1, 2) if column is None else (2,))):
        if array.dtype.kind not in "iuf" or array.ndim not in axes or array.size == 0:
            rule = " or ".join(map(str, axes))
            raise ValueError(f"{path}: {own} must be real numbers with {rule} axes, is {array.dtype} {array.shape}")
        if not np.isfinite(array).all():
            raise ValueError(
                f"{path}: {own} must be finite, is not at {tuple(map(int, np.argwhere(~np.isfinite(array))[0]))}"
            )
    if len(X) != len(y):
        raise ValueError(f"{path}: X has {len(X)} rows and {name} {len(y)}")
    if column is not None:
        if column >= y.shape[1]:
            raise ValueError(f"{path}: {name} has the columns 0 to {y.shape[1] - 1}, not {column}")
        y = y[:, column]
    elif y.ndim == 2 and y.shape[1] == 1:
        y = y[:, 0]
    return X.astype(float), y.astype(float)


def _csv(path: Path, target: str | None) -> tuple[np.ndarray, np.ndarray]:
    """All columns but the ``target`` as X; the first line names the columns."""
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            lines = [(reader.line_num, line) for reader in [csv.reader(file)] for line in reader if line]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise ValueError(f"{path} cannot be read: {error}") from error
    if not lines:
        raise ValueError(f"{path} is empty")
    names = [name.strip() for name in lines[0][1]]
    other = next((mark for mark in ";\t|" if len(names) == 1 and mark in names[0]), None)
    if other is not None:
        raise ValueError(
            f"{path}: columns must be separated by commas, and decimals by points, the first line has {other!r}"
        )
    if all(map(_is_number, names)):
        raise ValueError(f"{path}: the first line must name the columns, is {', '.join(names[:4])}")
    if "" in names:
        raise ValueError(
            f"{path}: column {names.index('')} has no name; an index that pandas wrote is no input: to_csv(…, index=False)"
        )
    double = next((name for name in names if names.count(name) > 1), None)
    if double is not None:
        raise ValueError(f"{path}: two columns are called {double!r}")
    if target is None or target not in names:
        asked = "--target must name the column to predict" if target is None else f"there is no column {target!r}"
        raise ValueError(f"{path}: {asked}; columns are {', '.join(names)}")
    if len(names) < 2:
        raise ValueError(f"{path} must have a column besides {target}")
    table = np.empty((len(lines) - 1, len(names)))
    for row, (number, line) in enumerate(lines[1:]):
        if len(line) != len(names):
            raise ValueError(f"{path}, line {number}: {len(line)} values for {len(names)} columns")
        for column, text in enumerate(line):
            if not _is_number(text):
                raise ValueError(f"{path}, line {number}: {names[column]} must be a finite number, is {text!r}")
            table[row, column] = float(text)
    own = names.index(target)
    return np.delete(table, own, axis=1), table[:, own]


def _is_number(text: str) -> bool:
    try:
        return "_" not in text and math.isfinite(float(text))  # Python reads 1_000
    except ValueError:
        return False
