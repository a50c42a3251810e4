"""The encoder's last layer is tuned for one person only where held-out trials say that it helps."""

from __future__ import annotations

import tracemalloc
from dataclasses import replace
from functools import partial

import numpy as np
import pytest

from app.calibration.from_recording import calibrate_recording
from app.calibration.trial_encoding import encode_trials, windows_within
from app.cli.calibrate import calibrate
from mdjpt.alignment.aligned_encoder import AlignedEncoder
from mdjpt.alignment.config import AlignmentConfig
from mdjpt.alignment.stages import build_alignment
from mdjpt.bundle.bundle import save_bundle
from mdjpt.calibration.anchored import GeneralHead
from mdjpt.calibration.decoder import EmotionModel
from mdjpt.calibration.decoding import encode_session
from mdjpt.calibration.fine_tune import FineTuner
from mdjpt.calibration.fine_tune_heads import differentiable
from mdjpt.calibration.fine_tune_inputs import (
    MAX_WINDOWS,
    LayerInputs,
    check_size,
    tunable_inputs,
)
from mdjpt.calibration.fine_tune_weights import check_tuned, tuned_bundle, tuned_shapes
from mdjpt.calibration.labelled import LabelledFeatures, balanced_weights, trial_of_window
from mdjpt.calibration.profile import Profile, load_profile, save_profile
from mdjpt.calibration.profile_file import read_profile_file, write_profile_file
from mdjpt.calibration.selection import ANCHORED, CANDIDATES, fit_candidate
from mdjpt.calibration.training import train_personal_decoder
from mdjpt.calibration.trials import LabelledInterval
from mdjpt.errors import ProfileError
from mdjpt.evaluation.fine_tune_benchmark import main as benchmark
from mdjpt.recordings.export import write_recording_edf
from mdjpt.signal.filters import WINDOW_S
from streaming.decoder import Decoder
from streaming.pipeline import Pipeline
from streaming.sources.recording import RecordingSource
from tests.support.calibration_cases import CLASSES, CONFIG, eeg_windows, labelled, small_bundle
from tests.test_calibration_command import NAMES, SFREQ, session

HOP_S, N_A_TRIAL = 1.0, 5
BUNDLE = small_bundle()
CAUTIOUS = CANDIDATES[:1]


def trials_of_windows(effect, n_a_class=4, seed=0):
    """Return windows whose spectrum depends on the trial's class, and their features."""
    label = np.random.default_rng(seed).permutation(np.repeat(np.arange(3), n_a_class))
    trial = np.repeat(np.arange(len(label)), N_A_TRIAL)
    windows = eeg_windows(len(trial), seed=seed)
    times = np.arange(windows.shape[-1]) / 125.0
    for k, window in enumerate(windows):
        which = label[trial[k]]
        wave = np.sin(2 * np.pi * (6, 12, 24)[which] * times)
        window[which * 10 : which * 10 + 10] += effect * wave.astype(np.float32)
    features = encode_session(BUNDLE, windows, hop_s=HOP_S)
    return windows, LabelledFeatures(features, trial, label, CLASSES, HOP_S)


def tuner_of(windows, **settings):
    encode = partial(encode_session, windows=windows, hop_s=HOP_S)
    return FineTuner(BUNDLE, tunable_inputs(BUNDLE, windows), encode, **settings)


def profile_of(decoder):
    return Profile("P-01", BUNDLE.sha256, True, (decoder,), 0)


@pytest.fixture(scope="module")
def case():
    """Return windows, data and a decoder whose encoder was tuned whatever it brought."""
    windows, data = trials_of_windows(effect=0.6)
    tuner = tuner_of(windows, unconditional=True)
    return windows, data, train_personal_decoder(data, candidates=CAUTIOUS, tuner=tuner)


@pytest.fixture
def path(case, tmp_path):
    save_profile(tmp_path / "p.safetensors", profile_of(case[2]))
    return tmp_path / "p.safetensors"


def test_only_the_last_convolutions_are_tuned_and_the_bundle_stays_as_it_was(case):
    before = {name: array.copy() for name, array in BUNDLE.weights.items()}
    _, _, decoder = case
    names = {f"spatiotemporal.convs.{k}.{part}" for k in range(4) for part in ("weight", "bias")}
    assert decoder.tuned.keys() == names == tuned_shapes(CONFIG).keys()
    changed = tuned_bundle(BUNDLE, decoder.tuned)
    for name, array in changed.weights.items():
        same = np.array_equal(array, BUNDLE.weights[name])
        assert same == (name not in names), name
        assert array.dtype == np.float32
    for name, array in BUNDLE.weights.items():
        np.testing.assert_array_equal(array, before[name])
    assert changed.sha256 == ""


