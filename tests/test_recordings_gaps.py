"""Files that are not one piece: every command sees their gaps, seams, bad spans and true rate."""

from __future__ import annotations

import gzip
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.cli.main import run_command_line
from mdjpt.datasets import open_dataset
from mdjpt.errors import RecordingError
from mdjpt.features import prepare_windows
from mdjpt.recordings import Recording, read_recording
from mdjpt.recordings.reader_process import read_here
from mdjpt.store.preparation import PreparationSettings, prepare_recording
from streaming.pipeline import Pipeline
from streaming.sources.recording import RecordingSource
from tests.support.fakes import PowerDecoder, eeg_like
from tests.support.hand_clock import HandClock
from tests.support.recording_files import (
    NAMES,
    write_brainvision,
    write_edf_plus,
    write_eeglab,
    write_xdf,
)

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from mdjpt.datasets.trials import Trial
    from streaming.prediction import Prediction

SFREQ = 125
TONE_HZ = 20.0
TONE = (50.0, 60.0)
"""Seconds of a tone, on the clock of the file."""
GAP = (20.0, 30.0)
"""Seconds that are lost, where some are."""


def with_tone(seconds: float, sfreq: float) -> np.ndarray:
    """Return EEG of 8 electrodes with a tone that no reference takes out."""
    times = np.arange(round(seconds * sfreq)) / sfreq
    tone = 40 * np.sin(2 * np.pi * TONE_HZ * times) * ((times >= TONE[0]) & (times < TONE[1]))
    noise = 0.4 * eeg_like(8, len(times), seed=3)
    return (noise + np.linspace(-1, 1, 8)[:, None] * tone).astype(np.float32)


def write_gap_xdf(folder: Path) -> Path:
    stamps = 1000 + np.r_[: 20 * SFREQ, 30 * SFREQ : 80 * SFREQ] / SFREQ
    x = with_tone(80, SFREQ)[:, np.r_[: 20 * SFREQ, 30 * SFREQ : 80 * SFREQ]]
    return write_xdf(folder / "gap.xdf", x, SFREQ, stamps=stamps, events=[(50.0, "tone")])


def write_gap_xdf_gz(folder: Path) -> Path:
    path = folder / "gap.xdf.gz"
    path.write_bytes(gzip.compress(write_gap_xdf(folder).read_bytes()))
    return path


def write_gap_edf(folder: Path) -> Path:
    x = with_tone(80, SFREQ)[:, np.r_[: 20 * SFREQ, 30 * SFREQ : 80 * SFREQ]]
    onsets = [*range(20), *range(30, 80)]
    return write_edf_plus(folder / "gap.edf", x, SFREQ, onsets, [(50.0, 10.0, "tone")])


def write_drift_xdf(folder: Path) -> Path:
    """Write a file that declares 250 Hz and has 246."""
    stamps = 1000 + np.arange(70 * 246) / 246
    x = with_tone(70, 246)
    return write_xdf(folder / "drift.xdf", x, 250, stamps=stamps, events=[(50.0, "tone")])


def write_boundary_set(folder: Path) -> Path:
    seam_s = 30.0 - 0.5 / SFREQ  # EEGLAB writes it between two samples
    events = [(10.0, 0.0, "S1"), (seam_s, 20.0, "boundary"), (40.0, 0.0, "S2")]
    return write_eeglab(folder / "seam.set", with_tone(80, SFREQ), SFREQ, events=events)


def write_segments_vhdr(folder: Path) -> Path:
    x, events = with_tone(80, SFREQ), [(10.0, "S  1"), (40.0, "S  2")]
    return write_brainvision(folder / "seam.vhdr", x, SFREQ, events=events, segments=[30.0])


