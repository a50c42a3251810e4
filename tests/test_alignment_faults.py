"""Whatever the electrodes do, the live path with its default alignment stays finite and honest."""

from __future__ import annotations

import numpy as np
import pytest

from app.session import default_bundle
from mdjpt.alignment import AlignmentConfig
from mdjpt.alignment.config import recommended_alignment
from mdjpt.alignment.covariance import CovarianceAligner, input_covariance
from mdjpt.alignment.spd import MAX_CONDITION, range_basis
from mdjpt.bundle.bundle import load_bundle
from mdjpt.calibration.decoder import EmotionDecoder
from mdjpt.calibration.novelty import NOISES, noise
from mdjpt.features import prepare_windows
from mdjpt.recordings import Recording
from mdjpt.simulation import SimulatedParticipant, cap
from streaming.decoder import alignment_status
from streaming.pipeline import Pipeline
from streaming.sources.recording import RecordingSource
from tests.support.calibration_cases import small_bundle

SFREQ = 125.0
MUSE = ("TP9", "AF7", "AF8", "TP10")
BAD_FROM_S, BAD_TO_S, LENGTH_S, HOP_S = 16.0, 24.0, 36.0, 2.0


def names_of(n_channels):
    return MUSE if n_channels == 4 else cap(n_channels)


def participant(n_channels, seconds=LENGTH_S):
    person = SimulatedParticipant(3, names_of(n_channels), SFREQ)
    return person.generate(round(seconds * SFREQ))


def first_half(x):
    return slice(0, (len(x) + 1) // 2)


def set_rows(x, rows, value):
    x[rows] = value


FAULTS = {
    "NaN in an electrode": lambda x: set_rows(x, 1, np.nan),
    "NaN everywhere": lambda x: set_rows(x, slice(None), np.nan),
    "flat electrode": lambda x: set_rows(x, 2, 0.0),
    "all flat": lambda x: set_rows(x, slice(None), 0.0),
    "bridged pair": lambda x: set_rows(x, 1, x[0]),
    "all bridged": lambda x: set_rows(x, slice(None), x[:1].copy()),
    "railed electrode": lambda x: set_rows(x, 0, 187_500.0),
    "all railed": lambda x: set_rows(x, slice(None), -187_500.0),
    "average-referenced": lambda x: np.subtract(x, x.mean(axis=0), out=x),
    "one channel times 1000": lambda x: np.multiply(x[1], 1000.0, out=x[1]),
    "volts for microvolts": lambda x: np.multiply(x, 1e-6, out=x),
    "times 1e6": lambda x: np.multiply(x, 1e6, out=x),
    "DC 50 mV": lambda x: np.add(x, 50_000.0, out=x),
    "half the cap off": lambda x: set_rows(x, first_half(x), 0.0),
    "infinity": lambda x: set_rows(x, 1, np.inf),
}


@pytest.fixture(scope="module")
def bundle():
    return load_bundle(default_bundle())


def live(samples, names, decoder):
    """Run a recording through acquisition, ring, preprocessor and decoder."""
    source = RecordingSource(Recording(samples, SFREQ, names), speed="max")
    return list(Pipeline(source, decoder, hop_s=HOP_S).run())


@pytest.mark.parametrize("fault", list(FAULTS))
@pytest.mark.parametrize("n_channels", [4, 8, 14])
def test_a_fault_gives_no_number_that_is_not_finite_and_passes(bundle, n_channels, fault):
    samples = participant(n_channels)
    inside = samples[:, round(BAD_FROM_S * SFREQ) : round(BAD_TO_S * SFREQ)].copy()
    FAULTS[fault](inside)
    samples[:, round(BAD_FROM_S * SFREQ) : round(BAD_TO_S * SFREQ)] = inside
    decoder = EmotionDecoder(bundle, HOP_S, recommended_alignment(bundle))
    answers = live(samples, names_of(n_channels), decoder)
    for answer in answers:
        prediction = answer.prediction
        assert np.isfinite(list(prediction.probabilities.values())).all()
        assert np.isfinite(prediction.confidence)
        assert answer.feature is None or np.isfinite(answer.feature).all()
    assert all(np.isfinite(array).all() for array in decoder.state_dict().values())
    assert answers[-1].prediction.status in ("ok", "unsure")
    assert answers[-1].prediction.probabilities
    whole = [a.prediction for a in answers if BAD_FROM_S + 5 <= a.prediction.end_s <= BAD_TO_S]
    if fault.startswith(("all", "NaN everywhere", "volts", "times")):
        assert all(p.label is None for p in whole)


@pytest.mark.parametrize("kind", ["moments", "rows", "covariance-mixed"])
@pytest.mark.parametrize("fault", list(FAULTS))
def test_no_alignment_learns_what_is_not_finite(kind, fault):
    samples = participant(14, 24.0)
    FAULTS[fault](samples[:, round(10 * SFREQ) :])
    small = small_bundle()
    decoder = EmotionDecoder(small, HOP_S, AlignmentConfig(kind))
    for answer in live(samples, cap(14), decoder):
        assert answer.feature is None or np.isfinite(answer.feature).all()
    assert all(np.isfinite(array).all() for array in decoder.state_dict().values())


@pytest.mark.parametrize("n_channels", [4, 8, 14, 32])
@pytest.mark.parametrize("mean", ["euclid", "riemann"])
def test_no_covariance_is_worse_conditioned_than_can_be_inverted(n_channels, mean):
    recording = Recording(participant(n_channels, 24.0), SFREQ, names_of(n_channels))
    windows = prepare_windows(recording, hop_s=3.0).windows
    aligner = CovarianceAligner(input_covariance(windows), mean=mean)
    for window in windows:
        aligner.partial_fit(window, 3.0)
        basis = range_basis(aligner.covariance)
        values = np.linalg.eigvalsh(basis.T @ aligner.covariance @ basis)
        assert values[-1] / values[0] <= MAX_CONDITION * (1 + 1e-6)
        assert np.isfinite(aligner.transform(window)).all()


@pytest.mark.parametrize("n_channels", [4, 8, 14, 32, 64])
@pytest.mark.parametrize("kind", [*NOISES, "flat", "railed"])
def test_noise_flat_and_railed_input_never_get_a_label(bundle, n_channels, kind):
    n_times = round(30 * SFREQ)
    if kind in NOISES:
        samples = noise(kind, n_channels, n_times, SFREQ, np.random.default_rng(n_channels))
    else:
        samples = np.full((n_channels, n_times), 0.0 if kind == "flat" else 187_500.0, np.float32)
    decoder = EmotionDecoder(bundle, HOP_S, recommended_alignment(bundle))
    answers = live(samples, names_of(n_channels), decoder)
    assert len(answers) > 10
    assert all(a.prediction.label is None for a in answers)
    assert alignment_status(decoder).effective_s < 5.0