def test_tuned_weights_stay_near_the_pre_trained_ones(case):
    for name, array in case[2].tuned.items():
        assert 0 < np.abs(array - BUNDLE.weights[name]).max() < 0.1, name


def test_the_same_seed_gives_the_same_decoder_to_the_last_bit(case):
    windows, data, decoder = case
    tuner = tuner_of(windows, unconditional=True)
    again = train_personal_decoder(data, candidates=CAUTIOUS, tuner=tuner)
    for name, array in decoder.tuned.items():
        np.testing.assert_array_equal(array, again.tuned[name])
    assert again.evidence == decoder.evidence
    assert (again.temperature, again.notes) == (decoder.temperature, decoder.notes)


def test_statistics_and_head_belong_to_the_tuned_features(case):
    windows, data, decoder = case
    features = encode_session(tuned_bundle(BUNDLE, decoder.tuned), windows, hop_s=HOP_S)
    assert not np.allclose(features, data.features)
    scaled = decoder.standardise(features).astype(np.float64)
    np.testing.assert_allclose(data.weights @ scaled, 0, atol=1e-3)
    np.testing.assert_allclose(data.weights @ scaled**2, 1, atol=1e-2)
    assert dict(decoder.compared).keys() >= {"ridge 10"}
    assert any("encoder tuned" in name for name, _ in decoder.compared)


def test_a_tuned_profile_decodes_after_the_file_as_before_it_and_live_as_trained(case, path):
    windows, _, decoder = case
    loaded = load_profile(path, BUNDLE)
    for name, array in decoder.tuned.items():
        np.testing.assert_array_equal(loaded.current.tuned[name], array)
    before = EmotionModel(BUNDLE, profile=profile_of(decoder))
    after = EmotionModel(BUNDLE, profile=loaded)
    tuned = tuned_bundle(BUNDLE, decoder.tuned)
    for window in windows[:5]:
        ours, theirs = before.estimate(window), after.estimate(window)
        np.testing.assert_array_equal(ours.probabilities, theirs.probabilities)
        offline = encode_session(tuned, window[None], hop_s=HOP_S)
        np.testing.assert_allclose(ours.feature, offline[0], rtol=1e-5, atol=1e-7)
        expected = decoder.probabilities(offline)[0]
        np.testing.assert_allclose(ours.probabilities, expected, rtol=1e-3)


def test_the_live_decoder_runs_on_the_tuned_weights(case):
    windows, _, decoder = case
    live = Decoder(BUNDLE, 0.5, profile=profile_of(decoder))
    plain = Decoder(BUNDLE, 0.5, profile=profile_of(replace(decoder, tuned={})))
    tuned = encode_session(tuned_bundle(BUNDLE, decoder.tuned), windows[:1], hop_s=HOP_S)[0]
    untuned = encode_session(BUNDLE, windows[:1], hop_s=HOP_S)[0]
    np.testing.assert_allclose(live.decode(windows[0], 0).feature, tuned, rtol=1e-5, atol=1e-7)
    np.testing.assert_allclose(plain.decode(windows[0], 0).feature, untuned, rtol=1e-5, atol=1e-7)


def test_what_is_no_better_on_held_out_trials_is_refused_and_the_note_says_so():
    windows, data = trials_of_windows(effect=3.0)
    alone = train_personal_decoder(data, candidates=CAUTIOUS)
    assert alone.evidence.n_correct == data.n_trials
    assert alone.evidence.window_accuracy == 1.0
    tuned = train_personal_decoder(data, candidates=CAUTIOUS, tuner=tuner_of(windows))
    assert tuned.tuned == {}
    assert "no better than the head alone" in tuned.notes[-1]
    np.testing.assert_array_equal(tuned.feature_mean, alone.feature_mean)
    for name, array in alone.head.arrays.items():
        np.testing.assert_array_equal(tuned.head.arrays[name], array)
    assert (tuned.evidence.n_correct, tuned.temperature) == (
        alone.evidence.n_correct,
        alone.temperature,
    )


def test_what_decodes_held_out_trials_better_is_used():
    used = 0
    for seed in (1, 2, 3):
        windows, data = trials_of_windows(effect=0.45, seed=seed)
        alone = train_personal_decoder(data, candidates=CAUTIOUS)
        tuned = train_personal_decoder(data, candidates=CAUTIOUS, tuner=tuner_of(windows))
        reached = (tuned.evidence.n_correct, tuned.evidence.window_accuracy)
        needed = (alone.evidence.n_correct, alone.evidence.window_accuracy)
        assert reached >= needed
        assert (reached > needed) == bool(tuned.tuned)
        assert ("fine-tuned encoder used" in tuned.notes[-1]) == bool(tuned.tuned)
        used += bool(tuned.tuned)
    assert used > 0


