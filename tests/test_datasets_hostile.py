"""Damaged and hostile files of datasets: one clear error, whatever their reader does."""

from __future__ import annotations

import sys
import zipfile

import pytest

from mdjpt.datasets.guarded_file import read_guarded
from mdjpt.datasets.table_file import read_sheet
from mdjpt.errors import DatasetError
from tests.support.sound_files import MAT, plain_mat, workbook

on_posix = pytest.mark.skipif(sys.platform == "win32", reason="limits and forks are POSIX")


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
