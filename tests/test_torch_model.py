"""Modules of PyTorch as maps of their weights, against differences and closed forms; their forecasts against training."""

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

torch = pytest.importorskip("torch", reason="needs PyTorch: pip install -e '.[cnn]'")
from torch import nn  # noqa: E402

import checks.__main__ as program  # noqa: E402
from checks.forecast.module import criterion, forecast_model, relative, targets_of, train_model  # noqa: E402
from kernels.losses import SquareLoss  # noqa: E402
from kernels.model_flow import model_flow  # noqa: E402
from kernels.models import QuadraticMap  # noqa: E402
from kernels.torch_model import UNITS, DenseModel, TorchModel, perceptron  # noqa: E402
from tests import examples  # noqa: E402

seeds = st.integers(0, 2**31 - 1)


class Convolutional(nn.Module):
    """Inputs of 16 numbers as images 4 × 4."""

    def __init__(self, width=3, outputs=2):
        super().__init__()
        self.convolution, self.output = nn.Conv2d(1, width, 3, padding=1), nn.Linear(width, outputs)

    def forward(self, x):
        return self.output(torch.tanh(self.convolution(x.reshape(-1, 1, 4, 4))).mean((2, 3)))


class Attention(nn.Module):
    """Inputs of 16 numbers as four words."""

    def __init__(self, width=4, outputs=1):
        super().__init__()
        self.embed, self.output = nn.Linear(4, width), nn.Linear(width, outputs)
        self.attention = nn.MultiheadAttention(width, 2, batch_first=True)

    def forward(self, x):
        words = self.embed(x.reshape(-1, 4, 4))
        return self.output(self.attention(words, words, words, need_weights=False)[0].mean(1))


BUILD = {
    "dense": lambda: nn.Sequential(nn.Linear(16, 3), nn.Tanh(), nn.Linear(3, 2)),
    "convolutional": Convolutional,
    "attention": Attention,
    "normalised in evaluation": lambda: nn.Sequential(
        nn.Linear(16, 3), nn.BatchNorm1d(3), nn.GELU(), nn.Linear(3, 1)
    ).eval(),
}


def drawn(name, seed, n=3):
    torch.manual_seed(seed)
    return TorchModel(BUILD[name](), np.random.default_rng(seed).normal(size=(n, 16)))


@pytest.mark.parametrize("name", BUILD)
@examples(5)
@given(seed=seeds)
def test_outputs_and_jacobian_are_those_of_the_module_and_of_differences(name, seed):
    model = drawn(name, seed)
    literal = model.module(model.inputs).detach().numpy()
    assert model(model.start) == pytest.approx(literal.ravel(), rel=1e-12)
    assert model.outputs == literal.shape[1] and len(model(model.start)) == literal.size
    J = model.jacobian(model.start)
    for k in np.random.default_rng(seed).choice(len(model.start), size=5, replace=False):
        step = np.zeros(len(model.start))
        step[k] = 1e-5
        difference = (model(model.start + step) - model(model.start - step)) / 2e-5
        assert J[:, k] == pytest.approx(difference, rel=1e-6, abs=1e-8)


@pytest.mark.parametrize("name", BUILD)
@examples(5)
@given(seed=seeds)
def test_curvature_is_a_value_of_the_second_derivative_and_no_direction_tried_has_more(name, seed):
    model, rng = drawn(name, seed), np.random.default_rng(seed)
    bound = model.curvature(model.start, starts=2, rounds=20)  # already far above what random directions have
    h = 1e-3
    for _ in range(20):
        u = rng.normal(size=len(model.start))
        u /= np.linalg.norm(u)
        second = (model(model.start + h * u) - 2 * model(model.start) + model(model.start - h * u)) / h**2
        assert np.linalg.norm(second) <= bound * (1 + 1e-3) + 1e-6