@pytest.mark.parametrize("candidate", [*CANDIDATES, *ANCHORED], ids=lambda c: c.name)
def test_every_head_is_the_same_function_with_a_gradient(candidate):
    torch = pytest.importorskip("torch")
    data = labelled(effect=2.0)
    x = (data.features - data.features.mean(axis=0)) / data.features.std(axis=0)
    general = GeneralHead(BUNDLE.head, np.eye(3), 0.8)
    head = fit_candidate(candidate, x.astype(np.float64), data.trial, data.label, general)
    given = torch.from_numpy(x[:7]).requires_grad_()
    logits = differentiable(head)(given)
    np.testing.assert_allclose(logits.detach().numpy(), head.logits(x[:7]), rtol=1e-4, atol=1e-5)
    logits.square().sum().backward()
    assert given.grad.abs().sum() > 0


def test_a_profile_without_tuned_weights_has_the_format_it_always_had(case, path, tmp_path):
    plain = tmp_path / "plain.safetensors"
    save_profile(plain, profile_of(replace(case[2], tuned={})))
    assert b'format_version\\":1,' in plain.read_bytes()
    assert b'format_version\\":2,' in path.read_bytes()
    loaded = load_profile(plain, BUNDLE)
    assert loaded.current.tuned == {}
    model = EmotionModel(BUNDLE, profile=loaded)
    untuned = encode_session(BUNDLE, case[0][:1], hop_s=HOP_S)[0]
    np.testing.assert_allclose(model.estimate(case[0][0]).feature, untuned, rtol=1e-5, atol=1e-7)


NAME = "0.encoder.spatiotemporal.convs.0.weight"
HOSTILE = {
    "missing": lambda arrays: arrays.pop(NAME),
    "shape": lambda arrays: arrays.update({NAME: arrays[NAME][:1]}),
    "turned": lambda arrays: arrays.update({NAME: arrays[NAME].transpose(2, 1, 0, 3).copy()}),
    "type": lambda arrays: arrays.update({NAME: arrays[NAME].astype(np.float64)}),
    "foreign": lambda arrays: arrays.update({"0.encoder.mixing.weight": np.zeros((6, 60), "f4")}),
    "more": lambda arrays: arrays.update({f"{NAME[:-8]}9.weight": np.zeros(3, np.float32)}),
    "odd name": lambda arrays: arrays.update({"0.encoder.\n../x": np.zeros(3, np.float32)}),
    "unknown": lambda arrays: arrays.update({"0.magic.x": np.zeros(3, np.float32)}),
    "infinite": lambda arrays: arrays.update({NAME: np.full_like(arrays[NAME], np.inf)}),
}


@pytest.mark.parametrize("what", list(HOSTILE))
def test_weights_that_do_not_fit_are_refused_in_one_line(path, what):
    arrays, about = read_profile_file(path)
    HOSTILE[what](arrays)
    write_profile_file(path, arrays, about)
    with pytest.raises(ProfileError, match="unusable profile") as error:
        load_profile(path, BUNDLE)
    assert "\n" not in str(error.value)
    assert str(error.value).endswith("calibrate again")


def test_a_model_of_another_size_refuses_tuned_weights_in_one_line(case):
    wrong = {name: array[..., :1].copy() for name, array in case[2].tuned.items()}
    with pytest.raises(ProfileError, match="unusable profile: the tuned") as error:
        EmotionModel(BUNDLE, profile=profile_of(replace(case[2], tuned=wrong)))
    assert "\n" not in str(error.value)
    with pytest.raises(ValueError, match="is no weight that is tuned"):
        check_tuned({"mixing.weight": np.zeros(1, np.float32)})


def test_too_many_windows_are_refused_before_they_fill_the_memory():
    with pytest.raises(ProfileError, match="1500 windows at most"):
        check_size(MAX_WINDOWS + 1)
    check_size(MAX_WINDOWS)


class EncodingBegunError(Exception):
    """The trials were taken; there is no need to encode them all."""


@pytest.mark.parametrize("n_too_many", [0, 1])
def test_trials_with_too_many_windows_are_refused_in_one_line_before_any_is_encoded(n_too_many):
    recording, trials = session()
    # A window of 5 s each 0.5 s, the first a second after the onset.
    n_windows = MAX_WINDOWS - windows_within(trials) + n_too_many
    behind = LabelledInterval(trials[-1].end_s, 6.0 + (n_windows - 1) / 2, CLASSES[0])
    stages = []

    def report(line):
        stages.append(line)
        raise EncodingBegunError

    expected = ProfileError if n_too_many else EncodingBegunError
    with pytest.raises(expected) as error:
        calibrate_recording(
            recording, (*trials, behind), BUNDLE, AlignmentConfig(), report, fine_tune=True
        )
    assert stages == ([] if n_too_many else ["encoding the trials"])
    if n_too_many:
        assert "fine-tuning takes 1500 windows at most" in str(error.value)
        assert "\n" not in str(error.value)


