"""A PyTorch module on given inputs as a map h: R^p → R^N of its weights (extra ``cnn``): outputs, Jacobian, curvature.

In float64, whatever the module has; the module itself is left as it is.
"""

import copy
import math
from itertools import pairwise

import numpy as np
import torch
from torch import nn
from torch.func import functional_call, grad, jvp, vjp, vmap
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.nn.modules.batchnorm import _NormBase
from torch.nn.modules.dropout import _DropoutNd

from argument_validation import (
    validate_array,
    validate_count,
    validate_depth,
    validate_name,
    validate_positive,
    validate_reals,
    validate_size,
)
from kernels.activations import activate
from kernels.models import CountedWeights

SETTLED = 1e-6  # relative change of a round after which there is no other
AT_ONCE = 64  # outputs whose gradients are computed together
UNITS = {"relu": nn.ReLU, "tanh": nn.Tanh, "gelu": nn.GELU}


class TorchModel(CountedWeights):
    """h(w) (N,): all outputs of ``module`` on ``X`` (n, …), row after row, w its parameters that require gradients.

    ``start`` (p,) are its weights, ``outputs`` the outputs a row, N = n·``outputs``, ``names`` those of the parameters.

    Raises
    ------
    ValueError for what is no module or has nothing to train, batch normalisation in training mode, dropout in training mode and
    modules that work in place: they are no functions of the weights alone, or spoil the inputs of their own derivative; for
    inputs that it does not take, and outputs that are not (n, …) real numbers or not finite.
    """

    def __init__(self, module: nn.Module, X: np.ndarray) -> None:
        if not isinstance(module, nn.Module):
            raise ValueError(f"`module` must be a torch.nn.Module, got {type(module).__name__}")
        for name, part in module.named_modules():
            _refuse(part, name or type(part).__name__)
        X = validate_reals(X, "X")
        X = validate_array(X, "X", tuple("n" if axis == 0 else f"d{axis}" for axis in range(max(X.ndim, 1))))
        self.module = copy.deepcopy(module).double().cpu()
        self.inputs = torch.as_tensor(X)
        trained = {name: weights for name, weights in self.module.named_parameters() if weights.requires_grad}
        if not trained:
            raise ValueError("`module` must have parameters that require gradients, has none")
        self.names, self.shapes = list(trained), [tuple(weights.shape) for weights in trained.values()]
        self.start = np.concatenate([weights.detach().numpy().ravel() for weights in trained.values()])
        before = self.inputs.clone()
        try:
            found, again = (self.module(self.inputs) for _ in range(2))
        except Exception as error:  # whatever the module does
            reason = str(error).strip().partition("\n")[0][:200]
            raise ValueError(f"`X` must be inputs that the module takes, got shape {X.shape}: {reason}") from error
        if (
            not isinstance(found, torch.Tensor)
            or found.ndim < 1
            or len(found) != len(X)
            or not found.is_floating_point()
        ):
            shape = tuple(found.shape) if isinstance(found, torch.Tensor) else type(found).__name__
            raise ValueError(f"`module` must give real outputs ({len(X)}, …), one row an input, got {shape}")
        if not torch.equal(before, self.inputs):
            raise ValueError("`module` must not change its inputs")
        found, again = found.detach(), again.detach()
        if not torch.isfinite(found).all():
            raise ValueError("`module` must give finite outputs at its weights")
        if not torch.equal(found, again):
            raise ValueError(
                "`module` must give the same outputs twice, does not: something is drawn at random or kept; try module.eval()"
            )
        self.outputs = math.prod(found.shape[1:])

    def _tensors(self, w: np.ndarray) -> dict[str, torch.Tensor]:
        return {name: torch.as_tensor(block.copy()) for name, block in zip(self.names, self.split(w), strict=True)}

    def _map(self, weights: dict[str, torch.Tensor]) -> torch.Tensor:
        with sdpa_kernel(SDPBackend.MATH):  # fused attention has no second derivative
            return functional_call(self.module, weights, (self.inputs,)).reshape(-1)

    def _value(self, w: np.ndarray) -> np.ndarray:
        with torch.no_grad():
            return self._map(self._tensors(w)).numpy()

    def _derivative(self, w: np.ndarray) -> np.ndarray:
        outputs, pull = vjp(self._map, self._tensors(w))
        found, rows = np.empty((len(outputs), len(w))), torch.eye(len(outputs), dtype=torch.float64)
        for into, own in zip(torch.from_numpy(found).split(AT_ONCE), rows.split(AT_ONCE), strict=True):
            pulled = vmap(pull)(own)[0]
            torch.cat([pulled[name].reshape(len(own), -1) for name in self.names], dim=1, out=into)
        return found

    def curvature(self, w: np.ndarray, *, seed: int = 0, starts: int = 4, rounds: int = 60) -> float:
        """‖D²h(w)‖ = max ‖D²h[u, u]‖ over unit u, by shifted power iteration on the Hessian of c·h, c along D²h[u, u].

        A lower bound, the largest that was met: exact where one of the ``starts`` ends in the highest maximum.
        """
        weights, generator = self._tensors(self._weights(w)), torch.Generator().manual_seed(seed)
        validate_count(starts, "starts"), validate_count(rounds, "rounds")

        def along(u: dict[str, torch.Tensor]) -> torch.Tensor:
            first = lambda weights: jvp(self._map, (weights,), (u,))[1]  # noqa: E731
            return jvp(first, (weights,), (u,))[1]

        best = 0.0
        for _ in range(starts):
            u = _unit({k: torch.randn(v.shape, generator=generator, dtype=torch.float64) for k, v in weights.items()})
            before = 0.0
            for _ in range(rounds):
                second = along(u)
                size = float(second.norm())
                best = max(best, size)
                if abs(size - before) <= SETTLED * size:
                    break
                before = size
                pulled = grad(lambda weights, c=second / size: c @ self._map(weights))
                moved = jvp(pulled, (weights,), (u,))[1]
                shift = _norm(moved)  # without it directions of the largest curvature of both signs would take turns
                u = _unit({name: block + shift * u[name] for name, block in moved.items()})
        return best


