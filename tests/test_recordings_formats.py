"""The reader of each format, on files written here."""

from __future__ import annotations

import gzip
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

from mdjpt.errors import RecordingError
from mdjpt.recordings.reader_process import read_here
from tests.support.recording_files import (
    NAMES,
    OPENBCI_VERSIONS,
    XdfText,
    brain_like,
    write_brainvision,
    write_eeglab,
    write_neuroscan,
    write_openbci,
    write_xdf,
)

if TYPE_CHECKING:
    from mdjpt.recordings import Recording

DATA = Path(__file__).parent / "data"


def read(
    path: Path,
    montage: tuple[str, ...] | None = None,
    stream: str | None = None,
    **choice: object,
) -> Recording:
    return read_here(path, montage, stream, **choice)


# MNE's formats


def test_brainvision_is_read_with_its_markers(tmp_path: Path) -> None:
    x = brain_like()
    recording = read(write_brainvision(tmp_path / "a.vhdr", x, 250, events=[(1.0, "S  1")]))
    np.testing.assert_allclose(recording.samples, x, rtol=1e-6)
    assert recording.markers == ((1.0, "Stimulus/S  1"),)
    assert recording.ch_names == NAMES


def test_eeglab_is_read_with_its_events(tmp_path: Path) -> None:
    x = brain_like()
    recording = read(write_eeglab(tmp_path / "a.set", x, 128))
    np.testing.assert_allclose(recording.samples, x, rtol=1e-6)
    assert recording.sfreq == 128
    assert recording.markers == ((1.0, "start"),)


@pytest.mark.parametrize("bits", [16, 32])
@pytest.mark.parametrize("says_n_times", [True, False])
def test_neuroscan_is_read_even_when_its_header_hides_the_width(
    tmp_path: Path, bits: int, says_n_times: bool
) -> None:
    x = brain_like()
    path = write_neuroscan(tmp_path / "a.cnt", x, 1000, bits=bits, says_n_times=says_n_times)
    np.testing.assert_allclose(read(path).samples, x, atol=0.051)


def test_fif_is_read_from_its_own_first_sample(tmp_path: Path) -> None:
    import mne

    x = brain_like(3, 2500)
    info = mne.create_info(["Fz", "Cz", "STI 014"], 250.0, ["eeg", "eeg", "stim"])
    data = x.astype(np.float64) / 1e6
    data[2] = 0
    data[2, 1000:1010] = 5
    raw = mne.io.RawArray(data, info, first_samp=500, verbose="ERROR")
    raw.set_annotations(mne.Annotations([4.0], [0.0], ["happy"]))
    raw.save(tmp_path / "a_raw.fif", verbose="ERROR")
    recording = read(tmp_path / "a_raw.fif")
    np.testing.assert_allclose(recording.samples, x[:2], rtol=1e-5)
    assert recording.ch_names == ("Fz", "Cz")
    assert recording.markers == ((4.0, "5"), (4.0, "happy"))


def _signal(kind: str, row: np.ndarray, label: str, unit: str) -> object:
    import edfio

    make = edfio.BdfSignal if kind == "bdf" else edfio.EdfSignal
    return make(row.astype(np.float64), 250, label=label, physical_dimension=unit)


def test_bdf_gives_the_rises_of_its_status_channel(tmp_path: Path) -> None:
    import edfio

    x = brain_like(4)
    x[3] = 0
    x[3, 500:510] = 7
    x[3, 1000:] = 9
    x[3] += 0x10000  # the upper byte is the amplifier's state
    labels = ("A1", "Cz", "Pz", "Status")
    signals = [
        edfio.BdfSignal(
            row.astype(np.float64),
            250,
            label=label,
            physical_dimension="uV" if label != "Status" else "Boolean",
            physical_range=(-8388608, 8388607) if label == "Status" else (-1000, 1000),
        )
        for row, label in zip(x, labels, strict=True)
    ]
    edfio.Bdf(signals).write(tmp_path / "a.bdf")
    recording = read(tmp_path / "a.bdf")
    assert recording.ch_names == ("Cz", "Pz")
    np.testing.assert_allclose(recording.samples, x[1:3], atol=1e-3)
    assert recording.markers == ((2.0, "7"), (4.0, "9"))


@pytest.mark.parametrize(("unit", "factor"), [("uV", 1), ("mV", 1e-3), ("V", 1e-6)])
def test_edf_units_become_microvolts(tmp_path: Path, unit: str, factor: float) -> None:
    import edfio

    x = brain_like(2, 1000)
    labels = ("EEG Cz-REF", "EEG Pz-REF")
    signals = [
        _signal("edf", row * factor, label, unit) for row, label in zip(x, labels, strict=True)
    ]
    edfio.Edf(signals).write(tmp_path / "a.edf")
    recording = read(tmp_path / "a.edf")
    np.testing.assert_allclose(recording.samples, x, atol=0.01)
    assert recording.notes == ()


