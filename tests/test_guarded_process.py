"""The process in which foreign files are read: its limits, its result, its one line of error."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mdjpt.errors import DatasetError, ModelError, one_line
from mdjpt.guard.process import GuardedReader, Limits, leave_result
from mdjpt.guard.result import ARRAY_MARK, ARRAYS, RESULT, read_result, write_result

FILE = Path("a.mat")
READER = GuardedReader("tests.support.guarded_reader", ModelError)
LIMITS = Limits(memory_bytes=128 << 20, cpu_s=60, timeout_s=60.0)

on_linux = pytest.mark.skipif(sys.platform != "linux", reason="address space is capped on Linux")


def as_it_is(value: Any) -> Any:
    return value


def test_the_value_comes_back_with_its_arrays(tmp_path: Path) -> None:
    arrays = (
        np.arange(6, dtype=np.float32).reshape(2, 3),
        np.array([0.1, np.nan]),
        np.array([[True], [False]]),
        np.array([1, 2], np.uint8),
        np.zeros((0, 3)),
        np.asfortranarray(np.arange(4.0).reshape(2, 2)),
    )
    write_result(tmp_path, {"a": list(arrays), "b": {1: "x", "c": (None, 2.5, np.int64(3))}})
    value = read_result(tmp_path)["value"]
    for found, array in zip(value["a"], arrays, strict=True):
        np.testing.assert_array_equal(found, array)
        assert found.dtype in (np.float32, np.float64, np.int64)
    assert value["b"] == {"1": "x", "c": [None, 2.5, 3]}


def test_a_generator_of_pairs_becomes_a_dict(tmp_path: Path) -> None:
    write_result(tmp_path, ((str(k), np.full(2, k)) for k in range(3)))
    value = read_result(tmp_path)["value"]
    assert [(key, array.tolist()) for key, array in value.items()] == [
        ("0", [0, 0]),
        ("1", [1, 1]),
        ("2", [2, 2]),
    ]


@pytest.mark.parametrize(
    "value",
    [
        {ARRAY_MARK: ["|O", [1]]},
        {ARRAY_MARK: ["<f8", [10]]},
        {ARRAY_MARK: ["<f8", [1 << 62, 1 << 62]]},
        {ARRAY_MARK: ["<f8", [-1]]},
        {ARRAY_MARK: ["<f8", [1.0]]},
        {ARRAY_MARK: ["<f8", 3]},
        {ARRAY_MARK: "text"},
        [{ARRAY_MARK: ["<f8", [2]]}, {ARRAY_MARK: ["<f8", [2]]}],
        [[[[[[[[[[[[[[1]]]]]]]]]]]]]],
    ],
)
def test_a_result_that_makes_no_sense_is_refused(tmp_path: Path, value: object) -> None:
    (tmp_path / RESULT).write_text(json.dumps({"value": value}))
    np.zeros(3).tofile(tmp_path / ARRAYS)
    reader = GuardedReader("none", DatasetError)
    with pytest.raises(DatasetError, match=r"^a\.mat: damaged: its reader left no usable result$"):
        reader.taken_over(FILE, tmp_path, as_it_is)


def test_a_value_that_the_application_does_not_accept_is_refused(tmp_path: Path) -> None:
    write_result(tmp_path, {"n": 1})
    with pytest.raises(ModelError, match="no usable result"):
        READER.taken_over(FILE, tmp_path, lambda value: value["m"])


def test_an_error_of_the_process_stays_one_line_that_names_the_file_once(tmp_path: Path) -> None:
    (tmp_path / RESULT).write_text(json.dumps({"error": "a.mat: two\nlines and \x1b[31m red"}))
    with pytest.raises(ModelError) as error:
        READER.taken_over(FILE, tmp_path, as_it_is)
    assert str(error.value) == "a.mat: two lines and ?[31m red"


@pytest.mark.parametrize(
    ("raised", "says"),
    [
        (ModelError("another network"), "another network"),
        (MemoryError(), "damaged, or too large for the memory that a reader may use"),
        (RecursionError("too deep"), "damaged: its structure never ends"),
        (ModuleNotFoundError(name="pyarrow"), "this needs pyarrow, which is not installed: pip"),
        (ValueError("no\nzip"), "cannot be read, damaged or cut off: no zip"),
        (EOFError(), "cannot be read, damaged or cut off"),
        (
            ValueError("No section: 'Common'. Pass overrides={'sfreq': 1}. Try mne.io."),
            "cannot be read, damaged or cut off: No section: 'Common'.",
        ),
    ],
)
def test_whatever_a_reader_raises_is_one_line(tmp_path: Path, raised: Exception, says: str) -> None:
    def read(path: Path) -> None:
        raise raised

    leave_result(tmp_path, read, FILE)
    with pytest.raises(ModelError) as error:
        READER.taken_over(FILE, tmp_path, as_it_is)
    assert str(error.value).startswith(f"a.mat: {says}")


def test_a_reader_gets_its_options_and_its_content() -> None:
    value = READER.read(FILE, LIMITS, as_it_is, content=b"abc", does="answer", n=3)
    assert value == {"path": "a.mat", "n": 3, "content": "abc"}


@on_linux
def test_memory_beyond_the_limit_is_one_error() -> None:
    value = READER.read(FILE, LIMITS, as_it_is, does="allocate", n_bytes=64 << 20)
    assert value == 64 << 20
    with pytest.raises(ModelError, match=r"a\.mat: damaged, or too large for the memory"):
        READER.read(FILE, LIMITS, as_it_is, does="allocate", n_bytes=256 << 20)


@pytest.mark.skipif(sys.platform == "win32", reason="CPU seconds are limited on POSIX only")
def test_a_reader_that_never_ends_is_stopped_by_its_cpu_seconds() -> None:
    limits = Limits(memory_bytes=128 << 20, cpu_s=1, timeout_s=60.0)
    with pytest.raises(ModelError, match="did not come to an end and was stopped"):
        READER.read(FILE, limits, as_it_is, does="turn")


def test_the_limits_of_a_file_grow_with_it() -> None:
    small, large = Limits.for_file(1), Limits.for_file(100_000_000, cpu_s_per_megabyte=0.5)
    assert (small.cpu_s, small.timeout_s) == (8, 60.0)
    assert (large.cpu_s, large.timeout_s) == (58, 160.0)
    assert large.memory_bytes == (1 << 30) + 1_600_000_000
    assert Limits.for_file(1, timeout_s=2.5, memory_bytes=7) == Limits(7, 8, 2.5)


def test_a_long_message_is_cut() -> None:
    assert one_line("x" * 161) == "x" * 159 + "…"
    assert one_line(ValueError(" a \n b ")) == "a b"
