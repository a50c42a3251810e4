"""Reading a recording as an application does: guarded, from a path, with errors of one line."""

from __future__ import annotations

import gzip
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from mdjpt.errors import RecordingError
from mdjpt.recordings import Recording, montage_names, read_recording, write_recording_edf
from tests.support.recording_files import NAMES, brain_like, write_eeglab, write_openbci, write_xdf

DATA = Path(__file__).parent / "data"
PHYSIONET = Path(__file__).parents[1] / "assets" / "recordings" / "physionet_S001R01_30s.edf"


def one_line(error: pytest.ExceptionInfo[RecordingError]) -> str:
    text = str(error.value)
    assert "\n" not in text
    return text


def test_the_recording_that_ships_is_read_in_microvolts() -> None:
    recording = read_recording(PHYSIONET)
    assert recording.samples.shape == (64, 4800)
    assert recording.samples.dtype == np.float32
    assert recording.sfreq == 160
    assert recording.ch_names[:2] == ("Fc5.", "Fc3.")
    assert recording.markers == ((0.0, "T0"),)
    assert recording.notes == ()
    assert recording.source == str(PHYSIONET)
    assert recording.duration_s == 30
    # EDF keeps whole microvolts in this file.
    np.testing.assert_allclose(recording.samples, np.round(recording.samples), atol=1e-3)
    assert 10 < np.median(recording.samples.std(axis=1)) < 200


def test_a_muse_file_with_four_streams_of_one_name_gives_its_eeg() -> None:
    recording = read_recording(DATA / "rec_muse.xdf")
    assert recording.ch_names == ("TP9", "AF7", "AF8", "TP10")
    assert recording.sfreq == 256
    assert recording.samples.shape == (4, 2820)
    assert recording.samples[0, 0] == pytest.approx(271.97266)
    assert recording.gaps == ()
    assert recording.notes == ("left out, no scalp EEG: AUX_RIGHT",)
    assert read_recording(DATA / "rec_muse.xdf", stream="Muse").ch_names == recording.ch_names


def test_a_muselsl_file_is_read_at_its_nominal_rate() -> None:
    recording = read_recording(DATA / "rec_muselsl.csv")
    assert recording.ch_names == ("TP9", "AF7", "AF8", "TP10")
    assert recording.sfreq == 256
    assert recording.samples.shape == (4, 1024)
    assert recording.samples[:, 0].tolist() == pytest.approx([-48.828, 29.297, 60.547, 15.137])
    assert recording.markers[0] == (103 / 256, "1")


def test_an_openbci_file_is_read_with_the_names_of_a_montage() -> None:
    recording = read_recording(DATA / "rec_openbci_gui_v6.txt", montage=",".join(NAMES))
    assert recording.ch_names == NAMES
    assert recording.sfreq == 250
    assert recording.samples[0, 0] == pytest.approx(61379.36)
    assert recording.gaps == ()
    assert recording.notes == ("electrode names assumed from --montage",)


def test_inputs_without_an_electrode_are_left_out() -> None:
    names = "Fp1,-,-,Cz" + ",-" * (len(NAMES) - 4)
    every = read_recording(DATA / "rec_openbci_gui_v6.txt", montage=NAMES)
    recording = read_recording(DATA / "rec_openbci_gui_v6.txt", montage=names)
    assert recording.ch_names == ("Fp1", "Cz")
    np.testing.assert_array_equal(recording.samples, every.samples[[0, 3]])
    left_out = f"left out, {len(NAMES) - 2} inputs without an electrode"
    assert recording.notes == ("electrode names assumed from --montage", left_out)


def test_an_openbci_file_without_a_montage_is_refused_with_the_way_out() -> None:
    with pytest.raises(RecordingError, match="--montage") as error:
        read_recording(DATA / "rec_openbci_gui_v6.txt")
    assert "rec_openbci_gui_v6.txt" in one_line(error)


@pytest.mark.parametrize(
    ("montage", "names"),
    [
        ("Fp1,Fp2, C3", ("Fp1", "Fp2", "C3")),
        (("Fp1", "Fp2"), ("Fp1", "Fp2")),
        ("Cz", ("Cz",)),
        (None, None),
    ],
)
def test_a_montage_is_names_or_one_text_of_names(montage: object, names: object) -> None:
    assert montage_names(montage) == names  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "text", ["Fp1\nFp2\nC3\n", "# my cap\r\nFp1, Fp2\r\nC3 # here\n", "Fp1\tFp2;C3"]
)
def test_a_montage_can_be_a_file(tmp_path: Path, text: str) -> None:
    file = tmp_path / "cap.txt"
    file.write_bytes(text.encode())
    assert montage_names(file) == ("Fp1", "Fp2", "C3")
    assert montage_names(str(file)) == ("Fp1", "Fp2", "C3")


