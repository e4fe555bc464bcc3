"""Convolutional networks α(h − h_0) on handwritten digits and on CIFAR-10: training runs, and spectra of their tangent kernels.

PyTorch is imported inside the cells: without it the claims are NOT_RUN.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from checks.measurements.cifar10 import cifar10
from checks.measurements.images import digit_canvas, noise_like, standardised
from checks.measurements.streams import draw_seeds

TEST_IMAGES = 1_000
MOMENTUM = 0.9


def train_on_digits(
    *,
    alphas: Sequence[float],
    levels: Sequence[float],
    n: int,
    width: int,
    epochs: int,
    share: float,
    batch: int,
    stream: Sequence[int],
    first: int,
    draws: int,
    device: str,
    placement: str = "random",
    labels: str = "true",
    trained: str = "all",
) -> dict[str, np.ndarray]:
    """`kernels.cnn.centred_training` on ``n`` digits at every scale α, (draws, alphas, levels) each.

    Images, network and order of the images are those of the draw, the same at every α; so is the step, ``share`` of what the
    tangent kernel at the start allows with momentum `MOMENTUM`.
    """
    from kernels.cnn import centred_training, make_network, one_thread, stable_step

    options = {"levels": list(levels), "epochs": epochs, "batch": batch, "device": device, "momentum": MOMENTUM}
    rows = []
    for seed in draw_seeds(stream, first, draws):
        rng = np.random.default_rng(seed)
        images, classes = digit_canvas(rng, n, TEST_IMAGES, centred=placement == "centred")
        if labels == "random":
            classes = tuple(rng.integers(0, 10, size=len(part)) for part in classes)
        with one_thread():
            start = make_network("digits", width=width, seed=seed)
            options["step"] = share * stable_step(start, images[0], momentum=MOMENTUM)
            for alpha in alphas:
                network = make_network("digits", width=width, seed=seed)
                options |= {"alpha": alpha, "seed": seed, "output_only": trained == "output"}
                rows.append(centred_training(network, images, classes, **options))
    return _reshaped(rows, draws, len(alphas))


def train_on_cifar(
    *,
    network: str,
    alphas: Sequence[float],
    levels: Sequence[float],
    width: int,
    gain: float,
    step: float,
    batch: int,
    epochs: int,
    decay: float,
    stream: Sequence[int],
    first: int,
    draws: int,
    device: str,
    cifar: dict,
) -> dict[str, np.ndarray]:
    """The same with VGG-11 or ResNet-18 on all of CIFAR-10; ``cifar`` names the folder of its files and their fingerprint."""
    from kernels.cnn import centred_training, make_network, one_thread

    images, labels, test_images, test_labels = cifar10(Path(cifar["folder"]))
    both = (standardised(images), standardised(test_images)), (labels, test_labels)
    options = {"levels": list(levels), "epochs": epochs, "step": step, "batch": batch, "decay": decay, "device": device}
    rows = []
    with one_thread():
        for seed in draw_seeds(stream, first, draws):
            for alpha in alphas:
                model = make_network(network, width=width, gain=gain, seed=seed)
                rows.append(centred_training(model, *both, alpha=alpha, seed=seed, **options))
    return _reshaped(rows, draws, len(alphas))


def _reshaped(rows: list[dict], draws: int, alphas: int) -> dict[str, np.ndarray]:
    return {key: np.reshape([row[key] for row in rows], (draws, alphas, -1)) for key in rows[0]}


def spectra(
    *,
    n: int,
    width: int,
    images: Sequence[str],
    stream: Sequence[int],
    first: int,
    draws: int,
    device: str,
    network: str = "digits",
    gain: float = 1.4,
    cifar: dict | None = None,
) -> dict[str, np.ndarray]:
    """Eigenvalues, falling, of the tangent kernel at the start for each kind of ``images``, (draws, kinds, n).

    "data" are digits, with ``cifar`` its photographs; "noise" has the mean and the variance of the data, and is drawn anew for
    each kind. All kinds are given to the same network.
    """
    from kernels.cnn import make_network, one_thread, tangent_kernel

    found = np.empty((draws, len(images), n))
    for s, seed in enumerate(draw_seeds(stream, first, draws)):
        rng = np.random.default_rng(seed)
        if cifar is not None and network != "digits":
            pictures = standardised(rng.permutation(cifar10(Path(cifar["folder"]))[0])[:n]).astype(float)
        else:
            pictures = digit_canvas(rng, n, 0)[0][0]
        with one_thread():
            model = make_network(network, width=width, seed=seed, gain=gain)
            kinds = [pictures if kind == "data" else noise_like(rng, pictures) for kind in images]
            kernels = [tangent_kernel(model, kind, device=device) for kind in kinds]
        found[s] = np.linalg.eigvalsh(kernels)[:, ::-1]
    return {"eigenvalues": found}
