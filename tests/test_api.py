"""docs/api.md is what its command writes, and its examples run."""

import doctest

import pytest

from tests.api import EXAMPLES, PACKAGES, PAGE, examples, page


def test_the_page_is_what_its_command_writes():
    assert PAGE.read_text(encoding="utf-8") == page(), "python -m tests.api writes the page anew"


@pytest.mark.parametrize("package", PACKAGES, ids=lambda package: package.__name__)
def test_every_function_of_a_package_has_an_example(package):
    assert {name for name in package.__all__ if name.islower()} <= examples().keys()


def test_the_examples_give_what_stands_below_them():
    failed, tried = doctest.testfile(str(EXAMPLES), module_relative=False, encoding="utf-8")
    assert not failed and tried
