"""ntk-special-case: κ = √m is the NTK parametrisation, with learning rates (1, 1/m, …, 1/m) on raw weights."""

import numpy as np

from checks.claim import Claim, Findings, Run
from checks.data import inputs
from checks.inequality import inequality
from checks.verdict import Evidence
from kernels import Parameters, forward, init_parameters, layer_grams
from kernels.activations import ACTIVATIONS, activate

TOLERANCE = 1e-12
STEPS = 100
WIDTHS = {"quick": (48,), "standard": (16, 48, 256), "full": (16, 48, 256, 1024)}
DATA = ("random", "digits")
SAMPLES = 4
CONTROL_ACTIVATIONS = ("relu", "tanh", "erf")


def raw_pass(weights: list[np.ndarray], output: np.ndarray, X: np.ndarray, activation: str) -> tuple[np.ndarray, list]:
    """Raw network a·σ(W^L σ(… σ(W^1 x))): outputs (n,) and the Jacobian of every layer, (n, entries) each.

    Written sample by sample from the chain rule, sharing no code with the normalised network but σ itself.
    """
    outputs, jacobians = [], [[] for _ in range(len(weights) + 1)]
    for x in X:
        values, slopes = [x], []
        for W in weights:
            z = W @ values[-1]
            slopes.append(activate(activation, z))
            values.append(z)
        back = output
        jacobians[-1].append(values[-1])
        for l in reversed(range(len(weights))):
            back = back * slopes[l]
            jacobians[l].append(np.outer(back, values[l]).ravel())
            back = weights[l].T @ back
        outputs.append(output @ values[-1])
    return np.array(outputs), [np.array(rows) for rows in jacobians]


def normalised_gradient(
    params: Parameters, X: np.ndarray, y: np.ndarray, activation: str, kappa: float
) -> list[np.ndarray]:
    """∂R/∂W^l and ∂R/∂a of R = (1/2n) Σ_i (f(x_i) − y_i)² for the normalised network, all samples at once."""
    m, values, slopes = params.width, [X.T], []
    for l, W in enumerate(params.weights):
        z = W @ values[-1] / (np.sqrt(m) if l else 1.0)
        slopes.append(activate(activation, z))
        values.append(z)
    residual = (kappa / m * (params.output @ values[-1]) - y) / len(y)
    gradients = [kappa / m * (values[-1] @ residual)]
    back = kappa / m * params.output[:, None] * residual
    for l in reversed(range(len(params.weights))):
        scale = np.sqrt(m) if l else 1.0
        back = back * slopes[l]
        gradients.insert(0, back @ values[l].T / scale)
        back = params.weights[l].T @ back / scale
    return gradients


def differences(
    *, activation: str, hidden_layers: int, width: int, data: dict, seed: int, equal_rates: bool = False
) -> dict[str, np.ndarray]:
    """Relative distance between the two parametrisations: outputs, weighted Grams, and 100 steps of descent.

    Normalised: κ = √m, all rates 1. Raw: W^l/√m for l ≥ 2 and a/√m, learning rates r = (1, 1/m, …, 1/m); its Gram
    matrices are weighted by r. With ``equal_rates`` the raw rates are all 1/m: the first layer then hardly moves.
    """
    X, m, L, kappa = inputs(**data), width, hidden_layers, np.sqrt(width)
    y = np.random.default_rng(seed).normal(size=len(X))
    params = init_parameters(seed, X.shape[1], m, hidden_layers=L)
    grams = layer_grams(params, X, activation=activation, kappa=kappa)
    outputs = [forward(params, X, activation=activation, kappa=kappa)]

    rates = np.array([1 / m if equal_rates else 1.0] + [1 / m] * L)
    weights = [params.weights[0], *(W / np.sqrt(m) for W in params.weights[1:])]
    output = params.output / np.sqrt(m)
    f, jacobians = raw_pass(weights, output, X, activation)
    raw_grams = np.array([r * J @ J.T for r, J in zip(rates, jacobians, strict=True)])
    raw_outputs = [f]

    for _ in range(STEPS):
        # of the current kernel: it may grow a hundredfold, and a step beyond stability amplifies rounding
        kernel = layer_grams(params, X, activation=activation, kappa=kappa).sum(axis=0)
        step = len(X) / np.linalg.eigvalsh(kernel)[-1] / 4
        gradients = normalised_gradient(params, X, y, activation, kappa)
        moved = [W - step * g for W, g in zip((*params.weights, params.output), gradients, strict=True)]
        params = Parameters(tuple(moved[:-1]), moved[-1])
        outputs.append(forward(params, X, activation=activation, kappa=kappa))

        moves = [-step * r * J.T @ (f - y) / len(y) for r, J in zip(rates, jacobians, strict=True)]
        weights = [W + move.reshape(W.shape) for W, move in zip(weights, moves[:-1], strict=True)]
        output = output + moves[-1]
        f, jacobians = raw_pass(weights, output, X, activation)
        raw_outputs.append(f)
    outputs, raw_outputs = np.array(outputs), np.array(raw_outputs)
    return {
        "outputs": distance(raw_outputs[:1], outputs[:1]),
        "Gram matrices": distance(raw_grams, grams),
        f"{STEPS} steps": distance(raw_outputs, outputs),
    }


