"""Recordings in the formats of other programs: read by others, samples and events are the same."""

from __future__ import annotations

import csv
import gzip
import json
import warnings
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import mne
import mne_bids
import numpy as np
import pytest
import pyxdf

from app.cli.main import run_command_line
from mdjpt.errors import MdjptError, RecordingError
from mdjpt.recordings import Recording, read_recording
from mdjpt.recordings.beside import Beside, read_beside
from mdjpt.recordings.export import EXPORT_KINDS, export_recording
from mdjpt.recordings.export_bids import BidsNames
from mdjpt.recordings.export_layout import laid_out, marked
from mdjpt.signal.quality import Quality
from streaming.prediction import Prediction
from streaming.recorder import Recorder
from streaming.recorder.side_streams import SideBlock
from streaming.snapshot import ModelCard
from streaming.stream import Column, Marker
from tests.support.recordings_made import INFO, SFREQ, chunks_with_gap, joined

if TYPE_CHECKING:
    from pathlib import Path

CARD = ModelCard("demo.safetensors", "released", ("low", "high"), simulated=True)
GAP_AT_S, N_LOST = 7.0, 40
CHUNKS = [
    replace(chunk, others=np.arange(chunk.first_sample, chunk.stop_sample, dtype=float)[None])
    for chunk in chunks_with_gap(seconds=24, gap_at_s=GAP_AT_S, n_lost=N_LOST)
]
VALUES, POSITIONS = joined(CHUNKS)
OPENED_AT = 20
"""Sample at which the recording begins, counted from the opening of the source."""
EVENTS = {3.0: "eyes open", 15.2: "trial/happy"}
ACC_HEADER = (
    "<info><name>acc</name><type>ACC</type><channel_count>2</channel_count>"
    "<channel_format>float32</channel_format><nominal_srate>5</nominal_srate>"
    "<source_id>acc</source_id><desc><channels><channel><label>x</label><unit>g</unit></channel>"
    "<channel><label>y</label><unit>g</unit></channel></channels></desc></info>"
)


