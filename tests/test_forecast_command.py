"""``python -m checks forecast``: what it says of good data, and one sentence for whatever is wrong with bad ones."""

import json
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import checks.__main__ as program
from checks.forecast import command, forecast, make_network
from checks.forecast.measured import train
from checks.forecast.progress import Progress
from checks.forecast.scored import unscored
from checks.forecast.user_data import SETS, read

SMALL = ["--width", "32", "--loss", "0.3"]


def csv_file(folder, lines):
    path = folder / "table.csv"
    path.write_text("\n".join(lines), encoding="utf-8")
    return str(path)


def told(capsys, *arguments):
    """What the command prints."""
    assert program.main(["forecast", *arguments]) == 0
    return capsys.readouterr().out


def refused(capsys, *arguments):
    """The sentence with which it ends."""
    with pytest.raises(SystemExit) as end:
        program.main(["forecast", *arguments])
    assert end.value.code == 2
    return capsys.readouterr().err.splitlines()[-1]


def table(rng, n, d):
    return rng.normal(size=(n, d)), rng.normal(size=n)


@given(seed=st.integers(0, 2**31), n=st.integers(2, 20), d=st.integers(1, 5))
def test_a_csv_file_and_an_npz_file_hold_the_same_table(seed, n, d, tmp_path_factory):
    folder, (X, y) = tmp_path_factory.mktemp("data"), table(np.random.default_rng(seed), n, d)
    names = [f"x{k}" for k in range(d)]
    lines = [
        ",".join(["price", *names]),
        *(",".join(map(repr, map(float, (own, *row)))) for own, row in zip(y, X, strict=True)),
    ]
    np.savez(folder / "table.npz", X=X, y=y)
    first, second = read(csv_file(folder, lines), "price"), read(str(folder / "table.npz"), None)
    assert np.array_equal(first.X, second.X) and np.array_equal(first.y, second.y)
    assert first.y.mean() == pytest.approx(0, abs=1e-12) and first.y.std() == pytest.approx(1)
    assert first.X.std(axis=0) == pytest.approx(np.ones(d)) and first.X.mean(axis=0) == pytest.approx(
        np.zeros(d), abs=1e-12
    )
    rows = read(str(folder / "table.npz"), None, normalise="rows").X
    assert np.linalg.norm(rows, axis=1) == pytest.approx(np.ones(n)) and (rows * X > 0).all()
    assert np.array_equal(read(str(folder / "table.npz"), None, normalise="none").X, X)


@pytest.mark.parametrize("name", SETS)
def test_data_sets_of_scikit_learn_are_read_by_name(name):
    found = read(name, None)
    assert np.isfinite(found.X).all() and found.X.std(axis=0) == pytest.approx(np.ones(found.X.shape[1]))


def test_more_rows_than_asked_for_are_drawn_and_it_is_said():
    few, all_rows = read("wine", None, rows=50, seed=1), read("wine", None)
    assert few.X.shape == (50, 13) and "50 of the rows drawn" in " ".join(few.notes)
    assert not np.array_equal(few.y, read("wine", None, rows=50, seed=2).y) and len(all_rows.X) == 178


@given(seed=st.integers(0, 2**31), rows=st.integers(2, 30))
def test_rows_are_drawn_from_the_table_as_it_is_normalised_as_a_whole(seed, rows):
    whole, part = read("wine", None), read("wine", None, rows=rows, seed=seed)
    assert np.array_equal(part.X, whole.X[part.rows]) and np.array_equal(part.y, whole.y[part.rows])
    assert whole.whole and not part.whole and np.array_equal(part.table[0], whole.X)


def test_what_other_rows_foretell_stands_beside_a_part_of_them_and_not_beside_all(capsys):
    text = told(capsys, "wine", "--rows", "30", *SMALL)
    assert "30 of 178; 3 other draws of as many: drift" in text and "two times 15 of these: drift" in text
    assert "[measured: a spread, no bound]" in text and "upper bounds of those of all rows" in text
    found = json.loads(told(capsys, "wine", "--rows", "30", "--json", *SMALL))["subsample"]
    assert len(found["others"]["drift"]) == 3 and len(found["halves"]["time"]) == 2 and found["halves"]["rows"] == 15
    assert "rows  " not in told(capsys, "wine", *SMALL)