def write_edge_fif(folder: Path) -> Path:
    """Write two pieces that MNE has joined, with a bad span and two bad electrodes."""
    import mne

    x = with_tone(80, SFREQ).astype(np.float64) / 1e6
    info = mne.create_info(list(NAMES), SFREQ, "eeg")
    parts = [mne.io.RawArray(part, info.copy()) for part in np.split(x, [30 * SFREQ], axis=1)]
    raw = mne.concatenate_raws(parts)
    raw.info["bads"] = ["C3", "O2"]
    raw.annotations.append(10, 3, "BAD_muscle")
    raw.annotations.append([11, 40], [0, 0], ["S1", "S2"])
    raw.save(folder / "seam_raw.fif", fmt="single", overwrite=True)
    return folder / "seam_raw.fif"


gaps = pytest.mark.parametrize("write", [write_gap_xdf, write_gap_xdf_gz, write_gap_edf])
seams = pytest.mark.parametrize("write", [write_boundary_set, write_segments_vhdr, write_edge_fif])
Writer = "Callable[[Path], Path]"


def decoded(recording: Recording) -> list[Prediction]:
    """Run a recording through the live path."""
    source = RecordingSource(recording, speed="max")
    return [answer.prediction for answer in Pipeline(source, PowerDecoder(), hop_s=0.5).run()]


def tone_power(signal: np.ndarray, sfreq: float) -> float:
    """Return the power around the tone's frequency, the median over channels."""
    spectrum = np.fft.rfft(signal * np.hanning(signal.shape[1]), axis=1)
    hz = np.fft.rfftfreq(signal.shape[1], 1 / sfreq)
    return float(np.median((np.abs(spectrum[:, np.abs(hz - TONE_HZ) <= 3]) ** 2).sum(axis=1)))


def assert_tone_in_its_place(recording: Recording) -> np.ndarray:
    """Check that windows hold the tone if their seconds do; return the seconds they start at."""
    prepared = prepare_windows(recording, hop_s=0.5)
    within, without = [], []
    for window, start_s in zip(prepared.windows, prepared.start_s, strict=True):
        # The last half second of a window decides as well as its first.
        edges = [tone_power(window[:, part], 125) for part in (slice(63), slice(-63, None))]
        if TONE[0] <= start_s <= TONE[1] - 5:
            within.append(min(edges))
        elif start_s >= TONE[1] + 0.5 or start_s + 5 <= TONE[0] - 0.5:
            without.append(max(edges))
    assert len(within) == 11
    assert min(within) > 3 * max(without)
    return prepared.start_s


def statuses(recording: Recording) -> dict[float, str]:
    return {p.start_s: p.status for p in decoded(recording)}


@gaps
def test_a_gap_of_a_file_has_its_place_and_length(tmp_path: Path, write: Writer) -> None:
    recording = read_recording(write(tmp_path))
    assert recording.gaps == ((20 * SFREQ, 30 * SFREQ),)
    assert recording.sfreq == SFREQ
    assert recording.duration_s == 80.0
    assert recording.markers == ((50.0, "tone"),)
    assert recording.notes == ("samples are missing, no window reaches across: 10 s at 20.0 s",)