def prediction(index: int, label: str | None) -> Prediction:
    start_s = index * 0.5 + OPENED_AT / SFREQ
    return Prediction(
        index, start_s, start_s + 5, start_s + 5, "ok" if label else "unsure", label,
        {"low": 0.75, "high": 0.25}, 0.75, Quality(7, ("O2",), ("flat",)), 31.5, ("model",),
        valence=6.5, reason="" if label else "confidence 0.75 below 0.80",
    )  # fmt: skip


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three streams, events, a gap and predictions, as a session records them."""
    path = tmp_path_factory.mktemp("recorded") / "session.xdf"
    recorder = Recorder(path)
    recorder.open(replace(INFO, others=(Column("counter"),), notes=("units judged",)))
    for chunk in CHUNKS:
        recorder.write(replace(chunk, first_sample=chunk.first_sample + OPENED_AT))
        at = float(chunk.timestamps[0])
        recorder.beside(
            SideBlock(
                0, ACC_HEADER, np.array([at + 5.0]), np.array([[at], [1.0]], np.float32), (0, -5.0)
            )
        )
    for second, label in EVENTS.items():
        recorder.mark(Marker(second, label))
    for index, label in enumerate(["low", "low", None, "high", "high", "high"]):
        recorder.predict(prediction(index, label), CARD)
    recorder.close()
    assert recorder.error == ""
    return path


@pytest.fixture(scope="module")
def read(recorded: Path) -> tuple[Recording, Beside]:
    recording = read_recording(recorded)
    return recording, read_beside(recording)


def exported(read: tuple[Recording, Beside], kind: str, out: Path) -> tuple[Path, ...]:
    names = BidsNames("01", "rest", run="2") if kind == "bids" else None
    return export_recording(*read, kind, out, names).files


def opened(kind: str, path: Path) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return mne.io.read_raw(path, preload=True, verbose="ERROR")


def assert_same_samples(raw: Any, tolerance_uV: float) -> None:
    """Every sample stands at its position; the lost ones are there, too."""
    found = raw.get_data()[:, POSITIONS] * 1e6
    np.testing.assert_allclose(found, VALUES, rtol=1e-6, atol=tolerance_uV)


def marks_of(raw: Any) -> set[tuple[int, int, str]]:
    """Return first sample, length and text of each annotation but remarks and padding."""
    sfreq = raw.info["sfreq"]
    return {
        (round(a["onset"] * sfreq), round(a["duration"] * sfreq), a["description"])
        for a in raw.annotations
        if "note: " not in a["description"] and a["onset"] * sfreq < POSITIONS[-1]
    }


def expected_marks() -> set[tuple[int, int, str]]:
    first = round(GAP_AT_S * SFREQ)
    windows_end = [round((prediction(i, None).end_s) * SFREQ) - OPENED_AT for i in range(6)]
    return {
        (375, 0, "eyes open"),
        (1900, 0, "trial/happy"),
        (first, N_LOST, "BAD_ACQ_SKIP"),
        (windows_end[0], windows_end[2] - windows_end[0], "emotion/low"),
        (windows_end[3], windows_end[5] - windows_end[3], "emotion/high"),
    }


TOLERANCE_UV = {"edf": 0.0501, "bdf": 0.002, "fif": 0.0, "brainvision": 0.0}
NAMES = {"edf": "a.edf", "bdf": "a.bdf", "fif": "a_eeg.fif", "brainvision": "a.vhdr"}


@pytest.mark.parametrize("kind", list(NAMES))
def test_mne_finds_every_sample_and_event_where_it_was(
    read: tuple[Recording, Beside], tmp_path: Path, kind: str
) -> None:
    path = exported(read, kind, tmp_path / NAMES[kind])[0]
    raw = opened(kind, path)
    assert raw.ch_names == list(INFO.ch_names)
    assert raw.info["sfreq"] == SFREQ
    assert_same_samples(raw, TOLERANCE_UV[kind])
    wanted = expected_marks()
    if kind == "brainvision":  # which has no instants and types every marker
        wanted = {
            (a, max(1, n), f"{'Bad Interval' if label.startswith('BAD') else 'Comment'}/{label}")
            for a, n, label in wanted
        }
    assert marks_of(raw) == wanted
    remarks = " ".join(a["description"] for a in raw.annotations)
    assert "note: SIMULATED SIGNAL" in remarks
    assert "note: model demo.safetensors was trained on simulated people" in remarks
    assert "note: units judged" in remarks


def test_mne_filters_no_window_across_the_gap_and_epochs_leave_it_out(
    read: tuple[Recording, Beside], tmp_path: Path
) -> None:
    raw = opened("fif", exported(read, "fif", tmp_path / "a_raw.fif")[0])
    events = mne.make_fixed_length_events(raw, duration=1.0)
    epochs = mne.Epochs(raw, events, tmin=0, tmax=0.99, baseline=None, verbose="ERROR")
    gap_s = (GAP_AT_S, GAP_AT_S + N_LOST / SFREQ)
    touching = [i for i in range(len(events)) if i < gap_s[1] and i + 1 > gap_s[0]]
    epochs.drop_bad(verbose="ERROR")
    dropped = [i for i, log in enumerate(epochs.drop_log) if any("BAD" in why for why in log)]
    assert dropped == touching


@pytest.mark.parametrize("kind", list(NAMES))
def test_what_was_exported_reads_here_with_its_gap(
    read: tuple[Recording, Beside], tmp_path: Path, kind: str
) -> None:
    again = read_recording(exported(read, kind, tmp_path / NAMES[kind])[0])
    first = round(GAP_AT_S * SFREQ)
    assert (first, first + N_LOST) in again.excluded
    kept = again.columns[again.columns <= POSITIONS[-1]]
    np.testing.assert_array_equal(kept, POSITIONS)
    np.testing.assert_allclose(again.samples[:, kept], VALUES, rtol=1e-6, atol=TOLERANCE_UV[kind])


def test_csv_keeps_every_bit_and_its_gap_is_a_jump(
    read: tuple[Recording, Beside], tmp_path: Path
) -> None:
    files = exported(read, "csv", tmp_path / "a.csv")
    again = read_recording(files[0])
    np.testing.assert_array_equal(again.samples, VALUES)
    np.testing.assert_array_equal(again.positions, POSITIONS)
    assert again.markers == tuple(EVENTS.items())
    with files[1].open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file, delimiter="\t"))
    assert files[1].name == "a_events.tsv"
    found = {
        (int(r["sample"]), round(float(r["duration"]) * SFREQ), r["label"])
        for r in rows
        if not r["label"].startswith("note: ")
    }
    assert found == expected_marks()


@pytest.mark.parametrize("kind", ["edf", "csv"])
def test_predictions_and_other_streams_stand_beside_the_file(
    read: tuple[Recording, Beside], tmp_path: Path, kind: str
) -> None:
    files = exported(read, kind, tmp_path / f"a.{kind}")
    beside = {path.name: path for path in files}
    with beside["a_predictions.tsv"].open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file, delimiter="\t"))
    assert [row["label"] for row in rows] == ["low", "low", "n/a", "high", "high", "high"]
    assert [int(row["sample"]) for row in rows] == [round(i * 0.5 * SFREQ) for i in range(6)]
    assert float(rows[3]["onset"]) == pytest.approx(1.5, abs=1 / SFREQ)
    assert rows[0]["p_low"] == "0.75"
    assert rows[0]["valence"] == "6.5"
    assert rows[0]["arousal"] == "n/a"
    assert rows[0]["bad_electrodes"] == "O2"
    assert rows[0]["simulated"] == "1"
    assert rows[0]["simulated_parts"] == "model"
    assert [row["reason"] for row in rows[1:3]] == ["n/a", "confidence 0.75 below 0.80"]
    assert rows[0]["model"] == "demo.safetensors"
    counter = np.loadtxt(beside["a_amp-others.tsv"], delimiter="\t", skiprows=1)
    np.testing.assert_allclose(counter[:, 0], POSITIONS / SFREQ, atol=1e-6)
    np.testing.assert_array_equal(counter[:, 1], POSITIONS)
    acc = np.loadtxt(beside["a_acc.tsv"], delimiter="\t", skiprows=1)
    assert beside["a_acc.tsv"].read_text().splitlines()[0] == "onset\tx (g)\ty (g)"
    # The sender's clock is 5 s ahead: its samples lie where the EEG's chunks began.
    begins = [c.first_sample / SFREQ for c in CHUNKS]
    np.testing.assert_allclose(acc[:, 0], begins, atol=1e-6)


def test_mne_bids_reads_the_dataset_with_equal_samples_and_events(
    read: tuple[Recording, Beside], tmp_path: Path
) -> None:
    root = tmp_path / "dataset"
    files = exported(read, "bids", root)
    path = mne_bids.BIDSPath(
        root=root, subject="01", task="rest", run="2", datatype="eeg", suffix="eeg"
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        raw = mne_bids.read_raw_bids(path, verbose="ERROR")
    assert_same_samples(raw, 0.0)
    assert marks_of(raw) == expected_marks()
    events = list(csv.DictReader(_lines(root / "sub-01/eeg/sub-01_task-rest_run-2_events.tsv")))
    by_label = {row["trial_type"]: int(row["sample"]) for row in events}
    assert by_label["eyes open"] == 375
    assert by_label["trial/happy"] == 1900
    about = json.loads((root / "sub-01/eeg/sub-01_task-rest_run-2_eeg.json").read_text())
    assert any("SIMULATED SIGNAL" in remark for remark in about["RecordingRemarks"])
    (physio,) = (f for f in files if "recording-acc_" in f.name)
    facts = json.loads(physio.with_name(physio.name.replace(".tsv.gz", ".json")).read_text())
    assert facts["SamplingFrequency"] == 5.0
    with gzip.open(physio, "rt") as table:
        assert np.loadtxt(table, delimiter="\t").shape == (len(CHUNKS), 3)
    derived = root / "derivatives/mdjpt-live"
    assert json.loads((derived / "dataset_description.json").read_text())["DatasetType"] == (
        "derivative"
    )
    rows = list(
        csv.DictReader(
            _lines(derived / "sub-01/eeg/sub-01_task-rest_run-2_desc-predictions_events.tsv")
        )
    )
    assert [row["label"] for row in rows] == ["low", "low", "n/a", "high", "high", "high"]


def _lines(path: Path) -> list[str]:
    return [line.replace("\t", ",") for line in path.read_text("utf-8-sig").splitlines()]


def test_commas_in_labels_end_no_field_of_brainvision(tmp_path: Path) -> None:
    given = recording(noise(), markers=((1.0, "sad, very"),), notes=("left out: A, B",))
    path = export_recording(given, Beside(), "brainvision", tmp_path / "a.vhdr").files[0]
    lines = path.with_suffix(".vmrk").read_text(encoding="utf-8")
    # BrainVision Core Data Format 1.0: "Commas in type or description text are coded as \\1".
    assert "=Comment,sad\\1 very,251,1,0" in lines
    assert "note: left out: A; B" in {a["description"][8:] for a in opened("x", path).annotations}


def test_a_second_recording_joins_the_dataset_and_replaces_nothing(
    read: tuple[Recording, Beside], tmp_path: Path
) -> None:
    export_recording(*read, "bids", tmp_path, BidsNames("01"))
    before = (tmp_path / "dataset_description.json").read_bytes()
    with pytest.raises(RecordingError, match="exists already and is not overwritten"):
        export_recording(*read, "bids", tmp_path, BidsNames("01"))
    export_recording(*read, "bids", tmp_path, BidsNames("02"))
    assert (tmp_path / "dataset_description.json").read_bytes() == before
    assert len(list(tmp_path.glob("sub-*/eeg/*.vhdr"))) == 2


def test_the_recording_itself_opens_in_pyxdf_with_all_its_streams(recorded: Path) -> None:
    found, _ = pyxdf.load_xdf(str(recorded), dejitter_timestamps=False)
    kinds = {stream["info"]["type"][0]: stream for stream in found}
    assert set(kinds) == {"EEG", "SamplePositions", "Markers", "Others", "Predictions", "ACC"}
    np.testing.assert_array_equal(kinds["EEG"]["time_series"].T, VALUES)


# What formats cannot hold


def recording(samples: np.ndarray, sfreq: float = 250.0, **more: Any) -> Recording:
    names = ("Fz", "Cz", "Pz", "Oz")[: len(samples)]
    return Recording(samples.astype(np.float32), sfreq, names, **more)


def noise(n_channels: int = 3, n_times: int = 1001) -> np.ndarray:
    return np.random.default_rng(5).normal(0, 20, (n_channels, n_times)).astype(np.float32)


@pytest.mark.parametrize("kind", ["edf", "bdf"])
@pytest.mark.parametrize("offset_uV", [0.0, -187_000.0, 45_678.9])
def test_electrodes_with_an_offset_keep_the_steps_of_the_amplifier(
    tmp_path: Path, kind: str, offset_uV: float
) -> None:
    x = noise() + np.float32(offset_uV)
    out = tmp_path / f"a.{kind}"
    export_recording(recording(x), Beside(), kind, out)
    found = opened(kind, out).get_data()[:, : x.shape[1]] * 1e6
    half_step = {"edf": 0.0501, "bdf": 0.016}[kind]
    assert np.abs(found - x).max() <= half_step + np.spacing(np.float32(abs(offset_uV)))


@pytest.mark.parametrize("sfreq", [249.3712, 125.07, 1000.0 / 3, 512.0])
def test_an_odd_rate_is_kept_to_a_millionth_and_told(tmp_path: Path, sfreq: float) -> None:
    marker = (1.5, "happy")
    given = recording(noise(), sfreq, markers=(marker,))
    found = export_recording(given, Beside(), "edf", tmp_path / "a.edf")
    raw = opened("edf", found.files[0])
    assert raw.info["sfreq"] == pytest.approx(sfreq, rel=1e-6)
    happy = next(a for a in raw.annotations if a["description"] == "happy")
    assert round(happy["onset"] * raw.info["sfreq"]) == round(1.5 * sfreq)
    is_told = any("no record is exact" in note for note in found.notes)
    assert is_told == (raw.info["sfreq"] != sfreq)


def test_a_last_record_is_filled_and_marked_not_cut(tmp_path: Path) -> None:
    x = noise(3, 1001)
    found = export_recording(recording(x), Beside(), "edf", tmp_path / "a.edf")
    raw = opened("edf", found.files[0])
    assert raw.n_times == 1250
    np.testing.assert_allclose(raw.get_data()[:, :1001] * 1e6, x, atol=0.0501)
    (padding,) = raw.annotations
    assert padding["description"] == "BAD_ACQ_SKIP"
    assert round(padding["onset"] * 250) == 1001
    assert any("249 samples fill its last record" in note for note in found.notes)


def test_what_holds_no_number_is_marked_and_bad_electrodes_are_called_bad(tmp_path: Path) -> None:
    x = noise()
    x[0, 100:110] = np.nan
    x[2] = np.nan
    found = export_recording(recording(x), Beside(), "fif", tmp_path / "a_raw.fif")
    raw = opened("fif", found.files[0])
    assert raw.info["bads"] == ["Pz"]
    assert marks_within(raw) == {(100, 10, "BAD_nan")}
    assert np.isfinite(raw.get_data()).all()
    assert any("10 samples without a number" in note for note in found.notes)
    assert any("nothing is known of Pz" in note for note in found.notes)


def marks_within(raw: Any) -> set[tuple[int, int, str]]:
    sfreq = raw.info["sfreq"]
    return {
        (round(a["onset"] * sfreq), round(a["duration"] * sfreq), a["description"])
        for a in raw.annotations
    }


def test_spans_seams_and_events_beside_the_signal() -> None:
    given = recording(
        noise(),
        markers=((-1.0, "early"), (1.0, "happy"), (99.0, "late")),
        spans=((1.0, 0.5, "happy"),),
        excluded=((500, 501), (600, 700)),
    )
    marks = marked(given, Beside())
    assert {(e.first, e.n_times, e.label) for e in marks.events} == {
        (250, 125, "happy"), (500, 1, "BAD boundary"), (600, 100, "BAD_excluded")
    }  # fmt: skip
    assert marks.notes == ("2 events lie outside the signal: left out",)


def test_a_gap_longer_than_all_signal_goes_into_csv_only(tmp_path: Path) -> None:
    positions = np.concatenate([np.arange(500), np.arange(400_000, 400_501)])
    given = recording(noise(), positions=positions)
    with pytest.raises(RecordingError, match="export it as csv"):
        laid_out(given, Beside())
    files = export_recording(given, Beside(), "csv", tmp_path / "a.csv").files
    stamps = np.loadtxt(files[0], delimiter=",", skiprows=1, usecols=0)
    np.testing.assert_allclose(stamps, positions / 250.0, atol=1e-8)


@pytest.mark.parametrize("kind", [kind for kind in EXPORT_KINDS if kind != "bids"])
def test_nothing_is_overwritten_and_a_wrong_ending_is_told(tmp_path: Path, kind: str) -> None:
    suffix = {"brainvision": "vhdr"}.get(kind, kind)
    path = tmp_path / f"a.{suffix}"
    (path.with_suffix(".eeg") if kind == "brainvision" else path).write_text("dear")
    with pytest.raises(RecordingError, match="exists already and is not overwritten"):
        export_recording(recording(noise()), Beside(), kind, path)
    assert [file.read_text() for file in tmp_path.iterdir()] == ["dear"]
    elsewhere = tmp_path / f"b.{suffix}"
    elsewhere.symlink_to(tmp_path / "not-there")
    with pytest.raises(RecordingError, match="exists already"):
        export_recording(recording(noise()), Beside(), kind, elsewhere)
    with pytest.raises(RecordingError, match=f"ends in .{suffix}"):
        export_recording(recording(noise()), Beside(), kind, tmp_path / "a.dat")


@pytest.mark.parametrize(
    ("names", "says"),
    [
        ({"subject": ""}, "say --subject"),
        ({"subject": "anna_1"}, "letters and digits"),
        ({"subject": "01", "run": "x"}, "must be a number"),
    ],
)
def test_names_that_bids_does_not_know_are_refused(names: dict[str, str], says: str) -> None:
    with pytest.raises(RecordingError, match=says):
        BidsNames(**names)


@pytest.mark.parametrize(("kind", "module"), [("brainvision", "pybv"), ("bids", "mne_bids")])
def test_a_missing_extra_is_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str, module: str
) -> None:
    monkeypatch.setitem(__import__("sys").modules, module, None)
    out = tmp_path / ("a.vhdr" if kind == "brainvision" else "dataset")
    with pytest.raises(MdjptError, match=r'pip install "mdjpt-live\[export\]"'):
        export_recording(recording(noise()), Beside(), kind, out, BidsNames("01"))


def test_the_command_says_what_it_wrote_and_what_is_not_as_it_was(
    recorded: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "a.edf"
    assert run_command_line(["export", str(recorded), "--to", "edf", "--out", str(out)]) == 0
    said = capsys.readouterr()
    assert f"exported: {out}\n" in said.out
    assert "a_predictions.tsv" in said.out
    assert "40 lost samples, gaps: 1: straight lines, marked BAD_ACQ_SKIP" in said.err
    assert run_command_line(["export", str(recorded), "--to", "edf", "--out", str(out)]) == 2
    assert "is not overwritten" in capsys.readouterr().err
    arguments = ["export", str(recorded), "--to", "bids", "--out", str(tmp_path / "d")]
    assert run_command_line(arguments) == 2
    assert "say --subject" in capsys.readouterr().err
    assert run_command_line([*arguments, "--subject", "01"]) == 0
