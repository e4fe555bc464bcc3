"""Convolutional networks in PyTorch (extra ``cnn``): centred training at a scale α, and tangent kernels.

The model is α(h − h_0), h the network and h_0 what it gives at the start, trained by stochastic gradient descent on the square
loss divided by α², Σ_k (α(h − h_0)_k − y_k)²/α² averaged over the batch. Nothing else in the project needs PyTorch.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import numpy as np
import torch
from torch import nn
from torch.func import functional_call, grad, vjp, vmap

from argument_validation import (
    validate_array,
    validate_count,
    validate_flag,
    validate_name,
    validate_positive,
    validate_reals,
    validate_share,
)

CLASSES = 10
EVALUATED = 500  # images that are evaluated together
VGG11 = (1, "pool", 2, "pool", 4, 4, "pool", 8, 8, "pool", 8, 8, "pool")


def make_digits_network(width: int) -> nn.Sequential:
    """12 × 12 grey images: three 3 × 3 convolutions of ``width``, twice and four times as many channels, two poolings."""
    w = width
    layers = [*convolution(1, w), *convolution(w, 2 * w), nn.MaxPool2d(2), *convolution(2 * w, 4 * w), nn.MaxPool2d(2)]
    return nn.Sequential(*layers, nn.Flatten(), nn.Linear(36 * w, CLASSES))


def convolution(channels: int, outputs: int) -> list[nn.Module]:
    """A 3 × 3 convolution that keeps the size, and relu."""
    return [nn.Conv2d(channels, outputs, 3, padding=1), nn.ReLU()]


def make_vgg11(width: int) -> nn.Sequential:
    """VGG-11 for 32 × 32 colour images, without batch normalisation; 64 channels in the first layer in the original."""
    layers, channels = [], 3
    for factor in VGG11:
        if factor == "pool":
            layers.append(nn.MaxPool2d(2))
        else:
            layers += convolution(channels, factor * width)
            channels = factor * width
    return nn.Sequential(*layers, nn.Flatten(), nn.Linear(channels, CLASSES))


class Block(nn.Module):
    """Two 3 × 3 convolutions with a shortcut, without batch normalisation."""

    def __init__(self, channels: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.first, self.between = nn.Conv2d(channels, outputs, 3, stride, padding=1), nn.ReLU()
        self.second = nn.Conv2d(outputs, outputs, 3, padding=1)
        same = stride == 1 and channels == outputs
        self.shortcut = nn.Identity() if same else nn.Conv2d(channels, outputs, 1, stride)
        self.last = nn.ReLU()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """relu(second(relu(first(x))) + shortcut(x))."""
        return self.last(self.second(self.between(self.first(x))) + self.shortcut(x))


def make_resnet18(width: int) -> nn.Sequential:
    """ResNet-18 for 32 × 32 colour images, without batch normalisation; 64 channels in the first layer in the original."""
    layers, channels = convolution(3, width), width
    for factor, stride in ((1, 1), (2, 2), (4, 2), (8, 2)):
        layers += [Block(channels, factor * width, stride), Block(factor * width, factor * width, 1)]
        channels = factor * width
    return nn.Sequential(*layers, nn.AvgPool2d(4), nn.Flatten(), nn.Linear(channels, CLASSES))


NETWORKS = {"digits": make_digits_network, "vgg11": make_vgg11, "resnet18": make_resnet18}


def make_network(name: str, *, width: int, seed: int, gain: float = 1.4, double: bool = False) -> nn.Sequential:
    """Network with Xavier's normal weights times ``gain`` and zero biases, the same for every device.

    ``name`` is one of `NETWORKS`, ``width`` the channels of the first layer. ValueError for other names, widths or gains.
    """
    name, width = validate_name(name, NETWORKS, "name"), validate_count(width, "width")
    gain, double = validate_positive(gain, "gain"), validate_flag(double, "double")
    generator = torch.Generator().manual_seed(validate_count(seed, "seed", least=0, most=2**63 - 1))
    with torch.random.fork_rng(devices=[]):  # layers draw weights when they are made; these are replaced
        network = NETWORKS[name](width)
    for layer in network.modules():
        if isinstance(layer, nn.Conv2d | nn.Linear):
            nn.init.xavier_normal_(layer.weight, gain, generator=generator)
            nn.init.zeros_(layer.bias)
    return network.double() if double else network


@contextmanager
def one_thread() -> Iterator[None]:
    """Within it PyTorch uses one thread of the processor, so that results do not depend on their number."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