@pytest.mark.parametrize("kind", ["edf", "bdf"])
def test_eeg_among_channels_of_other_rates_is_read_at_its_own(tmp_path: Path, kind: str) -> None:
    import edfio

    file, signal = (edfio.Bdf, edfio.BdfSignal) if kind == "bdf" else (edfio.Edf, edfio.EdfSignal)

    def made(row: np.ndarray, sfreq: float, label: str) -> object:
        return signal(row.astype(np.float64), sfreq, label=label, physical_dimension="uV")

    x = brain_like(8, 256 * 128)
    eeg = [made(row, 256, name) for row, name in zip(x, NAMES, strict=True)]
    heart = made(brain_like(1, 1024 * 128)[0], 1024, "ECG")
    slow = [made(brain_like(1, 128, seed=k)[0], 1, f"Temp {k}") for k in range(24)]
    file(eeg).write(tmp_path / f"alone.{kind}")
    file([heart, *eeg, *slow]).write(tmp_path / f"mixed.{kind}")
    alone, mixed = (read(tmp_path / f"{name}.{kind}") for name in ("alone", "mixed"))
    assert (mixed.sfreq, mixed.ch_names) == (256, NAMES)
    np.testing.assert_array_equal(mixed.samples, alone.samples)
    assert mixed.notes[0].startswith("left out, no scalp EEG: ECG, Temp 0")
    odd = made(brain_like(1, 512 * 128)[0], 512, "Cz")
    file([*eeg, odd]).write(tmp_path / f"odd.{kind}")
    recording = read(tmp_path / f"odd.{kind}")
    assert (recording.sfreq, recording.ch_names) == (256, NAMES)
    assert recording.notes == ("sampled at another rate than the other electrodes, left out: Cz",)


def test_a_trigger_at_another_rate_keeps_its_second(tmp_path: Path) -> None:
    import edfio

    codes = np.zeros(64 * 10)
    codes[64 * 4 : 64 * 5] = 7
    signals = [
        edfio.BdfSignal(row.astype(np.float64), 256, label=name, physical_dimension="uV")
        for row, name in zip(brain_like(8, 2560), NAMES, strict=True)
    ]
    limits = (-8388608, 8388607)
    signals.append(edfio.BdfSignal(codes, 64, label="Status", physical_range=limits))
    edfio.Bdf(signals).write(tmp_path / "a.bdf")
    recording = read(tmp_path / "a.bdf")
    assert recording.sfreq == 256
    assert recording.markers == ((pytest.approx(4.0, abs=0.02), "7"),)


def test_epochs_are_refused_as_such(tmp_path: Path) -> None:
    import mne
    from scipy.io import loadmat, savemat

    info = mne.create_info(list(NAMES), 125.0, "eeg")
    data = brain_like().reshape(8, 5, 500).transpose(1, 0, 2) * 1e-6
    mne.EpochsArray(data, info, verbose="ERROR").save(tmp_path / "a-epo.fif", verbose="ERROR")
    write_eeglab(tmp_path / "a.set", brain_like(), 125)
    held = {k: v for k, v in loadmat(tmp_path / "a.set").items() if not k.startswith("__")}
    inner = held["EEG"][0, 0] if "EEG" in held else None
    held = held if inner is None else {name: inner[name] for name in inner.dtype.names}
    savemat(
        tmp_path / "a.set", held | {"trials": 5.0, "pnts": 500.0, "data": data.transpose(1, 2, 0)}
    )
    for name in ("a-epo.fif", "a.set"):
        with pytest.raises(
            RecordingError, match=f"{name}: holds epochs, not a continuous recording"
        ):
            read(tmp_path / name)
    mne.EvokedArray(data[0], info).save(tmp_path / "a-ave.fif", verbose="ERROR")
    with pytest.raises(RecordingError, match="holds no continuous recording"):
        read(tmp_path / "a-ave.fif")


@pytest.mark.parametrize(("suffix", "package"), [(".mff", "mffpy"), (".nedf", "defusedxml")])
def test_a_reader_that_is_not_installed_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, suffix: str, package: str
) -> None:
    monkeypatch.setitem(sys.modules, package, None)
    path = tmp_path / f"a{suffix}"
    if suffix == ".mff":
        path.mkdir()
        (path / "signal1.bin").write_bytes(b"0")
    else:
        path.write_bytes(b"<nedf/>")
    with pytest.raises(RecordingError, match=rf'{package}, which .* "mdjpt-live\[formats\]"'):
        read(path)


def test_edf_without_a_unit_is_taken_as_microvolts_and_says_so(tmp_path: Path) -> None:
    import edfio

    x = brain_like(2, 1000)
    signals = [_signal("edf", row, label, "") for row, label in zip(x, ("Cz", "Pz"), strict=True)]
    edfio.Edf(signals).write(tmp_path / "a.edf")
    recording = read(tmp_path / "a.edf")
    np.testing.assert_allclose(recording.samples, x, atol=0.01)
    assert recording.notes == ("2 channels without a known unit: microvolts assumed",)


@pytest.mark.parametrize("factor", [1e6, 24])
def test_impossible_amplitudes_are_remarked_on_and_kept(tmp_path: Path, factor: float) -> None:
    x = brain_like() * np.float32(factor)
    recording = read(write_xdf(tmp_path / "a.xdf", x, 250))
    np.testing.assert_array_equal(recording.samples, x)
    assert len(recording.notes) == 1
    assert "check the unit" in recording.notes[0]


def test_an_edf_that_was_cut_off_is_read_and_says_so(tmp_path: Path) -> None:
    from mdjpt.recordings import write_recording_edf

    x = brain_like(8, 2500)
    write_recording_edf(tmp_path / "a.edf", x, 250, NAMES)
    content = (tmp_path / "a.edf").read_bytes()
    (tmp_path / "a.edf").write_bytes(content[:-3000])
    recording = read(tmp_path / "a.edf")
    assert recording.n_times == 2250
    assert recording.notes == ("the file was cut off: 9.0 s recovered",)


