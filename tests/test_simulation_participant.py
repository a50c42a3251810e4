"""Simulated participants: reproducible, indifferent to how they are read, and like EEG."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.signal import butter, sosfiltfilt, welch

from mdjpt.simulation import (
    ArtefactLevels,
    BlockSchedule,
    FixedSchedule,
    SimulatedParticipant,
    Stimulus,
    cap,
    class_set,
)
from mdjpt.simulation.brain import background_sos
from mdjpt.simulation.volume_conductor import electrode_vectors

SFREQ = 250.0
FEW = ("Fp1", "Fz", "Cz", "T7", "O1", "Oz")


@pytest.fixture(scope="module")
def minute() -> np.ndarray:
    return SimulatedParticipant(7).generate(15_000)


def one_state(state: str) -> FixedSchedule:
    return FixedSchedule([(Stimulus(state, 0, strength=0.0), 60.0)])


def band_power(samples: np.ndarray, low: float, high: float) -> np.ndarray:
    frequencies, power = welch(samples, SFREQ, nperseg=500)
    return power[:, (frequencies >= low) & (frequencies <= high)].sum(axis=1)


@settings(deadline=None, max_examples=15)
@given(st.lists(st.integers(0, 700), max_size=12))
def test_any_cut_of_the_stream_gives_the_same_bits(sizes: list[int]) -> None:
    person, again = (SimulatedParticipant(3, FEW, 128.0) for _ in range(2))
    parts = [person.generate(n) for n in sizes]
    whole = again.generate(sum(sizes))
    assert np.array_equal(np.concatenate([np.empty((6, 0), np.float32), *parts], axis=1), whole)


def test_the_same_seed_is_the_same_person_and_another_seed_is_not() -> None:
    first, same, other = (SimulatedParticipant(s, FEW).generate(500) for s in (1, 1, 2))
    assert np.array_equal(first, same)
    assert abs(np.corrcoef(first[2], other[2])[0, 1]) < 0.5


def test_another_session_is_the_same_person_on_another_day() -> None:
    today, tomorrow = (SimulatedParticipant(1, FEW, session=day) for day in (0, 1))
    assert today.traits.alpha_hz == tomorrow.traits.alpha_hz
    assert today.traits.gain != tomorrow.traits.gain
    assert not np.array_equal(today.generate(100), tomorrow.generate(100))


def test_the_same_seed_under_another_cap_is_the_same_brain() -> None:
    quiet = ArtefactLevels.none()
    small = SimulatedParticipant(5, ("Oz", "Cz"), artefacts=quiet).generate(1000)
    large = SimulatedParticipant(5, cap(32), artefacts=quiet).generate(1000)
    rows = [cap(32).index("Oz"), cap(32).index("Cz")]
    np.testing.assert_allclose(small, large[rows], atol=1e-3)


def test_samples_are_finite_float32_microvolts(minute: np.ndarray) -> None:
    assert minute.dtype == np.float32
    assert minute.shape == (32, 15_000)
    assert np.isfinite(minute).all()
    assert np.abs(minute).max() < 1000


def test_filtered_amplitudes_are_those_of_eeg() -> None:
    sos = butter(4, (0.5, 47.0), "bandpass", fs=SFREQ, output="sos")
    for seed in range(4):
        filtered = sosfiltfilt(sos, SimulatedParticipant(seed).generate(7500))
        robust_std = 1.4826 * np.median(np.abs(filtered), axis=1)
        assert 7 < np.median(robust_std) < 25


@pytest.mark.parametrize("exponent", [0.9, 1.2, 1.5])
@pytest.mark.parametrize("sfreq", [125.0, 250.0, 1000.0])
def test_the_background_falls_with_its_exponent_at_any_rate(exponent: float, sfreq: float) -> None:
    from scipy.signal import sosfreqz

    frequencies = np.geomspace(1.0, 40.0, 60)
    _, response = sosfreqz(background_sos(exponent, sfreq), frequencies, fs=sfreq)
    density = 2 * np.abs(response) ** 2 / sfreq
    slope = np.polyfit(np.log(frequencies), np.log(density), 1)[0]
    assert slope == pytest.approx(-exponent, abs=0.12)
    assert np.interp(10.0, frequencies, density) == pytest.approx(1.0, rel=0.01)


@pytest.mark.parametrize("seed", [0, 2, 7])
def test_alpha_peaks_at_the_individual_frequency_over_the_occiput(seed: int) -> None:
    person = SimulatedParticipant(seed, ("Oz", "F7"), schedule=one_state("neutral"))
    frequencies, power = welch(person.generate(22_500), SFREQ, nperseg=1000)
    alpha = (frequencies > 6) & (frequencies < 14)
    peak = frequencies[alpha][power[0, alpha].argmax()]
    assert peak == pytest.approx(person.traits.alpha_hz, abs=0.8)
    assert power[0, alpha].max() > 2 * power[1, alpha].max()


def test_neighbouring_electrodes_are_more_alike_than_distant_ones(minute: np.ndarray) -> None:
    filtered = sosfiltfilt(butter(4, (1.0, 40.0), "bandpass", fs=SFREQ, output="sos"), minute)
    correlation = np.corrcoef(filtered - filtered.mean(axis=0))
    vectors = electrode_vectors(cap(32))
    near = (vectors @ vectors.T > np.cos(np.deg2rad(35))) & ~np.eye(32, dtype=bool)
    far = vectors @ vectors.T < np.cos(np.deg2rad(80))
    assert correlation[near].mean() > 0.4
    assert correlation[near].mean() > correlation[far].mean() + 0.5


def test_blinks_are_largest_at_the_forehead() -> None:
    quiet = ArtefactLevels.none()
    blinking = ArtefactLevels(1, 0, 0, 0, 0, 0, 0)
    with_blinks = SimulatedParticipant(4, FEW, artefacts=blinking).generate(7500)
    added = with_blinks - SimulatedParticipant(4, FEW, artefacts=quiet).generate(7500)
    peaks = np.abs(added).max(axis=1)
    assert 50 < peaks[0] < 300
    assert peaks[0] > 3 * peaks[FEW.index("Oz")]


def test_mains_hum_stands_at_its_frequency() -> None:
    humming = ArtefactLevels(mains_uv=10.0, mains_hz=60.0)
    frequencies, power = welch(
        SimulatedParticipant(4, FEW, artefacts=humming).generate(5000), SFREQ, nperseg=500
    )
    high = frequencies > 40
    assert (frequencies[high][power[:, high].argmax(axis=1)] == 60.0).all()


def test_bad_electrodes_are_flat_or_noisy() -> None:
    person = SimulatedParticipant(4, FEW, bad_electrodes={"Fz": "flat", "T7": "noisy"})
    spread = person.generate(2500).std(axis=1)
    assert spread[FEW.index("Fz")] == 0
    assert spread[FEW.index("T7")] > 100


def test_the_average_reference_sums_to_zero_without_electronics() -> None:
    quiet = ArtefactLevels.none()
    person = SimulatedParticipant(4, FEW, reference="average", artefacts=quiet)
    np.testing.assert_allclose(person.generate(500).sum(axis=0), 0, atol=1e-3)


def test_emotions_move_band_powers_as_documented() -> None:
    def powers(state: str) -> tuple[float, float]:
        logs = []
        for seed in range(5):
            quiet = ArtefactLevels.none()
            person = SimulatedParticipant(
                seed,
                ("T7", "T8", "O1", "O2"),
                schedule=one_state(state),
                difficulty=0.0,
                artefacts=quiet,
            )
            samples = person.generate(7500)
            gamma, alpha = band_power(samples, 30, 45)[:2], band_power(samples, 8, 13)[2:]
            logs.append((np.log(gamma).mean(), np.log(alpha).mean()))
        gamma_mean, alpha_mean = np.mean(logs, axis=0)
        return float(gamma_mean), float(alpha_mean)

    positive, negative, neutral = (powers(s) for s in ("positive", "negative", "neutral"))
    assert positive[0] > negative[0] + 0.2
    assert neutral[1] > positive[1] + 0.3


def test_at_full_difficulty_the_emotion_leaves_no_trace() -> None:
    plain = {"difficulty": 1.0, "sfreq": SFREQ}
    sad, happy = (
        SimulatedParticipant(1, FEW, schedule=one_state(state), **plain).generate(2500)
        for state in ("sad", "happy")
    )
    assert np.array_equal(sad, happy)


def test_the_truth_is_balanced_and_never_repeats_itself() -> None:
    person = SimulatedParticipant(7)
    stop = round(30 * 60 * SFREQ)
    changes = person.transitions(0, stop)
    states = [change.state for change in changes]
    lengths = np.diff([change.sample for change in changes]) / SFREQ
    assert changes[0].sample == 0
    assert all(a != b for a, b in itertools.pairwise(states))
    counts = [states.count(name) for name in person.classes]
    assert max(counts) - min(counts) <= 1
    assert lengths.min() >= 19.9
    assert lengths.max() <= 40.1


def test_states_and_transitions_agree_sample_by_sample() -> None:
    person = SimulatedParticipant(7, FEW, schedule=BlockSchedule(1, block_s=(2.0, 3.0)))
    stop = 5000
    changes = {change.sample: change.state for change in person.transitions(0, stop)}
    state = ""
    for sample in range(stop):
        state = changes.get(sample, state)
        assert person.state_at(sample) == state
    halves = person.transitions(0, 1234) + person.transitions(1234, stop)
    assert {c.sample: c.state for c in halves} == changes


def test_latents_reach_a_state_within_two_seconds_without_a_jump() -> None:
    blocks = [(Stimulus(name, i, strength=0.0), 10.0) for i, name in enumerate(("sad", "happy"))]
    person = SimulatedParticipant(7, FEW, schedule=FixedSchedule(blocks))
    latents = person.latents(0, 5000)
    assert np.abs(np.diff(latents, axis=1)).max() < 0.01
    np.testing.assert_allclose(latents[:, 2499], (-0.7, -0.5, -0.5))
    np.testing.assert_allclose(latents[:, 3000:], np.tile([[0.8], [0.4], [0.6]], 2000))
    np.testing.assert_array_equal(
        np.concatenate([person.latents(2400, 2600), person.latents(2600, 2700)], axis=1),
        latents[:, 2400:2700],
    )


@pytest.mark.parametrize("n_classes", range(2, 10))
def test_there_is_a_set_of_classes_of_every_size(n_classes: int) -> None:
    classes = class_set(n_classes)
    person = SimulatedParticipant(0, FEW, classes=classes)
    shown = {change.state for change in person.transitions(0, round(45 * n_classes * SFREQ))}
    assert shown == set(classes)


@pytest.mark.parametrize("n_channels", [1, 4, 8, 14, 19, 32, 40, 64])
def test_a_cap_has_as_many_different_known_electrodes_as_asked(n_channels: int) -> None:
    names = cap(n_channels)
    assert len(set(names)) == len(names) == n_channels
    assert electrode_vectors(names).shape == (n_channels, 3)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"seed": -1}, "0 or more"),
        ({"sfreq": 64.0}, "at least 100 Hz"),
        ({"sfreq": float("nan")}, "at least 100 Hz"),
        ({"difficulty": 1.5}, "between 0 and 1"),
        ({"gain": 0.0}, "gain must be positive"),
        ({"classes": ("happy",)}, "2 to 9"),
        ({"classes": ("happy", "bored")}, "unknown class 'bored'"),
        ({"ch_names": ("Cz", "EOG")}, "'EOG' has no known position"),
        ({"bad_electrodes": {"Pz": "flat"}}, "must be in ch_names"),
        ({"schedule": None, "classes": class_set(3), "reference": "nose"}, "'nose'"),
    ],
)
def test_settings_out_of_range_are_refused(settings: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        SimulatedParticipant(**{"seed": 0, "ch_names": FEW, **settings})


def test_a_schedule_shorter_than_a_transition_is_refused() -> None:
    with pytest.raises(ValueError, match=r"2\.0 s"):
        FixedSchedule([(Stimulus("sad", 0), 1.0)])
    with pytest.raises(ValueError, match=r"2\.0 s"):
        BlockSchedule(block_s=(1.0, 3.0))


@settings(deadline=None, max_examples=15)
@given(
    st.lists(st.tuples(st.integers(0, 900), st.sampled_from(["joy", "sad", "rest", None]))),
    st.lists(st.integers(1, 300), min_size=1, max_size=20),
)
def test_the_same_prompts_at_the_same_samples_give_the_same_bits_however_it_is_cut(
    prompts: list[tuple[int, str | None]], sizes: list[int]
) -> None:
    at_once, in_pieces = (SimulatedParticipant(3, FEW, 128.0) for _ in range(2))
    whole, parts, cuts = [], [], itertools.cycle(sizes)
    for n_before, state in [*prompts, (200, None)]:
        whole.append(at_once.generate(n_before))
        left = n_before
        while left:
            n = min(left, next(cuts))
            parts.append(in_pieces.generate(n))
            left -= n
        at_once.prompt(state)
        in_pieces.prompt(state)
    empty = np.empty((len(FEW), 0), np.float32)
    assert np.array_equal(np.concatenate([empty, *whole], 1), np.concatenate([empty, *parts], 1))
    n_times = sum(n for n, _ in prompts) + 200
    assert at_once.transitions(0, n_times) == in_pieces.transitions(0, n_times)


def test_a_prompted_participant_feels_what_is_asked_until_it_is_free_again() -> None:
    person, free = (
        SimulatedParticipant(3, FEW, schedule=BlockSchedule(1, block_s=(10.0, 12.0)))
        for _ in range(2)
    )
    person.generate(3 * 250 + 1)
    person.prompt("joy")
    person.generate(6 * 250)
    person.prompt("rest")
    person.generate(3 * 250)
    person.prompt(None)
    person.generate(40 * 250)
    first = free.transitions(0, 250)[0].state
    told = [(change.sample, change.state) for change in person.transitions(0, 25_000)]
    assert told[:3] == [(0, first), (1000, "joy"), (2500, "rest")]
    back = told[3][0]
    assert back == 13 * 250
    assert person.state_at(back) == free.state_at(back + 500)
    later = [(c.sample, c.state) for c in free.transitions(back + 500, 25_000)]
    assert told[4:] == later


def test_prompts_in_quick_succession_leave_each_state_its_transition() -> None:
    person = SimulatedParticipant(3, FEW)
    person.generate(5 * 250)
    for state in ("joy", "rest", "sad"):
        person.prompt(state)
        person.generate(100)
    person.generate(10 * 250)
    changes = person.transitions(0, 15 * 250)
    assert changes[-1].state == "sad"
    assert min(b.sample - a.sample for a, b in itertools.pairwise(changes)) >= 500


def test_another_occasion_of_a_prompt_is_another_memory_and_rest_stays_rest() -> None:
    person = SimulatedParticipant(3, FEW)
    for state in ("joy", "rest", "joy", "rest"):
        person.generate(3 * 250)
        person.prompt(state)
    person.generate(3 * 250)
    told = person.transitions(3 * 250, 15 * 250)
    joys = [c.stimulus for c in told if c.state == "joy"]
    assert len(set(joys)) == 2
    assert len({c.stimulus for c in told if c.state == "rest"}) == 1


def test_a_state_that_nobody_knows_cannot_be_prompted() -> None:
    with pytest.raises(ValueError, match="unknown state 'zeal'"):
        SimulatedParticipant(3, FEW).prompt("zeal")
