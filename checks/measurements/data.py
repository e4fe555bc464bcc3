"""Inputs and targets on which claims are checked: random directions, and two kinds of real data with labels of their own."""

from functools import cache

import numpy as np

from checks.forecast.tables import table

KINDS = ("random", "digits", "diabetes")
TARGETS = ("random", "linear", "own")
DATA = {
    "random": {"kind": "random", "n": 8, "d": 8},
    "digits": {"kind": "digits", "n": 8},
    "diabetes": {"kind": "diabetes", "n": 8},
}
# A training finding must hold on all kinds of inputs and targets: three sets that show each of them, and all nine.
THREE = tuple(DATA[kind] | {"target": target} for kind, target in zip(KINDS, ("random", "own", "linear"), strict=True))
NINE = tuple(DATA[kind] | {"target": target} for kind in KINDS for target in TARGETS)


def inputs(
    kind: str,
    *,
    n: int,
    seed: int,
    d: int = 64,
    target: str = "random",
    twin: float = 0.0,
    alike: bool = False,
    apart: float = np.inf,
) -> np.ndarray:
    """Unit rows (n, d): ``random`` uniform on the sphere, ``digits`` and ``diabetes`` a random choice of the rows of `_table`.

    ``orthonormal`` the first n unit vectors. With ``twin`` φ > 0 the second row is the first one turned by the angle φ towards
    the old second. ``target``, ``alike`` and ``apart``, which `samples` reads, change nothing here.
    """
    rng = np.random.default_rng(seed)
    if kind == "random":
        X = rng.normal(size=(n, d))
    elif kind == "orthonormal":
        X = np.eye(n)
    elif kind in KINDS:
        X = _table(kind)[0][_rows(kind, n, rng)]
    else:
        raise ValueError(f"`kind` must be one of {', '.join(map(repr, KINDS))}, got {kind!r}")
    X = X / np.linalg.norm(X, axis=1, keepdims=True)
    if twin:
        aside = X[1]
        for _ in range(2):  # once leaves a part of X[0] where the two are nearly parallel
            aside = aside - (X[0] @ aside) * X[0]
        X[1] = np.cos(twin) * X[0] + np.sin(twin) * aside / np.linalg.norm(aside)
    return X


def samples(data: dict, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Inputs X (n, d) with unit rows and targets y (n,) with ‖y‖ = √n, for ``data`` {kind, n, d, target}.

    ``target`` "random", as when it is not given: a random direction; "linear": Xu for a random u; "own": what the data are
    about, for a digit whether it is odd (±1), for diabetes the centred progression, for random directions random signs. With
    ``twin`` the first target is ± the root mean square, and the second minus the first, or the first where they are ``alike``.
    With ``apart`` the first seed from this one on is taken at which |y_i − y_j|/φ_ij², φ_ij the angle of two inputs, is at most
    that for all pairs.
    """
    kind, target = data["kind"], data.get("target", "random")
    X, rng = inputs(**data, seed=seed), np.random.default_rng([seed, 1])
    if target == "random":
        y = rng.normal(size=len(X))
    elif target == "linear":
        y = X @ rng.normal(size=X.shape[1])
    elif target == "own":
        own = _table(kind)[1][_rows(kind, len(X), np.random.default_rng(seed))] if kind in KINDS[1:] else None
        y = rng.choice([-1.0, 1.0], size=len(X)) if own is None else own
    else:
        raise ValueError(f"`target` must be one of {', '.join(map(repr, TARGETS))}, got {target!r}")
    if data.get("twin"):
        y[0] = np.copysign(np.sqrt(np.mean(y**2)), y[0])
        y[1] = y[0] if data.get("alike") else -y[0]
    y = y * np.sqrt(len(X)) / np.linalg.norm(y)
    if "apart" in data and not closeness(X, y) <= data["apart"]:  # NaN is not apart
        return samples(data, seed + 1)
    return X, y


def closeness(X: np.ndarray, y: np.ndarray) -> float:
    """max |y_i − y_j|/φ_ij² over pairs of unit rows of X (n, d) with labels y (n,), φ_ij their angle."""
    i, j = np.triu_indices(len(y), 1)
    angles = 2 * np.arcsin(np.minimum(np.linalg.norm(X[i] - X[j], axis=1) / 2, 1))
    return float(np.max(np.abs(y[i] - y[j]) / angles**2, initial=0.0))


def in_span(X: np.ndarray) -> np.ndarray:
    """X (n, d) in coordinates of the span of its rows, (n, min(n, d)).

    Outputs and drift of networks with weights from N(0, 1) have a law that depends on XXᵀ alone, and it is the same.
    """
    return np.ascontiguousarray(np.linalg.qr(X.T)[1].T)


def data_name(data: dict) -> str:
    """Kind, target where it is not a random direction, and n where it is not 8."""
    target = data.get("target", "random")
    name = data["kind"] + f", {target} targets" * (target != "random") + f", n = {data['n']}" * (data["n"] != 8)
    twin = f", twins at φ = {data['twin']:g}" if data.get("twin") else ""
    return name + twin + (" with equal labels" if data.get("alike") else " with opposite labels" if twin else "")


def _rows(kind: str, n: int, rng: np.random.Generator) -> np.ndarray:
    return rng.choice(len(_table(kind)[0]), size=n, replace=False)


@cache
def _table(kind: str) -> tuple[np.ndarray, np.ndarray]:
    """All rows and labels: 8 × 8 images (d = 64) and ±1 for odd and even; 10 centred columns and a centred progression."""
    X, y = table(kind)
    return X, 2.0 * (y % 2) - 1 if kind == "digits" else y - y.mean()