def test_the_answer_has_a_regime_a_forecast_a_width_and_a_step(capsys):
    text = told(capsys, "iris", "--scheme", "he", *SMALL)
    for word in ("regime", "layers change by", "kernel change", "wider", "largest stable step", "generalisation"):
        assert word in text
    assert "1 rows occur more than once, with one target each: harmless" in text


def test_training_prints_predicted_beside_measured(capsys):
    text = told(capsys, "wine", "--kappa", "50", "--rows", "20", "--train", *SMALL)
    ratios = [float(line.split("ratio ")[1]) for line in text.splitlines() if "ratio " in line]
    assert len(ratios) == 5 and ratios == pytest.approx([1] * 5, rel=0.3)


@pytest.mark.parametrize("suffix, first", [("svg", b"<svg"), ("PNG", b"\x89PNG"), ("pdf", b"%PDF")])
def test_training_is_drawn_in_the_format_of_the_suffix(suffix, first, capsys, tmp_path):
    path = tmp_path / f"loss.{suffix}"
    text = told(capsys, "wine", "--rows", "20", "--kappa", "50", "--train", "--figure", str(path), *SMALL)
    assert path.read_bytes().startswith(first) and text.splitlines()[-1].split() == ["figure", str(path)]


@pytest.mark.parametrize(
    "name, message",
    [
        ("loss.jpg", "--figure must end in .svg, .png, .pdf, got"),
        ("loss", "--figure must end in"),
        ("nowhere/loss.svg", "cannot be written (No such file or directory)"),
        ("taken.svg", "cannot be written (Is a directory)"),
    ],
)
def test_a_figure_that_cannot_be_written_is_refused_before_the_data_are_read(name, message, capsys, tmp_path):
    (tmp_path / "taken.svg").mkdir()
    assert message in refused(capsys, "nosuch.csv", "--train", "--figure", str(tmp_path / name))
    assert "needs --train" in refused(capsys, "nosuch.csv", "--figure", "loss.svg")


def test_what_training_takes_is_said_before_it_begins_where_it_is_long(capsys, monkeypatch):
    options = ["forecast", "wine", "--rows", "20", "--kappa", "50", "--train", *SMALL]
    for long, lines in ((0.0, 1), (1e9, 0)):
        monkeypatch.setattr(command, "LONG", long)
        assert program.main(options) == 0
        found = capsys.readouterr()
        assert len(found.err.splitlines()) == lines and found.err.count("training takes about") == lines
        steps = found.out.split("at 0.95 of it ")[1].split()[0]
        assert f"descent {steps} steps of" in found.err or not lines


@pytest.mark.parametrize(
    "kernel, steps, step, said",
    [
        (1.0, 0, 0.0, "about 30 to 200 seconds: flow mostly 30 to 200 kernels of 1 s; less"),
        (
            0.9,
            2209,
            0.35,
            "about 13 to 16 minutes: flow mostly 30 to 200 kernels of 0.9 s, descent 2209 steps of 0.35 s;",
        ),
    ],
)
def test_what_training_takes_is_the_sum_of_flow_and_descent(kernel, steps, step, said, monkeypatch):
    monkeypatch.setattr(command, "LONG", 1.0)
    kept = []
    command._warn(SimpleNamespace(keep=kept.append), kernel, steps, step)
    assert said in kept[0]


def test_descent_says_how_long_its_other_steps_take(capsys, monkeypatch):
    clock = [0.0]
    monkeypatch.setattr("time.monotonic", lambda: clock[0])
    with Progress() as progress:
        for step in range(21):
            clock[0] = 5.0 * step
            progress.descent(step, 20)
    assert capsys.readouterr().err.splitlines() == [
        f"descent: {step} of 20 steps, {100 - 5 * step} s left" for step in (6, 12, 18)
    ]


def test_training_reports_every_step_of_descent():
    data, taken = read("wine", None, rows=20), []
    network = make_network(13, 32, hidden_layers=1, activation="relu", kappa=50.0)
    found = forecast(data.X, data.y, network, loss_ratio=0.3)
    run = train(data.X, data.y, network, found, stepped=lambda step, steps: taken.append((step, steps)))
    assert taken == [(step, run.steps) for step in range(run.steps + 1)]