@examples(5)
@given(seed=seeds)
def test_curvature_of_a_product_of_two_weights_is_exact(seed):
    """h = b(w·x): D²h is ‖x‖ times the pairing of b with the direction of x."""

    class Product(nn.Module):
        def __init__(self):
            super().__init__()
            self.w, self.b = nn.Parameter(torch.randn(5)), nn.Parameter(torch.randn(1))

        def forward(self, x):
            return self.b * (x @ self.w)[:, None]

    X = np.random.default_rng(seed).normal(size=(1, 5))
    torch.manual_seed(seed)
    model = TorchModel(Product(), X)
    assert model.curvature(model.start) == pytest.approx(np.linalg.norm(X), rel=1e-4)
    w, b = model.start[:5], model.start[5]
    J = np.append(b * X[0], w @ X[0])
    residual = abs(b * (w @ X[0]) - 1.0)
    expected = residual * np.linalg.norm(X) / (J @ J)
    assert criterion(model, model.start, np.ones(1), largest=J @ J) == pytest.approx(expected, rel=1e-4)


@examples(5)
@given(seed=seeds, name=st.sampled_from(["convolutional", "attention"]))
def test_a_forecast_that_calls_itself_valid_is_what_training_gives(seed, name):
    """Small targets keep any module near its start."""
    model = drawn(name, seed, n=4)
    y = np.random.default_rng(seed).normal(size=4 * model.outputs) * 1e-4
    found = forecast_model(model, model.start, y, samples=4, loss_ratio=0.3, centred=True)
    run = train_model(model, model.start, y, found, samples=4, centred=True)
    assert found.valid and found.regime == "lazy"
    assert found.drift == pytest.approx(run.drift, rel=0.05) and found.time == pytest.approx(run.time, rel=0.05)
    assert found.layer_changes == pytest.approx(run.layer_changes, rel=0.1)


@examples(10)
@given(seed=seeds, activation=st.sampled_from(sorted(UNITS)), L=st.integers(1, 3), outputs=st.integers(1, 3))
def test_formulas_of_dense_layers_are_what_pytorch_differentiates(seed, activation, L, outputs):
    rng = np.random.default_rng(seed)
    module = perceptron(5, 7, hidden_layers=L, outputs=outputs, activation=activation, seed=seed)
    X = rng.normal(size=(6, 5))
    model, own = TorchModel(module, X), DenseModel(module, X)
    w, c = model.start + rng.normal(size=len(model.start)), rng.normal(size=6 * outputs)
    (values, P), (_, Q) = own.factors(w), own.factors(model.start)
    J, J_0 = model.jacobian(w), model.jacobian(model.start)
    assert values == pytest.approx(model(w), rel=1e-12, abs=1e-12) and own(w) == pytest.approx(values, rel=1e-14)
    assert own.gram(P, Q) == pytest.approx(J @ J_0.T, rel=1e-12, abs=1e-12)
    assert own.pull(P, c) == pytest.approx(c @ J, rel=1e-12, abs=1e-12)


@examples(5)
@given(seed=seeds, activation=st.sampled_from(["tanh", "gelu"]), outputs=st.integers(1, 2))
def test_the_flow_without_jacobians_is_that_with_them(seed, activation, outputs):
    rng = np.random.default_rng(seed)
    module = perceptron(3, 8, hidden_layers=2, outputs=outputs, activation=activation, seed=seed)
    X, loss = rng.normal(size=(4, 3)), SquareLoss(rng.normal(size=4 * outputs), 1 / 4)
    model = TorchModel(module, X)
    one, other = (model_flow(kind, loss, model.start, t_end=2.0, rtol=1e-4) for kind in (model, DenseModel(module, X)))
    assert one.status == other.status
    assert one.evaluations == pytest.approx(other.evaluations, rel=0.1)  # where rounding accepts a step or not
    equal = 1e-9 if one.evaluations == other.evaluations else 1e-6
    assert one.displacements[-1] == pytest.approx(other.displacements[-1], rel=equal, abs=1e-12)


class Tanh(nn.Module):
    """Prints itself as PyTorch's does."""

    def forward(self, x):
        return x * x


class Doubled(nn.Sequential):
    """More than its layers one after the other."""

    def forward(self, x):
        return 2 * super().forward(x)


