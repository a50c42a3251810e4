"""Damaged and hostile files: one clear error, whatever the reader does."""

from __future__ import annotations

import json
import os
import re
import sys
from pathlib import Path

import numpy as np
import pytest

from app.cli.main import run_command_line
from mdjpt.errors import RecordingError
from mdjpt.guard.result import ARRAY_MARK, ARRAYS, RESULT
from mdjpt.recordings import montage_names, read_recording
from mdjpt.recordings.reader_process import read_here
from tests.support.recording_files import (
    NAMES,
    XdfText,
    brain_like,
    write_brainvision,
    write_eeglab,
    write_xdf,
)

ROOT = Path(__file__).parents[1]
DATA = Path(__file__).parent / "data"

on_posix = pytest.mark.skipif(sys.platform == "win32", reason="limits and forks are POSIX")


@on_posix
@pytest.mark.slow
def test_every_cut_of_a_file_gives_an_exact_prefix(tmp_path: Path) -> None:
    whole = write_xdf(tmp_path / "a.xdf", brain_like(), 250)
    content, samples = whole.read_bytes(), read_here(whole, None, None).samples
    torn = tmp_path / "torn.xdf"
    for cut in np.random.default_rng(20263).integers(1, len(content), 2000).tolist():
        torn.write_bytes(content[:cut])
        try:
            recording = read_here(torn, None, None)
        except RecordingError:
            assert cut < 15_000, "a second of signal was there"
            continue
        np.testing.assert_array_equal(recording.samples, samples[:, : recording.n_times])


# What a reader process may do