class DenseModel(TorchModel):
    """The same map of dense layers with biases and units of `UNITS` between: for `kernels.model_flow.FactoredProblem`.

    A point keeps for every layer what enters it, A (n, d), and the derivatives B (N, m) of the outputs by what it gives:
    J_PJ_Qᵀ = Σ_layers (1 + A_PA_Qᵀ) ∘ B_PB_Qᵀ, row i of A for all outputs of row i. ValueError for other modules.
    """

    def __init__(self, module: nn.Module, X: np.ndarray) -> None:
        super().__init__(module, X)
        layers = list(self.module) if type(self.module) is nn.Sequential else []
        known = {(unit, repr(unit())): name for name, unit in UNITS.items()}
        self.units = [known.get((type(layer), repr(layer))) for layer in layers[1::2]]
        dense = [type(layer) is nn.Linear and layer.bias is not None for layer in layers[::2]]
        own = [f"{k}.{name}" for k in range(0, len(layers), 2) for name in ("weight", "bias")]
        if not dense or not all([*dense, *self.units, self.names == own, len(own) == len(layers) + 1]):
            raise ValueError(
                f"`module` must be a Sequential of dense layers with biases and {', '.join(UNITS)} between"
            )
        if self.inputs.ndim != 2:
            raise ValueError(f"`X` must have shape (n, d), got {tuple(self.inputs.shape)}")
        # a unit that is off at the start is on at one of the others
        other = np.random.default_rng(0).normal(size=self.start.size)
        points, layers_alone, whole = (self.start, other, -other), self._value, super()._value
        if not all(np.allclose(layers_alone(w), whole(w), rtol=1e-9, atol=1e-9) for w in points):
            raise ValueError("`module` must be its layers one after the other, something else changes what they give")

    def _pass(self, w: np.ndarray) -> tuple[list[np.ndarray], list[np.ndarray], list[np.ndarray]]:
        """Matrices, what enters each (n, d) and the outputs (n, k), σ' between."""
        blocks, values, slopes = self.split(w), [self.inputs.numpy()], []
        for W, b, unit in zip(blocks[::2], blocks[1::2], [*self.units, None], strict=True):
            values.append(values[-1] @ W.T + b)
            if unit:
                slopes.append(activate(unit, values[-1]))
        return blocks[::2], values, slopes

    def _value(self, w: np.ndarray) -> np.ndarray:
        return self._pass(w)[1][-1].ravel()

    def factors(self, w: np.ndarray) -> tuple[np.ndarray, list[tuple[np.ndarray, np.ndarray]]]:
        """h(w) (N,), and (A, B) of every layer."""
        with np.errstate(all="ignore"):
            matrices, (*values, outputs), slopes = self._pass(w)
            n, k = outputs.shape
            backs = [np.tile(np.eye(k), (n, 1))]
            for W, slope in zip(reversed(matrices[1:]), reversed(slopes), strict=True):
                back = (backs[-1] @ W).reshape(n, k, -1)  # one product of all rows, not one for each input
                back *= slope[:, None]
                backs.append(back.reshape(n * k, -1))
        return outputs.ravel(), list(zip(values, reversed(backs), strict=True))

    def gram(self, P: list[tuple[np.ndarray, np.ndarray]], Q: list[tuple[np.ndarray, np.ndarray]]) -> np.ndarray:
        """J_PJ_Qᵀ (N, N)."""
        k = self.outputs
        spread = lambda G: G if k == 1 else G.repeat(k, axis=0).repeat(k, axis=1)  # noqa: E731
        return sum(spread(1 + A @ A2.T) * (B @ B2.T) for (A, B), (A2, B2) in zip(P, Q, strict=True))

    def pull(self, P: list[tuple[np.ndarray, np.ndarray]], c: np.ndarray) -> np.ndarray:
        """J_Pᵀc (p,)."""
        blocks = []
        for A, B in P:
            D = (c[:, None] * B).reshape(len(A), self.outputs, -1).sum(axis=1)
            blocks += [(D.T @ A).ravel(), D.sum(axis=0)]
        return np.concatenate(blocks)


