"""Training beside a running program gives what the command gives, and overwrites nothing."""

from __future__ import annotations

import time
from dataclasses import replace

import numpy as np
import pytest

from app.calibration.from_recording import TrainingRequest, calibrate_recording
from app.calibration.labels import write_labels
from app.calibration.markers import PlanMark, RatingMark, SessionMark, TrialMark
from app.calibration.training import TrainingJob, TrainingState
from app.cli.calibrate import calibrate
from mdjpt.alignment.config import AlignmentConfig
from mdjpt.bundle.bundle import save_bundle
from mdjpt.calibration.evidence import Uncalibrated
from mdjpt.calibration.heads import GeneralHead
from mdjpt.calibration.profile import Profile, load_profile
from mdjpt.calibration.training import NotBetterError, as_it_is
from mdjpt.errors import LabelsError, ProfileError
from mdjpt.network.emotion_head import Head
from mdjpt.recordings.export_edf import write_recording_edf
from tests.support.calibration_cases import labelled, small_bundle
from tests.test_calibration_command import NAMES, SFREQ, session

PATIENCE_S = 120.0


def markers_of(trials):
    """Return what a calibration session marks."""
    markers = [(0.5, PlanMark({"label_by": "intended"}))]
    for k, trial in enumerate(trials, 1):
        markers += [
            (trial.onset_s, TrialMark(k, trial.label, "begin")),
            (trial.end_s - 0.1, TrialMark(k, trial.label, "end")),
            (trial.end_s - 0.05, RatingMark(k, round(5 + trial.valence), 5, trial.label)),
        ]
    return [(at, str(mark)) for at, mark in [*markers, (trials[-1].end_s, SessionMark("end"))]]


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """Write two recorded sessions, one of which tells nothing, and a model; return their folder."""
    folder = tmp_path_factory.mktemp("training")
    for name, effect in (("eeg", 1.0), ("noise", 0.0)):
        recording, trials = session(effect=effect)
        write_recording_edf(
            folder / f"{name}.edf", recording.samples, SFREQ, NAMES, markers_of(trials)
        )
        shorter = [replace(t, duration_s=t.duration_s - 0.1, arousal=5.0) for t in trials]
        rated = [replace(t, valence=round(5 + t.valence)) for t in shorter]
        write_labels(folder / f"{name}.csv", rated)
    save_bundle(folder / "model.safetensors", replace(small_bundle(), sha256=""))
    return folder


def job_of(files, tmp_path, name="eeg", **settings):
    path = tmp_path / "profile.safetensors"
    request = TrainingRequest(
        files / f"{name}.edf", None, path, files / "model.safetensors", **settings
    )
    return TrainingJob(request), path


def finished(job) -> TrainingState:
    deadline = time.monotonic() + PATIENCE_S
    while (state := job.poll()).status == "running":
        assert time.monotonic() < deadline, state
        job._connection.poll(1.0)
    return state


def test_the_job_gives_what_the_command_gives_from_markers_or_from_a_table(
    files, tmp_path, capsys
) -> None:
    job, path = job_of(files, tmp_path, participant="P-07")
    job.start()
    state = finished(job)
    assert state.status == "done", state.text
    assert not path.exists()
    assert job.accept() == path
    assert list(tmp_path.iterdir()) == [path]
    model = files / "model.safetensors"
    from_table, from_markers = tmp_path / "table.safetensors", tmp_path / "markers.safetensors"
    calibrate(files / "eeg.edf", labels=files / "eeg.csv", out=from_table, model=model)
    calibrate(files / "eeg.edf", out=from_markers, model=model)
    shown = capsys.readouterr().out
    assert state.summary is not None
    assert state.summary.decoder.evidence.summary() in shown
    assert (state.summary.participant, state.summary.version) == ("P-07", 1)
    wizard = load_profile(path).current
    for other in (load_profile(from_table).current, load_profile(from_markers).current):
        assert other.about == wizard.about
        for name, array in wizard.pool.arrays.items():
            np.testing.assert_array_equal(array, other.pool.arrays[name])
        np.testing.assert_array_equal(wizard.feature_mean, other.feature_mean)
        np.testing.assert_array_equal(wizard.feature_var, other.feature_var)