def test_in_a_file_progress_is_a_line_every_half_minute(capsys, monkeypatch):
    clock = [0.0]
    monkeypatch.setattr("time.monotonic", lambda: clock[0])
    with Progress() as progress:
        for clock[0] in range(0, 100, 10):
            progress.flow(clock[0], 4.0 / (1 + clock[0]), int(clock[0]))
    lines = capsys.readouterr().err.splitlines()
    assert [line.split(" of the loss at time ")[0] for line in lines] == [
        f"training: {1 / t:.3g}" for t in (31, 61, 91)
    ]


def test_of_targets_of_several_columns_one_is_named(capsys, tmp_path):
    rng, path = np.random.default_rng(0), str(tmp_path / "data.npz")
    X, Y = rng.normal(size=(8, 3)), rng.normal(size=(8, 2))
    np.savez(path, X=X, y=Y, z=Y[:, :1])
    assert np.array_equal(read(path, "y[0]").y, read(path, "z").y) and read(path, None).y.shape == (8, 2)
    both = np.stack([read(path, f"y[{k}]").y for k in range(2)], axis=1)
    assert read(path, None).y == pytest.approx(both, rel=1e-12)
    assert "has 2 columns, and this network one output: name a column, --target 'y[0]'" in refused(capsys, path, *SMALL)
    assert "regime" in told(capsys, path, "--target", "y[1]", *SMALL)
    assert "y has the columns 0 to 1, not 2" in refused(capsys, path, "--target", "y[2]", *SMALL)


def test_json_holds_every_number_and_is_strict(capsys):
    found = json.loads(told(capsys, "iris", "--json", *SMALL), parse_constant=lambda name: pytest.fail(name))
    assert len(found["forecast"]["eigenvalues"]) == 150 and found["valid"] in (True, False)
    assert {"drift", "layer_changes", "kernel_change", "largest_step", "steps"} <= set(found["forecast"])
    assert found["limits"]["condition"] == "inf"  # two rows are equal


def test_rows_with_two_targets_are_named(capsys, tmp_path):
    path = csv_file(tmp_path, ["x,z,y", "1,2,1", "1,2,-1", "3,1,0", "0,1,2"])
    text = told(capsys, path, "--target", "y", *SMALL)
    assert (
        "row 0, counted from 0, with targets that differ by" in text
        and "where nothing can move" not in text.split("forecast")[0]
    )


def test_a_zero_row_is_said_and_null_modes_are_no_least_eigenvector(capsys, tmp_path):
    path = csv_file(tmp_path, ["x,y", "-2,4", "-1,1", "0,0", "1,1", "2,4"])
    text = told(capsys, path, "--target", "y", *SMALL)
    assert "1 rows are zero" in text and "3 modes of the network's kernel are 0 to rounding" in text  # relu: rank 2
    assert (
        "singular to rounding" in text and "no generalisation term" in text and "inf" not in text and "nan" not in text
    )


def test_rows_are_named_by_their_place_in_the_table(capsys, tmp_path):
    X, y = np.random.default_rng(0).normal(size=(40, 3)), np.arange(40.0)
    X[37] = X[35]
    path = csv_file(tmp_path, ["a,b,c,y", *(",".join(map(str, (*row, own))) for row, own in zip(X, y, strict=True))])
    draws = {seed: read(path, "y", rows=30, seed=seed) for seed in range(9)}
    for data in draws.values():
        assert np.array_equal(y[data.rows], np.round(data.y * y.std() + y.mean()))
    seed = next(seed for seed, data in draws.items() if {35, 37} <= set(data.rows.tolist()))
    text = told(capsys, path, "--target", "y", "--rows", "30", "--seed", str(seed), *SMALL)
    assert "row 35, counted from 0, with" in text


def test_more_rows_than_memory_holds_are_refused_before_any_kernel(capsys, tmp_path):
    np.savez(tmp_path / "data.npz", X=np.arange(2e6)[:, None], y=np.arange(2e6) % 7)
    message = refused(capsys, str(tmp_path / "data.npz"), "--rows", "2000000", *SMALL)
    assert "2000000 rows need about 8e+05 GB of memory" in message


