"""The list of planted faults fits the code; whether the tests notice them is asked by ``python -m tests.mutants``."""

from collections import Counter

import pytest

from tests import mutants
from tests.mutants import Fault, planted, read_faults


def test_every_fault_still_fits_its_file():
    """Its old text stands there once, and with the new one the file is Python and another text."""
    assert all(planted(fault) != (mutants.ROOT / fault.file).read_text(encoding="utf-8") for fault in read_faults())


def test_faults_are_many_and_named_once_in_a_file():
    faults = read_faults()
    assert len(faults) >= 600 and max(Counter((fault.file, fault.name) for fault in faults).values()) == 1
    assert len({(fault.file, fault.old, fault.new) for fault in faults}) == len(faults)


@pytest.mark.parametrize("old", ["there is no such text", "return", "def "])
def test_a_text_that_is_not_there_or_more_than_once_is_refused(old):
    with pytest.raises(ValueError, match=r"wrong: its old text must stand once in theory/rates\.py, got"):
        planted(Fault("theory", "theory/rates.py", "wrong", old, "pass"))


@pytest.mark.parametrize(
    "file, tests, claims",
    [
        ("theory/certificates.py", {"tests/test_certificates.py"}, set()),
        ("kernels/gram.py", {"tests/test_network.py"}, set()),
        ("checks/chizat2019lazy/decay_lemma.py", {"tests/chizat2019lazy/test_decay_lemma.py"}, {"decay-lemma"}),
        ("checks/measurements/kernel_paths.py", {"tests/chizat2019lazy/test_decay_lemma.py"}, {"decay-lemma"}),
    ],
)
def test_the_tests_that_belong_to_a_file(file, tests, claims):
    found, labels = mutants.belonging(Fault("", file, "", "", ""))
    assert tests <= set(found) and {f"chizat2019lazy/{claim}" for claim in claims} <= labels
