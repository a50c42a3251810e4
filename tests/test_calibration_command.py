"""A recording and what was felt when become a profile, through the live path."""

from __future__ import annotations

from dataclasses import replace

import mne
import numpy as np
import pytest

from app.calibration.from_recording import TrainingRequest, _Grid, calibrate_recording
from app.cli.calibrate import add_to_profile, calibrate
from mdjpt.alignment.config import AlignmentConfig
from mdjpt.bundle.bundle import load_bundle, save_bundle
from mdjpt.calibration.decoder import EmotionDecoder
from mdjpt.calibration.profile import load_profile
from mdjpt.calibration.training import UnprovenError
from mdjpt.calibration.trials import LabelledInterval, trial_of_window
from mdjpt.errors import LabelsError, ModelError, ProfileError, RecordingError
from mdjpt.recordings import Recording
from mdjpt.recordings.export_edf import write_recording_edf
from mdjpt.signal.window import Preprocessor
from tests.support.calibration_cases import CLASSES, small_bundle
from tests.support.fakes import spread

NAMES = ("Fp1", "Fp2", "F3", "F4", "C3", "C4", "P3", "P4", "O1", "O2")
SFREQ, TRIAL_S, N_TRIALS = 125.0, 9.0, 12


def session(effect=1.0, seed=0):
    """Return EEG whose spectrum depends on the class of each trial, and the trials."""
    rng = np.random.default_rng(seed)
    n_times = round((12 + N_TRIALS * TRIAL_S) * SFREQ)
    white = rng.standard_normal((len(NAMES), n_times + 8))
    smooth = np.lib.stride_tricks.sliding_window_view(white, 9, axis=1).mean(axis=2) * 30
    samples = spread(len(NAMES)) @ smooth
    times = np.arange(n_times) / SFREQ
    trials = []
    for k in range(N_TRIALS):
        onset, which = 12 + k * TRIAL_S, (k * 5) % 3
        wave = 25 * effect * np.sin(2 * np.pi * (6, 12, 24)[which] * times)
        inside = (times >= onset) & (times < onset + TRIAL_S)
        samples[which * 3 : which * 3 + 3, inside] += wave[inside]
        rating = which - 1.0
        trials.append(LabelledInterval(onset, TRIAL_S, CLASSES[which], rating, None))
    recording = Recording(samples.astype(np.float32), SFREQ, NAMES, source="session.edf")
    return recording, tuple(trials)


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """Write recording, labels and model; return their paths."""
    folder = tmp_path_factory.mktemp("calibration")
    recording, trials = session()
    write_recording_edf(folder / "eeg.edf", recording.samples, SFREQ, NAMES)
    rows = [f"{t.onset_s}\t{t.duration_s}\t{t.label}\t{t.valence}\tn/a" for t in trials]
    header = "onset_s\tduration_s\tlabel\tvalence\tarousal"
    (folder / "labels.tsv").write_text("\n".join([header, *rows]))
    save_bundle(folder / "model.safetensors", replace(small_bundle(), sha256=""))
    return folder


def test_a_recording_and_its_labels_become_a_profile(files, capsys):
    out = files / "profile.safetensors"
    chosen = {"labels": files / "labels.tsv", "out": out, "model": files / "model.safetensors"}
    assert calibrate(files / "eeg.edf", **chosen) == 0
    first = load_profile(out)
    assert first.current.class_names == CLASSES
    assert first.current.evidence.verdict == "better"
    assert not first.current.unproven
    assert first.current.evidence.n_trials == N_TRIALS
    assert not first.simulated
    assert calibrate(files / "eeg.edf", **chosen) == 0
    second = load_profile(out)
    assert (len(second.versions), second.active) == (2, 1)
    assert second.participant == first.participant
    shown = capsys.readouterr().out
    assert "SIMULATED" not in shown
    assert "chance 0.33" in shown


@pytest.mark.parametrize("kind", ["moments", "rows"])
def test_what_was_trained_is_what_the_live_path_decodes(kind):
    recording, trials = session()
    bundle = small_bundle()
    result = calibrate_recording(recording, trials, bundle, AlignmentConfig(kind))
    model = EmotionDecoder(bundle, 0.5, profile=result.profile(bundle, None))
    preprocess = Preprocessor(NAMES, SFREQ)
    right = []
    for k in range(round((recording.duration_s - 5) / 0.5) + 1):
        first, stop = round(k * 0.5 * SFREQ), round(k * 0.5 * SFREQ) + 625
        margin = min(first, 250)
        raw = recording.samples[:, first - margin : stop]
        prepared = preprocess(raw, margin, stop)
        trial = trial_of_window(first / SFREQ, stop / SFREQ, trials)
        if trial is not None and prepared.window is not None:
            probabilities = model.decode(prepared.window, k, prepared.own).estimate.probabilities
            right.append(model.class_names[int(probabilities.argmax())] == trials[trial].label)
    assert np.mean(right) > 0.8


