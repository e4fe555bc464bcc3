"""Convolutional networks in PyTorch (extra ``cnn``): centred training at a scale α, and tangent kernels.

The model is α(h − h_0), h the network and h_0 a copy of it as it was at the start, trained by stochastic gradient descent on
the square loss over α²: the mean of (α(h − h_0)_k − y_k)²/α² over the images of a batch and the ten outputs k, y one-hot.
Besides `kernels.torch_model` nothing in the project needs PyTorch.
"""

import copy
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import numpy as np
import torch
from torch import nn
from torch.func import functional_call, grad, jacrev, vjp, vmap

from argument_validation import (
    validate_count,
    validate_flag,
    validate_name,
    validate_positive,
    validate_reals,
    validate_share,
)

CLASSES = 10
EVALUATED = 500  # images that are evaluated together
POWER_ITERATIONS = 15
VGG11 = (1, "pool", 2, "pool", 4, 4, "pool", 8, 8, "pool", 8, 8, "pool")


def make_digits_network(width: int) -> nn.Sequential:
    """12 × 12 to 15 × 15 grey images: 3 × 3 convolutions of w, 2w, 4w, 4w channels, pooling after all but the third."""
    w = width
    layers = [*convolution(1, w), nn.MaxPool2d(2), *convolution(w, 2 * w), nn.MaxPool2d(2)]
    layers += [*convolution(2 * w, 4 * w), *convolution(4 * w, 4 * w), nn.MaxPool2d(2)]
    return nn.Sequential(*layers, nn.Flatten(), nn.Linear(4 * w, CLASSES))


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


def make_network(name: str, *, width: int, seed: int, gain: float = 1.0, double: bool = False) -> nn.Sequential:
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
    network = network.double() if double else network
    # on processors convolutions and poolings of few channels take two thirds of the time if channels are next to each other
    return network.to(memory_format=torch.channels_last) if name == "digits" else network


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


def decisions(network: nn.Module, X: torch.Tensor) -> tuple[torch.Tensor, list[torch.Tensor], list[torch.Tensor]]:
    """h (n, classes), for every relu the signs −1, 0, 1 of its inputs, for every pooling the place of the largest input.

    A window whose inputs are all 0 has place −1.
    """
    signs, places = [], []

    def pool(layer: nn.MaxPool2d, inputs: tuple[torch.Tensor], outputs: torch.Tensor) -> None:
        _, indices = nn.functional.max_pool2d(inputs[0], layer.kernel_size, return_indices=True)
        places.append(torch.where(outputs == 0, -1, indices))

    def relu(layer: nn.ReLU, inputs: tuple[torch.Tensor], outputs: torch.Tensor) -> None:
        signs.append(inputs[0].sign())

    kinds = {nn.ReLU: relu, nn.MaxPool2d: pool}
    handles = [m.register_forward_hook(kinds[type(m)]) for m in network.modules() if type(m) in kinds]
    try:
        with torch.no_grad():
            return network(X), signs, places
    finally:
        for handle in handles:
            handle.remove()


OBSERVED = ("accuracy", "train accuracy", "loss", "moved", "flipped", "replaced")


def observe(
    network: nn.Module,
    frozen: nn.Module,
    alpha: float,
    images: Sequence[torch.Tensor],
    classes: Sequence[torch.Tensor],
    activations: bool = True,
) -> dict[str, float]:
    """`OBSERVED` numbers of ``network`` in comparison with ``frozen``, itself at the start, see `centred_training`."""
    changed, counted = np.zeros(2), np.zeros(2)
    right, errors, level = [0, 0], 0.0, 0.0
    for k, (X, y) in enumerate(zip(images, classes, strict=True)):
        for part, own in zip(X.split(EVALUATED), y.split(EVALUATED), strict=True):
            if k and activations:
                (now, *layers), (start, *layers_0) = (decisions(model, part) for model in (network, frozen))
                for kind, pairs in enumerate(zip(layers, layers_0, strict=True)):
                    for a, b in zip(*pairs, strict=True):
                        both = b != 0 if kind == 0 else (a >= 0) & (b >= 0)
                        differ = (a > 0) != (b > 0) if kind == 0 else a != b
                        changed[kind] += float((differ & both).sum())
                        counted[kind] += float(both.sum())
            else:
                now, start = evaluate(network, part), evaluate(frozen, part)
            if not k:
                Y = nn.functional.one_hot(own, CLASSES)
                errors += float(((alpha * (now - start) - Y) ** 2).sum())
                level += float(Y.sum())
            right[k] += int(((now - start).argmax(dim=1) == own).sum())
    weights = flat(frozen)
    moved = float((flat(network) - weights).norm() / weights.norm())
    with np.errstate(invalid="ignore"):
        values = right[1] / len(classes[1]), right[0] / len(classes[0]), errors / level, moved, *changed / counted
    return dict(zip(OBSERVED, map(float, values), strict=True))