def test_channels_of_other_organs_are_left_out_and_named(tmp_path: Path) -> None:
    x = brain_like(5)
    names = ("Fp1", "HEOG", "ECG", "Cz", "GSR")
    recording = read(write_brainvision(tmp_path / "a.vhdr", x, 250, names))
    assert recording.ch_names == ("Fp1", "Cz")
    np.testing.assert_allclose(recording.samples, x[[0, 3]], rtol=1e-6)
    assert recording.notes == ("left out, no scalp EEG: HEOG, ECG, GSR",)


# Names from a montage


def test_a_montage_names_the_eeg_columns_and_skips_the_others(tmp_path: Path) -> None:
    x = brain_like(4)
    path = write_brainvision(tmp_path / "a.vhdr", x, 250, ("one", "ECG", "two", "three"))
    recording = read(path, ("Fp1", "Cz", "EOG"))
    assert recording.ch_names == ("Fp1", "Cz")
    np.testing.assert_allclose(recording.samples, x[[0, 2]], rtol=1e-6)
    assert recording.notes[0] == "electrode names assumed from --montage"
    assert recording.notes[1] == "left out, no scalp EEG: EOG"


def test_a_montage_may_name_every_column(tmp_path: Path) -> None:
    path = write_brainvision(tmp_path / "a.vhdr", brain_like(3), 250, ("one", "ECG", "two"))
    assert read(path, ("Fp1", "heart", "Cz")).ch_names == ("Fp1", "Cz")
    with pytest.raises(RecordingError, match="names 3 electrodes, the recording has 2"):
        read(path, ("Fp1", "Fp2", "Cz"))


@pytest.mark.parametrize("names", [("Fp1",), ("Fp1",) * 9])
def test_a_montage_of_another_length_is_refused(tmp_path: Path, names: tuple[str, ...]) -> None:
    path = write_openbci(tmp_path / "a.txt", "v4", brain_like())
    with pytest.raises(RecordingError, match=rf"names {len(names)} electrodes.*has 8 EEG channels"):
        read(path, names)


def test_a_montage_without_a_known_name_is_refused(tmp_path: Path) -> None:
    path = write_openbci(tmp_path / "a.txt", "v4", brain_like())
    with pytest.raises(RecordingError, match="no known electrode name"):
        read(path, tuple("abcdefgh"))


# OpenBCI


@pytest.mark.parametrize("version", OPENBCI_VERSIONS)
def test_every_version_of_openbci_text_is_read(tmp_path: Path, version: str) -> None:
    x = brain_like()
    recording = read(write_openbci(tmp_path / "a.txt", version, x), NAMES)
    np.testing.assert_allclose(recording.samples, x, atol=0.0051)
    assert recording.sfreq == 250
    np.testing.assert_array_equal(recording.positions, np.arange(2500))
    assert recording.markers == (((2.0, "3"),) if version == "v6" else ())


@pytest.mark.parametrize("version", OPENBCI_VERSIONS)
def test_rows_that_openbci_text_lacks_are_a_gap(tmp_path: Path, version: str) -> None:
    path = write_openbci(tmp_path / "a.txt", version, brain_like())
    lines = path.read_text().splitlines()
    first = len(lines) - 2500 + 1000
    # Whole turns of the counter show in the time stamps only, and the oldest versions have none.
    n_lost = 600 if any(c in OPENBCI_VERSIONS[version][-1] for c in "TV") else 100
    path.write_text("\n".join(lines[:first] + lines[first + n_lost :]))
    recording = read(path, NAMES)
    assert recording.gaps == ((1000, 1000 + n_lost),)
    assert recording.duration_s == 10.0


def test_damaged_lines_of_openbci_text_are_left_out_and_counted(tmp_path: Path) -> None:
    path = write_openbci(tmp_path / "a.txt", "v6", brain_like())
    lines = path.read_text().splitlines()
    lines[105] = lines[105][:20]
    lines[206] = "\x00garbage"
    lines[307] = lines[307].replace(lines[307].split(",")[2], " not a number")
    path.write_text("\n".join(lines)[:-50])
    recording = read(path, NAMES)
    assert recording.n_times == 2497
    assert recording.notes[1] == "3 damaged lines left out"
    assert np.isnan(recording.samples).sum() == 1
    assert recording.gaps == ((100, 101), (201, 202)), "the loss shows in the counter"


def test_a_ganglion_has_four_channels_and_a_daisy_sixteen(tmp_path: Path) -> None:
    for rate, n_eeg in ((200.0, 4), (125.0, 16)):
        x = brain_like(n_eeg, 600)
        head = f"%OpenBCI Raw EEG Data\n%\n%Sample Rate = {rate} Hz\n%First Column = SampleIndex\n"
        rows = "\n".join(
            f"{i % 128}, " + ", ".join(f"{v:.2f}" for v in column) + ", 0.0, 0.0, 0.0, 12:00:00, 1"
            for i, column in enumerate(x.T)
        )
        (tmp_path / "a.txt").write_text(head + rows)
        montage = (*NAMES, "F7", "F8", "F3", "F4", "T7", "T8", "P3", "P4")[:n_eeg]
        np.testing.assert_allclose(read(tmp_path / "a.txt", montage).samples, x, atol=0.0051)


@pytest.mark.parametrize("text", ["1,2,3\n", "%OpenBCI Raw EEG Data\n1,2,3\n", "hello"])
def test_other_text_is_no_openbci_file(tmp_path: Path, text: str) -> None:
    (tmp_path / "a.txt").write_text(text)
    with pytest.raises(RecordingError):
        read(tmp_path / "a.txt", NAMES)