def distance(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """max |a − b| / max |b|."""
    return np.abs(a - b).max() / np.abs(b).max()


def judge(results: list[dict[str, np.ndarray]], quantity: str, name: str) -> Evidence:
    """The largest distance over all configurations, NaN if one of them is, against the tolerance."""
    return inequality(name, float(np.max([result[quantity] for result in results])), TOLERANCE)


def check(run: Run) -> Findings:
    """All activations, depths 1 to 3, random inputs and digits; outputs, Gram matrices and descent."""
    cells = [
        {
            "activation": name,
            "hidden_layers": L,
            "width": m,
            "data": {"kind": kind, "n": SAMPLES, "seed": 1},
            "seed": run.seed,
        }
        for kind in DATA
        for L in (1, 2, 3)
        for m in WIDTHS[run.tier]
        for name in ACTIVATIONS
    ]
    results = run.sweep.run(differences, cells, "ntk-special-case")
    wrong_cells = [{**cell, "equal_rates": True} for cell in cells if cell["activation"] in CONTROL_ACTIVATIONS]
    wrong = run.sweep.run(differences, wrong_cells, "equal raw rates")
    parts, controls = [], []
    for kind in DATA:
        for quantity in results[0]:
            own = [r for r, cell in zip(results, cells, strict=True) if cell["data"]["kind"] == kind]
            parts.append(judge(own, quantity, f"{quantity} · {kind}"))
    for quantity in ("Gram matrices", f"{STEPS} steps"):  # the outputs at initialisation do not depend on rates
        for kind in DATA:
            own = [r for r, cell in zip(wrong, wrong_cells, strict=True) if cell["data"]["kind"] == kind]
            least = {quantity: np.min([result[quantity] for result in own])}
            controls.append(judge([least], quantity, f"equal raw rates · {quantity} · {kind}"))
    return Findings(parts, controls)


CLAIM = Claim(
    paper="li2024demystifying",
    name="ntk-special-case",
    source="statement reconstructed; proof in docs/theory.md",
    statement=(
        "the normalised network with κ = √m and all rates 1 is the raw network with W^l ~ N(0, 1/m), l ≥ 2, a ~ N(0, 1/m) and "
        "learning rates (1, 1/m, …, 1/m)"
    ),
    assumptions="any activation, depth, width and data; the same draw of the weights",
    predicted="outputs, Gram matrices weighted by the rates, and gradient descent agree exactly",
    judge=(
        f"largest relative difference over all activations, depths 1 to 3 and widths, of outputs, Gram matrices and {STEPS} "
        f"steps of gradient descent (step n/4λ_max of the current kernel), at most {TOLERANCE:g}: rounding, amplified by "
        f"{STEPS} steps; the raw network is written out sample by sample"
    ),
    control="raw learning rates that are all 1/m; judged by the configuration that differs least",
    figure="",
    check=check,
)
