"""From trials to a store: what is done to the signal, in parallel, taken up where it stopped."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

from mdjpt.datasets.trials import DatasetCard, RecordingKey, Trial
from mdjpt.errors import DatasetError
from mdjpt.signal.filters import filter_recording
from mdjpt.signal.scaling import robust_zscore
from mdjpt.simulation import SimulatedParticipant, cap, preset_corpus
from mdjpt.simulation.trials import SimulatedDataset
from mdjpt.store.dataset_preparation import PreparedStep, prepare_dataset
from mdjpt.store.inspection import check_store
from mdjpt.store.preparation import PreparationSettings, prepare_recording

if TYPE_CHECKING:
    from collections.abc import Iterator

CH_NAMES = ("Cz", "EEG Fp1-REF", "EOG", "O2", "T3", "C3", "F4", "P7", "CB1", "TP10")
KEPT = ("FP1", "F4", "T7", "C3", "CZ", "P7", "O2", "TP10")
ROWS = [1, 6, 4, 5, 0, 7, 3, 9]
SFREQ, N_TIMES = 250.0, 2500
PLAIN = PreparationSettings(ica=False)


class TinyDataset:
    """A dataset in memory: 2 subjects, 2 sessions, 3 trials of 10 s of 1/f noise."""

    card = DatasetCard("tiny", "Tiny", ("calm", "happy"), "by clip", SFREQ, 2, 2, "CC0", "", "")

    def __init__(self, broken: str = "") -> None:
        self.broken = broken

    def recordings(self, subject: str | None = None) -> list[RecordingKey]:
        keys = [(a, b) for a in "12" for b in "12" if subject in (None, a)]
        return [RecordingKey(a, b, Path(f"{a}_{b}.mat")) for a, b in keys]

    def trials(self, key: RecordingKey) -> Iterator[Trial]:
        if self.broken == key.subject + key.session:
            raise DatasetError(f"{key.path}: is damaged")
        rng = np.random.default_rng([int(key.subject), int(key.session)])
        for index in range(3):
            noise = rng.standard_normal((len(CH_NAMES), N_TIMES)).cumsum(axis=1)
            yield Trial(
                samples=(3 * noise + 50).astype(np.float32),
                sfreq=SFREQ,
                ch_names=CH_NAMES,
                subject=key.subject,
                session=key.session,
                trial=index,
                label=index % 2,
                stimulus=f"clip {index}",
                start_s=12.0 * index,
                order=index,
                notes=("unit taken from the amplitudes",),
            )


def trials_of(subject: str = "1") -> list[Trial]:
    return list(TinyDataset().trials(RecordingKey(subject, "1", Path("x.mat"))))


def with_noisy(trial: Trial, row: int) -> Trial:
    samples = trial.samples.copy()
    samples[row] = 400 * np.random.default_rng(0).standard_normal(N_TIMES).cumsum()
    return replace(trial, samples=samples)


def test_a_recording_is_filtered_referenced_and_scaled() -> None:
    settings = replace(PLAIN, interpolate=False)
    prepared, _ = prepare_recording(trials_of(), settings)
    filtered = np.hstack([filter_recording(t.samples[ROWS], SFREQ) for t in trials_of()])
    expected = robust_zscore(filtered - filtered.mean(axis=0))
    assert prepared.ch_names == KEPT
    assert prepared.samples.dtype == np.float32
    assert np.allclose(prepared.samples, expected, atol=1e-4)
    assert [(t.start, t.n_times) for t in prepared.trials] == [
        (0, 1250),
        (1250, 1250),
        (2500, 1250),
    ]
    microvolts = prepared.samples * prepared.scale_std + prepared.scale_mean
    assert np.allclose(microvolts.mean(axis=0), 0, atol=1e-3)


def test_what_a_trial_says_of_itself_is_kept() -> None:
    trials = trials_of()
    ratings = replace(trials[1], label={"valence": 7.5}, order=None)
    prepared, report = prepare_recording([trials[0], ratings, trials[2]], PLAIN)
    first, second, _ = prepared.trials
    assert (first.label, first.stimulus, first.start_s, first.order) == (0, "clip 0", 0.0, 0)
    assert (second.label, second.ratings, second.order) == (None, {"valence": 7.5}, None)
    assert prepared.notes == ("unit taken from the amplitudes",)
    assert report.left_out == ("EOG", "CB1")


def test_a_bad_channel_is_interpolated_in_its_trial_alone() -> None:
    trials = trials_of()
    trials[1] = with_noisy(trials[1], 5)
    prepared, report = prepare_recording(trials, PLAIN)
    c3 = KEPT.index("C3")
    assert np.argwhere(report.bad_first | report.bad_second).tolist() == [[1, c3]]
    assert prepared.quality["interpolated_share"] == pytest.approx(1 / 24)
    assert np.abs(prepared.samples[c3, 1250:2500]).max() < 10


def test_frontal_channels_are_spared_until_the_second_pass() -> None:
    trials = trials_of()
    trials[0] = with_noisy(trials[0], 1)
    _, report = prepare_recording(trials, PLAIN)
    assert not report.bad_first.any()
    assert np.argwhere(report.bad_second).tolist() == [[0, KEPT.index("FP1")]]


def test_electrodes_of_a_trial_may_come_in_another_order_but_not_be_others() -> None:
    trials = trials_of()
    order = np.random.default_rng(0).permutation(len(CH_NAMES))
    shuffled = replace(
        trials[1],
        samples=np.ascontiguousarray(trials[1].samples[order]),
        ch_names=tuple(CH_NAMES[k] for k in order),
    )
    plain, mixed = (
        prepare_recording([trials[0], trial], PLAIN)[0] for trial in (trials[1], shuffled)
    )
    assert np.allclose(plain.samples, mixed.samples, atol=1e-4)
    renamed = replace(trials[1], ch_names=("Pz", *CH_NAMES[1:]))
    with pytest.raises(DatasetError, match=r"x\.mat: trial 1 has other electrodes"):
        prepare_recording([trials[0], renamed], PLAIN, "x.mat")


@pytest.mark.parametrize("filler", [np.nan, 0.0, 7.5])
def test_a_trial_that_was_cut_off_is_left_out_and_said(filler: float) -> None:
    trials = trials_of()
    cut = trials[1].samples.copy()
    cut[:, 1500:] = filler
    prepared, report = prepare_recording([trials[0], replace(trials[1], samples=cut)], PLAIN)
    (kept,) = prepared.trials
    assert (kept.trial, kept.n_times) == (0, 1250)
    assert report.notes[-1:] == (
        "trial 2 left out: only 6.0 of its 10.0 s hold a signal, the rest is flat or no number",
    )


@pytest.mark.parametrize(
    ("trials", "message"),
    [
        ([], "holds no trial"),
        ([replace(trials_of()[0], ch_names=tuple("abcdefghij"))], "name of a scalp electrode"),
        (
            [replace(trials_of()[0], samples=np.zeros((10, 2500), np.float32))],
            "holds no trial; trial 1 left out: only 0.0 of its 10.0 s hold a signal",
        ),
    ],
)
def test_a_recording_without_usable_signal_is_refused(trials: list[Trial], message: str) -> None:
    with pytest.raises(DatasetError, match=rf"x\.mat: .*{message}"):
        prepare_recording(trials, PLAIN, "x.mat")


def test_a_dataset_becomes_a_store_with_a_report_for_each_recording(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    steps: list[PreparedStep] = []
    store = prepare_dataset(TinyDataset(), tmp_path, PLAIN, on_step=steps.append)
    assert check_store(tmp_path) == []
    assert [(r.subject, r.session) for r in store.recordings] == [
        (a, b) for a in "12" for b in "12"
    ]
    assert store.card.class_names == ("calm", "happy")
    assert store.card.preparation == PLAIN.to_dict()
    assert not store.card.simulated
    assert [(step.done, step.total) for step in steps] == [(k, 4) for k in range(5)]
    assert steps[-1].text.startswith("subject 2, session 2: 3 trials, ")
    pages = sorted((tmp_path / "reports").iterdir())
    assert [page.name for page in pages] == [f"sub-{a}_ses-{b}.html" for a in "12" for b in "12"]
    text = pages[0].read_text()
    assert "Tiny: subject 1, session 1" in text
    assert "data:image/png;base64," in text
    assert "http" not in text


def test_a_preparation_that_failed_is_taken_up_where_it_stopped(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match=r"2_1\.mat: is damaged"):
        prepare_dataset(TinyDataset(broken="21"), tmp_path, PLAIN, reports=False)
    done = {path: path.stat().st_mtime_ns for path in (tmp_path / "recordings").glob("*.npy")}
    assert len(done) == 2
    steps: list[PreparedStep] = []
    store = prepare_dataset(TinyDataset(), tmp_path, PLAIN, reports=False, on_step=steps.append)
    assert steps[0].text == "2 of 4 recordings were there"
    assert all(path.stat().st_mtime_ns == time for path, time in done.items())
    assert len(store) == 4


def test_several_processes_prepare_the_same_store(tmp_path: Path) -> None:
    alone, together = (
        prepare_dataset(TinyDataset(), tmp_path / str(n), PLAIN, n_jobs=n, reports=False)
        for n in (1, 2)
    )
    assert alone.trials == together.trials
    assert all(np.array_equal(alone.samples(k), together.samples(k)) for k in range(4))


def test_some_subjects_can_be_prepared_first_and_others_later(tmp_path: Path) -> None:
    first = prepare_dataset(TinyDataset(), tmp_path, PLAIN, subjects=["2"], reports=False)
    assert first.subjects == ("2",)
    assert prepare_dataset(TinyDataset(), tmp_path, PLAIN, reports=False).subjects == ("1", "2")
    with pytest.raises(DatasetError, match="Tiny: no subject '9' is there"):
        prepare_dataset(TinyDataset(), tmp_path, PLAIN, subjects=["9"])


def test_other_settings_do_not_mix_with_what_is_there(tmp_path: Path) -> None:
    prepare_dataset(TinyDataset(), tmp_path, PLAIN, subjects=["1"], reports=False)
    with pytest.raises(DatasetError, match="prepared with other settings"):
        prepare_dataset(TinyDataset(), tmp_path, PreparationSettings(), reports=False)


def test_a_threshold_outside_its_range_is_refused() -> None:
    with pytest.raises(ValueError, match="ica_threshold must be above 0 to 1, got 0"):
        PreparationSettings(ica_threshold=0)


def test_blinks_are_dropped_and_the_back_of_the_head_is_left_alone() -> None:
    pytest.importorskip("mne_icalabel")
    participant = SimulatedParticipant(3, cap(19), SFREQ)
    trial = replace(
        trials_of()[0], samples=participant.generate(7500), ch_names=participant.ch_names
    )
    with_blinks, _ = prepare_recording([trial], replace(PLAIN, interpolate=False))
    prepared, report = prepare_recording([trial], PreparationSettings(interpolate=False))
    assert {component.kind for component in report.dropped} == {"eye"}
    assert all(component.probability >= 0.8 for component in report.dropped)
    before, after = (x.samples.std(axis=1) * x.scale_std for x in (with_blinks, prepared))
    front, back = (prepared.ch_names.index(name) for name in ("FP1", "PZ"))
    assert after[front] < 0.8 * before[front]
    assert after[back] == pytest.approx(before[back], rel=0.05)


def test_a_simulated_experiment_is_prepared_like_a_dataset(tmp_path: Path) -> None:
    config = preset_corpus("EPOC-like", n_subjects=2)[0]
    config = replace(config, n_trials=4, trial_s=(8.0, 8.0), rest_s=2.0)
    store = prepare_dataset(SimulatedDataset(config), tmp_path, PLAIN, reports=False)
    assert store.card.simulated
    assert store.card.class_names == config.classes
    assert store.subjects == ("1", "2")
    seen = [sorted(trial.stimulus for trial in r.trials) for r in store.recordings]
    assert seen == [["001", "002", "003", "004"]] * 2
    assert len(store.card.ch_names) == 14