# CSV


def _csv(path: Path, header: str, rows: list[str]) -> Path:
    path.write_text("\n".join([header, *rows]) + "\n")
    return path


@pytest.mark.parametrize("rate", [128.0, 220.0, 250.0, 256.0, 500.0])
def test_stamps_rounded_to_milliseconds_give_the_nominal_rate(tmp_path: Path, rate: float) -> None:
    stamps = 1.6e9 + np.arange(2000) / rate
    stamps[1000:] += 0.033
    path = _csv(
        tmp_path / "a.csv",
        "timestamps,TP9,AF7",
        [f"{s:.3f},{i % 50},{i % 40}" for i, s in enumerate(stamps)],
    )
    recording = read(path)
    assert recording.sfreq == rate
    assert recording.duration_s == pytest.approx(2000 / rate + 0.033, abs=0.01)


def test_an_unusual_rate_is_measured_and_said(tmp_path: Path) -> None:
    rows = [f"{i / 177.3:.6f},{i % 50},{i % 40}" for i in range(2000)]
    recording = read(_csv(tmp_path / "a.csv", "time,Cz,Pz", rows))
    assert recording.sfreq == pytest.approx(177.3, abs=0.01)
    assert "177.30 Hz taken from the time stamps" in recording.notes[0]


def test_milliseconds_are_told_by_name_and_size(tmp_path: Path) -> None:
    rows = [f"{i * 4},{i % 50},{i % 40}" for i in range(1000)]
    assert read(_csv(tmp_path / "a.csv", "Time (ms),Cz,Pz", rows)).sfreq == 250
    guessed = read(_csv(tmp_path / "c.csv", "time,Cz,Pz", rows))
    assert guessed.sfreq == 250
    assert guessed.notes == ("time taken as milliseconds by the size of its steps",)
    rows = [f"{1_600_000_000_000 + i * 4},{i % 50},{i % 40}" for i in range(1000)]
    assert read(_csv(tmp_path / "b.csv", "timestamp,Cz,Pz", rows)).sfreq == 250


@pytest.mark.parametrize(
    ("name", "first", "step"),
    [
        ("time_us", 0, 7812.5),
        ("timestamp", 1.7e15, 7812.5),
        ("time", 0, 7812.5),
        ("t [ns]", 5, 7812500),
    ],
)
def test_finer_clocks_are_told_too(tmp_path: Path, name: str, first: float, step: float) -> None:
    rows = [f"{first + i * step:.0f},{i % 50},{i % 40}" for i in range(1000)]
    recording = read(_csv(tmp_path / "a.csv", f"{name},Cz,Pz", rows))
    assert recording.sfreq == 128
    assert recording.duration_s == pytest.approx(1000 / 128)


def test_markers_of_a_csv_are_where_the_column_changes(tmp_path: Path) -> None:
    marks = ["0"] * 1000
    marks[250], marks[500:503], marks[750] = "1", ["2.0"] * 3, "sad"
    rows = [f"{i / 250:.3f},{i % 50},{i % 40},{mark}" for i, mark in enumerate(marks)]
    recording = read(_csv(tmp_path / "a.csv", "timestamps,Cz,Pz,Marker0", rows))
    assert recording.markers == ((1.0, "1"), (2.0, "2"), (3.0, "sad"))


def test_mind_monitor_gives_its_raw_columns_and_events(tmp_path: Path) -> None:
    header = "TimeStamp,Delta_TP9,Delta_AF7,RAW_TP9,RAW_AF7,AUX_RIGHT,HSI_TP9,Battery,Elements"
    rows = []
    for i in range(1024):
        stamp = f"2026-01-02 10:00:{i / 256:06.3f}"
        rows.append(f"{stamp},0.5,0.6,{850 + i % 7},{840 + i % 9},800,1,90,")
        if i == 512:
            rows.append(f"{stamp},,,,,,,,/muse/elements/blink")
    recording = read(_csv(tmp_path / "a.csv", header, rows))
    assert recording.ch_names == ("TP9", "AF7")
    assert recording.sfreq == 256
    assert recording.samples[:, 3].tolist() == [853, 843]
    assert recording.markers == ((pytest.approx(2.0, abs=1e-6), "/muse/elements/blink"),)


def test_mind_monitor_at_one_row_a_second_is_no_eeg(tmp_path: Path) -> None:
    rows = [f"2026-01-02 10:00:{i:02d}.000,850,851" for i in range(30)]
    path = _csv(tmp_path / "a.csv", "TimeStamp,RAW_TP9,RAW_AF7", rows)
    with pytest.raises(RecordingError, match="constant"):
        read(path)


def _eeg_rows(separator: str = ",", digits: int = 3) -> list[str]:
    return [separator.join(f"{v:.{digits}f}" for v in row) for row in brain_like(4, 1000).T]


