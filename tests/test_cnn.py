"""Convolutional networks against autograd image by image and a literal version of the training."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

torch = pytest.importorskip("torch", reason="needs PyTorch: pip install -e '.[cnn]'")

from kernels.cnn import (  # noqa: E402
    NETWORKS,
    OBSERVED,
    POWER_ITERATIONS,
    centred_training,
    make_network,
    one_thread,
    shifted,
    stable_step,
    tangent_kernel,
    whole_tangent_kernel,
)
from tests import examples  # noqa: E402

SHAPES = {"digits": (1, 12, 12), "vgg11": (3, 32, 32), "resnet18": (3, 32, 32)}
SETTING = {"alpha": 1.0, "step": 0.02, "batch": 8, "epochs": [1, 3], "seed": 0}

seeds = st.integers(0, 2**32 - 1)
names = st.sampled_from(sorted(NETWORKS))
alphas = st.floats(-1, 2).map(lambda k: 10.0**k)


def normal_images(seed, n, name="digits"):
    return np.random.default_rng(seed).normal(size=(n, *SHAPES[name]))


def data(seed, n, n_test=10):
    """Images and labels for training and for testing; every class is there."""
    rng = np.random.default_rng(seed)
    labels = tuple(rng.permutation(np.arange(k) % 10) for k in (n, n_test))
    return (normal_images(seed, n), normal_images(seed + 1, n_test)), labels


def train(seed, *, n=20, width=2, double=True, **options):
    """The trained network, and what `centred_training` says about it."""
    network = make_network("digits", width=width, seed=seed, double=double)
    return network, centred_training(network, *data(seed, n), **SETTING | options)


def weights(network):
    return [parameter.detach().clone() for parameter in network.parameters()]


def flat(arrays):
    return torch.cat([array.ravel() for array in arrays])


def by_hand(arrays, X):
    """The digits network: outputs (n, 10), inputs of the relu layers, inputs of the pooling layers."""
    *layers, w, b = arrays
    relus, pools = [], []
    for k in range(4):
        relus.append(torch.nn.functional.conv2d(X, *layers[2 * k : 2 * k + 2], padding=1))
        X = torch.relu(relus[-1])
        if k != 2:
            pools.append(X)
            X = torch.nn.functional.max_pool2d(X, 2)
    return X.flatten(1) @ w.T + b, relus, pools


def winners(pools):
    """Place of the largest input of every window, −1 where all are 0, window by window."""
    found = []
    for layer in pools:
        for plane in layer.flatten(0, 1).numpy():
            size = len(plane) // 2 * 2
            for i in range(0, size, 2):
                for j in range(0, size, 2):
                    window = plane[i : i + 2, j : j + 2].ravel()
                    found.append(int(window.argmax()) if window.max() > 0 else -1)
    return np.array(found)


def literal_training(w, images, labels, *, alpha, step, batch, epochs, seed, momentum, decay, centred):
    """What `centred_training` is to find after every epoch, plain steps on the weights w of the digits network."""
    X, X_test = map(torch.as_tensor, images)
    Y = torch.eye(10, dtype=torch.float64)[labels[0]]
    w_0, h_0, (test_0, relus_0, pools_0) = w, by_hand(w, X)[0], by_hand(w, X_test)
    v = [torch.zeros_like(array) for array in w]
    generator, rows = torch.Generator().manual_seed(seed), []
    for epoch in range(epochs):
        order = torch.randperm(len(X), generator=generator)
        for i in range(0, len(X), batch):
            part = order[i : i + batch]
            w = [array.detach().requires_grad_() for array in w]
            errors = alpha * (by_hand(w, X[part])[0] - centred * h_0[part]) - Y[part]
            gradients = torch.autograd.grad((errors**2).sum() / (10 * len(part)) / alpha**2, w)
            v = [momentum * a + g for a, g in zip(v, gradients, strict=True)]
            w = [(a - step / (1 + decay * epoch) * b).detach() for a, b in zip(w, v, strict=True)]
        train, (outputs, relus, pools) = by_hand(w, X)[0] - h_0, by_hand(w, X_test)
        right = [
            np.mean(h.argmax(dim=1).numpy() == y) for h, y in zip((outputs - test_0, train), labels[::-1], strict=True)
        ]
        moved = torch.linalg.norm(flat(w) - flat(w_0)) / torch.linalg.norm(flat(w_0))
        flips = (flat(relus) > 0)[flat(relus_0) != 0] != (flat(relus_0) > 0)[flat(relus_0) != 0]
        places, places_0 = winners(pools), winners(pools_0)
        both = (places >= 0) & (places_0 >= 0)
        loss = ((alpha * train - Y) ** 2).sum() / len(Y)
        rows.append((*right, float(loss), float(moved), np.mean(flips.numpy()), np.mean((places != places_0)[both])))
    return dict(zip(OBSERVED, np.array(rows).T, strict=True))


@examples(4)
@given(
    seed=st.integers(0, 2**32),
    width=st.integers(1, 3),
    n=st.integers(10, 30),
    batch=st.integers(3, 30),
    alpha=alphas,
    momentum=st.sampled_from([0.9, 0.5]),
    decay=st.sampled_from([0.0, 0.5]),
    centred=st.booleans(),
)
def test_training_is_the_literal_one(seed, width, n, batch, alpha, momentum, decay, centred):
    images, labels = data(seed, n)
    network = make_network("digits", width=width, seed=seed, double=True)
    setting = {"alpha": alpha, "step": 0.01, "batch": batch, "seed": seed, "momentum": momentum, "decay": decay}
    setting["centred"] = centred
    expected = literal_training(weights(network), images, labels, epochs=3, **setting)
    result = centred_training(network, images, labels, epochs=[1, 3], **setting)
    assert set(result) == set(OBSERVED)
    for key in OBSERVED:
        assert np.allclose(result[key], expected[key][[0, 2]], rtol=1e-9, atol=0, equal_nan=True), key


def test_evaluation_in_parts_is_that_of_the_whole(monkeypatch):
    whole = train(0, alpha=0.1)[1]
    monkeypatch.setattr("kernels.cnn.EVALUATED", 3)
    parts = train(0, alpha=0.1)[1]
    assert (whole["flipped"] > 0).all() and (whole["replaced"] > 0).all()
    assert all(np.allclose(whole[key], parts[key], rtol=1e-12, atol=0) for key in whole)


def test_without_activations_all_else_is_the_same():
    whole, rest = (train(0, activations=activations)[1] for activations in (True, False))
    for key in OBSERVED:
        expected = np.full(2, np.nan) if key in ("flipped", "replaced") else whole[key]
        np.testing.assert_array_equal(rest[key], expected)


def test_momentum_is_nine_tenths_and_steps_do_not_shrink_by_default():
    losses = [
        train(0, **options)[1]["loss"][-1] for options in ({}, {"momentum": 0.9, "decay": 0.0}, {"momentum": 0.8})
    ]
    assert losses[0] == losses[1] != losses[2]


@examples(10)
@given(seed=seeds, n=st.integers(1, 20), size=st.integers(1, 9))
def test_shifted_images_are_cut_out_of_a_frame_and_half_of_them_mirrored(seed, n, size):
    X = torch.as_tensor(np.random.default_rng(seed).normal(size=(n, 3, size, size)))
    framed = torch.nn.functional.pad(X, (4,) * 4)
    for image, frame in zip(shifted(X, torch.Generator().manual_seed(seed)), framed, strict=True):
        cuts = [frame[:, i : i + size, j : j + size] for i in range(9) for j in range(9)]
        assert any(torch.equal(image, cut) or torch.equal(image, cut.flip(2)) for cut in cuts)


def test_shifts_and_mirrors_are_uniform():
    X = torch.arange(81.0).reshape(1, 1, 9, 9).repeat(20_000, 1, 1, 1) + 1
    Z = shifted(X, torch.Generator().manual_seed(0))[:, 0]
    centres = Z[:, 4, 4]  # of the cut: never in the frame
    counts = np.bincount(centres.numpy().astype(int) - 1, minlength=81)
    assert len(counts) == 81 and abs(counts - 20_000 / 81).max() < 6 * np.sqrt(20_000 / 81)
    mirrored = (Z[:, 4, 3] > Z[:, 4, 5])[(Z[:, 4, 3] > 0) & (Z[:, 4, 5] > 0)].double()
    assert abs(float(mirrored.mean()) - 0.5) < 3 / np.sqrt(len(mirrored))


def test_with_shifted_images_the_outputs_taken_off_are_those_of_the_network_at_the_start():
    """One epoch at a tiny step: the change is the step times the gradient at the start, where f = 0 on every image."""
    options = {"augmented": True, "step": 1e-6, "momentum": 0.0, "epochs": [1], "batch": 20, "alpha": 10.0}
    network = train(0, **options)[0]
    start, (X, _), (y, _) = make_network("digits", width=2, seed=0, double=True), data(0, 20)[0], data(0, 20)[1]
    generator = torch.Generator().manual_seed(0)
    order = torch.randperm(20, generator=generator)
    seen = shifted(torch.as_tensor(X)[order], generator)
    h, Y = start(seen), torch.eye(10, dtype=torch.float64)[y][order]
    ((h - h.detach() - Y / 10) ** 2).mean().backward()
    change = (flat(weights(network)) - flat(weights(start))) / -1e-6
    assert torch.allclose(
        change, flat([p.grad for p in start.parameters()]), rtol=1e-4, atol=1e-5 * float(change.abs().max())
    )


@examples(6)
@given(seed=seeds, width=st.integers(1, 3), alpha=st.floats(3, 4).map(lambda k: 10.0**k))
def test_movement_falls_like_one_over_alpha_in_the_lazy_limit(seed, width, alpha):
    one, other = (train(seed, width=width, alpha=a)[1] for a in (alpha, 10 * alpha))
    assert np.allclose(alpha * one["moved"], 10 * alpha * other["moved"], rtol=0.03)
    assert one["loss"] == pytest.approx(other["loss"], rel=0.03)


@examples(4)
@given(seed=seeds, alpha=st.floats(3, 4).map(lambda k: 10.0**k))
def test_without_centring_the_movement_does_not_fall(seed, alpha):
    one, other = (train(seed, alpha=a, centred=False)[1]["moved"] for a in (alpha, 10 * alpha))
    assert one == pytest.approx(other, rel=0.03)


@pytest.mark.parametrize("double", [False, True])
@pytest.mark.parametrize("alpha", [1e-2, 1.0, 1e2])
def test_divergence_is_nan_and_no_exception(alpha, double):
    result = train(0, alpha=alpha, step=1e7, epochs=[30, 40], double=double)[1]
    assert all(np.isnan(result[key]).all() for key in OBSERVED)


@examples(6)
@given(name=names, seed=seeds, width=st.integers(1, 2), n=st.integers(1, 3), start=st.booleans())
def test_the_tangent_kernel_is_the_mean_product_of_gradients_of_outputs(name, seed, width, n, start):
    network, X = make_network(name, width=width, seed=seed, double=True), normal_images(seed, n, name)
    for parameter in [] if start else network.parameters():  # biases that are not zero
        parameter.data += 0.1 * torch.as_tensor(np.random.default_rng(seed).normal(size=parameter.shape))
    parameters = list(network.parameters())
    gradients = [
        [flat(torch.autograd.grad(output, parameters, retain_graph=True)) for output in network(image[None])[0]]
        for image in torch.as_tensor(X)
    ]
    naive = np.array(
        [[sum(float(a @ b) for a, b in zip(g, h, strict=True)) / 10 for h in gradients] for g in gradients]
    )
    kernel = tangent_kernel(network, X)
    assert kernel.dtype == np.float64 and len(gradients[0]) == 10
    assert np.allclose(kernel, naive, rtol=0, atol=1e-12 * naive.max())
    whole = whole_tangent_kernel(network, X)
    rows = torch.stack([g for k in range(10) for g in (image[k] for image in gradients)]).numpy()
    assert np.allclose(whole.reshape(10 * n, 10 * n), rows @ rows.T, rtol=0, atol=1e-12 * whole.max())


@examples(6)
@given(name=names, seed=seeds, n=st.integers(2, 6), double=st.booleans())
def test_the_tangent_kernel_is_symmetric_and_positive_semi_definite(name, seed, n, double):
    X = normal_images(seed, n, name)
    X[-1] = X[0]  # so that the kernel is singular
    kernel = tangent_kernel(make_network(name, width=2, seed=seed, double=double), X)
    assert kernel.shape == (n, n) and kernel.dtype == np.float64
    assert np.allclose(kernel, kernel.T, rtol=0, atol=1e-14 * kernel.max())
    eigenvalues = np.linalg.eigvalsh(kernel)
    assert abs(eigenvalues[0]) <= (1e-13 if double else 1e-6) * eigenvalues[-1]


@given(name=names, seed=st.integers(0, 2**32), width=st.integers(1, 3), double=st.booleans())
def test_weights_depend_on_the_seed_alone_and_nothing_else_is_drawn(name, seed, width, double):
    state = torch.get_rng_state()
    network = make_network(name, width=width, seed=seed, double=double)
    assert torch.equal(state, torch.get_rng_state())
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed + 2)
        same, other = (make_network(name, width=width, seed=s) for s in (seed, seed + 1))
    for layer, repeated, different in zip(weights(network), weights(same), weights(other), strict=True):
        assert layer.dtype == (torch.float64 if double else torch.float32) and torch.equal(layer.float(), repeated)
        if layer.ndim == 1:
            assert not layer.any() and not different.any()
        else:
            assert not torch.isclose(repeated, different, rtol=1e-6).all(), layer.shape


@examples(10)
@given(name=names, seed=seeds, gain=st.floats(-2, 2).map(lambda k: 10.0**k))
def test_weights_are_normal_of_xavier_deviation_times_the_gain(name, seed, gain):
    one, scaled = (weights(make_network(name, width=16, seed=seed, gain=g)) for g in (1.0, gain))
    normals = []
    for layer, multiple in zip(one, scaled, strict=True):
        assert torch.allclose(multiple, gain * layer, rtol=1e-5, atol=0)
        if layer.ndim > 1:
            outputs, inputs = layer.shape[:2]
            places = layer[0, 0].numel()
            normals.append(layer.double().ravel() / np.sqrt(2 / (places * (inputs + outputs))))
            assert (normals[-1] ** 2).mean() == pytest.approx(1, abs=6 * np.sqrt(2 / layer.numel()) + 8 / layer.numel())
    normals = torch.cat(normals)
    assert abs(normals.mean()) < 6 / np.sqrt(len(normals))
    assert float((abs(normals) < 1).double().mean()) == pytest.approx(0.6827, abs=3 / np.sqrt(len(normals)))


def test_the_gain_is_one_by_default():
    default, given_gain = (make_network("digits", width=2, seed=0, **options) for options in ({}, {"gain": 1.0}))
    assert torch.equal(flat(weights(default)), flat(weights(given_gain)))


@examples(10)
@given(name=names, seed=seeds, width=st.integers(1, 3), n=st.integers(1, 5))
def test_ten_outputs_for_every_image(name, seed, width, n):
    network = make_network(name, width=width, seed=seed, double=True)
    assert network(torch.as_tensor(normal_images(seed, n, name))).shape == (n, 10)
    assert weights(network)[0].shape[0] == width


@pytest.fixture
def threads():
    before = torch.get_num_threads()
    yield torch.set_num_threads
    torch.set_num_threads(before)


def test_with_one_thread_results_do_not_depend_on_the_number_outside(threads):
    found = []
    for number in (1, 2, 3):
        threads(number)
        with one_thread():
            assert torch.get_num_threads() == 1
            network, result = train(0, n=40, width=3, double=False)
            kernel = tangent_kernel(network, normal_images(0, 10))
        assert torch.get_num_threads() == number
        found.append((flat(weights(network)).numpy(), result["loss"], result["moved"], kernel))
    for one, *others in zip(*found, strict=True):
        assert all(np.array_equal(one, other) for other in others)


def test_one_thread_gives_the_threads_back_after_an_error(threads):
    threads(2)
    with pytest.raises(KeyError), one_thread():
        raise KeyError
    assert torch.get_num_threads() == 2


def network(name="digits", **options):
    return lambda: make_network(name, **{"width": 1, "seed": 0} | options)


def training(**options):
    return lambda: train(0, **options)


def kernel(device):
    return lambda: tangent_kernel(make_network("digits", width=1, seed=0), normal_images(0, 2), device=device)


CASES = {
    "alpha 0": (training(alpha=0.0), "`alpha` must be a positive finite number, got 0.0"),
    "negative alpha": (training(alpha=-1.0), "`alpha` must be a positive finite number, got -1.0"),
    "alpha nan": (training(alpha=np.nan), "`alpha` must be a positive finite number, got nan"),
    "step 0": (training(step=0.0), "`step` must be a positive finite number, got 0.0"),
    "negative step": (training(step=-0.1), "`step` must be a positive finite number, got -0.1"),
    "batch 0": (training(batch=0), "`batch` must be a whole number of at least 1, got 0"),
    "epochs 0": (training(epochs=[0]), r"`epochs\[0\]` must be a whole number of at least 1, got 0"),
    "one number of epochs": (training(epochs=3), "`epochs` must be a list of whole numbers, got 3"),
    "no epochs": (training(epochs=[]), r"`epochs` must be a list of whole numbers, got \[\]"),
    "falling epochs": (training(epochs=[3, 1]), r"`epochs` must increase, got \[3, 1\]"),
    "equal epochs": (training(epochs=[3, 3]), r"`epochs` must increase, got \[3, 3\]"),
    "momentum 1": (training(momentum=1.0), r"`momentum` must be a number in \[0, 1\), got 1.0"),
    "negative decay": (training(decay=-1.0), r"`decay` must be a number in \[0, inf\), got -1.0"),
    "network's seed": (network(seed=-1), "`seed` must be a whole number of at least 0, got -1"),
    "device": (training(device="nonsense"), "`device` must be cpu, cuda or cuda:NUMBER, got 'nonsense'"),
    "device without arithmetic": (training(device="meta"), "`device` must be cpu, cuda or cuda:NUMBER, got 'meta'"),
    "no such GPU": (training(device="cuda:99"), "`device` must be one that PyTorch can use here, got 'cuda:99'"),
    "kernel device": (kernel("nonsense"), "`device` must be cpu, cuda or cuda:NUMBER, got 'nonsense'"),
    "no such GPU for the kernel": (kernel("cuda:99"), "`device` must be one that PyTorch can use here, got 'cuda:99'"),
    "name": (network("digitz"), "`name` 'digitz' is unknown: did you mean 'digits'"),
    "no such name": (network("perceptron"), "`name` 'perceptron' is unknown: known are digits, vgg11, resnet18"),
    "width": (network(width=0), "`width` must be a whole number of at least 1, got 0"),
    "gain": (network(gain=0.0), "`gain` must be a positive finite number, got 0.0"),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_bad_input_is_one_clear_value_error(case):
    call, message = CASES[case]
    with pytest.raises(ValueError, match=message):
        call()


@pytest.mark.parametrize("bad", [[0, 1], [0, 1, 10], [0, 1, -1], [0.0, 1.0, 2.0]])
@pytest.mark.parametrize("which", [0, 1])
def test_labels_are_one_digit_for_every_image(bad, which):
    images, labels = normal_images(0, 3), [np.array([0, 1, 2]), np.array([0, 1, 2])]
    labels[which] = np.array(bad)
    options = {"alpha": 1.0, "step": 0.01, "batch": 2, "epochs": [1], "seed": 0}
    with pytest.raises(ValueError, match=rf"`labels\[{which}\]` must be 3 whole numbers from 0 to 9"):
        centred_training(make_network("digits", width=1, seed=0), (images, images), labels, **options)


@examples(5)
@given(seed=st.integers(0, 1000))
def test_units_and_windows_that_start_at_zero_do_not_count_as_changed(seed):
    images, labels = data(seed, 20)
    seen = (images[0], np.concatenate([images[1], np.zeros_like(images[1])])), (labels[0], np.tile(labels[1], 2))
    found = [
        centred_training(make_network("digits", width=2, seed=seed, double=True), *both, **SETTING)
        for both in ((images, labels), seen)
    ]
    for key in ("flipped", "replaced"):
        np.testing.assert_array_equal(*(one[key] for one in found))


IMAGES = np.random.default_rng(0).normal(size=(4, 1, 12, 12))
WRONG_IMAGES = {
    "complex": (IMAGES + 1j, "must hold real numbers, got complex numbers"),
    "nan": (np.where(IMAGES > 1, np.nan, IMAGES), "must be finite in float32, got nan"),
    "beyond float32": (1e300 * IMAGES, "must be finite in float32, got -?inf"),
    "axes": (IMAGES[:, 0], r"must have shape \(n, channels, size, size\), got \(4, 12, 12\)"),
    "channels": (np.repeat(IMAGES, 3, axis=1), r"must fit the network, got images of shape \(3, 12, 12\)"),
    "size": (IMAGES[:, :, :4, :4], r"must fit the network, got images of shape \(1, 4, 4\)"),
    "texts": (IMAGES.astype(str), "must hold real numbers, got strings"),
}


@pytest.mark.parametrize("case", WRONG_IMAGES)
def test_images_that_do_not_fit_are_refused_by_name(case):
    images, message = WRONG_IMAGES[case]
    network = make_network("digits", width=1, seed=0)
    with pytest.raises(ValueError, match=f"`X` {message}"):
        tangent_kernel(network, images)
    with pytest.raises(ValueError, match=rf"`images\[1\]` {message}"):
        centred_training(network, (IMAGES, images), (np.arange(4), np.arange(4)), **SETTING)


def test_other_arguments_are_refused_by_name():
    network, labels = make_network("digits", width=1, seed=0), (np.arange(4), np.arange(4))
    for call, message in (
        (
            lambda: make_network("digits", width=1, seed=2**64),
            "`seed` must be a whole number of at most 9223372036854775807",
        ),
        (lambda: make_network("digits", width=1, seed=0, double=1), "`double` must be True or False, got 1"),
        (lambda: centred_training(network, IMAGES, labels, **SETTING), "`images` must be a pair"),
        (
            lambda: centred_training(network, (IMAGES,) * 2, labels, **SETTING, centred=0),
            "`centred` must be True or",
        ),
        (lambda: centred_training(None, (IMAGES,) * 2, labels, **SETTING), "`network` must be a torch.nn.Sequential"),
        (lambda: tangent_kernel(lambda x: x, IMAGES), "`network` must be a torch.nn.Sequential"),
    ):
        with pytest.raises(ValueError, match=message):
            call()


def test_kernels_of_images_in_other_forms_are_the_same():
    network = make_network("digits", width=1, seed=0)
    whole = np.rint(IMAGES).astype(np.int8)
    K = tangent_kernel(network, whole.astype(float))
    locked = whole.astype(">f4")
    locked.flags.writeable = False
    for images in (whole, locked, np.asfortranarray(whole), whole[::-1][::-1], whole.tolist()):
        assert np.array_equal(tangent_kernel(network, images), K)


@examples(5)
@given(seed=st.integers(0, 2**31), n=st.integers(2, 8))
def test_the_stable_step_is_that_of_power_iterations_with_all_outputs(seed, n):
    """‖(JJᵀ)^k v‖/‖(JJᵀ)^{k−1} v‖ in the basis of eigenvectors, and from below: the step is not smaller than with λ itself."""
    network = make_network("digits", width=2, seed=seed)
    images = np.random.default_rng(seed).normal(size=(n, 1, 12, 12)).astype(np.float32)
    outputs = network(torch.as_tensor(images)).ravel()
    weights = list(network.parameters())
    rows = [torch.cat([g.ravel() for g in torch.autograd.grad(f, weights, retain_graph=True)]) for f in outputs]
    J = torch.stack(rows).double().numpy()
    values, vectors = np.linalg.eigh(J @ J.T)
    start = vectors.T @ torch.randn((n, 10), generator=torch.Generator().manual_seed(0)).double().numpy().ravel()
    below, after = (
        np.linalg.norm(start * (values / values[-1]) ** k) for k in (POWER_ITERATIONS - 1, POWER_ITERATIONS)
    )
    step = stable_step(network, images, momentum=0.9)
    assert step == pytest.approx(19 * n / (values[-1] * after / below), rel=1e-4)
    assert step >= 19 * n / values[-1] * (1 - 1e-4)
