"""Features of prepared datasets: the published chain, the baseline, the table of windows."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from mdjpt.bundle.checkpoint import released_name
from mdjpt.errors import DatasetError, MdjptError
from mdjpt.evaluation.differential_entropy import band_entropy, entropy_features
from mdjpt.evaluation.encoding import encoder_features, released_batch_features
from mdjpt.evaluation.lds import lds_filter
from mdjpt.evaluation.postprocessing import Priors, feature_priors, normalised, smoothed
from mdjpt.evaluation.window_table import window_table
from mdjpt.network.encoder import Encoder
from mdjpt.network.model import EncoderConfig, MdjptNetwork
from mdjpt.store.store import open_store
from mdjpt.store.trials import StoredTrial
from tests.support.evaluation_features import released_chain_store, synthetic_features, write_store
from tests.support.golden import golden_arrays, golden_state_dict, relative_error
from tests.support.training_corpus import MONTAGES, TINY, write_tiny_store

CHANNELS = MONTAGES[0]


@pytest.fixture(scope="module")
def chain():
    return golden_arrays("eval_chain.npz")


@pytest.fixture(scope="module")
def published_features(chain, tmp_path_factory):
    """The first group of the published chain, encoded with the published layout's weights."""
    store = open_store(released_chain_store(tmp_path_factory.mktemp("chain") / "store", chain))
    return encoder_features(store, golden_encoder("released"), normalisation="recording")


@pytest.fixture(scope="module")
def tiny_store(tmp_path_factory):
    return open_store(write_tiny_store(tmp_path_factory.mktemp("tiny") / "store", 0))


@pytest.fixture(scope="module")
def tiny_encoder():
    return Encoder(MdjptNetwork(TINY))


def golden_encoder(variant):
    network = MdjptNetwork(EncoderConfig(variant=variant))
    published, own = golden_state_dict(), network.state_dict()
    network.load_state_dict({n: published[released_name(n)].view(t.shape) for n, t in own.items()})
    return Encoder(network)


def test_a_stored_recording_gives_the_published_features(chain, published_features):
    assert len(published_features) == 32
    assert relative_error(published_features.features, chain["feature"]) < 1e-4


def test_normalised_and_smoothed_features_are_those_of_the_published_chain(
    chain, published_features
):
    priors = Priors(chain["data_mean"].astype(float), chain["data_var"].astype(float))
    session = published_features.select(published_features.session == "1")
    normal = normalised(session, priors)
    assert relative_error(normal.features, chain["after_running_norm"]) < 1e-4
    assert relative_error(smoothed(normal, "smoother").features, chain["after_lds"]) < 1e-4


def test_band_entropies_are_those_of_the_released_baseline(chain):
    ours = band_entropy(chain["de_raw"], np.arange(20) * 125, 125)
    assert relative_error(ours, chain["de_out"]) < 1e-4


def test_the_entropy_of_a_flat_electrode_is_finite():
    assert np.isfinite(band_entropy(np.zeros((2, 1250)), [0, 625], 625)).all()


def test_the_baseline_has_five_bands_of_every_electrode(tiny_store):
    own = entropy_features(tiny_store)
    standard = entropy_features(tiny_store, channels="standard")
    assert own.features.shape == (len(own), 8 * 5)
    assert standard.features.shape == (len(own), 60 * 5)
    fp1 = standard.features[:, :5]
    np.testing.assert_allclose(fp1, own.features[:, :5], rtol=1e-5)


def test_a_released_batch_is_normalised_by_halves(tiny_encoder):
    windows = np.random.default_rng(0).standard_normal((6, 60, TINY.n_times), np.float32)
    halves = [tiny_encoder.feature(windows[k : k + 3], group_size=3) for k in (0, 3)]
    np.testing.assert_array_equal(
        released_batch_features(tiny_encoder, windows), np.concatenate(halves)
    )


def test_the_last_window_of_an_odd_released_batch_is_not_normalised(tiny_encoder):
    windows = np.random.default_rng(0).standard_normal((5, 60, TINY.n_times), np.float32)
    features = released_batch_features(tiny_encoder, windows)
    again = released_batch_features(
        tiny_encoder, np.concatenate([windows[2:4], windows[:2], windows[4:]])
    )
    np.testing.assert_array_equal(features[4], again[4])
    assert not np.allclose(features[4], tiny_encoder.feature(windows[4:], group_size=1)[0])


def test_released_batches_run_over_recordings_and_trials(tiny_store, tiny_encoder):
    features = encoder_features(tiny_store, tiny_encoder, normalisation="released")
    table = features
    windows = np.concatenate(
        [tiny_store.windows(r, [s]) for r, s in zip(table.recording, table.start, strict=True)]
    )
    assert len(windows) < 64
    np.testing.assert_array_equal(features.features, released_batch_features(tiny_encoder, windows))


@pytest.mark.parametrize("normalisation", ["window", "rows"])
def test_causal_features_of_a_window_depend_on_no_other(tiny_store, tiny_encoder, normalisation):
    stats = tiny_encoder.row_stats(tiny_store.windows(0, [0, 250]))
    every = encoder_features(tiny_store, tiny_encoder, stats, normalisation=normalisation)
    some = encoder_features(
        tiny_store.select(["2"]), tiny_encoder, stats, normalisation=normalisation
    )
    assert every.causal
    np.testing.assert_allclose(
        every.select(every.subject == "2").features, some.features, rtol=1e-5
    )


def test_without_statistics_each_window_is_normalised_by_itself(tiny_store, tiny_encoder):
    assert "within each window" in encoder_features(tiny_store, tiny_encoder).made_by
    with pytest.raises(MdjptError, match="statistics"):
        encoder_features(tiny_store, tiny_encoder, normalisation="rows")


def test_the_table_names_each_window(tiny_store):
    table = window_table(tiny_store, 625, 125)
    assert table.subjects == ("1", "2", "3")
    assert len(table) == 3 * 4 * 3
    assert table.start[:4].tolist() == [0, 125, 250, 900]
    assert table.window[:4].tolist() == [0, 1, 2, 0]
    assert table.trial[-1] == 11
    assert set(table.stimulus[table.label == 1]) == {"clip 1", "clip 3"}


def test_sessions_follow_the_order_of_presentation():
    table = synthetic_features(3)
    for rows in table.sessions():
        assert (np.diff(table.order[rows]) >= 0).all()
        assert len(set(table.subject[rows])) == 1
    assert all((np.diff(rows) > 0).all() for rows in table.sessions(presented=False))


def test_where_the_order_is_unknown_the_file_decides(tmp_path):
    trials = tuple(StoredTrial("", "1", "1", k, k, f"c{k}", k * 700, 700) for k in range(3))
    samples = np.zeros((8, 2100), np.float32)
    store = open_store(write_store(tmp_path / "s", [(samples, trials)], CHANNELS))
    table = window_table(store, 625, 250)
    assert not table.order_known
    assert table.order.tolist() == [0, 1, 2]


def test_a_store_without_labels_or_long_trials_is_refused(tmp_path):
    unlabelled = (StoredTrial("", "1", "1", 0, None, "c", 0, 700),)
    short = (StoredTrial("", "1", "1", 0, 1, "c", 0, 600),)
    samples = np.zeros((8, 700), np.float32)
    for name, trials, message in (("a", unlabelled, "no labels"), ("b", short, "as long as")):
        store = open_store(write_store(tmp_path / name, [(samples, trials)], CHANNELS))
        with pytest.raises(DatasetError, match=message):
            window_table(store, 625, 250)


def test_every_subject_counts_the_same_in_the_priors():
    features = synthetic_features(2, n_features=3)
    rows = np.flatnonzero(features.subject == "0")
    unbalanced = features.select(
        np.concatenate([rows[:10], np.flatnonzero(features.subject == "1")])
    )
    priors = feature_priors(unbalanced)
    parts = [unbalanced.features[unbalanced.subject == name].astype(float) for name in ("0", "1")]
    np.testing.assert_allclose(priors.mean, (parts[0].mean(0) + parts[1].mean(0)) / 2)
    np.testing.assert_allclose(priors.var, (parts[0].var(0) + parts[1].var(0)) / 2)


def test_filtered_features_are_causal_and_smoothed_ones_are_not():
    features = synthetic_features(2)
    priors = feature_priors(features)
    cut = features.window < 3
    for how, same in (("filter", True), ("smoother", False)):
        whole = smoothed(normalised(features, priors), how).select(cut).features
        early = smoothed(normalised(features, priors).select(cut), how).features
        assert np.allclose(whole, early, atol=1e-6) == same


def test_a_filtered_window_is_what_the_filter_makes_of_the_trial_so_far():
    features = synthetic_features(1, n_clips=3, n_windows=9)
    filtered = smoothed(features, "filter")
    for rows in features.groups("trial"):
        trial = features.features[rows]
        for n, row in enumerate(rows, 1):
            expected = lds_filter(trial[:n])[-1]
            np.testing.assert_allclose(filtered.features[row], expected, atol=1e-5)


def test_subjects_are_sorted_by_their_numbers():
    table = synthetic_features(4, n_clips=1, n_windows=1)
    named = replace(table, subject=np.array(["10", "s10", "2", "s9"]))
    assert named.subjects == ("2", "10", "s9", "s10")
