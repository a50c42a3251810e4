"""Every public name of the library has an example, and every example does what it says."""

from __future__ import annotations

import doctest
import inspect
from pathlib import Path

import numpy as np
import pytest

import mdjpt

ROOT = Path(__file__).parent.parent
NAMES = [name for name in mdjpt.__all__ if callable(getattr(mdjpt, name))]
FLAGS = doctest.NORMALIZE_WHITESPACE | doctest.ELLIPSIS


@pytest.mark.parametrize("name", NAMES)
def test_the_example_of_a_public_name_does_what_it_says(name, monkeypatch):
    monkeypatch.chdir(ROOT)
    examples = doctest.DocTestParser().get_doctest(
        inspect.getdoc(getattr(mdjpt, name)) or "", {"np": np}, name, None, 0
    )
    assert examples.examples, f"mdjpt.{name} has no example"
    result = doctest.DocTestRunner(optionflags=FLAGS).run(examples)
    assert result.failed == 0