def test_spreadsheets_of_half_of_europe_are_read(tmp_path: Path) -> None:
    rows = [f"{i / 250:.3f};{row}" for i, row in enumerate(_eeg_rows(";"))]
    text = "\n".join(["timestamps;TP9;AF7;AF8;TP10", *(r.replace(".", ",") for r in rows)])
    (tmp_path / "a.csv").write_text(text)
    recording = read(tmp_path / "a.csv")
    assert recording.sfreq == 250
    np.testing.assert_allclose(recording.samples, brain_like(4, 1000), atol=1e-3)


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-le", "utf-16-be"])
@pytest.mark.parametrize("suffix", [".csv", ".tsv", ".txt"])
def test_text_of_any_encoding_is_read(tmp_path: Path, encoding: str, suffix: str) -> None:
    rows = [f"{i / 250:.3f}\t{row}" for i, row in enumerate(_eeg_rows("\t"))]
    text = "\r\n".join(['"time"\tTP9\tAF7\tAF8\tTP10', *rows])
    path = tmp_path / f"a{suffix}"
    path.write_bytes(text.encode(encoding))
    np.testing.assert_allclose(read(path).samples, brain_like(4, 1000), atol=1e-3)


def test_a_table_without_time_needs_a_rate_and_is_read_with_it(tmp_path: Path) -> None:
    path = _csv(tmp_path / "a.csv", "AF3,F7,O1,O2", _eeg_rows())
    with pytest.raises(RecordingError, match="--sfreq HZ"):
        read(path)
    recording = read(path, sfreq=128.0)
    assert (recording.sfreq, recording.n_times) == (128, 1000)
    with pytest.raises(RecordingError, match="--sfreq is for tables"):
        read(write_xdf(tmp_path / "a.xdf", brain_like(), 250), sfreq=128.0)


def test_a_table_of_numbers_alone_is_read_with_a_rate_and_names(tmp_path: Path) -> None:
    rows = [f"{i} {row}" for i, row in enumerate(_eeg_rows("  "))]
    path = _csv(tmp_path / "a.txt", rows[0], rows[1:])
    with pytest.raises(RecordingError, match="--sfreq HZ"):
        read(path)
    with pytest.raises(RecordingError, match=r"column 1, column 2.*--montage"):
        read(path, sfreq=250.0)
    recording = read(path, sfreq=250.0, montage=("-", *NAMES[:4]))
    assert (recording.sfreq, recording.ch_names) == (250, NAMES[:4])
    np.testing.assert_allclose(recording.samples, brain_like(4, 1000), atol=1e-3)


def test_the_table_of_openvibe_is_read(tmp_path: Path) -> None:
    header = "Time:250Hz,Epoch,TP9,AF7,AF8,TP10,Event Id,Event Date,Event Duration"
    events = {500: "769,2.0,0", 501: ",,"}
    rows = [f"{i / 250:.5f},0,{r},{events.get(i, ',,')}" for i, r in enumerate(_eeg_rows())]
    recording = read(_csv(tmp_path / "a.csv", header, rows))
    assert (recording.sfreq, recording.markers) == (250, ((2.0, "769"),))


def test_times_of_the_day_are_times(tmp_path: Path) -> None:
    rows = [f"10:00:{i / 250:06.3f},{row}" for i, row in enumerate(_eeg_rows())]
    recording = read(_csv(tmp_path / "a.csv", "Time,TP9,AF7,AF8,TP10", rows))
    assert (recording.sfreq, recording.n_times) == (250, 1000)


@pytest.mark.parametrize(
    ("unit", "factor", "notes"),
    [
        ("", 1e-6, ("it names no unit: taken as volts by the size of the signal",)),
        ("", 1e-3, ("it names no unit: taken as millivolts by the size of the signal",)),
        ("", 1.0, ()),
        (" (mV)", 1e-3, ()),
        (" [uV]", 1.0, ()),
    ],
)
def test_a_table_in_any_unit_becomes_microvolts(
    tmp_path: Path, unit: str, factor: float, notes: tuple[str, ...]
) -> None:
    x = brain_like(4, 1000) * factor
    rows = [f"{i / 250:.3f}," + ",".join(f"{v:.9f}" for v in row) for i, row in enumerate(x.T)]
    names = ",".join(f"{name}{unit}" for name in NAMES[:4])
    recording = read(_csv(tmp_path / "a.csv", f"time,{names}", rows))
    np.testing.assert_allclose(recording.samples, x / factor, atol=2e-3)
    assert recording.notes == notes


def test_emotiv_markers_have_their_value_not_their_number(tmp_path: Path) -> None:
    header = "title:x\nTimestamp,EEG.AF3,EEG.O1,MarkerIndex,MarkerType,MarkerValueInt"
    marks = {256: "1,label,31", 257: ",,", 400: "2,label,32"}
    rows = [f"{1.6e9 + i / 128:.6f},{i % 9},{i % 7},{marks.get(i, ',,')}" for i in range(512)]
    recording = read(_csv(tmp_path / "a.csv", header, rows))
    assert recording.markers == ((2.0, "31"), (400 / 128, "32"))


def test_emotivs_one_line_header_tells_names_and_rate(tmp_path: Path) -> None:
    header = "title:x,recorded:1.1.20,sampling:128,subject:s,labels:COUNTER AF3 O1 RAW_CQ MARKER"
    header += " TIME_STAMP_s CQ_AF3,chan:7,units:emotiv"
    lost = [i for i in range(512) if not 200 <= i < 250]
    rows = [f"{i % 129}, {4200 + i % 9}, {4100 + i % 7}, 0, {7 * (i == 384)}, 1, 4" for i in lost]
    recording = read(_csv(tmp_path / "a.csv", header, rows))
    assert (recording.ch_names, recording.sfreq) == (("AF3", "O1"), 128)
    assert recording.gaps == ((200, 250),)
    assert recording.markers == ((3.0, "7"),)