def test_a_forecast_that_is_not_valid_says_what_to_do_next(capsys):
    common = ["wine", "--rows", "20", "--width", "64", "--centred", "--kappa"]
    text = told(capsys, *common, "0.5", "--loss", "0.01")
    (line,) = (line for line in text.splitlines() if "what next:" in line)
    assert "NOT VALID" in text and "--train" in line and "--loss" in line and "the line wider" in line
    assert "what next" not in told(capsys, *common, "64", "--loss", "0.3")


def test_only_what_was_scored_is_called_measured(capsys):
    common = ["wine", "--rows", "20", "--width", "512", "--centred"]
    assert "numerics/forecast" in told(capsys, *common, "--kappa", "64", "--loss", "0.3")
    for more, missing in (
        (["--kappa", "65", "--loss", "0.3"], "this scheme"),
        (["--loss", "0.6"], "this loss"),
        (["--loss", "0.3", "--activation", "erf"], "this σ"),
        (["--loss", "0.3", "--scheme", "lecun", "--rows", "19"], "19 rows"),
    ):
        text = told(capsys, *common, *more)
        assert f"not scored for {missing} [derived]" in text and "numerics/forecast" not in text


@pytest.mark.parametrize(
    "change, said",
    [
        ({}, []),
        ({"activation": "erf"}, ["this σ"]),
        ({"hidden_layers": 3}, ["3 hidden layers"]),
        ({"scheme": "kappa", "kappa": 64.0}, []),
        ({"scheme": "kappa", "kappa": 3.9}, ["this scheme"]),
        ({"width": 63}, ["a width of 63"]),
        ({"rows": 19}, ["19 rows"]),
        ({"loss": 0.51}, ["this loss"]),
        ({"loss": 0.009, "width": 8}, ["a width of 8", "this loss"]),
    ],
    ids=str,
)
def test_all_that_was_not_scored_is_named(change, said):
    own = {"activation": "relu", "hidden_layers": 1, "scheme": "he", "kappa": 1.0, "width": 64, "rows": 20, "loss": 0.5}
    own |= change
    network = SimpleNamespace(params=SimpleNamespace(**own), **own)
    assert unscored(network, own["rows"], own["loss"]) == said


def test_a_scheme_without_a_limit_is_given_no_width(capsys):
    text = told(
        capsys, "iris", "--rows", "20", "--scheme", "he", "--activation", "tanh", "--hidden-layers", "2", *SMALL
    )
    assert "no limit kernel for this scheme" in text and "no width" not in text


def test_a_loss_that_no_width_lowers_is_given_no_width_and_no_scale(capsys, tmp_path):
    path = csv_file(tmp_path, ["x,y", "1,1", "1,-1", "2,1", "2,-1"])
    text = told(capsys, path, "--target", "y", *SMALL)
    assert "cannot lower the loss" in text and "κ = " not in text and "m = " not in text


def test_descent_at_a_named_rate_takes_the_steps_of_that_rate(capsys):
    common = ["wine", "--rows", "20", "--kappa", "60", "--centred", "--train", "--json", *SMALL]
    whole = json.loads(told(capsys, *common))
    tenth = json.loads(told(capsys, *common, "--rate", str(whole["forecast"]["largest_step"] / 100)))
    assert tenth["trained"]["descent_ratio"] == pytest.approx(0.3, rel=0.05)
    assert "needs --train" in refused(capsys, "wine", "--rate", "0.1", *SMALL)


