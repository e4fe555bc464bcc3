"""Reads a local copy of CIFAR-10 in either published form, binary or pickles of Python 2.

The pickles come from the internet, and a pickle can name any function and have it called. Those read here may name only
what the published files use, and what stands for these names can do nothing but build a uint8 array.
"""

import hashlib
import io
import os
import pickle
from pathlib import Path

import numpy as np

URL = "https://www.cs.toronto.edu/~kriz/cifar.html"
PICKLES = (*(f"data_batch_{i}" for i in range(1, 6)), "test_batch")
BINARIES = tuple(f"{name}.bin" for name in PICKLES)
FORMS = (("cifar-10-batches-bin", BINARIES), ("cifar-10-batches-py", PICKLES))  # the first that is whole is read
PIXELS = 3 * 32 * 32


def cifar10(folder: Path) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Training images uint8 (5N, 3, 32, 32), their labels int64 (5N,), test images and test labels alike.

    Channels are red, green, blue. N is 10000 in the published files; any N of at least 1 is read, the same in all five
    training files. Missing and damaged files are a ValueError.
    """
    *training, test = (_records(path) for path in _files(folder))
    sizes = [len(labels) for _, labels in training]
    if len(set(sizes)) > 1:
        raise _damaged(validate_cifar10_folder(folder), f"the training files must be equally long, got {sizes} records")
    return (*_joined(training), *_joined([test]))


def validate_cifar10_folder(folder: Path) -> Path:
    """The folder that holds all six files: ``folder`` or the subfolder of it that the published archive makes.

    Looks at no content. A ValueError if there is no such folder.
    """
    return _files(folder)[0].parent


def fingerprint(folder: Path) -> str:
    """16 hexadecimal digits that depend on the names and contents of the six files, not on where they are."""
    digest = hashlib.sha256()
    for path in _files(folder):
        digest.update(path.name.encode() + b"\0" + hashlib.sha256(_content(path)).digest())
    return digest.hexdigest()[:16]


def _files(folder: Path) -> list[Path]:
    candidates = [[Path(folder, sub, name) for name in names] for published, names in FORMS for sub in ("", published)]
    missing = [[path for path in paths if not os.path.isfile(path)] for paths in candidates]
    fewest = min(range(len(candidates)), key=lambda i: len(missing[i]))
    if not missing[fewest]:
        return candidates[fewest]
    if not os.path.isdir(folder):
        fault = "there is no such folder"
    elif missing[fewest] == candidates[fewest]:
        fault = f"none of {', '.join((*BINARIES, *PICKLES))} is there"
    else:
        fault = f"missing: {', '.join(map(str, missing[fewest]))}"
    raise ValueError(f"`cifar` must be a folder with the six files of CIFAR-10 ({URL}), got '{folder}': {fault}")


def _damaged(path: Path, fault: str) -> ValueError:
    return ValueError(f"`cifar` must hold undamaged files of CIFAR-10 ({URL}), '{path}' is damaged: {fault}")


def _content(path: Path) -> bytes:
    try:
        content = path.read_bytes()
    except OSError as error:
        raise _damaged(path, f"it must be readable, got {error.strerror}") from error
    if not content:
        raise _damaged(path, "it must not be empty, got 0 bytes")
    return content


def _records(path: Path) -> tuple[np.ndarray, np.ndarray]:
    """Pixels (N, 3072) and labels (N,) of one file."""
    pixels, labels = (_from_binary if path.name in BINARIES else _from_pickle)(path)
    for i, label in enumerate(labels):
        if type(label) is not int or not 0 <= label <= 9:
            raise _damaged(path, f"labels must be whole numbers from 0 to 9, got {label!r:.80} in record {i}")
    return pixels, np.array(labels, np.int64)


def _from_binary(path: Path) -> tuple[np.ndarray, list[int]]:
    content = _content(path)
    if len(content) % (1 + PIXELS):
        raise _damaged(path, f"its size must be a multiple of {1 + PIXELS} bytes, got {len(content)}")
    records = np.frombuffer(content, np.uint8).reshape(-1, 1 + PIXELS)
    return records[:, 1:], records[:, 0].tolist()


def _from_pickle(path: Path) -> tuple[np.ndarray, list]:
    content = _content(path)
    try:
        record = _Unpickler(io.BytesIO(content), encoding="bytes").load()
    except Exception as error:  # damaged bytes can be any instruction, and fail in any way
        raise _damaged(path, f"it must be a pickle as published, got {type(error).__name__}: {error}") from error
    if not isinstance(record, dict):
        raise _damaged(path, f"it must hold a dict, got {type(record).__name__}")
    pixels, labels = (record.get(key.encode(), record.get(key)) for key in ("data", "labels"))
    if pixels is None or labels is None:
        raise _damaged(path, f"it must have the keys data and labels, got {list(record)!r:.200}")
    if not isinstance(pixels, np.ndarray) or not isinstance(labels, list):
        got = f"{type(pixels).__name__} and {type(labels).__name__}"
        raise _damaged(path, f"data must be an array and labels a list, got {got}")
    if pixels.ndim != 2 or pixels.shape[1] != PIXELS or not len(pixels):
        raise _damaged(path, f"data must have shape (N, {PIXELS}) with N at least 1, got {pixels.shape}")
    if len(labels) != len(pixels):
        raise _damaged(path, f"data and labels must be equally long, got {len(pixels)} and {len(labels)}")
    return pixels, labels


def _joined(records: list[tuple[np.ndarray, np.ndarray]]) -> tuple[np.ndarray, np.ndarray]:
    pixels, labels = (np.concatenate(part) for part in zip(*records, strict=True))
    return pixels.reshape(-1, 3, 32, 32), labels


def _reconstruct(*_: object) -> np.ndarray:
    return np.empty(0, np.uint8)  # the pickle then sets shape and content


def _dtype(name: str | bytes, *_: object) -> np.dtype:
    if name not in ("u1", b"u1"):
        raise pickle.UnpicklingError(f"arrays must have dtype u1, got {name!r:.80}")
    return np.dtype(np.uint8)  # NumPy's own instance, which no pickle can alter


def _encode(text: str, *_: object) -> bytes:
    return text.encode("latin1")  # how Python 3 writes bytes for Python 2


ADMITTED = {
    ("numpy.core.multiarray", "_reconstruct"): _reconstruct,
    ("numpy._core.multiarray", "_reconstruct"): _reconstruct,
    ("numpy", "dtype"): _dtype,
    ("numpy", "ndarray"): None,  # only handed to _reconstruct, never called
    ("_codecs", "encode"): _encode,
}


class _Unpickler(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> object:
        if (module, name) not in ADMITTED:
            raise pickle.UnpicklingError(f"it names the foreign class or function {module}.{name}")
        return ADMITTED[module, name]