def _brainflow_rows(n_columns: int, stamp: int) -> list[str]:
    table = np.zeros((500, n_columns))
    table[:, 0] = np.arange(500) % 256
    table[:, 1:5] = brain_like(4, 500).T
    table[:, stamp] = 1.7e9 + np.arange(500) / 250
    table[250, -1] = 3
    return ["\t".join(f"{v:.6f}" for v in row) for row in table]


def test_a_raw_table_of_brainflow_is_told_by_its_columns_or_its_board(tmp_path: Path) -> None:
    rows = _brainflow_rows(24, 22)
    cyton = _csv(tmp_path / "BrainFlow-RAW_2024_0.csv", rows[0], rows[1:])
    recording = read(cyton, montage=NAMES)
    assert recording.ch_names == NAMES
    assert recording.notes[0] == "board cyton told by its 24 columns"
    np.testing.assert_allclose(recording.samples[:4], brain_like(4, 500), atol=1e-5)
    assert recording.markers == ((1.0, "3"),)
    assert read(cyton, montage=NAMES, board="cyton").notes == (
        "electrode names assumed from --montage",
    )
    with pytest.raises(RecordingError, match="24 columns, but BrainFlow's ganglion has 15"):
        read(cyton, board="ganglion")
    with pytest.raises(RecordingError, match="no board 'piano'"):
        read(cyton, board="piano")
    rows = _brainflow_rows(22, 20)
    with pytest.raises(RecordingError, match="22 columns: name its board with --board"):
        read(_csv(tmp_path / "b.csv", rows[0], rows[1:]))


def test_the_sd_card_of_a_cyton_is_read(tmp_path: Path) -> None:
    header = "%OBCI SD Convert - 2019\n%\n%Sample Rate = 250.0 Hz\n%First Column = SampleIndex"
    x = brain_like(8, 500)
    rows = [
        f"{i % 256}," + ",".join(f"{v:.3f}" for v in x[:, i]) + ",0.1,0.2,0.9" for i in range(500)
    ]
    recording = read(_csv(tmp_path / "SDconverted.csv", header, rows), montage=NAMES)
    assert recording.sfreq == 250
    np.testing.assert_allclose(recording.samples, x, atol=1e-3)


def test_every_single_file_may_be_packed(tmp_path: Path) -> None:
    import gzip

    import edfio

    signals = [
        _signal("edf", row, name, "uV") for row, name in zip(brain_like(), NAMES, strict=True)
    ]
    edfio.Edf(signals).write(tmp_path / "a.edf")
    write_xdf(tmp_path / "a.xdf", brain_like(), 250)
    write_eeglab(tmp_path / "a.set", brain_like(), 250)
    rows = [f"{i / 250:.3f},{row}" for i, row in enumerate(_eeg_rows())]
    _csv(tmp_path / "a.csv", "time,TP9,AF7,AF8,TP10", rows)
    for suffix in (".edf", ".xdf", ".set", ".csv"):
        plain = tmp_path / f"a{suffix}"
        packed = tmp_path / f"b{suffix}.gz"
        packed.write_bytes(gzip.compress(plain.read_bytes()))
        recording = read(packed)
        np.testing.assert_array_equal(recording.samples, read(plain).samples)
        assert recording.source == str(packed)


def test_emotiv_pro_csv_is_read_below_its_first_line(tmp_path: Path) -> None:
    header = "title:x,start timestamp:1.6e9\n"
    header += "Timestamp,EEG.Counter,EEG.AF3,EEG.O1,POW.AF3.Theta,MarkerValueInt"
    rows = [f"{1.6e9 + i / 128:.6f},{i % 128},{4200 + i % 9},{4100 + i % 7},,0" for i in range(512)]
    recording = read(_csv(tmp_path / "a.csv", header, rows))
    assert recording.ch_names == ("AF3", "O1")
    assert recording.sfreq == 128


@pytest.mark.parametrize(
    ("header", "what"),
    [
        ("AF3,F7,O1", "column of time"),
        ("1,2,3", "column of time"),
        ("time,left,right", "--montage"),
    ],
)
def test_a_csv_without_time_or_names_says_what_is_missing(
    tmp_path: Path, header: str, what: str
) -> None:
    path = _csv(tmp_path / "a.csv", header, [f"{i / 250},1,2" for i in range(500)])
    with pytest.raises(RecordingError, match=what):
        read(path)


# XDF


def test_late_stamps_are_no_gap_and_hide_none(tmp_path: Path) -> None:
    rng = np.random.default_rng(3)
    stamps = 1000 + np.arange(2500) / 250 + rng.uniform(0, 0.01, 2500)
    stamps[1000:] += 0.5
    recording = read(write_xdf(tmp_path / "a.xdf", brain_like(), 250, stamps=stamps))
    ((first, stop),) = recording.gaps
    assert (first, stop - first) == (1000, pytest.approx(125, abs=3))
    assert recording.sfreq == 250


def test_markers_in_any_dress_become_labels(tmp_path: Path) -> None:
    events = [
        (0.5, "1111.000000000000"),
        (1.0, '["a", 2.0]'),
        (1.5, "happy face"),
        (2.0, ""),
        (2.5, "[broken"),
    ]
    recording = read(write_xdf(tmp_path / "a.xdf", brain_like(), 250, events=events))
    labels = ((0.5, "1111"), (1.0, "a/2"), (1.5, "happy face"), (2.5, "[broken"))
    assert recording.markers == labels


