"""A file is there whole or not at all, however many write it."""

from __future__ import annotations

import threading

import pytest

from mdjpt.errors import ModelError
from mdjpt.guard.atomic_file import atomic_file, write_file

N_TIMES = 150


def test_two_threads_that_write_one_file_leave_one_whole_content(tmp_path):
    path = tmp_path / "p.bin"
    contents = [bytes([k]) * (200_000 + 1000 * k) for k in range(3)]
    path.write_bytes(contents[0])
    began = threading.Barrier(3)
    problems = []

    def write(content: bytes) -> None:
        began.wait()
        try:
            for _ in range(N_TIMES):
                with atomic_file(path) as file:
                    file.write(content)
        except OSError as error:
            problems.append(error)

    writers = [threading.Thread(target=write, args=(content,)) for content in contents[1:]]
    for writer in writers:
        writer.start()
    began.wait()
    torn = 0
    while any(writer.is_alive() for writer in writers):
        torn += path.read_bytes() not in contents
    for writer in writers:
        writer.join()
    assert problems == []
    assert torn == 0
    assert path.read_bytes() in contents[1:]
    assert list(tmp_path.iterdir()) == [path]


def test_a_writer_that_fails_leaves_the_old_file_and_no_other(tmp_path):
    path = tmp_path / "p.bin"
    path.write_bytes(b"old")
    with pytest.raises(TypeError), atomic_file(path) as file:
        file.writelines([b"half of it", None])
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_file_is_written_into_a_folder_that_is_made(tmp_path):
    path = tmp_path / "some" / "folder" / "p.bin"
    write_file(path, b"content")
    write_file(path, b"other")
    assert path.read_bytes() == b"other"
    assert list(path.parent.iterdir()) == [path]


def test_a_file_that_cannot_be_written_is_one_line_of_the_callers_class(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(ModelError, match=r"file.p\.bin: cannot be written: ") as caught:
        write_file(tmp_path / "file" / "p.bin", b"", ModelError)
    assert "\n" not in str(caught.value)
