"""Convolutional networks α(h − h_0) on handwritten digits and on CIFAR-10: training runs, and spectra of their tangent kernels.

PyTorch is imported inside the cells: without it the claims are NOT_RUN.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from checks.measurements.cifar10 import cifar10
from checks.measurements.images import digit_canvas, mnist, noise_like, standardised, uniform_noise
from checks.measurements.streams import draw_seeds

MOMENTUM = 0.9
IMAGES = {"digits": digit_canvas, "MNIST": mnist}


def train_on_digits(
    *,
    images: str,
    alphas: Sequence[float],
    n: int,
    width: int,
    gain: float,
    epochs: Sequence[int],
    share: float,
    batch: int,
    stream: Sequence[int],
    first: int,
    draws: int,
    device: str,
    centred: bool = True,
    activations: bool = True,
    n_test: int = 1_000,
) -> dict[str, np.ndarray]:
    """`kernels.cnn.centred_training` on ``n`` images, ``n_test`` new ones, at every scale α, (draws, alphas, epochs) each.

    Images, network and order of the images are those of the draw, the same at every α; so is the step, ``share`` of what the
    tangent kernel at the start allows with momentum `MOMENTUM`.
    """
    from kernels.cnn import centred_training, make_network, one_thread, stable_step

    options = {"epochs": epochs, "batch": batch, "device": device, "momentum": MOMENTUM}
    options |= {"centred": centred, "activations": activations}
    rows = []
    for seed in draw_seeds(stream, first, draws):
        pictures, classes = IMAGES[images](np.random.default_rng(seed), n, n_test)
        with one_thread():
            start = make_network("digits", width=width, seed=seed, gain=gain)
            step = share * stable_step(start, pictures[0], momentum=MOMENTUM)
            for alpha in alphas:
                network = make_network("digits", width=width, seed=seed, gain=gain)
                rows.append(centred_training(network, pictures, classes, alpha=alpha, step=step, seed=seed, **options))
    return _reshaped(rows, draws, len(alphas))


def train_on_cifar(
    *,
    network: str,
    alphas: Sequence[float],
    width: int,
    gain: float,
    step: float,
    batch: int,
    epochs: Sequence[int],
    decay: float,
    stream: Sequence[int],
    first: int,
    draws: int,
    device: str,
    cifar: dict,
) -> dict[str, np.ndarray]:
    """The same in float64 with VGG-11 or ResNet-18 on all of CIFAR-10, images shifted and mirrored at random.

    ``cifar`` names the folder of its files and their fingerprint.
    """
    from kernels.cnn import centred_training, make_network, one_thread

    images, labels, test_images, test_labels = cifar10(Path(cifar["folder"]))
    both = (standardised(images), standardised(test_images)), (labels, test_labels)
    options = {"epochs": epochs, "step": step, "batch": batch, "decay": decay, "device": device, "augmented": True}
    rows = []
    with one_thread():
        for seed in draw_seeds(stream, first, draws):
            for alpha in alphas:
                model = make_network(network, width=width, gain=gain, seed=seed, double=True)
                rows.append(centred_training(model, *both, alpha=alpha, seed=seed, momentum=MOMENTUM, **options))
    return _reshaped(rows, draws, len(alphas))


def _reshaped(rows: list[dict], draws: int, alphas: int) -> dict[str, np.ndarray]:
    return {key: np.reshape([row[key] for row in rows], (draws, alphas, -1)) for key in rows[0]}


def spectra(
    *,
    n: int,
    width: int,
    images: str,
    stream: Sequence[int],
    first: int,
    draws: int,
    device: str,
    gain: float = 1.0,
    network: str = "digits",
    cifar: dict | None = None,
) -> dict[str, np.ndarray]:
    """Eigenvalues, falling, of tangent kernels at the start, the same network on three kinds of images, (draws, kinds, …).

    The kinds are the ``images`` themselves, `noise_like` them, and `uniform_noise`. ``mean`` (…, n) has those of
    (1/10) Σ_k J_kJ_kᵀ, ``whole``, but for photographs, (…, 10n) those of the kernel of all images and outputs.
    """
    from kernels.cnn import CLASSES, make_network, one_thread, tangent_kernel, whole_tangent_kernel

    small = images != "photographs"
    found = {"mean": [], "whole": []} if small else {"mean": []}
    for seed in draw_seeds(stream, first, draws):
        rng = np.random.default_rng(seed)
        if small:
            pictures = IMAGES[images](rng, n, 0)[0][0]
        else:
            pictures = standardised(rng.permutation(cifar10(Path(cifar["folder"]))[0])[:n]).astype(float)
        kinds = [pictures, noise_like(rng, pictures), uniform_noise(rng, pictures)]
        with one_thread():
            model = make_network(network, width=width, seed=seed, gain=gain)
            if small:
                whole = np.array([whole_tangent_kernel(model, kind, device=device) for kind in kinds])
                found["whole"].append(np.linalg.eigvalsh(whole.reshape(len(kinds), CLASSES * n, CLASSES * n)))
                mean = np.einsum("zkikj->zij", whole) / CLASSES
            else:
                mean = [tangent_kernel(model, kind, device=device) for kind in kinds]
        found["mean"].append(np.linalg.eigvalsh(mean))
    return {key: np.array(values)[..., ::-1] for key, values in found.items()}