@pytest.mark.parametrize("montage", ["nowhere.txt", "", (), ("Fp1", " "), "/"])
def test_a_montage_that_says_nothing_is_refused(montage: object) -> None:
    with pytest.raises(RecordingError, match="--montage") as error:
        montage_names(montage)  # type: ignore[arg-type]
    one_line(error)


def test_a_montage_file_that_is_no_text_is_refused() -> None:
    with pytest.raises(RecordingError, match="one electrode name a line"):
        montage_names(DATA / "rec_muse.xdf")


def _missing(folder: Path) -> Path:
    return folder / "nowhere.edf"


def _folder(folder: Path) -> Path:
    return folder


def _folder_with_a_suffix(folder: Path) -> Path:
    (folder / "a.edf").mkdir()
    return folder / "a.edf"


def _empty(folder: Path) -> Path:
    (folder / "a.edf").touch()
    return folder / "a.edf"


def _unknown_suffix(folder: Path) -> Path:
    (folder / "a.docx").write_text("hello")
    return folder / "a.docx"


def _no_suffix(folder: Path) -> Path:
    (folder / "README").write_text("hello")
    return folder / "README"


def _no_edf(folder: Path) -> Path:
    (folder / "a.edf").write_text("hello")
    return folder / "a.edf"


def _three_samples(folder: Path) -> Path:
    return write_xdf(folder / "a.xdf", brain_like(8, 3), 250)


def _no_electrode(folder: Path) -> Path:
    write_recording_edf(folder / "a.edf", brain_like(2, 500), 250, ["ECG", "EOG left"])
    return folder / "a.edf"


def _unknown_names(folder: Path) -> Path:
    write_recording_edf(folder / "a.edf", brain_like(2, 500), 250, ["left", "right"])
    return folder / "a.edf"


def _only_nan(folder: Path) -> Path:
    return write_xdf(folder / "a.xdf", np.full((8, 500), np.nan, np.float32), 250)


def _part_of_a_recording(folder: Path) -> Path:
    (folder / "a.fdt").write_bytes(b"123")
    return folder / "a.fdt"


def _samples_missing(folder: Path) -> Path:
    from tests.support.recording_files import write_brainvision

    path = write_brainvision(folder / "a.vhdr", brain_like(), 250)
    path.with_suffix(".eeg").unlink()
    return path


@pytest.mark.parametrize(
    ("make", "what"),
    [
        (_missing, "no such file"),
        (_folder, "a folder"),
        (_folder_with_a_suffix, "a folder"),
        (_empty, "empty file"),
        (_unknown_suffix, "unknown kind of file .docx"),
        (_no_suffix, "unknown kind of file"),
        (_no_edf, "cannot be read"),
        (_three_samples, "holds 3 samples"),
        (_no_electrode, "no EEG channel"),
        (_unknown_names, "no channel has a known electrode name: left, right"),
        (_only_nan, "every sample is NaN"),
        (_part_of_a_recording, "name a.set instead"),
        (_samples_missing, "no file beside it"),
    ],
)
def test_a_file_without_eeg_gives_one_clear_line(tmp_path: Path, make: object, what: str) -> None:
    path = make(tmp_path)  # type: ignore[operator]
    with pytest.raises(RecordingError, match=what) as error:
        read_recording(path)
    assert one_line(error).startswith(str(path))
    assert error.value.exit_code == 2


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes here")
def test_a_named_pipe_is_refused_at_once(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "a.edf")
    with pytest.raises(RecordingError, match="not a regular file"):
        read_recording(tmp_path / "a.edf")


def test_unusual_paths_are_read(tmp_path: Path) -> None:
    folder = tmp_path / "Versuch [1] * é 脑电" / ("x" * 100)
    folder.mkdir(parents=True)
    path = write_xdf(folder / "a b'\"{.xdf", brain_like(), 250)
    assert read_recording(path).source == str(path)
    assert read_recording(str(path)).n_times == 2500


def test_the_reader_ends_when_its_time_is_up() -> None:
    with pytest.raises(RecordingError, match=r"not read after 0.001 s") as error:
        read_recording(PHYSIONET, timeout_s=0.001)
    one_line(error)


