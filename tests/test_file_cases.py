"""Files as people have them, through the command line; assets/cases.md lists them."""

from __future__ import annotations

import gzip
import re
from typing import TYPE_CHECKING

import edfio
import numpy as np
import pytest

from app.calibration.from_recording import TrainingRequest, encoded_trials, trials_of
from app.cli.main import run_command_line
from app.session import default_bundle
from mdjpt.alignment.config import AlignmentConfig
from mdjpt.bundle.bundle import load_bundle, save_bundle
from mdjpt.recordings import read_recording, write_recording_edf
from tests.support.calibration_cases import small_bundle
from tests.support.fakes import eeg_like
from tests.support.recording_files import (
    NAMES,
    XdfText,
    brain_like,
    write_brainvision,
    write_edf_plus,
    write_eeglab,
    write_openbci,
    write_xdf,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

EMOTIV = ("AF3", "F7", "F3", "FC5", "T7", "P7", "O1", "O2", "P8", "T8", "FC6", "F4", "F8", "AF4")
MUSE = ("TP9", "AF7", "AF8", "TP10")
IV_2A = ["Fz", *map(str, range(6)), "C3", "6", "Cz", "7", "C4", *map(str, range(8, 15)), "Pz"]
IV_2A += ["15", "16"]
PAIRS = ("FP1-F7", "F7-T7", "T7-P7", "P7-O1", "FP2-F8", "F8-T8", "T8-P8", "P8-O2")
SEAM, HELD = 10.0, np.r_[: 5 * 125, 15 * 125 : 30 * 125]
"""Second of a seam, and the samples of a file that lost the seconds 5 to 15."""


def edf(path: Path, names: Sequence[str], *, kind: str = "edf", sfreq: int = 128) -> Path:
    """Write 12 s of EEG under any labels."""
    signal, file = getattr(edfio, f"{kind.title()}Signal"), getattr(edfio, kind.title())
    rows = brain_like(len(names), 12 * sfreq).astype(np.float64)
    file(
        [
            signal(row, sfreq, label=name, physical_dimension="uV")
            for name, row in zip(names, rows, strict=True)
        ]
    ).write(path)
    return path


def biosemi(path: Path) -> Path:
    """Write 128 electrodes as BioSemi calls them, and code 7 from 4 to 5 s."""
    names = [f"{'ABCD'[i // 32]}{i % 32 + 1}" for i in range(128)]
    rows = brain_like(128, 12 * 64).astype(np.float64)
    status = np.zeros(12 * 64)
    status[4 * 64 : 5 * 64] = 7
    signals = [
        edfio.BdfSignal(row, 64, label=name, physical_dimension="uV")
        for name, row in zip(names, rows, strict=True)
    ]
    codes = edfio.BdfSignal(status, 64, label="Status", physical_range=(-8388608, 8388607))
    edfio.Bdf([*signals, codes]).write(path)
    return path


def mixed(path: Path) -> Path:
    """Write EEG beside faster and slower channels."""
    x = brain_like(8, 12 * 256).astype(np.float64)
    eeg = [edfio.EdfSignal(r, 256, label=n) for n, r in zip(NAMES, x, strict=True)]
    heart = edfio.EdfSignal(brain_like(1, 12 * 1024)[0].astype(np.float64), 1024, label="ECG")
    slow = edfio.EdfSignal(np.arange(12.0), 1, label="Temp")
    edfio.Edf([heart, *eeg, slow]).write(path)
    return path


def table(
    path: Path,
    names: Sequence[str],
    sfreq: float,
    *,
    head: str = "",
    line: Callable[[int, NDArray[np.float32]], str] | None = None,
    separator: str = ",",
    encoding: str = "utf-8",
) -> Path:
    """Write a table of text: the time first unless `line` says how a row is written."""
    rows = brain_like(len(names), round(14 * sfreq)).T

    def usual(i: int, row: NDArray[np.float32]) -> str:
        cells = [f"{1.7e9 + i / sfreq:.6f}", *(f"{v:.3f}" for v in row)]
        text = separator.join(cells)
        return text.replace(".", ",") if separator == ";" else text

    head = head or separator.join(["timestamps", *names])
    lines = [head, *((line or usual)(i, row) for i, row in enumerate(rows))]
    path.write_bytes("\n".join(lines).encode(encoding))
    return path


def emotivpro(path: Path) -> Path:
    head = "title:x,sampling rate:eeg_128\nTimestamp," + ",".join(f"EEG.{n}" for n in EMOTIV)

    def line(i: int, row: NDArray[np.float32]) -> str:
        mark = {1024: "1,label,31", 1280: "2,label,32"}.get(i, ",,")
        return f"{1.7e9 + i / 128:.6f}," + ",".join(f"{4200 + v:.2f}" for v in row) + f",{mark}"

    head += ",MarkerIndex,MarkerType,MarkerValueInt"
    return table(path, EMOTIV, 128, head=head, line=line)


def emotiv_one_line(path: Path) -> Path:
    head = f"title:x, sampling:128, labels:COUNTER {' '.join(EMOTIV)} RAW_CQ, chan:16"

    def line(i: int, row: NDArray[np.float32]) -> str:
        return f"{i % 129}, " + ", ".join(f"{4200 + v:.2f}" for v in row) + ", 0"

    return table(path, EMOTIV, 128, head=head, line=line)


def brainflow(path: Path) -> Path:
    """Write a Cyton's rows as columns between tabs, without names."""

    def line(i: int, row: NDArray[np.float32]) -> str:
        cells = np.zeros(24)
        cells[0], cells[1:9], cells[22] = i % 256, row, 1.7e9 + i / 250
        return "\t".join(f"{v:.6f}" for v in cells)

    path = table(path, NAMES, 250, head="x", line=line)
    path.write_text(path.read_text().partition("\n")[2])
    return path


def sd_card(path: Path) -> Path:
    head = "%OBCI SD Convert - 2019\n%\n%Sample Rate = 250.0 Hz\n%First Column = SampleIndex"

    def line(i: int, row: NDArray[np.float32]) -> str:
        return f"{i % 256}," + ",".join(f"{v:.3f}" for v in row) + ",0.1,0.2,0.9"

    return table(path, NAMES, 250, head=head, line=line)


def streams(path: Path, *names: str) -> Path:
    xdf = XdfText()
    for number, name in enumerate(names, 1):
        xdf.header(number, name=name, n_channels=8, sfreq=125, labels=NAMES)
        xdf.samples(number, brain_like(8, 1250).T, (1000 + np.arange(1250) / 125).tolist())
    return xdf.write(path)


def left_and_right(path: Path) -> Path:
    return streams(path, "left", "right")


def twice_amp(path: Path) -> Path:
    return streams(path, "amp", "amp")


def no_time(path: Path) -> Path:
    names = ",".join(EMOTIV)
    return table(path, EMOTIV, 128, head=names, line=lambda _, row: ",".join(map(str, row)))


def seam_set(path: Path) -> Path:
    events = [(SEAM - 0.004, 0.0, "boundary"), (2.0, 0.0, "S1"), (15.0, 0.0, "S2")]
    return write_eeglab(path, brain_like(), 125, events=events)


def gap_xdf(path: Path) -> Path:
    stamps = 1000 + HELD / 125
    x = eeg_like(8, 30 * 125, seed=3)[:, HELD]
    write_xdf(path, x, 125, stamps=stamps, events=[(2.0, "calm"), (20.0, "tone")])
    if path.suffix == ".gz":
        path.write_bytes(gzip.compress(path.read_bytes()))
    return path


def gap_edf(path: Path) -> Path:
    x = brain_like(8, 30 * 125)[:, HELD]
    marks = [(2.0, 1.0, "calm"), (20.0, 8.0, "tone")]
    return write_edf_plus(path, x, 125, [*range(5), *range(15, 30)], marks)


def drift(path: Path) -> Path:
    return write_xdf(path, brain_like(8, 20 * 246), 250, stamps=1000 + np.arange(20 * 246) / 246)


def seam_fif(path: Path) -> Path:
    import mne

    raw = mne.io.RawArray(brain_like() / 1e6, mne.create_info(list(NAMES), 125.0, "eeg"))
    raw.set_annotations(
        mne.Annotations(
            [SEAM, SEAM, 3, 15], [0, 0, 2, 4], ["EDGE", "BAD boundary", "BAD_muscle", "happy"]
        )
    )
    raw.info["bads"] = ["C3", "O2"]
    raw.save(path, verbose="ERROR")
    return path


def epochs(path: Path) -> Path:
    import mne

    data = brain_like(8, 4000).reshape(8, 8, 500).transpose(1, 0, 2) / 1e6
    made = mne.EpochsArray(data, mne.create_info(list(NAMES), 125.0, "eeg"), verbose="ERROR")
    made.save(path, verbose="ERROR")
    return path


CASES: dict[str, tuple[Callable[[Path], Path], Sequence[str], int, str]] = {
    "gap_edfd.edf": (gap_edf, (), 0, r"125 Hz, 30\.0 s, 1250 samples lost in 1 gap, 2 events"),
    "gap.xdf": (gap_xdf, (), 0, r"125 Hz, 30\.0 s, 1250 samples lost in 1 gap, 2 events"),
    "gap.xdf.gz": (gap_xdf, (), 0, r"125 Hz, 30\.0 s, 1250 samples lost in 1 gap, 2 events"),
    "drift.xdf": (drift, (), 0, r"246 Hz, 20\.0 s, 0 samples lost(?s:.)*nominal 250 Hz, but 246"),
    "two_streams.xdf": (
        left_and_right, (), 2, r"'left' .*'right' .*--stream 'left'"
    ),
    "two_streams.xdf, chosen": (left_and_right, ("--stream", "left"), 0, ""),
    "two_equal_names.xdf": (twice_amp, (), 2, r"id-1.*id-2.*--stream"),
    "two_equal_names.xdf, chosen": (twice_amp, ("--stream", "id-2"), 0, ""),
    "mixed_rates.edf": (mixed, (), 0, r"8 channels, 256 Hz, 12\.0 s(?s:.)*ECG, Temp"),
    "biosemi_128.bdf": (biosemi, (), 0, r"128 channels(?s:.)*, 1 event(?s:.)*biosemi128: A1 is CZ"),
    "one_channel.edf": (lambda p: edf(p, ["Cz"]), (), 2, "no reference.*at least two"),
    "bci_iv_2a.edf": (
        lambda p: edf(p, [f"EEG-{n}" for n in IV_2A]), (), 0, "22 channels(?s:.)*Competition IV 2a"
    ),
    "bipolar.edf": (lambda p: edf(p, PAIRS), (), 2, "bipolar derivations.*no common reference"),
    "boundary.set": (
        seam_set, (), 0, r"2 events(?s:.)*boundary at 10\.0 s: no window crosses it",
    ),
    "new_segment.vhdr": (
        lambda p: write_brainvision(
            p, brain_like(), 125, events=[(2, "S  1"), (15, "S  2")], segments=[SEAM]
        ), (), 0, r"2 events(?s:.)*New Segment at 10\.0 s: no window crosses it",
    ),
    "edge_bad_raw.fif": (
        seam_fif, (), 0,
        r"1 event(?s:.)*not used: C3, O2(?s:.)*BAD_muscle from 3\.0 to 5\.0 s(?s:.)*at 10\.0 s",
    ),
    "epoched-epo.fif": (epochs, (), 2, "holds epochs, not a continuous recording"),
    "emotivpro.csv": (emotivpro, (), 0, r"14 channels, 128 Hz, 14\.0 s, 0 samples lost, 2 events"),
    "emotiv_one_line_header.csv": (emotiv_one_line, (), 0, r"14 channels, 128 Hz, 14\.0 s"),
    "BrainFlow-RAW_0.csv": (brainflow, (), 0, r"250 Hz, 14\.0 s(?s:.)*told by its 24 columns"),
    "BrainFlow-RAW_0.csv, another board": (
        brainflow, ("--board", "ganglion"), 2, "24 columns, but BrainFlow's ganglion has 15"
    ),
    "SDconverted.csv": (sd_card, ("--montage", ",".join(NAMES)), 0, r"8 channels, 250 Hz, 14\.0 s"),
    "SDconverted.csv, unnamed": (sd_card, (), 2, "name the electrodes with --montage"),
    "ganglion or cyton.txt": (
        lambda p: write_openbci(p, "v6", brain_like()), ("--montage", ",".join(NAMES)), 0, "1 event"
    ),
    "semicolon_decimal_comma.csv": (
        lambda p: table(p, MUSE, 256, separator=";"), (), 0, r"4 channels, 256 Hz, 14\.0 s"
    ),
    "utf16.csv": (
        lambda p: table(p, MUSE, 256, encoding="utf-16"), (), 0, r"4 channels, 256 Hz, 14\.0 s"
    ),
    "no_time_column.csv": (
        no_time,
        (), 2, "no column of time.*--sfreq",
    ),
    "no_time_column.csv, with a rate": (
        no_time,
        ("--sfreq", "128"), 0, r"14 channels, 128 Hz, 14\.0 s",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_check_says_what_a_file_is(
    tmp_path: Path, case: str, capsys: pytest.CaptureFixture[str]
) -> None:
    make, options, code, says = CASES[case]
    path = make(tmp_path / case.partition(",")[0])
    assert run_command_line(["check", str(path), *options]) == code
    told = capsys.readouterr()
    assert re.search(says, told.out + told.err), told
    assert "Traceback" not in told.err
    assert code == 0 or told.err.count("\n") == 1


def test_a_calibration_cuts_its_trials_behind_a_gap_where_they_were(tmp_path: Path) -> None:
    path = gap_xdf(tmp_path / "gap.xdf")
    labels = tmp_path / "labels.csv"
    labels.write_text("onset_s,duration_s,label\n16,7,calm\n23,7,happy\n2,10,calm\n")
    recording = read_recording(path)
    request = TrainingRequest(path, labels, tmp_path / "p", default_bundle())
    trials = trials_of(request, recording).trials
    assert [t.onset_s for t in trials] == [2, 16, 23]
    bundle = small_bundle()
    data, _, notes = encoded_trials(recording, trials, bundle, AlignmentConfig())
    # The gap from 5 to 15 s leaves the first trial no window of 5 s, and the others all of theirs.
    assert np.bincount(data.trial).tolist() == [3, 3]
    assert any("1 of 3 trials left out" in note for note in notes), notes


@pytest.fixture(scope="module")
def session(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write a recording of 60 s and a model to calibrate."""
    folder = tmp_path_factory.mktemp("labels")
    write_recording_edf(folder / "session.edf", brain_like(8, 60 * 125), 125, NAMES)
    save_bundle(folder / "model.safetensors", small_bundle(sha256=""))
    assert load_bundle(folder / "model.safetensors").class_names
    return folder


TABLES = {
    "past_the_end.csv": (
        "40,10,calm\n55,10,happy\n400,10,calm",
        r"line 3 .*line 4 \(400 to 410 s\)",
    ),
    "other_case.csv": (
        "5,10,calm\n20,10,Calm\n40,10,CALM",
        r"'calm'.*'Calm'.*'CALM'.*only in case",
    ),
    "in_samples.csv": ("625,1250,calm\n2500,1250,happy", r"perhaps they are samples at 125 Hz"),
    "not there": (None, "no such table of trials"),
}


@pytest.mark.parametrize("case", TABLES)
def test_a_table_that_cannot_belong_to_its_recording_is_refused_and_writes_nothing(
    session: Path, case: str, capsys: pytest.CaptureFixture[str]
) -> None:
    rows, says = TABLES[case]
    labels, out = session / f"{case}.csv", session / "p.safetensors"
    if rows is not None:
        labels.write_text(f"onset_s,duration_s,label\n{rows}\n")
    command = ["calibrate", str(session / "session.edf"), "--labels", str(labels)]
    model = ["--model", str(session / "model.safetensors")]
    assert run_command_line([*command, *model, "--out", str(out)]) == 2
    last = capsys.readouterr().err.splitlines()[-1]
    assert last.startswith("mdjpt: ")
    assert re.search(says, last), last
    assert not out.exists()
