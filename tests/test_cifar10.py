"""CIFAR-10 from disk: both forms give the same arrays, and damage is a clear error; no file is the published one."""

import os
import pickle
import struct
from io import BytesIO

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from checks.measurements.cifar10 import BINARIES, FORMS, PICKLES, cifar10, fingerprint, validate_cifar10_folder
from tests import examples

FOLDERS = {"binary": "cifar-10-batches-bin", "python": "cifar-10-batches-py"}
VICTIM = {"binary": "data_batch_3.bin", "python": "data_batch_3"}


class Python2Pickler(pickle._Pickler):
    """Writes as Python 2 does: text and bytes are both strings of bytes, and truth values are numbers."""

    dispatch = pickle._Pickler.dispatch.copy()

    def save_string(self, value):
        content = value.encode("latin1") if isinstance(value, str) else value
        self.write(pickle.BINSTRING + struct.pack("<i", len(content)) + content)
        self.memoize(value)

    dispatch[str] = dispatch[bytes] = save_string
    dispatch[bool] = lambda self, value: self.save_long(int(value))


def python2(record):
    buffer = BytesIO()
    Python2Pickler(buffer, protocol=2).dump(record)
    return buffer.getvalue().replace(b"cnumpy._core.", b"cnumpy.core.")


def python3(record, protocol=2):
    return pickle.dumps({key.decode(): value for key, value in record.items()}, protocol)


def batches(*, n=2, n_test=3, seed=0):
    rng = np.random.default_rng(seed)
    sizes = [n] * 5 + [n_test]
    return [(rng.integers(0, 256, (k, 3072), np.uint8), rng.integers(0, 10, k).tolist()) for k in sizes]


def write(folder, form, batches, dump=python2):
    """The six files of the form, in the subfolder that the published archive makes."""
    folder = folder / FOLDERS[form]
    folder.mkdir()
    for name, (pixels, labels) in zip(PICKLES, batches, strict=True):
        if form == "binary":
            (folder / f"{name}.bin").write_bytes(np.column_stack([np.array(labels, np.uint8), pixels]).tobytes())
        else:
            (folder / name).write_bytes(dump({b"batch_label": b"batch", b"labels": labels, b"data": pixels}))
    return folder


def assert_holds(result, batches):
    images, labels, test_images, test_labels = result
    assert images.dtype == test_images.dtype == np.uint8 and labels.dtype == test_labels.dtype == np.int64
    for part, got, got_labels in ((batches[:5], images, labels), (batches[5:], test_images, test_labels)):
        pixels = np.concatenate([pixels for pixels, _ in part])
        planes = [pixels[:, 1024 * c : 1024 * (c + 1)].reshape(-1, 32, 32) for c in range(3)]
        np.testing.assert_array_equal(got, np.stack(planes, axis=1))
        np.testing.assert_array_equal(got_labels, np.concatenate([labels for _, labels in part]))


@examples(10)
@given(n=st.integers(1, 5), n_test=st.integers(1, 5), seed=st.integers(0, 2**32), form=st.sampled_from(list(FOLDERS)))
def test_what_is_written_is_read(tmp_path_factory, n, n_test, seed, form):
    written = batches(n=n, n_test=n_test, seed=seed)
    result = cifar10(write(tmp_path_factory.mktemp("data"), form, written))
    assert_holds(result, written)
    assert all(array.flags.writeable for array in result)


@pytest.mark.parametrize("protocol", range(5))
def test_pickles_of_python_3_are_read(tmp_path, protocol):
    written = batches()
    folder = write(tmp_path, "python", written, lambda record: python3(record, protocol))
    assert_holds(cifar10(folder), written)


def test_the_emulated_pickle_is_one_of_python_2(tmp_path):
    content = python2({b"data": np.zeros((1, 3072), np.uint8)})
    assert b"cnumpy.core.multiarray\n_reconstruct\n" in content
    with pytest.raises(UnicodeDecodeError):
        pickle.loads(python2({b"data": b"\xff"}))
    assert pickle.loads(python2({b"data": b"\xff"}), encoding="bytes") == {b"data": b"\xff"}


