"""A recording and what was felt when become a profile, through the live path."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from app.calibration.from_recording import TrainingRequest, calibrate_recording
from app.cli.calibrate import add_to_profile, calibrate
from mdjpt.alignment.config import AlignmentConfig
from mdjpt.bundle.bundle import save_bundle
from mdjpt.calibration.decoder import EmotionDecoder
from mdjpt.calibration.profile import load_profile
from mdjpt.calibration.trials import LabelledInterval, read_labels, trial_of_window
from mdjpt.errors import ModelError, ProfileError
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
    assert first.current.evidence.better_than_chance
    assert first.current.evidence.n_trials == N_TRIALS
    assert first.simulated
    assert calibrate(files / "eeg.edf", **chosen) == 0
    second = load_profile(out)
    assert (len(second.versions), second.active) == (2, 1)
    assert second.participant == first.participant
    shown = capsys.readouterr().out
    assert "SIMULATED" in shown
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
            probabilities = model.decode(prepared.window).estimate.probabilities
            right.append(model.class_names[int(probabilities.argmax())] == trials[trial].label)
    assert np.mean(right) > 0.8


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
    with pytest.raises(ProfileError, match="no trial holds a window"):
        calibrate_recording(recording, trials, small_bundle(), AlignmentConfig())


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


@pytest.mark.parametrize(
    "text",
    [
        "onset_s,duration_s,label\n1,2,a\n5,3.5,b\n",
        "\ufeffonset_s;duration_s;label\n5;3.5;b\n\n1;2;a\n",
    ],
)
def test_tables_are_read_whatever_their_separator_and_order(tmp_path, text):
    path = tmp_path / "labels.csv"
    path.write_text(text, encoding="utf-8")
    assert read_labels(path) == (LabelledInterval(1, 2, "a"), LabelledInterval(5, 3.5, "b"))


def test_the_truth_of_a_simulated_recording_is_a_table_too(tmp_path):
    path = tmp_path / "eeg.truth.json"
    states = [{"onset_s": 0.0, "state": "a"}, {"onset_s": 20.0, "state": "b"}]
    path.write_text(json.dumps({"states": states}))
    assert read_labels(path, 50.0) == (
        LabelledInterval(0, 20, "a"),
        LabelledInterval(20, 30, "b"),
    )


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "no trial"),
        ("onset_s,label\n1,a\n", "no column duration_s"),
        ("onset_s,duration_s,label\nx,2,a\n", "line 2"),
        ("onset_s,duration_s,label\n1,-2,a\n", "duration_s must be positive"),
        ("onset_s,duration_s,label\n-1,2,a\n", "onset_s must be 0 or more"),
        ("onset_s,duration_s,label\n1,2,\n", "label must be"),
        ("onset_s,duration_s,label\n1,2\n", "label must be"),
        ("onset_s,duration_s,label,valence\n1,2,a,inf\n", "valence must be a number"),
        ("onset_s,duration_s,label\n1,5,a\n3,5,b\n", "overlap"),
    ],
)
def test_a_table_that_makes_no_sense_is_refused_in_one_line(tmp_path, text, words):
    path = tmp_path / "labels.csv"
    path.write_text(text)
    with pytest.raises(ProfileError, match=words) as error:
        read_labels(path)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("none.csv", None),
        ("bytes.csv", b"\xff\xfe\x00"),
        ("a.truth.json", b"{]"),
        ("b.truth.json", b"[1]"),
        ("c.truth.json", b'{"states": [{"onset_s": "x"}]}'),
    ],
)
def test_files_that_are_no_tables_are_refused(tmp_path, name, content):
    path = tmp_path / name
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ProfileError, match=name):
        read_labels(path)


def test_a_window_belongs_to_the_trial_that_holds_all_of_it():
    trials = (LabelledInterval(10, 9, "a"), LabelledInterval(19, 9, "b"))
    assert trial_of_window(11.0, 16.0, trials) == 0
    assert trial_of_window(10.5, 15.5, trials) is None
    assert trial_of_window(16.0, 21.0, trials) is None
    assert trial_of_window(23.0, 28.0, trials) == 1
