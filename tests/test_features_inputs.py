"""Features of what a study has at hand: a path, a recording, or a raw object of MNE."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import mne
import numpy as np
import pytest

import mdjpt
import mdjpt.features
from mdjpt.errors import MdjptError
from mdjpt.features import prepare_windows
from mdjpt.recordings import Recording
from tests.support.fakes import NAMES, eeg_like

ASSETS = Path(__file__).parent.parent / "assets"
PATH = ASSETS / "recordings" / "physionet_S001R01_30s.edf"


@pytest.fixture(scope="module")
def bundle():
    return mdjpt.load_bundle(ASSETS / "demo.safetensors")


def test_path_recording_and_raw_have_the_same_features(bundle):
    of_path = mdjpt.extract_features(PATH, bundle)
    of_recording = mdjpt.extract_features(mdjpt.read_recording(PATH), bundle)
    of_raw = mdjpt.extract_features(mne.io.read_raw_edf(PATH, verbose="ERROR"), bundle)
    np.testing.assert_array_equal(of_path.features, of_recording.features)
    np.testing.assert_allclose(of_raw.features, of_path.features, atol=1e-6)
    np.testing.assert_array_equal(of_raw.start_s, of_path.start_s)


def test_what_a_raw_object_calls_bad_is_not_used(bundle):
    raw = mne.io.read_raw_edf(PATH, preload=True, verbose="ERROR")
    whole = mdjpt.extract_features(raw, bundle)
    raw.set_annotations(mne.Annotations([14.0], [2.0], ["BAD_muscle"]))
    left = mdjpt.extract_features(raw, bundle).start_s
    assert set(left) < set(whole.start_s)
    assert not ((left < 16.0) & (left + 5.0 > 14.0)).any()


def test_a_raw_object_that_was_made_in_memory_is_read(bundle):
    raw = mne.io.read_raw_edf(PATH, preload=True, verbose="ERROR")
    made = mne.io.RawArray(raw.get_data(), raw.info, verbose="ERROR")
    expected = mdjpt.extract_features(PATH, bundle).features
    np.testing.assert_allclose(mdjpt.extract_features(made, bundle).features, expected, atol=1e-6)


def test_one_electrode_is_refused_with_the_reason(bundle):
    recording = mdjpt.read_recording(PATH)
    alone = replace(recording, samples=recording.samples[:1], ch_names=recording.ch_names[:1])
    with pytest.raises(MdjptError, match=r"one electrode has no reference .*Fc5.* is alone"):
        mdjpt.extract_features(alone, bundle=bundle)


def test_the_number_of_cores_and_pieces_does_not_show(monkeypatch):
    samples = eeg_like(8, 150 * 128)
    samples[2, 9000:9100] = np.nan
    recording = Recording(samples, 128.0, NAMES[:8])
    found = []
    for n_cores, piece_s in ((1, 60.0), (3, 60.0), (2, 25.0)):
        monkeypatch.setattr(mdjpt.features, "n_cores", lambda n=n_cores: n)
        monkeypatch.setattr(mdjpt.features, "PIECE_S", piece_s)
        found.append(prepare_windows(recording, hop_s=1.3))
    for other in found[1:]:
        np.testing.assert_array_equal(other.start_s, found[0].start_s)
        np.testing.assert_allclose(other.windows, found[0].windows, atol=1e-6)
    assert len(found[0].start_s) > 80