@pytest.mark.parametrize(
    "module",
    [
        nn.Linear(5, 1),
        nn.Sequential(nn.Linear(5, 2, bias=False)),
        nn.Sequential(nn.Linear(5, 2), nn.ReLU()),
        nn.Sequential(nn.Linear(5, 2), nn.GELU(approximate="tanh"), nn.Linear(2, 1)),
        nn.Sequential(nn.Linear(5, 2).requires_grad_(False), nn.ReLU(), nn.Linear(2, 1)),
        nn.Sequential(nn.Linear(5, 2), Tanh(), nn.Linear(2, 1)),
        Doubled(nn.Linear(5, 2), nn.ReLU(), nn.Linear(2, 1)),
    ],
)
def test_what_is_not_dense_layers_with_units_between_is_refused(module):
    with pytest.raises(ValueError, match="`module` must be a Sequential of dense layers"):
        DenseModel(module, np.eye(5))


@given(seed=seeds)
def test_what_only_looks_like_dense_layers_is_refused(seed):
    """Units that are off at the start do not hide it."""
    torch.manual_seed(seed)
    module = nn.Sequential(nn.Linear(5, 2), nn.ReLU(), nn.Linear(2, 5))
    with pytest.raises(ValueError, match=r"`X` must have shape \(n, d\)"):
        DenseModel(module, np.ones((3, 4, 5)))
    module[0].register_forward_hook(lambda layer, inputs, outputs: 3 * outputs)
    with pytest.raises(ValueError, match="one after the other"):
        DenseModel(module, np.eye(5))


@pytest.mark.claim("numerics/module-forecast")
@examples(5)
@given(seed=seeds, activation=st.sampled_from(sorted(UNITS)), L=st.integers(1, 2), outputs=st.integers(1, 3))
def test_a_lazy_dense_module_does_what_is_foretold(seed, activation, L, outputs):
    """Small targets again: what is left out is a thousandth."""
    rng = np.random.default_rng(seed)
    made = {"hidden_layers": L, "outputs": outputs, "activation": activation, "seed": seed}
    model = TorchModel(perceptron(5, 32, **made), rng.normal(size=(4, 5)))
    y = 1e-4 * rng.normal(size=4 * outputs)
    found = forecast_model(model, model.start, y, samples=4, loss_ratio=0.1, centred=True)
    run = train_model(model, model.start, y, found, samples=4, centred=True)
    assert found.valid and found.drift == pytest.approx(run.drift, rel=0.02)
    assert found.layer_changes == pytest.approx(run.layer_changes, rel=0.02)
    assert found.time == pytest.approx(run.time, rel=0.02)
    assert run.kernel_change < 0.01


@examples(5)
@given(seed=seeds, gain=st.floats(0.5, 2))
def test_a_dense_module_is_one_that_pytorch_makes_and_the_state_of_its_generator_stays(seed, gain):
    torch.manual_seed(seed)
    own = nn.Sequential(nn.Linear(4, 6), nn.ReLU(), nn.Linear(6, 6), nn.ReLU(), nn.Linear(6, 2)).double()
    before = torch.get_rng_state()
    made = perceptron(4, 6, hidden_layers=2, outputs=2, activation="relu", seed=seed, gain=gain)
    assert torch.equal(before, torch.get_rng_state()) and [type(part) for part in own] == [type(part) for part in made]
    for (name, a), (_, b) in zip(own.named_parameters(), made.named_parameters(), strict=True):
        assert torch.allclose(a * (gain if a.ndim > 1 else 1), b, rtol=1e-6), name


class RandomFeatures(nn.Module):
    """Linear in what is trained of it, alone."""

    def __init__(self):
        super().__init__()
        self.features, self.output = nn.Linear(3, 20).requires_grad_(False), nn.Linear(20, 2)

    def forward(self, x):
        return self.output(torch.relu(self.features(x)))


