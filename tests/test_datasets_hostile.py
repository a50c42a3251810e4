"""Damaged and hostile files of datasets: one clear error, whatever their reader does."""

from __future__ import annotations

import json
import subprocess
import sys
import zipfile
from pathlib import Path

import h5py
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from openpyxl import Workbook
from scipy.io import savemat

from mdjpt.datasets.guarded_file import read_guarded
from mdjpt.datasets.table_file import read_sheet
from mdjpt.errors import DatasetError
from tests.support.dataset_files import cells, cnt, eeg

ROOT = Path(__file__).parents[1]
MAT = "mdjpt.datasets.mat_file:load"
MUTANTS_IN_SHORT = 12
MUTANTS_IN_FULL = 1000

on_posix = pytest.mark.skipif(sys.platform == "win32", reason="limits and forks are POSIX")


def plain_mat(folder):
    savemat(folder / "a.mat", {f"x_eeg{k}": eeg(8, 60, k) for k in range(3)})
    return folder / "a.mat", MAT, {"pattern": r"x_eeg\d", "need": ["x_eeg"]}


def compressed_mat(folder):
    path = folder / "a.mat"
    savemat(path, {f"x_eeg{k}": eeg(8, 60, k) for k in range(3)}, do_compression=True)
    return path, MAT, {"pattern": r"x_eeg\d", "need": ["x_eeg"]}


def struct_mat(folder):
    data = {"Data": cells([{"EEG": {"stimuli": cells([eeg(14, 30)])}, "Score": 1.0}] * 2)}
    savemat(folder / "a.mat", {"DREAMER": data})
    return folder / "a.mat", MAT, {"need": ["DREAMER"], "drop": ["baseline"]}


def hdf5_mat(folder):
    with h5py.File(folder / "a.mat", "w", userblock_size=512) as file:
        file["1"] = eeg(30, 8)
    return folder / "a.mat", MAT, {"pattern": "1", "need": ["1"]}


def neuroscan(folder):
    cnt(folder / "a.cnt", ("FP1", "OZ", "VEO"), 300, 10, onsets_s=(2.0, 9.0))
    options = {"ch_names": ["OZ"], "spans": 1, "data_format": "auto"}
    return folder / "a.cnt", "mdjpt.datasets.cnt_file:load", options


def workbook(folder):
    book = Workbook()
    book.active.append(["Session 1", "Happy", 3])
    book.save(folder / "a.xlsx")
    return folder / "a.xlsx", "mdjpt.datasets.table_file:load_xlsx", {}


def parquet(folder):
    pq.write_table(pa.table({"file": ["a", "b"], "valence": [1.5, 2.0]}), folder / "a.parquet")
    return folder / "a.parquet", "mdjpt.datasets.table_file:load_parquet", {}


FORMATS = (plain_mat, compressed_mat, struct_mat, hdf5_mat, neuroscan, workbook, parquet)


def read_mutants(folder, seed, n):
    """Read mutants of every format in a process of its own; check what came of them."""
    cases = {}
    for make in FORMATS:
        (folder / make.__name__).mkdir()
        path, *how = make(folder / make.__name__)
        cases[make.__name__] = (str(path), *how)
    command = [
        sys.executable,
        "-m",
        "tests.support.dataset_mutants",
        json.dumps(cases),
        str(seed),
        str(n),
    ]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"seed {seed}: {done.stderr}"
    for name, found in json.loads(done.stdout).items():
        outcomes = found["outcomes"]
        print(f"seed {seed}", name, outcomes, f"slowest {found['slowest_s']:.2f} s")  # noqa: T201
        assert sum(outcomes.values()) == n
        assert not [outcome for outcome in outcomes if outcome.startswith("unclear")], outcomes
        assert outcomes.get("refused", 0) + outcomes.get("read", 0) > n // 2


@on_posix
def test_damaged_files_are_read_or_refused(tmp_path):
    read_mutants(tmp_path, 20261, MUTANTS_IN_SHORT)


@on_posix
@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_a_thousand_damaged_files_of_each_format_are_read_or_refused(tmp_path):
    read_mutants(tmp_path, 20262, MUTANTS_IN_FULL)


def test_a_reader_that_takes_too_long_is_stopped(tmp_path):
    path, function, options = plain_mat(tmp_path)
    with pytest.raises(DatasetError, match=r"a\.mat: not read after 0\.01 s"):
        read_guarded(path, function, timeout_s=0.01, **options)


@on_posix
def test_a_workbook_that_unfolds_to_gigabytes_is_refused(tmp_path):
    path = tmp_path / "bomb.xlsx"
    workbook(tmp_path)[0].rename(path)
    with zipfile.ZipFile(path) as book:
        parts = {name: book.read(name) for name in book.namelist()}
    sheet = parts.pop("xl/worksheets/sheet1.xml")
    head, tail = sheet.split(b"Happy")
    with (
        zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as book,
        book.open("xl/worksheets/sheet1.xml", "w") as file,
    ):
        file.write(head)
        for _ in range(150):
            file.write(b"a" * (1 << 20))
        file.write(tail)
    with zipfile.ZipFile(path, "a", zipfile.ZIP_DEFLATED) as book:
        for name, content in parts.items():
            book.writestr(name, content)
    assert path.stat().st_size < 3_000_000
    with pytest.raises(DatasetError, match=r"bomb\.xlsx: damaged, or too large"):
        read_guarded(path, "mdjpt.datasets.table_file:load_xlsx", memory_bytes=400 << 20)


def test_a_file_that_is_no_workbook_is_named(tmp_path):
    (tmp_path / "a.xlsx").write_bytes(b"PK\x03\x04 no workbook")
    with pytest.raises(DatasetError, match=r"a\.xlsx: cannot be read, damaged or cut off"):
        read_sheet(tmp_path / "a.xlsx")


@pytest.mark.parametrize("content", [None, b""])
def test_a_missing_or_empty_file_is_named_before_any_process_starts(tmp_path, content):
    path = tmp_path / "a.mat"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(DatasetError, match=r"a\.mat: (cannot be opened|empty file)"):
        read_guarded(path, MAT, pattern="x")