@pytest.mark.parametrize("simulated", [False, True])
def test_a_person_is_simulated_only_if_the_signal_was(simulated):
    """On a model of simulated people, as the demo model is."""
    recording, trials = session()
    bundle = small_bundle()
    assert bundle.simulated
    made = replace(recording, simulated=simulated)
    profile = calibrate_recording(made, trials, bundle, AlignmentConfig()).profile(bundle, None)
    assert profile.simulated == simulated
    decoder = EmotionDecoder(bundle, 0.5, profile=profile)
    assert decoder.simulated == (("model", "person") if simulated else ("model",))


def test_a_head_that_knows_nothing_is_refused():
    recording, trials = session(effect=0.0)
    bundle = small_bundle()
    result = calibrate_recording(recording, trials, bundle, AlignmentConfig("moments"))
    with pytest.raises(ProfileError, match="not better than chance") as error:
        result.profile(bundle, None)
    assert "record more trials" in str(error.value)


def test_trials_outside_of_the_recording_are_named():
    recording, _ = session()
    trials = [LabelledInterval(1000.0 + 10 * k, 9.0, CLASSES[k % 2]) for k in range(4)]
    with pytest.raises(LabelsError, match="no trial holds a window"):
        calibrate_recording(recording, trials, small_bundle(), AlignmentConfig())


def test_trials_that_are_too_short_are_told_how_long_they_have_to_be():
    recording, trials = session()
    short = [replace(trial, duration_s=4.1) for trial in trials]
    words = r"window of 5 s begins 1 s after the onset, and the longest trial lasts 4.1 s"
    with pytest.raises(LabelsError, match=words):
        calibrate_recording(recording, short, small_bundle(), AlignmentConfig())


def test_windows_lost_to_a_bad_signal_are_blamed_on_the_electrodes_not_on_the_table():
    recording, trials = session()
    samples = recording.samples.copy()
    samples[:6] *= 20
    samples[6] = 0.0
    hum = replace(recording, samples=samples)
    with pytest.raises(RecordingError) as error:
        calibrate_recording(hum, trials, small_bundle(), AlignmentConfig())
    said = str(error.value)
    assert "no usable trial of 'negative': 12 of 12 trials left out: of 84 windows in the" in said
    assert "84 have a bad signal" in said
    noisy = said.split("noisy: ")[1].split(";")[0]
    assert set(noisy.split(", ")) == set(NAMES[:6])
    assert "flat: P3" in said
    assert "onset_s" not in said


def test_trials_that_are_too_short_are_counted_apart():
    recording, trials = session()
    cut = [replace(trials[0], duration_s=4.0), *trials[1:]]
    decoder = calibrate_recording(recording, cut, small_bundle(), AlignmentConfig()).decoder
    assert decoder.evidence.n_trials == N_TRIALS - 1
    assert decoder.notes == (
        "1 of 12 trials left out, which hold no whole window of the recording: 5 s from 1 s after "
        "the onset on",
    )
    ended = Recording(recording.samples[:, : -round(4 * SFREQ)], SFREQ, NAMES, source="s.edf")
    decoder = calibrate_recording(ended, trials, small_bundle(), AlignmentConfig()).decoder
    assert decoder.notes[0].startswith("1 of 12 trials left out, which hold no whole window")


def test_trials_lost_to_a_bad_signal_are_counted():
    recording, trials = session()
    samples = recording.samples.copy()
    first, stop = (round(t * SFREQ) for t in (trials[4].onset_s, trials[4].end_s))
    samples[:, first:stop] = np.nan
    torn = replace(recording, samples=samples)
    result = calibrate_recording(torn, trials, small_bundle(), AlignmentConfig())
    assert result.decoder.evidence.n_trials == N_TRIALS - 1
    # The lost trial parts the blocks at its sides all the same.
    assert sum(result.decoder.evidence.design.n_blocks) == N_TRIALS - 1
    assert (
        "1 of 12 trials left out: of 84 windows in the trials, 9 have a bad signal"
        in result.decoder.notes[0]
    )
    assert "not finite: Fp1" in result.decoder.notes[0]