def test_a_head_that_is_not_better_is_refused_and_leaves_nothing(files, tmp_path) -> None:
    job, path = job_of(files, tmp_path, "noise")
    job.start()
    state = finished(job)
    assert state.status == "refused"
    assert "not better than chance" in state.text
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(ProfileError, match="no trained decoder waits"):
        job.accept()
    assert not path.exists()


def test_the_old_profile_stays_until_the_new_one_is_accepted(files, tmp_path) -> None:
    job, path = job_of(files, tmp_path)
    path.write_bytes(b"no profile")
    job.start()
    state = finished(job)
    assert state.status == "failed"
    assert "unusable profile" in state.text
    assert path.read_bytes() == b"no profile"


def test_a_recording_without_a_session_is_named(files, tmp_path) -> None:
    recording, _ = session()
    write_recording_edf(tmp_path / "plain.edf", recording.samples, SFREQ, NAMES)
    out = tmp_path / "profile.safetensors"
    with pytest.raises(LabelsError, match=r"plain\.edf: holds no calibration session"):
        calibrate(tmp_path / "plain.edf", out=out, model=files / "model.safetensors")


def test_a_cancelled_job_leaves_nothing_behind(files, tmp_path) -> None:
    job, _ = job_of(files, tmp_path)
    job.cancel()
    assert job.poll().status == "cancelled"
    job, _ = job_of(files, tmp_path)
    job.start()
    job.cancel()
    job.cancel()
    assert job.poll() == TrainingState("cancelled", "cancelled: the profile is as it was")
    assert list(tmp_path.iterdir()) == []


def test_a_process_that_dies_is_told(files, tmp_path) -> None:
    job, _ = job_of(files, tmp_path)
    job.start()
    assert job._process is not None
    job._process.kill()
    state = finished(job)
    assert state.status == "failed"
    assert "try again" in state.text
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_is_not_there_is_placed_at_once(files, tmp_path) -> None:
    job, _ = job_of(files, tmp_path / "none")
    with pytest.raises(ProfileError, match="choose another folder"):
        job.start()


def test_a_decoder_clearly_worse_than_the_model_as_it_is_is_refused_too() -> None:
    recording, trials = session()
    bundle = small_bundle()
    result = calibrate_recording(recording, trials, bundle, AlignmentConfig("moments"))
    evidence = result.decoder.evidence
    assert evidence.verdict == "better"
    assert result.before is not None
    assert evidence.before == result.before.accuracy

    def against(before: Uncalibrated | None) -> Profile:
        return replace(result, before=before).profile(bundle, None)

    for before in (None, Uncalibrated(evidence.accuracy, 1.0), Uncalibrated(evidence.high, 1.0)):
        assert against(before).active == 0
    worse = replace(result.decoder, evidence=replace(evidence, n_correct=12, low=0.3, high=0.9))
    with pytest.raises(NotBetterError, match=r"worse than the model as it is \(0\.95 of the"):
        replace(result, decoder=worse, before=Uncalibrated(0.95, 0.0)).profile(bundle, None)


def test_the_model_as_it_is_means_as_it_runs_live_aligned_to_the_person() -> None:
    data = labelled(n_per_class=16, effect=4.0)
    mean, var = data.features.mean(axis=0), data.features.var(axis=0)
    standardised = ((data.features - mean) / np.sqrt(var)).astype(np.float32)
    head = Head.fit(standardised, data.window_label, 3, n_epochs=30)
    general = GeneralHead(head, np.eye(3), 1.0)
    at_home = small_bundle(feature_mean=mean, feature_var=var, head=head)
    assert as_it_is(at_home, general, data).accuracy == 1.0
    # To the model as it was trained, everything of this person looks like the first class.
    shift = np.where(np.arange(len(mean)) == 0, 3.0 * np.sqrt(var), 0.0)
    moved = replace(data, features=(data.features + shift).astype(np.float32))
    unaligned = general.predict_proba(at_home.standardise(moved.features)).argmax(axis=1)
    assert (unaligned == moved.window_label).mean() < 0.6
    aligned = as_it_is(at_home, general, moved)
    assert aligned.accuracy > 0.7
    assert aligned.window_accuracy > 0.65
