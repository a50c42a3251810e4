"""`mdjpt record`: raw signals without a model, ended properly whatever ends them."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import pytest
import pyxdf

from app.cli.main import run_command_line
from mdjpt.recordings import read_recording, write_recording_edf
from tests.support.fakes import NAMES, eeg_like
from tests.support.lsl_sender import LslSender

if TYPE_CHECKING:
    from pathlib import Path

PATIENCE_S = 60.0
RECORD = [sys.executable, "-m", "app", "record"]


def started(*arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [*RECORD, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def wait_for_samples(folder: Path, n_bytes: int = 20_000) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not any(file.stat().st_size > n_bytes for file in folder.glob("*.xdf")):
        assert time.monotonic() < deadline, "nothing is recorded"
        time.sleep(0.05)


def recorded(folder: Path) -> Path:
    (path,) = folder.glob("*.xdf")
    return path


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_ctrl_c_ends_the_file_and_says_what_is_in_it(tmp_path: Path, how: signal.Signals) -> None:
    with LslSender("record-me"):
        process = started("lsl:record-me", "--out", str(tmp_path))
        wait_for_samples(tmp_path)
        process.send_signal(how)
        out, err = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 0, err
    path = recorded(tmp_path)
    first, second = out.splitlines()
    assert first == f"recorded: {path}"
    found = re.fullmatch(r"(\d+\.\d) s, 0 samples lost in 0 gaps", second)
    assert found
    assert read_recording(path).duration_s == pytest.approx(float(found[1]), abs=0.06)
    # Ended, not cut off: every stream is summed up.
    assert b"<sample_count>" in path.read_bytes()[-2000:]


def test_a_source_that_is_lost_for_good_still_names_the_file(tmp_path: Path) -> None:
    with LslSender("changes", source_id="changes-1"):
        process = started("lsl:changes", "--out", str(tmp_path))
        wait_for_samples(tmp_path)
    with LslSender("changes", source_id="changes-1", ch_names=NAMES[:4]):
        out, err = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 3, err
    assert f"recorded: {recorded(tmp_path)}" in out
    assert "came back changed" in err.splitlines()[-1]
    assert read_recording(recorded(tmp_path)).n_channels == 8


def test_run_names_the_file_too_when_its_source_is_lost(tmp_path: Path) -> None:
    run = [sys.executable, "-m", "app", "run", "lsl:changes-run", "--record", str(tmp_path)]
    with LslSender("changes-run", source_id="changes-2"):
        process = subprocess.Popen(
            run, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
        )
        wait_for_samples(tmp_path)
    with LslSender("changes-run", source_id="changes-2", ch_names=NAMES[:4]):
        _, err = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 3, err
    assert f"recorded: {recorded(tmp_path)}" in err


def test_a_file_longer_than_the_ring_is_recorded_to_its_end(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_recording_edf(tmp_path / "eeg.edf", eeg_like(8, 100 * 125), 125.0, NAMES)
    arguments = ["record", str(tmp_path / "eeg.edf"), "--speed", "max", "--out"]
    assert run_command_line([*arguments, str(tmp_path / "rec")]) == 0
    out = capsys.readouterr().out
    assert "100.0 s, 0 samples lost in 0 gaps" in out
    assert read_recording(recorded(tmp_path / "rec")).n_times == 100 * 125


def test_a_duration_ends_it_and_no_model_is_loaded(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["record", "sim:?seed=3&n_channels=8", "--speed", "max", "--duration", "5"]
    assert run_command_line([*arguments, "--out", str(tmp_path)]) == 0
    assert capsys.readouterr().out.splitlines()[-1].startswith("5.0 s, ")
    found, _ = pyxdf.load_xdf(str(recorded(tmp_path)))
    assert {stream["info"]["type"][0] for stream in found} == {
        "EEG", "Markers", "SamplePositions"
    }  # fmt: skip


def test_a_disk_that_fails_ends_it_with_code_2(tmp_path: Path) -> None:
    process = started("sim:?seed=3&n_channels=8", "--out", str(tmp_path))
    wait_for_samples(tmp_path)
    for file in tmp_path.iterdir():
        file.unlink()
    _, err = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 2
    assert "recording ended after" in err


def test_nothing_is_recorded_of_a_source_that_is_not_there(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_command_line(["record", "lsl:not-there", "--out", str(tmp_path)]) == 3
    assert "nothing was recorded" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []
