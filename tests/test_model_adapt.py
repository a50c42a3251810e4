"""A bundle without statistics gets them from prepared datasets and recordings."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from app.cli.model import adapt_model
from mdjpt.alignment import AlignmentConfig, build_alignment
from mdjpt.alignment.aligned_encoder import AlignedEncoder
from mdjpt.alignment.config import alignment_named
from mdjpt.bundle.bundle import load_bundle
from mdjpt.bundle.checkpoint import import_checkpoint
from mdjpt.errors import MdjptError
from mdjpt.features import prepare_windows
from mdjpt.recordings import Recording, read_recording
from mdjpt.simulation import SimulatedParticipant
from mdjpt.store.store import open_store
from mdjpt.training.adaptation import adapt_bundle, recordings_material, store_material
from tests.support.golden import write_checkpoint
from tests.support.training_corpus import write_tiny_store

RECORDING = Path(__file__).parents[1] / "assets/recordings/physionet_S001R01_30s.edf"
DEMO = Path(__file__).parents[1] / "assets/demo.safetensors"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("adapt")
    import_checkpoint(write_checkpoint(folder / "epoch=19.ckpt"), folder / "bare.safetensors")
    write_tiny_store(folder / "simulated", 0)
    write_tiny_store(folder / "real", 1, simulated=False)
    return folder


def test_a_bare_checkpoint_is_given_all_that_alignment_needs(folder, capsys):
    out = folder / "adapted.safetensors"
    stores = [folder / "simulated", folder / "real"]
    assert adapt_model(folder / "bare.safetensors", out, stores, [RECORDING] * 2, 120) == 0
    assert "statistics of 68 windows, 7 people, 0.06 h, simulated" in capsys.readouterr().out
    before, after = load_bundle(folder / "bare.safetensors"), load_bundle(out)
    assert before.row_stats is None
    for name, array in before.weights.items():
        np.testing.assert_array_equal(after.weights[name], array)
    assert after.centroids is not None
    assert after.centroids.shape == (3, 32, 64, 64)
    assert (after.simulated, after.head) == (True, None)
    assert after.provenance["adapted"]["on"] == ["tiny-0", "tiny-1", "own recordings"]
    windows = prepare_windows(read_recording(RECORDING)).windows
    for kind in ("moments", "rows", "covariance-input", "covariance-mixed"):
        aligned = AlignedEncoder(after, build_alignment(AlignmentConfig(kind), after))
        assert np.isfinite(np.stack([aligned.encode_next(w) for w in windows])).all()


def test_features_under_adapted_statistics_are_standard_on_what_they_were_measured_on(folder):
    out = folder / "standard.safetensors"
    adapt_model(folder / "bare.safetensors", out, [folder / "real"] * 2, [RECORDING] * 2)
    bundle = load_bundle(out)
    assert not bundle.simulated
    assert bundle.feature_mean is not None
    assert bundle.feature_var is not None
    parts = [open_store(folder / "real"), open_store(folder / "real")]
    drawn = [store_material(store, 1000).windows for store in parts]
    own = recordings_material([read_recording(RECORDING)] * 2, 1000).windows
    features = bundle.features(np.concatenate([*drawn, own]))
    np.testing.assert_allclose(features.mean(0), bundle.feature_mean, atol=1e-4)
    np.testing.assert_allclose(features.var(0), bundle.feature_var, rtol=1e-3, atol=1e-6)


def test_a_head_that_no_longer_fits_is_left_out_and_told(folder, capsys):
    out = folder / "demo.safetensors"
    adapt_model(DEMO, out, [folder / "real"] * 2, [RECORDING] * 2)
    assert "emotion head does not fit them and was left out" in capsys.readouterr().out
    bundle = load_bundle(out)
    assert (bundle.head, bundle.class_names, bundle.novelty_limit) == (None, (), None)
    assert bundle.identity != load_bundle(DEMO).identity


def test_too_little_to_measure_on_is_refused_before_anything_is_written(folder):
    out = folder / "never.safetensors"
    with pytest.raises(MdjptError, match="only 10 windows to measure on: it takes 60"):
        adapt_model(folder / "bare.safetensors", out, recording=[RECORDING])
    with pytest.raises(MdjptError, match="--store STORE or --recording FILE"):
        adapt_model(folder / "bare.safetensors", out)
    assert not out.exists()


def simulated_person(seed):
    """Return 150 s of EEG of a simulated person."""
    participant = SimulatedParticipant(seed, sfreq=125.0)
    samples = participant.generate(150 * 125)
    return Recording(samples, 125.0, participant.ch_names, source="person", simulated=True)


def agreement_with_released(bundle, alignment, prepared):
    """Median centred cosine of a stream's features with blocks of 32 windows, after 70 s."""
    windows = prepared.windows
    encoder, blocks = bundle.encoder(), np.split(windows, range(32, len(windows), 32))
    released = np.concatenate([encoder.feature(block, len(block)) for block in blocks])
    aligned, own = AlignedEncoder(bundle, build_alignment(alignment, bundle)), []
    for window in windows:
        own.append(aligned.encode_next(window))
        aligned.learn(2.0)
    late = prepared.start_s + 5.0 - prepared.start_s[0] >= 70.0
    a, b = (np.stack(x)[late] - released[late].mean(0) for x in (released, own))
    cosines = (a * b).sum(1) / np.linalg.norm(a, axis=1) / np.linalg.norm(b, axis=1)
    return float(np.median(cosines))


def test_a_stream_is_normalised_as_blocks_of_32_windows_are(folder):
    bare = load_bundle(folder / "bare.safetensors")
    adapted = adapt_bundle(bare, [recordings_material([simulated_person(4)], 64)])
    person = prepare_windows(simulated_person(3))
    assert agreement_with_released(bare, alignment_named("auto", bare), person) > 0.95
    assert agreement_with_released(bare, AlignmentConfig("none"), person) < 0.9
    assert agreement_with_released(adapted, alignment_named("rows", adapted), person) > 0.95
    assert agreement_with_released(adapted, AlignmentConfig("none"), person) < 0.9