@pytest.mark.parametrize("form", FOLDERS)
def test_the_parent_of_the_folder_will_do(tmp_path, form):
    folder = write(tmp_path, form, batches())
    assert validate_cifar10_folder(tmp_path) == validate_cifar10_folder(folder) == folder
    assert_holds(cifar10(str(tmp_path)), batches())
    assert fingerprint(tmp_path) == fingerprint(folder)


def test_binary_is_preferred_when_whole(tmp_path):
    write(tmp_path, "python", batches(seed=1))
    folder = write(tmp_path, "binary", batches(seed=2))
    assert_holds(cifar10(tmp_path), batches(seed=2))
    (folder / "test_batch.bin").unlink()
    assert_holds(cifar10(tmp_path), batches(seed=1))


@pytest.mark.parametrize("function", [cifar10, validate_cifar10_folder, fingerprint])
def test_missing_files_are_named(tmp_path, function):
    with pytest.raises(
        ValueError, match=r"`cifar` must be a folder .*kriz/cifar.html.*nowhere': there is no such folder"
    ):
        function(tmp_path / "nowhere")
    with pytest.raises(ValueError, match=r"none of data_batch_1\.bin, .*, test_batch is there"):
        function(tmp_path)
    for form, names in (("python", PICKLES), ("binary", BINARIES)):
        folder = write(tmp_path, form, batches())
        for name in names[2:4]:
            (folder / name).unlink()
        with pytest.raises(ValueError, match=f"missing: .*{folder.name}/{names[2]}, .*{folder.name}/{names[3]}$"):
            function(folder)


def test_names_of_the_forms_are_the_published_ones():
    assert dict(FORMS) == {FOLDERS["binary"]: BINARIES, FOLDERS["python"]: PICKLES}


@pytest.mark.parametrize("form", FOLDERS)
def test_the_fingerprint_follows_names_and_contents(tmp_path, form):
    folder = write(tmp_path, form, batches())
    seen = {fingerprint(folder)}
    for path in sorted(folder.iterdir()):
        content = path.read_bytes()
        path.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
        seen.add(fingerprint(folder))
    first, second = sorted(folder.iterdir())[:2]
    contents = first.read_bytes(), second.read_bytes()
    for path, content in zip((second, first), contents, strict=True):
        path.write_bytes(content)
    seen.add(fingerprint(folder))
    assert len(seen) == 8 and all(len(f) == 16 and int(f, 16) >= 0 for f in seen)