def test_the_counter_of_a_daisy_counts_samples(tmp_path: Path) -> None:
    counter = (np.arange(2500) * 2) % 256
    x = np.concatenate([counter[None].astype(np.float32), brain_like()])
    lost, kept = np.delete(x, slice(700, 710), axis=1), np.r_[:700, 710:2500]
    path = write_xdf(tmp_path / "a.xdf", lost, 125, labels=(), unit="", stamps=kept / 125)
    recording = read(path, NAMES)
    assert recording.gaps == ((700, 710),)
    np.testing.assert_array_equal(recording.samples, lost[1:])
    assert recording.notes == (
        "electrode names assumed from --montage",
        "it names no unit: taken as microvolts by the size of the signal",
        "samples are missing, no window reaches across: 0.08 s at 5.6 s",
    )


def test_too_many_names_for_a_stream_with_a_counter_say_where_the_counter_is(
    tmp_path: Path,
) -> None:
    x = np.concatenate([(np.arange(2500) % 256)[None].astype(np.float32), brain_like(7)])
    path = write_xdf(tmp_path / "a.xdf", x, 250, labels=())
    with pytest.raises(RecordingError, match="column 1 of 8 is the device's sample counter"):
        read(path, NAMES)
    assert read(path, ("counter", *NAMES[1:])).ch_names == NAMES[1:]


@pytest.mark.parametrize("unit", ["volts", "V", "0", "mV", "-3", "µV", "uV", "-6", "nanovolts"])
def test_units_of_a_stream_become_microvolts(tmp_path: Path, unit: str) -> None:
    factor = {"v": 1e6, "0": 1e6, "m": 1e3, "-3": 1e3, "n": 1e-3}
    per_unit = factor.get(unit, factor.get(unit[0].lower(), 1.0))
    x = brain_like()
    recording = read(write_xdf(tmp_path / "a.xdf", x / np.float32(per_unit), 250, unit=unit))
    np.testing.assert_allclose(recording.samples, x, rtol=1e-5)
    assert recording.notes == ()


@pytest.mark.parametrize("kind", ["AUX", "ExG", "Ch", "EMG"])
def test_a_name_or_a_montage_beats_the_type_of_a_column(tmp_path: Path, kind: str) -> None:
    def made(labels: tuple[str, ...]) -> Path:
        xdf = XdfText()
        xdf.header(3, n_channels=9, sfreq=250, labels=labels, types=(kind,) * 8 + ("ACC",))
        xdf.samples(3, brain_like(9).T, (1000 + np.arange(2500) / 250).tolist())
        return xdf.write(tmp_path / "a.xdf")

    assert read(made((*NAMES, "AccX"))).ch_names == NAMES
    numbered = made((*(f"in {k}" for k in range(8)), "AccX"))
    assert read(numbered, montage=NAMES).ch_names == NAMES


def test_one_huge_sample_harms_one_electrode(tmp_path: Path) -> None:
    x = brain_like()
    x[3, 1000] = 3.4e38
    recording = read(write_xdf(tmp_path / "a.xdf", x, 250, unit=""))
    assert "taken as microvolts" in recording.notes[0]
    others = [0, 1, 2, 4, 5, 6, 7]
    np.testing.assert_array_equal(recording.samples[others], x[others])
    volts = write_xdf(tmp_path / "b.xdf", x * np.float32(1e-6), 250, unit="volts")
    assert np.isfinite(read(volts).samples[others]).all()


def test_several_streams_of_eeg_are_listed_and_one_is_chosen_by_name(tmp_path: Path) -> None:
    xdf = XdfText()
    stamps = (np.arange(500) / 250).tolist()
    for stream_id, name in ((1, "cap"), (2, "ear")):
        xdf.header(stream_id, name=name, n_channels=2, sfreq=250, labels=("Fz", "Cz"))
        xdf.samples(stream_id, brain_like(2, 500, seed=stream_id).T, stamps)
    xdf.header(3, name="unused", n_channels=2, sfreq=250, labels=("Fz", "Cz"))
    path = xdf.write(tmp_path / "a.xdf")
    with pytest.raises(RecordingError, match=r"'cap' \(EEG, 2 channels, 250 Hz\), 'ear'.*stream="):
        read(path)
    np.testing.assert_array_equal(read(path, stream="EAR").samples, brain_like(2, 500, seed=2))
    np.testing.assert_array_equal(read(path, stream="id-1").samples, brain_like(2, 500, seed=1))
    with pytest.raises(RecordingError, match="no stream 'nose' in it; it holds 'cap'"):
        read(path, stream="nose")
    with pytest.raises(RecordingError, match="no stream 'unused'"):
        read(path, stream="unused")


def test_clocks_of_two_computers_are_brought_together(tmp_path: Path) -> None:
    xdf = XdfText()
    xdf.header(1, n_channels=2, sfreq=250, labels=("Fz", "Cz"))
    xdf.header(2, name="m", kind="Markers", n_channels=1, sfreq=0, channel_format="string")
    for collected_s in (0.0, 5.0, 10.0):
        xdf.offset(1, 100 + collected_s, 0.0).offset(2, 5000 + collected_s, -4900.0)
    xdf.samples(1, brain_like(2, 2500).T, (100 + np.arange(2500) / 250).tolist())
    xdf.strings(2, [(5003.0, "happy")])
    assert read(xdf.write(tmp_path / "a.xdf")).markers == ((pytest.approx(3.0), "happy"),)


