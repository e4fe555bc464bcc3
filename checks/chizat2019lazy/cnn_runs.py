"""Training runs of convolutional networks that the claims about them share, and what is said where PyTorch is missing."""

import math
from collections.abc import Callable, Iterator, Sequence
from importlib.util import find_spec
from pathlib import Path

import numpy as np

from checks.cifar10 import URL, cifar10, fingerprint
from checks.claim import Findings, Run
from checks.images import digit_canvas, noise_like, standardised
from checks.running.sweep import Arrays
from checks.verdict import Evidence, Verdict

TEST_IMAGES = 1_000
DIGITS = {
    "quick": {"n": 100, "width": 4, "epochs": 1_000},
    "standard": {"n": 300, "width": 8, "epochs": 2_000},
    "full": {"n": 300, "width": 8, "epochs": 10_000},
}
STEP, BATCH = 0.005, 50
CIFAR_NETWORKS = ("vgg11", "resnet18")
CIFAR = {"width": 64, "gain": 1.0, "batch": 128, "epochs": 300, "decay": 1 / 3}
# a fifth of what the tangent kernel of 16 photographs allows at the start
CIFAR_STEPS = {"vgg11": 0.05, "resnet18": 0.005}
NEEDS_TORCH = "not run: needs PyTorch, pip install -e '.[cnn]'"


def not_run() -> Findings | None:
    """Findings that say how to install PyTorch, None where it is there."""
    if find_spec("torch") is not None:
        return None
    missing = Evidence(NEEDS_TORCH, Verdict.NOT_RUN, math.nan, math.nan, note="PyTorch is not installed")
    return Findings([missing], [missing])


def cifar_parts(run: Run, judged: Callable[[str], Sequence[Evidence]]) -> Iterator[Evidence]:
    """Of the full tier: what is ``judged`` of each network on CIFAR-10, NOT_RUN without its folder; of others nothing."""
    for network in CIFAR_NETWORKS if run.tier == "full" else ():
        if run.cifar is not None:
            yield from judged(network)
            continue
        part, note = f"{network} · CIFAR-10 · not run: needs --cifar DIR", f"CIFAR-10 has to be downloaded: {URL}"
        yield Evidence(part, Verdict.NOT_RUN, math.nan, math.nan, note=note)


def cifar_files(run: Run) -> dict[str, str]:
    """Where CIFAR-10 is, and its `fingerprint`, for the configuration of a cell."""
    return {"folder": str(run.cifar), "data": fingerprint(run.cifar)}


def train_on_digits(
    *,
    seed: int,
    alpha: float,
    levels: list[float],
    n: int,
    width: int,
    epochs: int,
    device: str,
    placement: str = "random",
    labels: str = "true",
    trained: str = "all",
) -> Arrays:
    """`kernels.cnn.centred_training` on ``n`` digits; images, network and order of the images depend on ``seed`` alone."""
    from kernels.cnn import centred_training, make_network, one_thread

    rng = np.random.default_rng(seed)
    images, classes = digit_canvas(rng, n, TEST_IMAGES, centred=placement == "centred")
    if labels == "random":
        classes = tuple(rng.integers(0, 10, size=len(part)) for part in classes)
    options = {"alpha": alpha, "levels": levels, "epochs": epochs, "device": device, "output_only": trained == "output"}
    with one_thread():
        network = make_network("digits", width=width, seed=seed)
        return centred_training(network, images, classes, step=STEP, batch=BATCH, seed=seed, **options)


def train_on_cifar(
    *, seed: int, alpha: float, levels: list[float], network: str, folder: str, data: str, device: str, **options: float
) -> Arrays:
    """The same with VGG-11 or ResNet-18 on all of CIFAR-10; ``data`` is the `fingerprint` of the files."""
    from kernels.cnn import centred_training, make_network, one_thread

    images, labels, test_images, test_labels = cifar10(Path(folder))
    both = (standardised(images), standardised(test_images)), (labels, test_labels)
    with one_thread():
        model = make_network(network, width=int(options.pop("width")), gain=options.pop("gain"), seed=seed)
        return centred_training(model, *both, alpha=alpha, levels=levels, seed=seed, device=device, **options)


def spectrum(
    *,
    seed: int,
    n: int,
    width: int,
    images: Sequence[str],
    device: str,
    network: str = "digits",
    gain: float = 1.4,
    folder: str = "",
    data: str = "",
) -> Arrays:
    """Eigenvalues, falling, of the tangent kernel at the start for each kind of ``images``: "data" or "noise", (kinds, n).

    All kinds are given to the same network; noise has the mean and the variance of the data, and is drawn anew for each kind.
    """
    from kernels.cnn import make_network, one_thread, tangent_kernel

    rng = np.random.default_rng(seed)
    if folder:
        pictures = standardised(rng.permutation(cifar10(Path(folder))[0])[:n]).astype(float)
    else:
        pictures = digit_canvas(rng, n, 0)[0][0]
    with one_thread():
        model = make_network(network, width=width, seed=seed, gain=gain)
        kernels = [
            tangent_kernel(model, pictures if kind == "data" else noise_like(rng, pictures), device=device)
            for kind in images
        ]
    return {"eigenvalues": np.linalg.eigvalsh(kernels)[:, ::-1]}


def collect(run: Run, alphas: Sequence[float], seeds: int, levels: Sequence[float], **setting: str) -> Arrays:
    """`train_on_digits` of every seed at every α, (seeds, alphas, levels) each."""
    return over_alphas(run, train_on_digits, alphas, seeds, levels=list(levels), **DIGITS[run.tier], **setting)


def collect_cifar(run: Run, network: str, alphas: Sequence[float], seeds: int, levels: Sequence[float]) -> Arrays:
    """`train_on_cifar` of every seed at every α, (seeds, alphas, levels) each."""
    model = {"network": network, "step": CIFAR_STEPS[network], **CIFAR}
    return over_alphas(run, train_on_cifar, alphas, seeds, levels=list(levels), **model, **cifar_files(run))


def over_alphas(
    run: Run, function: Callable[..., Arrays], alphas: Sequence[float], seeds: int, **setting: object
) -> Arrays:
    """What ``function`` finds for every seed at every α, (seeds, alphas, …)."""
    common = {"device": run.device, **setting}
    cells = [{"seed": (run.seed << 16) + s, "alpha": alpha, **common} for s in range(seeds) for alpha in alphas]
    found = run.sweep.run(function, cells, "convolutional networks")
    return {key: np.reshape([one[key] for one in found], (seeds, len(alphas), -1)) for key in found[0]}