def test_the_inputs_of_the_tuned_layers_are_in_memory_once():
    shape, n_windows = (8, 32, 99), 40
    tracemalloc.start()
    try:
        inputs = LayerInputs(n_windows)
        for k in range(n_windows):
            inputs.append(np.full(shape, k, np.float16))
        array = inputs.array
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert array.shape == (n_windows, *shape)
    np.testing.assert_array_equal(array[:, 0, 0, 0], np.arange(n_windows))
    assert most < 1.2 * array.nbytes


def test_the_encoder_keeps_what_entered_the_tuned_layers(case):
    windows, data, _ = case
    inputs = tunable_inputs(BUNDLE, windows[:3])
    torch = pytest.importorskip("torch")
    with torch.inference_mode():
        network = BUNDLE.network().spatiotemporal
        features = network(torch.from_numpy(inputs).float()).mean(-1).numpy()
    scale = np.abs(data.features).max()
    np.testing.assert_allclose(features / scale, data.features[:3] / scale, atol=2e-3)


def live_features(recording, trials, decoder):
    """Return trial and feature of each window within a trial, decoded live with a profile."""
    live = Decoder(BUNDLE, 0.5, profile=profile_of(decoder))
    answers = Pipeline(RecordingSource(recording, speed="max"), live, hop_s=0.5).run()
    found = [
        (trial_of_window(a.prediction.index / 2, a.prediction.index / 2 + WINDOW_S, trials), a)
        for a in answers
    ]
    inside = [(trial, a.feature) for trial, a in found if trial is not None]
    return np.array([trial for trial, _ in inside]), np.stack([feature for _, feature in inside])


@pytest.mark.parametrize("kind", ["none", "moments", "rows"])
def test_a_recording_is_tuned_through_the_live_path(kind):
    recording, trials = session(effect=0.4)
    config = AlignmentConfig(kind)
    result = calibrate_recording(
        recording, trials, BUNDLE, config, fine_tune=True, unconditional=True
    )
    decoder = result.decoder
    assert decoder.tuned
    assert any("fine-tun" in note for note in decoder.notes)
    aligners = build_alignment(config, BUNDLE)
    aligners.load_state_dict(aligners.state_dict() | decoder.alignment_state)
    aligners.freeze()
    tuned = AlignedEncoder(tuned_bundle(BUNDLE, decoder.tuned), aligners)
    offline = np.stack([f for _, f in encode_trials(recording, trials, tuned, learn=False)])
    trial, live = live_features(recording, trials, decoder)
    scale = np.abs(offline).max()
    np.testing.assert_allclose(live / scale, offline / scale, atol=1e-5)
    _, untuned = live_features(recording, trials, replace(decoder, tuned={}))
    assert np.abs(live - untuned).max() > 1e-3 * scale
    label = np.array([CLASSES.index(t.label) for t in trials])
    mean = balanced_weights(trial, label) @ live.astype(np.float64)
    np.testing.assert_allclose(decoder.feature_mean / scale, mean / scale, atol=1e-5)


def test_the_command_says_what_fine_tuning_brought(tmp_path, capsys):
    recording, trials = session()
    write_recording_edf(tmp_path / "eeg.edf", recording.samples, SFREQ, NAMES)
    rows = [f"{t.onset_s},{t.duration_s},{t.label}" for t in trials]
    (tmp_path / "labels.csv").write_text("\n".join(["onset_s,duration_s,label", *rows]))
    save_bundle(tmp_path / "model.safetensors", replace(BUNDLE, sha256=""))
    arguments = [tmp_path / name for name in ("eeg.edf", "labels.csv", "p.safetensors")]
    assert calibrate(*arguments, tmp_path / "model.safetensors", fine_tune=True) == 0
    shown = capsys.readouterr().err
    assert "fine-tuning without fold 1 of" in shown
    assert "held-out trials" in shown
    load_profile(arguments[2])


def test_the_benchmark_refuses_a_model_without_classes_in_one_line(tmp_path, capsys):
    headless = replace(BUNDLE, head=None, class_names=(), sha256="")
    save_bundle(tmp_path / "model.safetensors", headless)
    assert benchmark([str(tmp_path / "model.safetensors")]) == 3
    assert benchmark([str(tmp_path / "none.safetensors")]) == 3
    errors = capsys.readouterr().err.splitlines()
    assert len(errors) == 2
    assert "no emotion head" in errors[0]