BAD_LINES = {
    "there is no column 'price'; columns are x, y": ["x,y", "1,2", "2,3"],
    "line 3: x must be a finite number, is 'red'": ["x,price", "1,2", "red,3"],
    "line 2: price must be a finite number, is 'nan'": ["x,price", "1,nan", "2,3"],
    "line 3: x must be a finite number, is '2024-01-31'": ["x,price", "1,2", "2024-01-31,3"],
    "line 2: x must be a finite number, is ''": ["x,price", ",2", "2,3"],
    "line 2: x must be a finite number, is '1_000'": ["x,price", "1_000,2", "2,3"],
    "line 3: 3 values for 2 columns": ["x,price", "1,2", "1,2,3"],
    "the first line must name the columns": ["1,2", "2,3"],
    "column 0 has no name; an index that pandas wrote is no input": [",x,price", "0,1,2", "1,2,3"],
    "columns must be separated by commas, and decimals by points, the first line has ';'": ["x;price", "1,5;2"],
    r"the first line has '\t'": ["x\tprice", "1\t2"],
    "two columns are called 'x'": ["x,x,price", "1,2,3"],
    "is empty": [],
    "must have at least 2 rows, has 1": ["x,price", "1,2"],
    "the target is 2 in every row": ["x,price", "1,2", "3,2"],
    "the target has numbers up to 1e+200": ["x,price", "1,1e200", "2,3"],
    "column 0 has numbers up to 1e+300": ["x,price", "1e300,1", "2,3"],
    "every column is constant": ["x,price", "1,2", "1,3"],
    "must have a column besides price": ["price", "1", "2"],
}


@pytest.mark.parametrize("message", BAD_LINES)
def test_a_bad_csv_file_ends_with_one_sentence(message, capsys, tmp_path):
    assert message in refused(capsys, csv_file(tmp_path, BAD_LINES[message]), "--target", "price", *SMALL)


@pytest.mark.parametrize(
    "arrays, message",
    [
        ({"X": np.eye(3)}, "must hold the arrays X and y, holds X"),
        ({"X": np.eye(3), "y": np.ones(2)}, "X has 3 rows and y 2"),
        ({"X": np.ones(3), "y": np.ones(3)}, "X must be real numbers with 2 axes"),
        ({"X": np.eye(3) * 1j, "y": np.ones(3)}, "X must be real numbers"),
        ({"X": np.array([[1.0, np.inf]] * 2), "y": np.ones(2)}, "X must be finite, is not at (0, 1)"),
        ({"X": np.array([[object()]]), "y": np.ones(1)}, "pickled objects are not read"),
    ],
)
def test_a_bad_npz_file_ends_with_one_sentence(arrays, message, capsys, tmp_path):
    np.savez(tmp_path / "data.npz", **arrays)
    assert message in refused(capsys, str(tmp_path / "data.npz"), *SMALL)


@pytest.mark.parametrize(
    "arguments, message",
    [
        (["nosuch"], "must be a .csv or .npz file or one of iris"),
        (["X.npy"], "np.savez('data.npz', X=X, y=y) makes one"),
        (["nosuch.csv"], "there is no file nosuch.csv"),
        (["iris", "--target", "petal"], "iris has one target"),
        (["iris", "--scheme", "kaiming"], "--scheme must be ntk"),
        (["iris", "--scheme", "1,m"], "powers of the width such as 2*m^-0.5 with commas between them, got '1,m'"),
        (["iris", "--scheme", "1,-2*m^-0.5"], "must be 2 positive deviations"),
        (["iris", "--scheme", "1,m^999"], "`scheme` must have numbers or powers"),
        (["iris", "--scheme", "1,2,3"], "must be 2 positive deviations"),
        (["iris", "--scheme", "he", "--kappa", "2"], "`kappa` is for"),
        (["iris", "--width", "0"], "`width` must be"),
        (["iris", "--hidden-layers", "0"], "`hidden_layers` must be"),
        (["iris", "--loss", "1"], "`loss_ratio` must be"),
        (["iris", "--rate", "-1"], "--rate must be positive"),
        (["iris", "--rows", "1"], "--rows must be at least 2"),
        (["iris", "--seed", "-1"], "`seed` must be"),
        (["iris", "--module", "net.py:net", "--width", "7"], "without --width"),
        (["iris", "--module", "net.py:net", "--hidden-layers", "2"], "without --hidden-layers"),
        (["iris", "--activation", "swish"], "--activation"),
    ],
)
def test_bad_options_end_with_one_sentence(arguments, message, capsys):
    assert message in refused(capsys, *arguments)


def test_a_file_that_only_calls_itself_npz_is_refused(capsys, tmp_path):
    (tmp_path / "data.npz").write_text("no")
    assert "is no NPZ file" in refused(capsys, str(tmp_path / "data.npz"))
