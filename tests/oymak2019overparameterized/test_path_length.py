"""path-length on drawn maps, and its bounds against a descent written out."""

from math import log

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from checks.claim import Case
from checks.measurements import path_lengths
from checks.measurements.path_lengths import LEFT, descent_paths
from checks.measurements.scaled_models import draw
from checks.measurements.streams import draw_seeds
from checks.oymak2019overparameterized.path_length import CLAIM, DIRECTIONS, KINDS
from checks.verdict import Verdict
from tests import examples
from tests.claims import judged, part_of
from theory.path_bounds import descent_rate, descent_share, path_bound

seeds = st.integers(0, 2**32 - 1)
runs = st.fixed_dictionaries(
    {
        "kind": st.sampled_from((*KINDS, "inner weights", "curved directions", "sin", "cubic")),
        "direction": st.sampled_from(DIRECTIONS),
        "radius": st.floats(0.02, 0.99),
        "size": st.floats(0.1, 1.0),
    }
)


@pytest.mark.claim("oymak2019overparameterized/path-length")
@pytest.mark.parametrize("letter", "abc")
@examples(10)
@given(config=runs, seed=seeds)
def test_the_bound_holds_where_the_ball_is_certified(letter, config, seed):
    (found,), _ = judged(part_of(CLAIM, letter), [Case("", config, draws=1)], seed)
    assert found.verdict is Verdict.SUPPORTED, found


@pytest.mark.claim("oymak2019overparameterized/path-length")
@examples(8)
@given(config=runs, seed=seeds)
def test_a_run_is_descent_on_the_scaled_map_and_its_constants_hold_on_the_ball(config, seed):
    """A naive descent of the same steps; singular values and differences of Jacobians at points of the ball."""
    stream = [seed, 0, 0, 0]
    found = {key: value[0] for key, value in descent_paths(**config, stream=stream, first=0, draws=1).items()}
    drawn = draw(config["kind"], draw_seeds(stream, 0, 1)[0])
    c = 1 - found["step"] * (found["largest"] ** 2 + found["lipschitz"]) / 2
    assert c == pytest.approx(1 - config["size"] / 2)
    J_0 = drawn.model.jacobian(drawn.start)
    top = np.linalg.svd(J_0)[1][0]
    radius = 1 / (c * found["least"])
    scale = (found["largest"] - found["lipschitz"] * radius) / top
    rng = np.random.default_rng(seed)
    points = [drawn.start + radius * rng.uniform() * v / np.linalg.norm(v) for v in rng.normal(size=(8, J_0.shape[1]))]
    jacobians = [scale * drawn.model.jacobian(w) for w in points]
    for J, other, w, v in zip(jacobians, jacobians[1:], points, points[1:], strict=False):
        values = np.linalg.svd(J)[1]
        assert values[-1] >= found["least"] * (1 - 1e-9) and values[0] <= found["largest"] * (1 + 1e-9)
        assert np.linalg.norm(J - other, 2) <= found["lipschitz"] * np.linalg.norm(w - v) * (1 + 1e-9)
    w, length, last = drawn.start, 0.0, int(found["steps"][-1])
    y = scale * drawn.model(w) + direction_of(config["direction"], J_0, drawn.targets)
    for _ in range(last):
        after = w - found["step"] * scale * drawn.model.jacobian(w).T @ (scale * drawn.model(w) - y)
        length, w = length + np.linalg.norm(after - w), after
    assert found["lengths"][-1] == pytest.approx(length)
    assert found["residuals"][-1] <= LEFT or last == path_lengths.STEPS
    assert found["distances"][-1] == pytest.approx(np.linalg.norm(w - drawn.start))


@pytest.mark.claim("oymak2019overparameterized/path-length")
@examples(5)
@given(config=runs, seed=seeds)
def test_a_run_that_takes_too_long_is_judged_by_its_first_steps(config, seed):
    """As where β/α is large: its first and last number of steps are those of the cut, with the values of the whole run."""
    with pytest.MonkeyPatch.context() as patch:
        found = []
        for most in (path_lengths.STEPS, 2):
            patch.setattr(path_lengths, "STEPS", most)
            found.append(descent_paths(**config, stream=[seed, 0, 0, 0], first=0, draws=1))
    whole, cut = found
    assume(whole["steps"][0, -1] > 2)
    assert set(cut["steps"][0]) == {1, 2}
    for key in ("residuals", "lengths", "distances"):
        assert cut[key][0, 0] == whole[key][0, 0] and np.all(np.isfinite(cut[key]))
    assert cut["residuals"][0, -1] > LEFT


def direction_of(name, J, targets):
    """The unit vector along which the targets lie."""
    U = np.linalg.svd(J)[0]
    return {"largest": U[:, 0], "least": U[:, -1]}.get(name, targets / np.linalg.norm(targets))


@pytest.mark.claim("oymak2019overparameterized/path-length")
@examples(50)
@given(sigma=st.floats(0.1, 10), step=st.floats(0.01, 0.99), residual=st.floats(0.1, 10))
def test_one_linear_mode_attains_the_path_and_the_distance(sigma, step, residual):
    """f = σθ: descent goes straight to the minimum at ‖r_0‖/σ; c is what the theorem gives away, and nothing else."""
    eta = step / sigma**2
    c = descent_share(eta, sigma, 0.0, residual)
    assert c == pytest.approx(1 - step / 2)
    assert path_bound(residual, sigma) == pytest.approx(residual / sigma)
    assert path_bound(residual, sigma, c) == pytest.approx(residual / (sigma * (1 - step / 2)))
    assert descent_rate(eta, sigma, c) == pytest.approx(-log(1 - step + step**2 / 2))
    assert descent_rate(eta, sigma, c) <= -log(1 - step)  # what the mode does


def test_steps_that_the_theorem_does_not_cover_are_refused():
    with pytest.raises(ValueError, match=r"`step` must be at most 0\.1667, 1/\(β² \+ L‖r_0‖\), got 0\.2"):
        descent_share(0.2, 2.0, 1.0, 2.0)
    assert descent_share(1 / 6, 2.0, 1.0, 2.0) == pytest.approx(0.5)
    with pytest.raises(ValueError, match=r"`step` must be below 1/\(cα²\) = 0\.5, got 0\.5"):
        descent_rate(0.5, 2.0, 0.5)
