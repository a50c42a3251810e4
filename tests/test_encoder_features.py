"""EncoderFeatures: scikit-learn's rules, the same numbers as a recording's, and honest refusals."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import cross_val_score
from sklearn.pipeline import make_pipeline, make_union
from sklearn.utils import estimator_checks as checks

import mdjpt

ASSETS = Path(__file__).parent.parent / "assets"
BUNDLE = ASSETS / "demo.safetensors"


@pytest.fixture(scope="module")
def recording():
    return mdjpt.read_recording(ASSETS / "recordings" / "physionet_S001R01_30s.edf")


@pytest.fixture(scope="module")
def epochs(recording):
    n_times = round(5 * recording.sfreq)
    return np.stack(np.split(recording.samples[:, : 6 * n_times], 6, axis=1))


@pytest.fixture
def transformer(recording):
    return mdjpt.EncoderFeatures(BUNDLE, recording.ch_names, recording.sfreq)


@pytest.mark.parametrize(
    "check",
    [
        checks.check_estimator_cloneable,
        checks.check_estimator_repr,
        checks.check_estimator_tags_renamed,
        checks.check_get_params_invariance,
        checks.check_mixin_order,
        checks.check_no_attributes_set_in_init,
        checks.check_set_params,
        checks.check_valid_tag_types,
    ],
)
def test_a_check_of_scikit_learn_passes_that_needs_no_table(transformer, check):
    check("EncoderFeatures", transformer)


def test_a_table_in_place_of_epochs_is_refused(transformer):
    with pytest.raises(ValueError, match="n_epochs, 64, n_times"):
        transformer.fit(np.ones((20, 5)))


def test_fitting_changes_no_parameter_and_no_input(transformer, epochs):
    before, kept = transformer.get_params(), epochs.copy()
    transformer.fit(epochs).transform(epochs)
    assert transformer.get_params() == before
    np.testing.assert_array_equal(epochs, kept)


def test_epochs_of_one_window_have_the_features_that_the_encoder_gives(transformer, epochs):
    features = transformer.fit(epochs).transform(epochs)
    assert features.shape == (6, 512)
    assert np.isfinite(features).all()
    alone = transformer.transform(epochs[2:3])
    np.testing.assert_allclose(alone[0], features[2], atol=1e-6)


def test_a_longer_epoch_has_the_mean_of_its_windows(transformer, recording, epochs):
    long = recording.samples[None, :, : round(9 * recording.sfreq)]
    mean, std = transformer.fit(epochs).scale_
    whole = transformer.transform(long)[0]
    table = mdjpt.extract_features(
        mdjpt.Recording(long[0], recording.sfreq, recording.ch_names),
        mdjpt.load_bundle(BUNDLE),
        scale=mdjpt.FixedScale(mean, std),
    )
    np.testing.assert_allclose(whole, table.features.mean(axis=0), atol=1e-6)


def test_it_works_beside_pyriemann_in_a_pipeline(transformer, epochs):
    pyriemann = pytest.importorskip("pyriemann.estimation")
    tangent = pytest.importorskip("pyriemann.tangentspace")
    few = epochs[:, ::8]
    names = transformer.ch_names[::8]
    both = make_union(
        clone(transformer).set_params(ch_names=names),
        make_pipeline(pyriemann.Covariances("oas"), tangent.TangentSpace()),
    )
    pipeline = make_pipeline(both, LogisticRegression())
    scores = cross_val_score(pipeline, few, [0, 1, 0, 1, 0, 1], cv=2, error_score="raise")
    assert scores.shape == (2,)


def test_the_scale_is_learned_so_that_gain_does_not_matter(transformer, epochs):
    once = transformer.fit(epochs).transform(epochs)
    louder = clone(transformer).fit(epochs * 1.5).transform(epochs * 1.5)
    np.testing.assert_allclose(once, louder, atol=1e-4)


def test_what_was_not_fitted_does_not_transform(transformer, epochs):
    with pytest.raises(NotFittedError):
        transformer.transform(epochs)


def test_a_flat_epoch_is_named_or_left_out_as_asked(transformer, epochs):
    spoiled = epochs.copy()
    spoiled[3] = 7.0
    transformer.fit(epochs)
    with pytest.raises(ValueError, match=r"1 epochs cannot be decoded.*\(3\)"):
        transformer.transform(spoiled)
    features = transformer.set_params(on_bad="nan").transform(spoiled)
    assert np.flatnonzero(np.isnan(features).any(axis=1)).tolist() == [3]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda x: x[:, :, :700], "at least 5 s"),
        (lambda x: x[:, :60], r"shape \(n_epochs, 64, n_times\)"),
        (lambda x: x[0], r"shape \(n_epochs, 64, n_times\)"),
        (lambda x: x * 1e-6, "multiply by 1e6"),
    ],
)
def test_epochs_that_cannot_be_meant_are_refused(transformer, epochs, change, message):
    with pytest.raises(ValueError, match=message):
        transformer.fit(change(epochs))