@pytest.mark.skipif(sys.platform != "linux", reason="address space is limited on Linux only")
def test_a_file_that_swells_ends_in_one_line(tmp_path: Path) -> None:
    path = tmp_path / "bomb.xdfz"
    zeros = gzip.compress(bytes(32 << 20), 1)
    path.write_bytes(gzip.compress(b"XDF:", 1) + zeros * 40)
    with pytest.raises(RecordingError, match="too large for the memory") as error:
        read_recording(path, memory_bytes=600 << 20)
    one_line(error)


@pytest.mark.skipif(sys.platform != "linux", reason="address space is limited on Linux only")
def test_too_little_memory_for_any_reader_ends_in_one_line() -> None:
    with pytest.raises(RecordingError) as error:
        read_recording(PHYSIONET, memory_bytes=1 << 20)
    one_line(error)


def test_a_script_without_a_main_guard_can_read(tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text(
        "import mdjpt, sys\n"
        f"recording = mdjpt.read_recording({str(DATA / 'rec_muselsl.csv')!r})\n"
        "print(recording.n_channels)\n"
        "print(*(m for m in ('torch', 'mne', 'pyxdf', 'scipy', 'PySide6') if m in sys.modules))\n"
    )
    done = subprocess.run([sys.executable, str(script)], capture_output=True, text=True, check=True)
    assert done.stdout == "4\n\n", "the application itself imports no vendor library to read a file"
    assert done.stderr == ""


def test_the_working_directory_is_no_place_to_import_from(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "mne.py").write_text("raise SystemExit(3)")
    (tmp_path / "numpy.py").write_text("raise SystemExit(3)")
    monkeypatch.chdir(tmp_path)
    assert read_recording(PHYSIONET).n_channels == 64


def test_the_reader_leaves_nothing_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", None)
    read_recording(DATA / "rec_muselsl.csv")
    with pytest.raises(RecordingError):
        read_recording(DATA / "rec_openbci_gui_v6.txt")
    assert list(tmp_path.iterdir()) == []


def test_guarded_and_direct_reading_agree(tmp_path: Path) -> None:
    from mdjpt.recordings.reader_process import read_here

    files = {
        write_eeglab(tmp_path / "a.set", brain_like(), 250): None,
        write_openbci(tmp_path / "b.txt", "v6", brain_like()): NAMES,
    }
    for path, montage in files.items():
        guarded, direct = read_recording(path, montage=montage), read_here(path, montage, None)
        np.testing.assert_array_equal(guarded.samples, direct.samples)
        np.testing.assert_array_equal(guarded.positions, direct.positions)
        for name in ("sfreq", "ch_names", "excluded", "markers", "notes", "source"):
            assert getattr(guarded, name) == getattr(direct, name)


def test_a_recording_refuses_columns_that_do_not_match() -> None:
    samples = brain_like(2, 10)
    with pytest.raises(ValueError, match="channel names"):
        Recording(samples, 250.0, ("Fp1",))
    with pytest.raises(ValueError, match="positive"):
        Recording(samples, 0.0, ("Fp1", "Fp2"))
    with pytest.raises(ValueError, match="positions"):
        Recording(samples, 250.0, ("Fp1", "Fp2"), positions=np.arange(9))
    for wrong in ([*range(9), 8], range(-1, 9)):
        with pytest.raises(ValueError, match="increase"):
            Recording(samples, 250.0, ("Fp1", "Fp2"), positions=np.array(wrong))


def test_a_recording_knows_its_gaps_and_the_runs_between_them() -> None:
    positions = np.array([2, 3, 4, 5, 10, 11, 12, 13, 14, 20])
    recording = Recording(
        brain_like(2, 10), 10.0, ("Fp1", "Fp2"), positions=positions, excluded=((4, 5), (12, 14))
    )
    assert recording.gaps == ((0, 2), (6, 10), (15, 20))
    assert recording.columns.tolist() == [0, 1, 3, 4, 5, 8, 9]
    runs = [(run.start, run.stop, run.first_sample) for run in recording.runs()]
    assert runs == [(0, 2, 2), (3, 4, 5), (4, 6, 10), (8, 9, 14), (9, 10, 20)]
    within = [(run.start, run.stop, run.first_sample) for run in recording.runs(3, 12)]
    assert within == [(1, 2, 3), (3, 4, 5), (4, 6, 10)]
    assert recording.duration_s == 2.1


def test_a_recording_without_positions_is_one_run() -> None:
    recording = Recording(brain_like(2, 10), 10.0, ("Fp1", "Fp2"))
    assert (recording.gaps, recording.duration_s) == ((), 1.0)
    assert [(run.start, run.stop, run.first_sample) for run in recording.runs()] == [(0, 10, 0)]