@gaps
def test_check_counts_the_samples_that_a_file_lost(
    tmp_path: Path, write: Writer, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_command_line(["check", str(write(tmp_path))]) == 0
    said = capsys.readouterr().out
    assert "8 channels, 125 Hz, 80.0 s, 1250 samples lost in 1 gap, 1 events" in said


@gaps
def test_no_window_of_features_reaches_into_a_gap(tmp_path: Path, write: Writer) -> None:
    starts = assert_tone_in_its_place(read_recording(write(tmp_path)))
    assert not ((starts > GAP[0] - 5) & (starts < GAP[1])).any()
    assert {15.0, 30.0, 75.0} <= set(starts.tolist())


@gaps
def test_the_live_path_tells_the_same_gap(tmp_path: Path, write: Writer) -> None:
    for start_s, status in statuses(read_recording(write(tmp_path))).items():
        assert (status == "gap") == (GAP[0] - 5 < start_s < GAP[1]), start_s


def folder_trials(folder: Path, path: Path, rows: list[str]) -> Iterator[Trial]:
    """Cut trials as ``data prepare folder`` does."""
    text = "\n".join(["file,label,start_s,stop_s", *(f"{path.name},{row}" for row in rows)])
    (folder / "trials.csv").write_text(text)
    reader = open_dataset("folder", folder)
    return reader.trials(reader.recordings()[0])


@pytest.mark.parametrize("write", [write_gap_xdf, write_gap_edf, write_drift_xdf])
def test_a_trial_behind_a_gap_or_at_another_rate_is_cut_where_it_was(
    tmp_path: Path, write: Writer
) -> None:
    (trial,) = folder_trials(tmp_path, write(tmp_path), ["tone,50,60"])
    assert trial.duration_s == pytest.approx(10.0)
    assert trial.start_s == 50.0
    quarter = round(trial.sfreq / 4)
    parts = [trial.samples[:, k * quarter : (k + 1) * quarter] for k in range(40)]
    edges = [tone_power(part, trial.sfreq) for part in (parts[0], trial.samples[:, -quarter:])]
    assert edges == [pytest.approx(tone_power(parts[20], trial.sfreq), rel=0.3)] * 2


def test_a_trial_with_a_gap_keeps_its_longest_piece_and_says_so(tmp_path: Path) -> None:
    rows = ["a,2,12", "b,12,23", "a,22,28", "b,26,38", "a,17,33"]
    trials = list(folder_trials(tmp_path, write_gap_xdf(tmp_path), rows))
    assert [(t.trial, t.start_s, t.duration_s) for t in trials] == [
        (0, 2.0, 10.0),
        (1, 12.0, 8.0),
        (3, 30.0, 8.0),
    ]
    for trial in trials:
        assert trial.notes[1:] == (
            "trial 2 has a gap: 8.0 of its 11.0 s are kept",
            "trial 3 left out: 0.0 s of it lie between gaps",
            "trial 4 has a gap: 8.0 of its 12.0 s are kept",
            "trial 5 left out: 3.0 s of it lie between gaps",
        )


def test_a_file_at_another_rate_than_it_says_is_read_at_the_true_one(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = write_drift_xdf(tmp_path)
    assert run_command_line(["check", str(path)]) == 0
    said = capsys.readouterr().out
    assert "8 channels, 246 Hz, 70.0 s, 0 samples lost, 1 events" in said
    assert "note: nominal 250 Hz, but 246 Hz by its time stamps, which is taken" in said
    recording = read_recording(path)
    assert recording.markers == ((pytest.approx(50.0, abs=1e-3), "tone"),)
    assert assert_tone_in_its_place(recording)[-1] == 65.0
    assert max(statuses(recording)) == 65.0


def test_the_longest_of_many_gaps_are_named(tmp_path: Path) -> None:
    columns = [c for k in range(10) for c in range(250 * k, 250 * k + 250 - 3 * k)]
    stamps = 1000 + np.array(columns) / SFREQ
    path = write_xdf(tmp_path / "a.xdf", with_tone(20, SFREQ)[:, columns], SFREQ, stamps=stamps)
    assert read_here(path, None, None).notes == (
        "samples are missing, no window reaches across: 0.192 s at 17.8 s, 0.168 s at 15.8 s, "
        "0.144 s at 13.9 s and 5 shorter gaps",
    )


def test_one_scale_for_a_recording_knows_nothing_of_its_bad_electrodes(tmp_path: Path) -> None:
    samples = with_tone(60, SFREQ)
    kept = [name not in ("C3", "O2") for name in NAMES]
    without = Recording(samples[kept], SFREQ, tuple(np.array(NAMES)[kept]))
    samples[np.logical_not(kept)] = np.nan
    scaled = [
        prepare_windows(recording, scale="recording").windows
        for recording in (Recording(samples, SFREQ, NAMES), without)
    ]
    np.testing.assert_allclose(scaled[0], scaled[1], atol=1e-5)


@seams
def test_no_window_crosses_a_seam(tmp_path: Path, write: Writer) -> None:
    recording = read_recording(write(tmp_path))
    assert recording.duration_s == 80.0
    assert any("at 30.0 s: no window crosses it" in note for note in recording.notes)
    starts = assert_tone_in_its_place(recording)
    assert not ((starts > 25.0) & (starts < 30.0)).any()
    assert {25.0, 31.0, 75.0} <= set(starts.tolist())
    found = statuses(recording)
    assert {found[26.0], found[29.0]} == {"gap"}
    assert {found[25.0], found[31.0]} == {"ok"}


@seams
def test_a_seam_is_no_event(tmp_path: Path, write: Writer) -> None:
    recording = read_recording(write(tmp_path))
    assert [label[-1] for _, label in recording.markers] == ["1", "2"]
    assert recording.markers[1][0] == 40.0


def test_no_window_reaches_into_a_span_that_is_marked_bad(tmp_path: Path) -> None:
    recording = read_recording(write_edge_fif(tmp_path))
    assert "BAD_muscle from 10.0 to 13.0 s: left out" in recording.notes
    for start_s, status in statuses(recording).items():
        in_bad, at_seam = 5 < start_s < 13, 25 < start_s <= 30
        assert (status == "gap") == (in_bad or at_seam), start_s


def test_electrodes_that_a_file_calls_bad_are_bad_throughout(tmp_path: Path) -> None:
    recording = read_recording(write_edge_fif(tmp_path))
    assert "called bad by the file and not used: C3, O2" in recording.notes
    used = [p.quality for p in decoded(recording) if p.status == "ok"]
    assert {quality.bad for quality in used} == {("C3", "O2")}


def test_electrodes_that_a_file_calls_bad_are_interpolated_in_a_store(tmp_path: Path) -> None:
    trials = list(folder_trials(tmp_path, write_edge_fif(tmp_path), ["a,31,41", "b,50,60"]))
    for interpolate in (True, False):
        settings = PreparationSettings(ica=False, interpolate=interpolate)
        prepared, report = prepare_recording(trials, settings)
        assert np.isfinite(prepared.samples).all()
        bad = [np.array(report.ch_names)[row].tolist() for row in report.bad_first]
        assert bad == [["C3", "O2"]] * 2
        assert prepared.samples[[report.ch_names.index("C3")]].std() > 0.01


@st.composite
def broken(draw: st.DrawFn) -> Recording:
    """Draw a recording with a late first sample, gaps and spans that are not to be used."""
    sfreq = draw(st.sampled_from([125.0, 128.0, 246.0]))
    second = st.integers(0, round(60 * sfreq))
    positions = np.arange(round(60 * sfreq)) + draw(st.sampled_from([0, 0, 1, 700]))
    for at, n_lost in draw(st.lists(st.tuples(second, st.integers(1, 2000)), max_size=3)):
        positions[at:] += n_lost
    spans = draw(st.lists(st.tuples(second, st.sampled_from([1, 1, 900])), max_size=3))
    return Recording(
        with_tone(60, sfreq),
        sfreq,
        NAMES,
        positions=positions,
        excluded=tuple((first, first + n) for first, n in spans),
    )


@settings(max_examples=8, deadline=None)
@given(recording=broken(), hop_s=st.sampled_from([0.5, 1.0, 2.0]))
def test_features_are_made_of_the_windows_that_the_live_path_decodes(
    recording: Recording, hop_s: float
) -> None:
    source, decoder = RecordingSource(recording, speed="max"), PowerDecoder()
    live = [answer.prediction for answer in Pipeline(source, decoder, hop_s=hop_s).run()]
    starts = [prediction.start_s for prediction in live if prediction.status == "ok"]
    if not starts:
        with pytest.raises(RecordingError, match="can be decoded"):
            prepare_windows(recording, hop_s=hop_s)
        return
    np.testing.assert_array_equal(prepare_windows(recording, hop_s=hop_s).start_s, starts)
    used = np.zeros(recording.n_positions, bool)
    used[recording.positions[recording.columns]] = True
    for start_s in starts:
        first = round(start_s * recording.sfreq)
        assert used[first : first + round(5 * recording.sfreq)].all()


@settings(max_examples=8, deadline=None)
@given(recording=broken(), speed=st.sampled_from([0.7, 3.0, 40.0]), timeout_s=st.floats(0.01, 2.0))
def test_any_pace_of_a_broken_recording_gives_the_same_predictions(
    recording: Recording, speed: float, timeout_s: float
) -> None:
    clock = HandClock()
    source = RecordingSource(recording, speed=speed, clock=clock, wait=clock.wait)
    pipeline, paced = Pipeline(source, PowerDecoder(), clock=clock), []
    pipeline.open()
    while not pipeline.inference.finished:
        paced += [answer.prediction for answer in pipeline.step(timeout_s)]
    pipeline.close()
    told = [(p.index, p.start_s, p.status, p.probabilities) for p in paced]
    assert told == [(p.index, p.start_s, p.status, p.probabilities) for p in decoded(recording)]


def test_records_that_overlap_are_refused(tmp_path: Path) -> None:
    path = write_edf_plus(tmp_path / "a.edf", with_tone(3, SFREQ), SFREQ, [0, 1, 1.5])
    with pytest.raises(RecordingError, match="its records overlap"):
        read_here(path, None, None)


def test_records_that_follow_one_another_leave_no_gap_however_their_onsets_are_rounded(
    tmp_path: Path,
) -> None:
    onsets = [0.3 + second + 0.003 * (second % 2) for second in range(10)]
    annotations = [(4.4, 0.0, "event")]
    path = write_edf_plus(tmp_path / "a.edf", with_tone(10, SFREQ), SFREQ, onsets, annotations)
    recording = read_here(path, None, None)
    assert recording.gaps == ()
    assert recording.markers == ((pytest.approx(4.1), "event"),)


@pytest.mark.parametrize("set_by", [-900.0, -3.0, 1.7e9])
def test_a_clock_that_was_set_leaves_a_seam_and_events_where_they_were(
    tmp_path: Path, set_by: float
) -> None:
    stamps = 2000 + np.arange(80 * SFREQ) / SFREQ
    stamps[40 * SFREQ :] += set_by
    path = tmp_path / "set.xdf"
    events = [(20.0, "before"), (60.0 + set_by, "behind")]
    write_xdf(path, with_tone(80, SFREQ), SFREQ, stamps=stamps, events=events)
    recording = read_here(path, None)
    assert (recording.duration_s, recording.gaps) == (80.0, ())
    assert [label for _, label in recording.markers] == ["before", "behind"]
    assert [at_s for at_s, _ in recording.markers] == pytest.approx([20, 60], abs=2 / SFREQ)
    assert recording.excluded == ((40 * SFREQ, 40 * SFREQ + 1),)
    way = "back" if set_by < 0 else "ahead"
    assert any(f"clock was set {way} by" in note for note in recording.notes)
    starts = assert_tone_in_its_place(recording)
    assert not any(start < 40 < start + 5 for start in starts.tolist())


def test_single_wrong_stamps_set_no_clock(tmp_path: Path) -> None:
    stamps = 2000 + np.arange(80 * SFREQ) / SFREQ
    stamps[[1000, 3000, 3001]] = 0.0, 1.7e9, 1.7e9
    path = write_xdf(tmp_path / "a.xdf", with_tone(80, SFREQ), SFREQ, stamps=stamps)
    recording = read_here(path, None)
    assert (recording.duration_s, recording.gaps, recording.excluded) == (80.0, (), ())


def test_events_of_another_clock_are_left_out_and_counted(tmp_path: Path) -> None:
    events = [(10.0, "own"), (85.0, "late"), (1.7e9, "unix"), (1.7e9 + 5, "unix")]
    path = write_xdf(tmp_path / "a.xdf", with_tone(80, SFREQ), SFREQ, events=events)
    recording = read_here(path, None)
    assert [label for _, label in recording.markers] == ["own", "late"]
    assert (
        "3 of 4 events lie outside of the recording; 2 are stamped by another clock than its "
        "samples and left out"
    ) in recording.notes