@pytest.mark.parametrize("make", [lambda: nn.Linear(3, 2), RandomFeatures])
@examples(5)
@given(seed=seeds)
def test_a_module_that_is_linear_in_its_weights_is_lazy_however_far_they_go(make, seed):
    torch.manual_seed(seed)
    rng = np.random.default_rng(seed)
    model = TorchModel(make(), rng.normal(size=(3, 3)))
    y = 100 * rng.normal(size=6)
    found = forecast_model(model, model.start, y, samples=3, loss_ratio=0.05)
    assert found.linear and found.regime == "lazy" and found.per_layer == "not lazy" and found.valid
    assert found.layer_changes == pytest.approx(
        train_model(model, model.start, y, found, samples=3).layer_changes, rel=0.02
    )
    moving = TorchModel(nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 2)), rng.normal(size=(3, 3)))
    assert not forecast_model(moving, moving.start, y, samples=3, loss_ratio=0.05).linear


@given(seed=seeds)
def test_the_forecast_of_a_map_that_is_no_module_needs_no_pytorch(seed):
    rng = np.random.default_rng(seed)
    model = QuadraticMap(rng.normal(size=(3, 6)), np.zeros((3, 6, 6)))  # linear: both paths are the flow
    found = forecast_model(model, rng.normal(size=6), rng.normal(size=3), samples=3, loss_ratio=0.1)
    assert found.kernel_change < 1e-12 and found.distance < 1e-9 and found.valid


@examples(5)
@given(seed=seeds)
def test_the_criterion_of_a_centred_model_has_the_residual_of_one(seed):
    model, y = drawn("dense", seed), np.random.default_rng(seed).normal(size=6)
    largest = np.linalg.norm(model.jacobian(model.start), 2) ** 2
    own, whole = (criterion(model, model.start, y, largest=largest, centred=flag) for flag in (True, False))
    found = forecast_model(model, model.start, y, samples=3, loss_ratio=0.5, nodes=1)
    assert found.eigenvalues[-1] == pytest.approx(largest, rel=1e-9)
    assert own / whole == pytest.approx(np.linalg.norm(y) / np.linalg.norm(model(model.start) - y))


@given(seed=seeds)
def test_a_matrix_that_leaves_0_is_not_lazy_and_nothing_to_measure_a_change_by_is_refused(seed):
    model, y = drawn("dense", seed), np.random.default_rng(seed).normal(size=6)
    start = model.start.copy()
    start[51:57] = 0  # W² (2, 3) after W¹ (3, 16) and three biases
    found = forecast_model(model, start, y, samples=3, loss_ratio=0.5)
    assert found.layer_changes[1] == np.inf and found.regime == "not lazy"
    with pytest.raises(ValueError, match="must not be 0 in all matrices"):
        forecast_model(model, 0 * start, y, samples=3)


def test_classes_are_one_hot_and_centred():
    assert np.array_equal(
        targets_of(np.array([2.0, 5.0, 2.0]), 2).reshape(3, 2), [[0.5, -0.5], [-0.5, 0.5], [0.5, -0.5]]
    )
    with pytest.raises(ValueError, match="one for each of the 3 targets, has 2"):
        targets_of(np.arange(3.0), 2)
    assert np.array_equal(targets_of(np.arange(6.0).reshape(3, 2), 2), np.arange(6))
    with pytest.raises(ValueError, match="an output for each of the 3 columns of the target, has 2"):
        targets_of(np.ones((4, 3)), 2)


@pytest.mark.parametrize(
    "module, X, message",
    [
        (lambda: 3, np.eye(3), "`module` must be a torch.nn.Module"),
        (lambda: nn.ReLU(), np.eye(3), "must have parameters that require gradients"),
        (lambda: nn.Sequential(nn.Linear(3, 2), nn.BatchNorm1d(2)), np.eye(3), "1 does: call module.eval()"),
        (lambda: nn.Sequential(nn.Linear(3, 2), nn.Dropout(0.5)), np.eye(3), "drop at random, 1 does"),
        (lambda: nn.MultiheadAttention(4, 2, dropout=0.1), np.eye(4), "drop at random, MultiheadAttention does"),
        (lambda: nn.Sequential(nn.Linear(3, 2), nn.ReLU(inplace=True)), np.eye(3), "in place, 1 does"),
        (lambda: nn.Linear(5, 1), np.eye(3), "inputs that the module takes, got shape (3, 3)"),
        (lambda: nn.Linear(3, 1), [[1.0, np.nan, 0.0]], "`X` must be finite"),
        (lambda: nn.Sequential(nn.Linear(3, 2), nn.Flatten(0)), np.eye(3), "one row an input, got (6,)"),
    ],
)
def test_what_is_no_function_of_its_weights_is_refused(module, X, message):
    with pytest.raises(ValueError) as error:
        TorchModel(module(), X)
    assert message in str(error.value)