@pytest.mark.parametrize(("nominal", "true"), [(250, 246.0), (250, 249.0), (120, 95.0), (256, 128)])
def test_a_stream_is_read_at_the_rate_of_its_stamps(
    tmp_path: Path, nominal: float, true: float
) -> None:
    n_times = round(60 * true)
    late = np.random.default_rng(1).uniform(0, 0.02, n_times)
    stamps = 1000 + np.arange(n_times) / true + late
    x = brain_like(8, n_times)
    recording = read(write_xdf(tmp_path / "a.xdf", x, nominal, stamps=stamps))
    assert recording.sfreq == pytest.approx(true, rel=3e-4)
    assert recording.gaps == ()
    assert recording.duration_s == pytest.approx(60, abs=0.03)
    said = f"nominal {nominal:g} Hz, but {recording.sfreq:g} Hz by its time stamps, which is taken"
    assert recording.notes[0] == said


@pytest.mark.parametrize("true", [250.04, 249.96])
def test_a_clock_that_is_a_little_off_leaves_the_nominal_rate(tmp_path: Path, true: float) -> None:
    stamps = 1000 + np.arange(10_000) / true
    recording = read(write_xdf(tmp_path / "a.xdf", brain_like(8, 10_000), 250, stamps=stamps))
    assert (recording.sfreq, recording.notes) == (250, ())


def test_stamps_that_count_something_else_are_not_believed(tmp_path: Path) -> None:
    stamps = 1000 + np.arange(2500) / 250_000
    recording = read(write_xdf(tmp_path / "a.xdf", brain_like(), 250, stamps=stamps))
    assert recording.sfreq == 250
    assert "250000 Hz by its time stamps, which is not believed" in recording.notes[0]


def test_markers_lie_among_the_samples_and_not_among_their_late_stamps(tmp_path: Path) -> None:
    true = np.r_[:2500, 3500:6000] / 250
    late = np.random.default_rng(5).uniform(0, 0.2, 5000)
    stamps = 1000 + np.sort(true + late)
    seconds = {"before": 5.0, "lost": 12.0, "behind": 20.0}
    # The typical sample is stamped 0.1 s late.
    events = [(1000.1 + time_s - stamps[0], label) for label, time_s in seconds.items()]
    x = brain_like(8, 5000)
    markers = read(write_xdf(tmp_path / "a.xdf", x, 250, stamps=stamps, events=events)).markers
    assert {label: time_s for time_s, label in markers} == pytest.approx(seconds, abs=0.05)


def test_a_stream_without_a_nominal_rate_is_read_at_its_measured_rate(tmp_path: Path) -> None:
    stamps = 1000 + np.arange(2500) / 250
    xdf = XdfText().header(3, n_channels=8, sfreq=0, labels=NAMES)
    xdf.samples(3, brain_like().T, stamps.tolist())
    recording = read(xdf.write(tmp_path / "a.xdf"))
    assert recording.sfreq == pytest.approx(250)
    assert recording.notes == ("no nominal rate: 250 Hz by its time stamps",)


def test_a_torn_file_gives_exactly_its_whole_chunks(tmp_path: Path) -> None:
    whole = write_xdf(tmp_path / "a.xdf", brain_like(), 250, events=[(1.0, "x")])
    content, samples = whole.read_bytes(), read(whole).samples
    torn = tmp_path / "torn.xdf"
    for cut in np.random.default_rng(11).integers(40_000, len(content) - 1, 60).tolist():
        torn.write_bytes(content[:cut])
        recording = read(torn)
        np.testing.assert_array_equal(recording.samples, samples[:, : recording.n_times])
        assert recording.n_times >= (cut - 2000) // 41 - 125
        if recording.notes:
            assert "bytes are damaged and left out" in recording.notes[0]
            assert recording.notes[0].endswith("and the end")


def test_a_packed_file_that_was_cut_gives_what_was_in_it(tmp_path: Path) -> None:
    whole = write_xdf(tmp_path / "a.xdf", brain_like(), 250)
    packed = gzip.compress(whole.read_bytes())
    content = whole.read_bytes()
    members = gzip.compress(content[:9000]) + gzip.compress(content[9000:]) + bytes(512)
    (tmp_path / "c.xdf.gz").write_bytes(members)
    assert not read(tmp_path / "c.xdf.gz").notes
    (tmp_path / "b.xdf.gz").write_bytes(packed[: len(packed) * 2 // 3])
    recording = read(tmp_path / "b.xdf.gz")
    assert recording.notes[0] == "its compression is damaged: the rest is lost"
    assert 1000 < recording.n_times < 2500
    np.testing.assert_array_equal(recording.samples, read(whole).samples[:, : recording.n_times])


def test_a_file_damaged_in_the_middle_goes_on_at_its_next_boundary(tmp_path: Path) -> None:
    path = write_xdf(tmp_path / "a.xdf", brain_like(), 250)
    content = bytearray(path.read_bytes())
    content[30_000:40_000] = bytes(10_000)
    path.write_bytes(content)
    recording = read(path)
    assert "damaged" in recording.notes[0]
    assert 1000 < recording.n_times < 2500


def test_nan_stays_nan_and_infinity_becomes_nan(tmp_path: Path) -> None:
    x = brain_like()
    x[1, 100:110] = np.nan
    x[2, 200] = np.inf
    samples = read(write_xdf(tmp_path / "a.xdf", x, 250)).samples
    assert np.isnan(samples).sum() == 11
    assert np.isnan(samples[2, 200])


def test_a_slow_recording_says_what_it_lacks(tmp_path: Path) -> None:
    recording = read(write_xdf(tmp_path / "a.xdf", brain_like(), 64))
    assert "nothing above 32 Hz" in recording.notes[0]