PIXELS, LABELS = batches()[2]
GOOD = {b"data": PIXELS, b"labels": LABELS}
BINARY = np.column_stack([LABELS, PIXELS]).astype(np.uint8).tobytes()
DAMAGES = {
    "empty binary": ("binary", b"", "must not be empty"),
    "odd size": ("binary", BINARY[:-1], "size must be a multiple of 3073 bytes, got 6145"),
    "binary label": ("binary", BINARY[:3073] + b"\x0a" + BINARY[3074:], "labels must be .* from 0 to 9, got 10 in record 1"),
    "short binary": ("binary", BINARY[:3073], r"equally long, got \[2, 2, 1, 2, 2\] records"),
    "short pickle": ("python", python2({b"data": PIXELS[:1], b"labels": [1]}), r"equally long, got \[2, 2, 1, 2, 2\] records"),
    "empty pickle": ("python", b"", "must not be empty"),
    "no pickle": ("python", b"<html>", "must be a pickle as published, got UnpicklingError"),
    "no dict": ("python", python2([1, 2]), "must hold a dict, got list"),
    "no labels": ("python", python2({b"data": PIXELS}), r"must have the keys data and labels, got \[b'data'\]"),
    "fine labels": ("python", python2({b"data": PIXELS, b"fine_labels": LABELS}), "must have the keys data and labels"),
    "no array": ("python", python2(GOOD | {b"data": b"123"}), "data must be an array and labels a list, got bytes and list"),
    "no list": ("python", python2(GOOD | {b"labels": 3}), "data must be an array and labels a list, got ndarray and int"),
    "dtype": ("python", python2(GOOD | {b"data": PIXELS.astype(float)}), "arrays must have dtype u1, got b'f8'"),
    "objects": ("python", python2(GOOD | {b"data": PIXELS.astype(object)}), "arrays must have dtype u1, got b'O8'"),
    "columns": ("python", python2(GOOD | {b"data": PIXELS[:, 1:]}), r"shape \(N, 3072\) with N at least 1, got \(2, 3071\)"),
    "dimensions": ("python", python2(GOOD | {b"data": PIXELS.reshape(2, 3, 1024)}), r"shape \(N, 3072\) .* got \(2, 3, 1024\)"),
    "no records": ("python", python2({b"data": PIXELS[:0], b"labels": []}), r"N at least 1, got \(0, 3072\)"),
    "lengths": ("python", python2(GOOD | {b"labels": [1, 2, 3]}), "data and labels must be equally long, got 2 and 3"),
    "label 10": ("python", python2(GOOD | {b"labels": [1, 10]}), "labels must be .* from 0 to 9, got 10 in record 1"),
    "label -1": ("python", python2(GOOD | {b"labels": [-1, 1]}), "from 0 to 9, got -1 in record 0"),
    "huge label": ("python", python2(GOOD | {b"labels": [10**40, 1]}), "from 0 to 9, got 10000"),
    "label of text": ("python", python2(GOOD | {b"labels": [b"1", 1]}), "from 0 to 9, got b'1' in record 0"),
    "boolean label": ("python", pickle.dumps(GOOD | {b"labels": [True, 1]}, 2), "from 0 to 9, got True in record 0"),
    "foreign class": ("python", pickle.dumps(struct.Struct, 2), "names the foreign class or function _struct.Struct"),
}  # fmt: skip


@pytest.mark.parametrize("case", DAMAGES)
def test_a_damaged_file_is_named_with_what_is_wrong(tmp_path, case):
    form, content, fault = DAMAGES[case]
    folder = write(tmp_path, form, batches())
    (folder / VICTIM[form]).write_bytes(content)
    named = "" if "short" in case else f"/{VICTIM[form]}"  # lengths that differ are a fault of no single file
    with pytest.raises(
        ValueError, match=f"`cifar` must hold .*kriz/cifar.html.*{folder.name}{named}' is damaged: .*{fault}"
    ):
        cifar10(tmp_path)


@examples(25)
@given(st.data())
def test_a_pickle_cut_anywhere_is_an_error(tmp_path_factory, data):
    folder = write(tmp_path_factory.mktemp("data"), "python", batches())
    path = folder / VICTIM["python"]
    whole = path.read_bytes()
    path.write_bytes(whole[: data.draw(st.integers(0, len(whole) - 1))])
    with pytest.raises(ValueError, match=f"{path.name}' is damaged"):
        cifar10(folder)


class Command:
    def __init__(self, command):
        self.command = command

    def __reduce__(self):
        return os.system, (self.command,)


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_a_pickle_that_runs_a_command_is_refused_without_running_it(tmp_path, protocol):
    folder = write(tmp_path, "python", batches())
    attack = pickle.dumps({b"filenames": Command(f"touch '{tmp_path}/ran'")} | GOOD, protocol)
    (folder / "test_batch").write_bytes(attack)
    with pytest.raises(ValueError, match=f"test_batch' is damaged: .*names .* {os.system.__module__}.system"):
        cifar10(folder)
    assert not (tmp_path / "ran").exists()
    pickle.loads(attack)
    assert (tmp_path / "ran").exists()  # it would have run