def perceptron(
    input_dim: int, width: int, *, hidden_layers: int, outputs: int, activation: str, seed: int, gain: float = 1.0
) -> nn.Sequential:
    """Dense layers with biases in the state in which PyTorch makes them, matrices times ``gain``, σ of `UNITS` between them.

    PyTorch draws entries uniformly from ±1/√(fan-in): a gain of √3 is LeCun's variance for the matrices.
    """
    width, L = validate_size(width, "width"), validate_depth(hidden_layers)
    unit = UNITS[validate_name(activation, UNITS, "activation")]
    sizes = [validate_size(input_dim, "input_dim"), *[width] * L, validate_size(outputs, "outputs")]
    gain, layers = validate_positive(gain, "gain"), []
    with torch.random.fork_rng(devices=[]), torch.no_grad():
        torch.default_generator.manual_seed(validate_count(seed, "seed", least=0))
        for before, after in pairwise(sizes):
            layers += [nn.Linear(before, after).double(), unit()]
            layers[-2].weight *= gain
    return nn.Sequential(*layers[:-1])


def _unit(u: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    size = _norm(u) or 1.0
    return {name: block / size for name, block in u.items()}


def _norm(u: dict[str, torch.Tensor]) -> float:
    return math.sqrt(sum(float((block**2).sum()) for block in u.values()))


def _refuse(part: nn.Module, name: str) -> None:
    """ValueError for a part that is no function of the weights."""
    if isinstance(part, _NormBase) and (part.training or not part.track_running_stats):
        raise ValueError(f"`module` must not normalise over the batch in training, {name} does: call module.eval()")
    if isinstance(part, _DropoutNd) and part.training and part.p:
        raise ValueError(f"`module` must not drop at random, {name} does: call module.eval()")
    if getattr(part, "dropout", 0) and part.training and isinstance(part.dropout, float):
        raise ValueError(f"`module` must not drop at random, {name} does: call module.eval()")
    if getattr(part, "inplace", False):
        raise ValueError(f"`module` must not work in place, {name} does: set inplace=False")