def test_an_order_that_proves_nothing_is_kept_only_on_demand_and_marked(files, capsys):
    recording, trials = session()
    halves = sorted((t for t in trials if t.label != CLASSES[1]), key=lambda t: t.label)
    samples, rows = [recording.samples[:, : round(12 * SFREQ)]], ["onset_s,duration_s,label"]
    for k, trial in enumerate(halves):
        first = round(trial.onset_s * SFREQ)
        samples.append(recording.samples[:, first : first + round(TRIAL_S * SFREQ)])
        rows.append(f"{12 + k * TRIAL_S},{TRIAL_S},{trial.label}")
    write_recording_edf(files / "halves.edf", np.concatenate(samples, axis=1), SFREQ, NAMES)
    (files / "halves.csv").write_text("\n".join(rows))
    model, out = files / "headless.safetensors", files / "halves.profile"
    save_bundle(model, replace(small_bundle(), head=None, class_names=(), sha256=""))
    chosen = {"labels": files / "halves.csv", "out": out, "model": model}
    with pytest.raises(UnprovenError) as error:
        calibrate(files / "halves.edf", **chosen)
    assert error.value.exit_code == 4
    for words in ("refused", "cannot be told", "at least 4 separate blocks, mixed", "--unproven"):
        assert words in str(error.value)
    assert not out.exists()
    capsys.readouterr()
    assert calibrate(files / "halves.edf", **chosen, unproven=True) == 0
    assert "(UNPROVEN)" in capsys.readouterr().out
    assert load_profile(out).current.unproven
    assert EmotionDecoder(load_bundle(model), 0.5, profile=load_profile(out)).unproven


def test_a_recording_is_calibrated_from_its_own_annotations(files):
    _, trials = session()
    raw = mne.io.read_raw_edf(files / "eeg.edf", preload=True, verbose=0)
    raw.set_annotations(
        mne.Annotations([t.onset_s for t in trials], TRIAL_S, [f"film/{t.label}" for t in trials])
    )
    raw.save(files / "eeg_raw.fif", overwrite=True, verbose=0)
    out = files / "annotated.profile"
    model = files / "model.safetensors"
    classes = ",".join(f"film/{name}={name}" for name in CLASSES)
    assert calibrate(files / "eeg_raw.fif", out=out, model=model, classes=classes) == 0
    assert load_profile(out).current.class_names == CLASSES
    with pytest.raises(LabelsError, match="--labels"):
        calibrate(files / "eeg.edf", out=out, model=model)


def test_an_unknown_alignment_is_named(files):
    paths = [files / name for name in ("labels.tsv", "x.safetensors", "model.safetensors")]
    with pytest.raises(ModelError, match="alignment must be auto or one of"):
        add_to_profile(TrainingRequest(files / "eeg.edf", *paths, alignment="magic"))
    assert not (files / "x.safetensors").exists()


def test_a_damaged_profile_is_not_written_over(files):
    out = files / "damaged.safetensors"
    out.write_bytes(b"not a profile")
    chosen = {"labels": files / "labels.tsv", "out": out, "model": files / "model.safetensors"}
    with pytest.raises(ProfileError, match="unusable profile"):
        calibrate(files / "eeg.edf", **chosen)
    assert out.read_bytes() == b"not a profile"


def test_a_window_belongs_to_the_trial_that_holds_all_of_it():
    trials = (LabelledInterval(10, 9, "a"), LabelledInterval(19, 9, "b"))
    assert trial_of_window(11.0, 16.0, trials) == 0
    assert trial_of_window(10.5, 15.5, trials) is None
    assert trial_of_window(16.0, 21.0, trials) is None
    assert trial_of_window(23.0, 28.0, trials) == 1


@pytest.mark.parametrize(
    ("durations_s", "grid"),
    [
        ([6.5] * 30, (0.5, 1)),
        ([15.0] * 15, (0.5, 1)),
        ([15.0] * 28, (1.0, 1)),
        ([30.0] * 14, (1.5, 1)),
        ([30.0] * 14 + [7.2] * 6, (1.0, 2)),
        ([6.9] * 400, (0.5, 2)),
    ],
)
def test_no_more_windows_are_made_than_are_learned_from_and_every_trial_keeps_one(
    durations_s, grid
):
    found = _Grid.of([LabelledInterval(31.0 * k, d, "a") for k, d in enumerate(durations_s)], 300)
    assert found == grid
    trials = [LabelledInterval(31.3 * k, d, "a") for k, d in enumerate(durations_s)]
    stop = round(trials[-1].end_s / found.hop_s)
    used = [found.trial_of(index, trials) for index in range(stop)]
    kept = [k for k in used if k is not None]
    assert len(kept) <= max(300, len(trials))
    assert set(kept) == set(range(len(trials)))
