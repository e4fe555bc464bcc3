"""Small problems of gradient flow for the tests of the integrator: drawn networks, drawn maps, and a reference solution."""

from dataclasses import dataclass

import numpy as np
from hypothesis import strategies as st
from scipy.integrate import solve_ivp

from kernels import Parameters, init_parameters, layer_grams
from kernels.losses import LogCoshLoss, SquareLoss
from kernels.models import DampedOscillator, Factorization, NetworkModel, QuadraticMap, TwoLayerModel
from kernels.training import loss_gradient

SMOOTH = ("tanh", "erf", "softplus", "gelu", "sigmoid", "sin", "cos")


@dataclass(frozen=True)
class Network:
    """A network with data, and how it is trained: the first arguments of `gradient_flow`, and the rest by keyword."""

    params: Parameters
    X: np.ndarray
    y: np.ndarray
    activation: str
    kappa: float

    @property
    def arguments(self):
        return (self.params, self.X, self.y), {"activation": self.activation, "kappa": self.kappa}

    @property
    def spectrum(self):
        """Eigenvalues of JJᵀ/n at the start, ascending."""
        grams = layer_grams(self.params, self.X, activation=self.activation, kappa=self.kappa)
        return np.linalg.eigvalsh(grams.sum(axis=0)) / len(self.X)

    def horizon(self, longest):
        """A time in which the slowest mode decays, or that explicit methods can still follow."""
        values = self.spectrum
        return min(3 / max(values[0], 1e-300), longest / values[-1])

    def field(self, x):
        """−∇R on the flat parameters, for SciPy's solvers."""
        edges = np.cumsum([a.size for a in self.params.arrays])[:-1]
        arrays = tuple(p.reshape(a.shape) for p, a in zip(np.split(x, edges), self.params.arrays, strict=True))
        loss = SquareLoss(self.y, 1 / len(self.y))
        return -flat(loss_gradient(arrays, self.X.T, loss, self.activation, self.kappa)[2])

    def reference(self, t_end, times=None):
        """The flow by DOP853 at 1e-10: the end, or the states at ``times`` (k, p)."""
        start = flat(self.params.arrays)
        run = solve_ivp(
            lambda _, x: self.field(x), (0, t_end), start, method="DOP853", rtol=1e-10, atol=1e-13, t_eval=times
        )
        return run.y[:, -1] if times is None else run.y.T


def flat(arrays):
    """All entries in one vector."""
    return np.concatenate([a.ravel() for a in arrays])


def unit_rows(rng, n, d):
    """n directions, uniform on the sphere."""
    X = rng.normal(size=(n, d))
    return X / np.linalg.norm(X, axis=1, keepdims=True)


def make_network(seed, n, d, m, L, kappa, activation):
    rng = np.random.default_rng(seed)
    params = init_parameters(seed, d, m, hidden_layers=L)
    return Network(params, unit_rows(rng, n, d), rng.normal(size=n), activation, kappa)


def networks(*, activations=SMOOTH, n=(2, 6), d=(2, 6), m=(8, 64), L=(1, 3), log_kappa=(-0.3, 2.0)):
    """Strategy for `Network`."""
    return st.builds(
        make_network,
        seed=st.integers(0, 2**32 - 1),
        n=st.integers(*n),
        d=st.integers(*d),
        m=st.integers(*m),
        L=st.integers(*L),
        kappa=st.floats(*log_kappa).map(lambda k: 10.0**k),
        activation=st.sampled_from(activations),
    )


def linear_map(A):
    """h(w) = Aw."""
    A = np.array(A, dtype=float)
    return QuadraticMap(A, np.zeros((*A.shape, A.shape[1])))


@dataclass(frozen=True)
class Logistic:
    """R(f) = Σ_i log(1 + e^{−f_i}): no targets, no minimum, a Hessian that underflows on both sides."""

    def evaluate(self, outputs):
        small = np.exp(-np.abs(outputs))
        falling = np.where(outputs > 0, small, 1.0) / (1 + small)
        return float(np.logaddexp(0, -outputs).sum()), -falling, small / (1 + small) ** 2


@dataclass(frozen=True)
class Poisson:
    """R(f) = Σ_i e^{f_i} − 3f_i, whose minimum is negative, or minus that minimum: the deviance, which cancels to rounding."""

    deviance: bool = False

    def evaluate(self, outputs):
        rate = np.exp(outputs)
        value = rate - 3 * outputs
        if self.deviance:
            value = rate - 3 - 3 * (outputs - np.log(3))
        return float(value.sum()), rate - 3, rate


def make_map(kind, seed):
    """A map R^p → R^N, p ≤ 13, with a start."""
    rng = np.random.default_rng(seed)
    N, p = 3, 6
    if kind == "quadratic":
        A = rng.normal(size=(N, p, p))
        return QuadraticMap(rng.normal(size=(N, p)), A + A.transpose(0, 2, 1)), rng.normal(size=p)
    if kind == "two layers":
        return TwoLayerModel(rng.normal(size=(N, 2)), "tanh", None, 0.5), rng.normal(size=12)
    if kind == "neuron":
        return TwoLayerModel(rng.normal(size=(N, 2)), "sin", np.ones(1)), rng.normal(size=2)
    if kind == "network":
        return NetworkModel(unit_rows(rng, N, 2), "erf", 1.0, 2, 2), rng.normal(size=10)
    if kind == "factorization":
        return Factorization(2, 2, 3), rng.normal(size=12)
    return DampedOscillator(np.linspace(0.2, 3, N)), rng.uniform(0.5, 1.5, size=3)


MAPS = ("quadratic", "two layers", "neuron", "network", "factorization", "oscillator")
LOSSES = {
    "square": lambda y: SquareLoss(y),
    "soft far": lambda y: LogCoshLoss(y, 0.5, 2.0),
    "soft near": lambda y: LogCoshLoss(y, 0.5, 2.0, soft_far=False),
}
maps = st.builds(lambda kind, seed: (*make_map(kind, seed), seed), st.sampled_from(MAPS), st.integers(0, 2**32 - 1))
losses = st.sampled_from(sorted(LOSSES))