def _reader_that(does: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Make every Python process started from here begin with the code `does`."""
    (folder / "sitecustomize.py").write_text(
        "import json, os, pathlib, signal, sys, time\n"
        "if 'mdjpt.recordings.reader_process' in sys.orig_argv:\n"
        "    folder = pathlib.Path(json.loads(sys.orig_argv[-1])['folder'])\n"
        f"    {does}\n"
    )
    monkeypatch.setenv("PYTHONPATH", str(folder))


def _result(**changes: object) -> str:
    """Code that leaves a result of 2 channels and 4 samples, with changes."""
    value = {
        "samples": {ARRAY_MARK: ["<f4", [2, 4]]},
        "sfreq": 250.0,
        "ch_names": ["Fz", "Cz"],
        "positions": [0, 1, 2, 7],
        "excluded": [[1, 2]],
        "markers": [[0.5, "x"]],
        "spans": [[0.5, 1.0, "x"]],
        "began_at_s": None,
        "simulated": False,
        "notes": [],
    } | changes
    return (
        f"(folder / '{ARRAYS}').write_bytes(bytes(32)); "
        f"(folder / '{RESULT}').write_text({json.dumps({'value': value})!r}); os._exit(0)"
    )


def test_a_well_formed_result_is_taken_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _reader_that(_result(), tmp_path, monkeypatch)
    recording = read_recording(DATA / "rec_muselsl.csv")
    assert recording.samples.shape == (2, 4)
    assert recording.markers == ((0.5, "x"),)
    assert recording.gaps == ((3, 7),)
    assert recording.columns.tolist() == [0, 2, 3]


@pytest.mark.parametrize(
    "does",
    [
        "os._exit(0)",
        f"(folder / '{RESULT}').write_text('[1, 2'); os._exit(0)",
        f"(folder / '{RESULT}').write_text('[1, 2]'); os._exit(0)",
        f"(folder / '{RESULT}').write_bytes(bytes([255, 254])); os._exit(0)",
        _result(samples={ARRAY_MARK: ["<f4", [2, 5]]}),
        _result(samples={ARRAY_MARK: ["<f4", [2, 0]]}),
        _result(samples={ARRAY_MARK: ["<f4", [8]]}),
        _result(samples="many"),
        _result(positions=[0, 1]),
        _result(positions=[0, 1, 2, 2]),
        _result(positions=[-1, 0, 1, 2]),
        _result(positions=None),
        _result(excluded=[[1]]),
        _result(sfreq=0),
        _result(sfreq=None),
        _result(ch_names=7),
        _result(ch_names=["Fz"]),
        _result(markers=[[1]]),
        _result(spans=[[1, "x"]]),
        _result(began_at_s="today"),
        _result(notes=None),
    ],
)
def test_a_result_that_makes_no_sense_is_one_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, does: str
) -> None:
    _reader_that(does, tmp_path, monkeypatch)
    with pytest.raises(RecordingError, match="left no usable result"):
        read_recording(DATA / "rec_muselsl.csv")


@on_posix
@pytest.mark.parametrize(
    ("does", "what"),
    [
        ("os.kill(os.getpid(), signal.SIGSEGV)", r"its reader crashed \(SIGSEGV\)"),
        ("os.abort()", r"its reader crashed \(SIGABRT\)"),
        ("os._exit(7)", r"its reader crashed \(exit status 7\)"),
        ("os.kill(os.getpid(), signal.SIGKILL)", "was stopped"),
        ("os.kill(os.getpid(), signal.SIGXCPU)", "was stopped"),
    ],
)
def test_the_death_of_a_reader_is_one_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, does: str, what: str
) -> None:
    _reader_that(does, tmp_path, monkeypatch)
    with pytest.raises(RecordingError, match=what) as error:
        read_recording(DATA / "rec_muselsl.csv")
    assert "\n" not in str(error.value)


def test_a_reader_that_hangs_is_killed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pid = tmp_path / "pid"
    _reader_that(
        f"pathlib.Path({str(pid)!r}).write_text(str(os.getpid())); time.sleep(1000)",
        tmp_path,
        monkeypatch,
    )
    with pytest.raises(RecordingError, match="not read after 2 s"):
        read_recording(DATA / "rec_muselsl.csv", timeout_s=2)
    if Path("/proc").exists():
        assert not Path("/proc", pid.read_text()).exists()


# Hostile contents


def test_nested_entities_in_xdf_do_not_explode(tmp_path: Path) -> None:
    lines = ["<!DOCTYPE info [<!ENTITY a0 'ha'>"]
    lines += [f"<!ENTITY a{i} '{f'&a{i - 1};' * 10}'>" for i in range(1, 12)]
    header = "".join([*lines, "]><info><name>&a11;</name></info>"]).encode()
    content = XdfText().content()
    content += (
        b"\x04" + (len(header) + 6).to_bytes(4, "little") + b"\x02\x00\x01\x00\x00\x00" + header
    )
    (tmp_path / "a.xdf").write_bytes(content)
    with pytest.raises(RecordingError):
        read_recording(tmp_path / "a.xdf")


def test_a_sample_count_beyond_all_memory_is_one_error(tmp_path: Path) -> None:
    xdf = XdfText().header(1, n_channels=1, sfreq=0, channel_format="string", kind="Markers")
    count = b"\x08" + (1 << 40).to_bytes(8, "little")
    content = xdf.content() + b"\x04" + (len(count) + 6).to_bytes(4, "little")
    (tmp_path / "a.xdf").write_bytes(content + b"\x03\x00\x01\x00\x00\x00" + count)
    with pytest.raises(RecordingError):
        read_recording(tmp_path / "a.xdf")


def test_no_reader_of_recordings_unpickles() -> None:
    source = "\n".join(file.read_text() for file in (ROOT / "mdjpt" / "recordings").glob("*.py"))
    assert not re.search(r"import pickle|allow_pickle|joblib|torch|np\.load\(", source)


# Texts


HOSTILE = "a\x1b]0;owned\x07\u202eb\n\x00\ud800[/x]"


def test_texts_of_a_file_steer_no_terminal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    texts = _result(
        ch_names=["Fz", HOSTILE], markers=[[0.5, HOSTILE]], notes=[HOSTILE], spans=[[0, 1, HOSTILE]]
    )
    _reader_that(texts, tmp_path, monkeypatch)
    recording = read_recording(DATA / "rec_muselsl.csv")
    found = [
        recording.ch_names[1],
        recording.markers[0][1],
        recording.spans[0][2],
        recording.notes[0],
    ]
    assert set(found) == {"a?]0;owned??b ??[/x]"}


def test_a_file_with_hostile_names_is_told_in_printable_lines(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    names = (*NAMES[:7], "x\x1b[2J\u202e[/x]")
    rows = [",".join(f"{v:.3f}" for v in row) for row in brain_like().T]
    path = tmp_path / "a.csv"
    path.write_text("\n".join([",".join(names), *rows]), encoding="utf-8")
    assert run_command_line(["check", str(path), "--sfreq", "250"]) == 0
    said = capsys.readouterr().out
    assert "left out, no scalp EEG: x?[2J?[/x]" in said
    assert said.replace("\n", "").isprintable()


@on_posix
@pytest.mark.parametrize("name", ["../secret.eeg", "/dev/zero", "zero.eeg", "gone.eeg"])
def test_a_brainvision_header_stays_in_its_folder(tmp_path: Path, name: str) -> None:
    folder = tmp_path / "recording"
    folder.mkdir()
    header = write_brainvision(folder / "a.vhdr", brain_like(), 250)
    (tmp_path / "secret.eeg").write_bytes((folder / "a.eeg").read_bytes())
    (folder / "link.eeg").symlink_to(tmp_path / "secret.eeg")
    (folder / "zero.eeg").symlink_to("/dev/zero")
    text = header.read_text()
    header.write_text(re.sub("DataFile=.*", "DataFile=link.eeg", text))
    assert read_here(header, None).n_times == 2500
    header.write_text(re.sub("DataFile=.*", f"DataFile={name}", text))
    with pytest.raises(RecordingError, match="no file beside it"):
        read_here(header, None)


@on_posix
def test_a_pipe_as_montage_is_refused_at_once(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "cap.txt")
    for path in (tmp_path / "cap.txt", Path("/dev/zero")):
        with pytest.raises(RecordingError, match="not a regular file"):
            montage_names(path)


def test_an_eeglab_file_keeps_its_samples_beside_it(tmp_path: Path) -> None:
    folder = tmp_path / "recording"
    folder.mkdir()
    samples = brain_like()
    path = write_eeglab(folder / "a.set", samples, 250, data="a.fdt")
    samples.T.astype("<f4").tofile(folder / "a.fdt")
    np.testing.assert_allclose(read_here(path, None).samples, samples, atol=1e-3)
    samples.T.astype("<f4").tofile(tmp_path / "a.fdt")
    for outside in ("../a.fdt", str(tmp_path / "a.fdt")):
        write_eeglab(folder / "a.set", samples, 250, data=outside)
        with pytest.raises(RecordingError, match="no file beside it"):
            read_here(path, None)