class Random(nn.Linear):
    def forward(self, x):
        return nn.functional.dropout(super().forward(x), 0.5)


class Spoiling(nn.Linear):
    def forward(self, x):
        return super().forward(x.mul_(2))


@pytest.mark.parametrize(
    "module, message", [(Random, "the same outputs twice"), (Spoiling, "must not change its inputs")]
)
def test_what_a_module_hides_in_its_own_code_is_found(module, message):
    with pytest.raises(ValueError, match=message):
        TorchModel(module(3, 4), np.ones((5, 3)))


MODULE = """
from __future__ import annotations
import dataclasses
from torch import nn
@dataclasses.dataclass
class Settings:
    width: int = 64
def leaves(d): raise SystemExit(3)
def build(d): return nn.Sequential(nn.Linear(d, 64), nn.Tanh(), nn.Linear(64, 1))
three = nn.Sequential(nn.Linear(13, 8), nn.Tanh(), nn.Linear(8, 3))
broken = 1 / 0 if False else None
"""


def test_a_module_of_ones_own_is_foretold_and_trained_by_one_command(tmp_path, capsys):
    path = tmp_path / "net.py"
    path.write_text(MODULE)
    common = ["forecast", "wine", "--rows", "20", "--loss", "0.5", "--centred", "--module"]
    assert program.main([*common, f"{path}:build", "--train"]) == 0
    text = capsys.readouterr().out
    assert "κ_h" in text and float(text.split("drift")[-1].split("ratio ")[1].split()[0]) == pytest.approx(1, rel=0.2)
    assert "what next" not in text
    assert program.main([*common, f"{path}:three", "--loss", "0.001"]) == 0
    text = capsys.readouterr().out
    assert "3 outputs" in text and "NOT VALID" in text and "its outputs times 16 or 64, with --centred" in text
    assert program.main([*common, f"{path}:build", "--train", "--json"]) == 0
    numbers = json.loads(capsys.readouterr().out, parse_constant=lambda name: pytest.fail(name))
    assert (
        numbers["trained"]["drift"] == pytest.approx(numbers["forecast"]["drift"], rel=0.2) and numbers["criterion"] > 0
    )
    np.savez(tmp_path / "data.npz", X=np.random.default_rng(0).normal(size=(9, 13)), y=np.eye(9)[:, :3])
    few = [
        "forecast",
        str(tmp_path / "data.npz"),
        "--module",
        f"{path}:three",
        "--loss",
        "0.5",
        "--rows",
        "8",
        "--train",
    ]
    assert program.main([*few, "--figure", str(tmp_path / "loss.svg")]) == 0 and (tmp_path / "loss.svg").stat().st_size
    text = capsys.readouterr().out
    assert "8 of 9; 3 other draws" in text and "2.weight" in text and "descent:" not in text
    for place, message in (
        (f"{path}:leaves", "cannot be loaded: SystemExit: 3"),
        (f"{path}:none", "cannot be loaded: AttributeError"),
        (f"{path}:broken", "`module` must be a torch.nn.Module, got NoneType"),
        ("net.txt:build", "must be FILE.py:NAME"),
        ("nowhere.py:build", "there is no file nowhere.py"),
    ):
        with pytest.raises(SystemExit) as end:
            program.main([*common, place])
        assert end.value.code == 2 and message in capsys.readouterr().err


def test_a_matrix_that_stays_zero_has_not_changed_and_one_that_is_not_known_is_not_lazy():
    assert np.array_equal(relative(np.array([0.0, 1.0, 1.0]), np.array([0.0, 0.0, 2.0])), [0.0, np.inf, 0.5])
    assert np.isnan(relative(np.array([np.nan]), np.ones(1))).all()