def shifted(X: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
    """Images as large as before, cut at random out of themselves in a frame of 4 zeros, every second one mirrored."""
    n, size = len(X), X.shape[-1]
    framed = nn.functional.pad(X, (4, 4, 4, 4))
    corners, mirrored = torch.randint(9, (n, 2, 1), generator=generator), torch.rand(n, generator=generator) < 0.5
    rows, columns = (corners + torch.arange(size)).unbind(dim=1)
    columns = torch.where(mirrored[:, None], columns.flip(1), columns)
    index = [torch.arange(n)[:, None, None], rows[:, :, None], columns[:, None, :]]
    found = framed.permute(0, 2, 3, 1)[tuple(part.to(X.device) for part in index)]
    return found.permute(0, 3, 1, 2).contiguous()


def centred_training(
    network: nn.Sequential,
    images: tuple[np.ndarray, np.ndarray],
    labels: tuple[np.ndarray, np.ndarray],
    *,
    alpha: float,
    step: float,
    batch: int,
    epochs: Sequence[int],
    seed: int,
    momentum: float = 0.9,
    decay: float = 0.0,
    centred: bool = True,
    augmented: bool = False,
    activations: bool = True,
    device: str = "cpu",
) -> dict[str, np.ndarray]:
    """Train α(h − h_0) and look at it after some of the epochs.

    Parameters
    ----------
    network : what is trained, in place.
    images, labels : for training and for testing: (n, channels, size, size) and (n,) whole numbers below 10.
    alpha : scale α > 0. step : length η of a step at α = 1; the loss is divided by α², so that it need not change with α.
    batch : images of a step. epochs : (k,) increasing; after the last pass over the data training ends.
    seed : of the order of the images. momentum : of the steps. decay : the step is η/(1 + decay·epoch).
    centred : False trains αh itself.
    augmented : every image is shifted by up to 4 pixels and mirrored at random whenever it is used, see `shifted`.
    activations : False leaves ``flipped`` and ``replaced`` NaN, which take longer than all else that is seen.
    device : "cpu" or a CUDA device.

    Returns
    -------
    Arrays (k,), what is seen after the ``epochs``: ``accuracy`` on the test images, ``train accuracy``, ``loss`` on the
    training images as a share of that at the start; ``moved`` ‖w − w_0‖/‖w_0‖; on the test images ``flipped``, the share of
    the inputs of all relu layers that changed sign, of those that were not 0 at the start, and ``replaced``, the share of the
    windows of all pooling layers whose largest input is another one, of those whose largest is above 0 at both times (NaN
    without pooling layers). NaN once the loss is no longer finite.

    Raises
    ------
    ValueError : numbers outside their range, epochs that do not increase, images and labels that do not fit, a device that is
        not there.
    """
    alpha, step = validate_positive(alpha, "alpha"), validate_positive(step, "step")
    batch, seed = validate_count(batch, "batch"), validate_count(seed, "seed", least=0, most=2**63 - 1)
    if not isinstance(epochs, tuple | list) or not epochs:
        raise ValueError(f"`epochs` must be a list of whole numbers, got {epochs!r:.80}")
    epochs = [validate_count(epoch, f"epochs[{i}]") for i, epoch in enumerate(epochs)]
    if sorted(set(epochs)) != epochs:
        raise ValueError(f"`epochs` must increase, got {epochs}")
    centred, augmented = validate_flag(centred, "centred"), validate_flag(augmented, "augmented")
    activations = validate_flag(activations, "activations")
    momentum, decay = validate_share(momentum, "momentum", 1.0), validate_share(decay, "decay", np.inf)
    network, device = validate_network(network), validate_device(device)
    kind = next(network.parameters()).dtype
    for name, pair in (("images", images), ("labels", labels)):
        if not isinstance(pair, tuple | list) or len(pair) != 2:
            raise ValueError(f"`{name}` must be a pair, for training and for testing, got {type(pair).__name__}")
    images = [validate_images(network, part, f"images[{i}]") for i, part in enumerate(images)]
    named = zip(labels, images, ("labels[0]", "labels[1]"), strict=True)
    classes = [torch.as_tensor(validate_labels(y, len(Z), name), device=device) for y, Z, name in named]
    images = [torch.as_tensor(part, dtype=kind, device=device) for part in images]
    network.to(device)
    frozen = copy.deepcopy(network)
    X, Y = images[0], nn.functional.one_hot(classes[0], CLASSES).to(kind) / alpha
    start = evaluate(frozen, X) if centred else torch.zeros_like(Y)
    parameters = list(network.parameters())
    velocities = [torch.zeros_like(weights) for weights in parameters]
    generator = torch.Generator().manual_seed(seed)
    found = {key: np.full(len(epochs), np.nan) for key in OBSERVED}
    for epoch in range(epochs[-1]):
        for chosen in torch.randperm(len(X), generator=generator).split(batch):
            chosen = chosen.to(device)
            seen, offset = X[chosen], start[chosen]
            if augmented:
                seen = shifted(seen, generator)
                offset = evaluate(frozen, seen) if centred else offset
            loss = ((network(seen) - offset - Y[chosen]) ** 2).mean()
            gradients = torch.autograd.grad(loss, parameters)
            with torch.no_grad():
                for weights, velocity, gradient in zip(parameters, velocities, gradients, strict=True):
                    weights.sub_(velocity.mul_(momentum).add_(gradient), alpha=step / (1 + decay * epoch))
        if epoch + 1 in epochs:
            seen = observe(network, frozen, alpha, images, classes, activations)
            if not np.isfinite(seen["loss"]):
                break
            for key, value in seen.items():
                found[key][epochs.index(epoch + 1)] = value
    return found


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
    return _kernel(network, X, device, whole=False)


def whole_tangent_kernel(network: nn.Module, X: np.ndarray, *, device: str = "cpu") -> np.ndarray:
    """⟨∂h_k(x_i)/∂w, ∂h_l(x_j)/∂w⟩ for all images and outputs, (10, n, 10, n), in float64; holds 10n gradients.

    Sums are taken in the precision of the weights. Else as `tangent_kernel`.
    """
    return _kernel(network, X, device, whole=True)


def _kernel(network: nn.Module, X: np.ndarray, device: str, *, whole: bool) -> np.ndarray:
    network, device = validate_network(network), validate_device(device)
    X, network = validate_images(network, X, "X"), network.to(device)
    weights = {name: parameter.detach() for name, parameter in network.named_parameters()}
    images = torch.as_tensor(X, dtype=next(network.parameters()).dtype, device=device)

    def outputs(weights: dict[str, torch.Tensor], image: torch.Tensor) -> torch.Tensor:
        return functional_call(network, weights, (image[None],))[0]

    if whole:
        layers = vmap(jacrev(outputs), in_dims=(None, 0))(weights, images).values()
        J = torch.cat([rows.reshape(CLASSES * len(X), -1) for rows in layers], dim=1).cpu().numpy()
        K = (J @ J.T).reshape((len(X), CLASSES) * 2)  # of JJᵀ NumPy computes one half
        return K.transpose(1, 0, 3, 2).astype(float, order="C")

    def products(k: int) -> torch.Tensor:
        rows = vmap(grad(lambda *point: outputs(*point)[k]), in_dims=(None, 0))(weights, images).values()
        return sum(own @ own.T for own in (row.reshape(len(X), -1).double() for row in rows))

    return (sum(map(products, range(CLASSES))) / CLASSES).cpu().numpy()


def stable_step(network: nn.Sequential, images: np.ndarray, *, momentum: float) -> float:
    """Step 10(1 + β)n/λ at which momentum descent of the loss on n images stops being stable.

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
    for _ in range(POWER_ITERATIONS):
        v = v / v.norm()
        (v,) = push(pull(v))
    return (1 + momentum) * CLASSES * len(X) / float(v.norm())