def evaluate(network: nn.Module, X: torch.Tensor) -> torch.Tensor:
    """h (n, classes) at images X (n, channels, size, size), without gradients."""
    with torch.no_grad():
        return torch.cat([network(part) for part in X.split(EVALUATED)])


def evaluate_units(network: nn.Module, X: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """`evaluate`, and the signs −1, 0, 1 of what the last relu is given at each image, (n, …)."""
    found = []
    last = [layer for layer in network.modules() if isinstance(layer, nn.ReLU)][-1]
    handle = last.register_forward_hook(lambda _layer, inputs, _outputs: found.append(inputs[0].sign()))
    try:
        return evaluate(network, X), torch.cat(found)
    finally:
        handle.remove()


OBSERVED = ("accuracy", "moved", "flipped")


class Observer:
    """What `centred_training` reports of a network, in comparison with itself at the start."""

    def __init__(self, network: nn.Module, X_test: torch.Tensor, classes: torch.Tensor) -> None:
        self.X_test, self.classes, self.weights = X_test, classes, flat(network)
        self.outputs, self.signs = evaluate_units(network, X_test)

    def __call__(self, network: nn.Module) -> dict[str, float]:
        """`OBSERVED` numbers, now."""
        outputs, signs = evaluate_units(network, self.X_test)
        changed = ((signs > 0) != (self.signs > 0))[self.signs != 0]
        values = (
            ((outputs - self.outputs).argmax(dim=1) == self.classes).double().mean(),
            (flat(network) - self.weights).norm() / self.weights.norm(),
            changed.double().mean(),
        )
        return dict(zip(OBSERVED, map(float, values), strict=True))


def centred_training(
    network: nn.Sequential,
    images: tuple[np.ndarray, np.ndarray],
    labels: tuple[np.ndarray, np.ndarray],
    *,
    alpha: float,
    step: float,
    batch: int,
    epochs: int,
    levels: Sequence[float],
    seed: int,
    momentum: float = 0.9,
    decay: float = 0.0,
    output_only: bool = False,
    device: str = "cpu",
) -> dict[str, np.ndarray]:
    """Train α(h − h_0) and look at it when its relative training loss first falls to each of the ``levels``.

    Parameters
    ----------
    network : what is trained, in place.
    images, labels : for training and for testing: (n, channels, size, size) and (n,) whole numbers below 10.
    alpha : scale α > 0. step : length η of a step at α = 1; the loss is divided by α², so that it need not change with α.
    batch, epochs : images of a step, and passes over the data at most.
    levels : (k,) decreasing shares of the loss at the start.
    seed : of the order of the images. momentum : of the steps. decay : the step is η/(1 + decay·epoch).
    output_only : train the last layer alone.
    device : "cpu" or a CUDA device.

    Returns
    -------
    Arrays (k,): ``accuracy`` on the test images, ``moved`` ‖w − w_0‖/‖w_0‖, ``flipped`` share of the units of the last relu
    that changed sign on the test images, of those that were not 0 exactly at the start, ``epoch``, ``loss`` relative training
    loss; NaN for a level that was not reached, be it that the loss is no longer finite. ``final`` is the relative training
    loss at the end.

    Raises
    ------
    ValueError : numbers outside their range, levels that do not decrease from below 1, images and labels that do not fit, a
        device that is not there.
    """
    alpha, step = validate_positive(alpha, "alpha"), validate_positive(step, "step")
    batch, epochs = validate_count(batch, "batch"), validate_count(epochs, "epochs")
    seed, output_only = validate_count(seed, "seed", least=0, most=2**63 - 1), validate_flag(output_only, "output_only")
    momentum = validate_share(momentum, "momentum", 1.0)
    decay, levels = validate_share(decay, "decay", np.inf), validate_array(levels, "levels", ("k",))
    if not (np.diff([1.0, *levels, 0.0]) < 0).all():
        raise ValueError(f"`levels` must decrease from below 1 to above 0, got {levels.tolist()}")
    network, device = validate_network(network), validate_device(device)
    kind = next(network.parameters()).dtype
    for name, pair in (("images", images), ("labels", labels)):
        if not isinstance(pair, tuple | list) or len(pair) != 2:
            raise ValueError(f"`{name}` must be a pair, for training and for testing, got {type(pair).__name__}")
    images = [validate_images(network, part, f"images[{i}]") for i, part in enumerate(images)]
    X, X_test = (torch.as_tensor(part, dtype=kind, device=device) for part in images)
    named = zip(labels, images, ("labels[0]", "labels[1]"), strict=True)
    classes, test_classes = (torch.as_tensor(validate_labels(y, len(Z), name), device=device) for y, Z, name in named)
    Y = nn.functional.one_hot(classes, CLASSES).to(kind) - 1 / CLASSES
    network.to(device)
    start, whole, observe = evaluate(network, X), float((Y**2).mean()), Observer(network, X_test, test_classes)
    network[:-1].requires_grad_(not output_only)
    trained = [parameter for parameter in network.parameters() if parameter.requires_grad]
    optimizer = torch.optim.SGD(trained, lr=step, momentum=momentum)
    generator = torch.Generator().manual_seed(seed)
    found, reached, loss = {key: np.full(len(levels), np.nan) for key in (*OBSERVED, "epoch", "loss")}, 0, 1.0
    for epoch in range(epochs):
        optimizer.param_groups[0]["lr"] = step / (1 + decay * epoch)
        for chosen in torch.randperm(len(X), generator=generator).split(batch):
            chosen = chosen.to(device)
            optimizer.zero_grad()
            error = network(X[chosen]) - start[chosen] - Y[chosen] / alpha
            (error**2).sum(dim=1).mean().backward()
            optimizer.step()
        loss = float(((alpha * (evaluate(network, X) - start) - Y) ** 2).mean()) / whole
        if not np.isfinite(loss):
            break
        passed = int((loss <= levels).sum())
        if passed > reached:
            for key, value in {**observe(network), "epoch": epoch + 1, "loss": loss}.items():
                found[key][reached:passed] = value
            reached = passed
        if reached == len(levels):
            break
    return found | {"final": np.array(loss)}


def flat(network: nn.Module) -> torch.Tensor:
    """All weights and biases, (p,)."""
    return torch.cat([parameter.detach().ravel() for parameter in network.parameters()])


def validate_device(device: object) -> torch.device:
    """The processor, "cpu", or a GPU that is there, "cuda" or "cuda:1"; ValueError for all else."""
    if not isinstance(device, str) or device.split(":")[0] not in ("cpu", "cuda"):
        raise ValueError(f"`device` must be cpu, cuda or cuda:NUMBER, got {device!r}")
    try:
        found = torch.device(device)
        torch.empty(1, device=found)
    except (RuntimeError, AssertionError) as error:  # what PyTorch raises for a name, a build or a machine without it
        raise ValueError(f"`device` must be one that PyTorch can use here, got {device!r}: {error}") from error
    return found


def validate_network(network: object) -> nn.Sequential:
    """``network`` if it is a `torch.nn.Sequential` with weights."""
    if not isinstance(network, nn.Sequential) or not list(network.parameters()):
        raise ValueError(f"`network` must be a torch.nn.Sequential with weights, got {type(network).__name__}")
    return network


def validate_images(network: nn.Sequential, images: object, name: str) -> np.ndarray:
    """A copy of the images (n, channels, size, size) in the precision of the weights, finite and such as ``network`` takes."""
    found, weights = validate_reals(images, name), next(network.parameters())
    if found.ndim != 4 or not found.size:
        raise ValueError(f"`{name}` must have shape (n, channels, size, size), got {found.shape}")
    with np.errstate(over="ignore"):
        found = np.array(found, dtype=np.float64 if weights.dtype == torch.float64 else np.float32, order="C")
    if not np.isfinite(found).all():
        raise ValueError(f"`{name}` must be finite in {found.dtype}, got {found[~np.isfinite(found)][0]}")
    try:
        evaluate(network, torch.as_tensor(found[:1], device=weights.device))
    except RuntimeError as error:  # what PyTorch raises for channels or sizes that do not fit
        reason = str(error).partition("\n")[0]
        raise ValueError(f"`{name}` must fit the network, got images of shape {found.shape[1:]}: {reason}") from error
    return found


def validate_labels(labels: object, n: int, name: str) -> np.ndarray:
    """Whole numbers (n,) from 0 to 9, one for every image."""
    found = validate_reals(labels, name)
    if (
        found.shape != (n,)
        or not np.issubdtype(found.dtype, np.integer)
        or not ((found >= 0) & (found < CLASSES)).all()
    ):
        raise ValueError(
            f"`{name}` must be {n} whole numbers from 0 to {CLASSES - 1}, one for every image, got {labels!r:.200}"
        )
    return found.astype(np.int64)


def tangent_kernel(network: nn.Module, X: np.ndarray, *, device: str = "cpu") -> np.ndarray:
    """K (n, n) with K_ij = (1/10) Σ_k ⟨∂h_k(x_i)/∂w, ∂h_k(x_j)/∂w⟩ over the ten outputs k, in float64.

    X (n, channels, size, size). Holds n gradients of one output at a time. ValueError for images that do not fit, or a device
    that is not there.
    """
    network, device = validate_network(network), validate_device(device)
    X, network = validate_images(network, X, "X"), network.to(device)
    weights = {name: parameter.detach() for name, parameter in network.named_parameters()}
    images = torch.as_tensor(X, dtype=next(network.parameters()).dtype, device=device)

    def output(weights: dict[str, torch.Tensor], image: torch.Tensor, k: int) -> torch.Tensor:
        return functional_call(network, weights, (image[None],))[0, k]

    kernel = torch.zeros(len(X), len(X), dtype=torch.float64, device=device)
    for k in range(CLASSES):
        gradients = vmap(grad(output), in_dims=(None, 0, None))(weights, images, k)
        for gradient in gradients.values():
            rows = gradient.reshape(len(X), -1).double()
            kernel += rows @ rows.T
    return (kernel / CLASSES).cpu().numpy()


def stable_step(network: nn.Sequential, images: np.ndarray, *, momentum: float, iterations: int = 60) -> float:
    """Step (1 + β)n/λ at which momentum descent of Σ_k (f_k − y_k)², averaged over the n images, stops being stable.

    λ is the largest eigenvalue of the tangent kernel (n·CLASSES)² at the start, JJᵀ, by power iterations from a fixed vector,
    which come from below: the step is an upper bound, met to some per cent.
    """
    weights = {name: parameter.detach() for name, parameter in network.named_parameters()}
    kind = next(network.parameters())
    X = torch.as_tensor(images, dtype=kind.dtype, device=kind.device)

    def outputs(values: dict[str, torch.Tensor]) -> torch.Tensor:
        return functional_call(network, values, (X,))

    value, pull = vjp(outputs, weights)
    v = torch.randn(value.shape, generator=torch.Generator().manual_seed(0)).to(value)
    push = vjp(pull, v)[1]  # v → Jᵀv is linear: its transpose is J
    for _ in range(iterations):
        v = v / v.norm()
        (v,) = push(pull(v))
    return (1 + momentum) * len(X) / float(v.norm())
