"""A model knows what it knows: how far a window may be is measured and kept in the bundle."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from mdjpt.bundle.bundle import BUNDLE_FILE, load_bundle, save_bundle
from mdjpt.bundle.checked_file import read_checked, write_checked
from mdjpt.calibration.decoder import EmotionDecoder
from mdjpt.calibration.novelty import (
    NOISES,
    NOVELTY_LIMIT,
    known_novelty_limit,
    measure_novelty_limit,
    noise,
    novelty,
)
from mdjpt.errors import ModelError
from tests.support.calibration_cases import small_bundle

RNG = np.random.default_rng(0)
FAMILIAR = RNG.standard_normal((400, 512))


def test_what_is_like_the_calibration_is_familiar():
    np.testing.assert_allclose(novelty(FAMILIAR[:10]), 1.0, atol=0.1)
    np.testing.assert_allclose(novelty(5 * FAMILIAR[:10]), 5.0, atol=0.5)


@pytest.mark.parametrize("times", [1.3, 2.0, 10.0])
def test_the_limit_lies_between_people_and_noise(times):
    limit = measure_novelty_limit(FAMILIAR, times * FAMILIAR[::-1])
    assert np.quantile(novelty(FAMILIAR), 0.99) < limit < novelty(times * FAMILIAR).min()


def test_noise_that_looks_familiar_is_kept_out_at_the_cost_of_people():
    limit = measure_novelty_limit(FAMILIAR, 1.01 * FAMILIAR)
    assert limit < novelty(1.01 * FAMILIAR).min()


def test_without_noise_people_decide_and_without_people_nothing_does():
    limit = measure_novelty_limit(FAMILIAR)
    assert (novelty(FAMILIAR) < limit).all()
    assert limit < 1.5
    with pytest.raises(ValueError, match="no familiar window"):
        measure_novelty_limit(FAMILIAR[:0])


def test_a_bundle_keeps_its_limit_and_older_ones_get_the_one_they_had(tmp_path):
    plain = small_bundle(sha256="")
    old = save_bundle(tmp_path / "old.safetensors", plain)
    new = save_bundle(tmp_path / "new.safetensors", replace(plain, novelty_limit=1.8))
    assert load_bundle(tmp_path / "old.safetensors").novelty_limit is None
    assert known_novelty_limit(old) == NOVELTY_LIMIT
    loaded = load_bundle(tmp_path / "new.safetensors")
    assert loaded.novelty_limit == 1.8
    assert EmotionDecoder(loaded, 0.5).novelty_limit == 1.8
    assert EmotionDecoder(old, 0.5).novelty_limit == NOVELTY_LIMIT
    assert "novelty_limit" not in old.metadata
    assert new.metadata["novelty_limit"] == 1.8
    unknown = small_bundle(feature_mean=None, feature_var=None)
    assert known_novelty_limit(unknown) == np.inf


@pytest.mark.parametrize("limit", [0.0, -1.0, float("nan"), "much", True])
def test_an_impossible_limit_is_refused(limit):
    with pytest.raises(ValueError, match="novelty_limit"):
        small_bundle(novelty_limit=limit)


def test_a_file_with_an_impossible_limit_is_refused(tmp_path):
    path = tmp_path / "b.safetensors"
    save_bundle(path, small_bundle(sha256=""))
    file = read_checked(path, BUNDLE_FILE)
    write_checked(path, BUNDLE_FILE, file.arrays, file.about | {"novelty_limit": -3})
    with pytest.raises(ModelError, match="novelty_limit"):
        load_bundle(path)


@pytest.mark.parametrize("kind", NOISES)
def test_every_noise_is_about_as_loud_as_eeg_and_finite(kind):
    samples = noise(kind, 5, 5000, 250.0, np.random.default_rng(1))
    assert samples.shape == (5, 5000)
    assert np.isfinite(samples).all()
    assert 5.0 < samples.std() < 30.0
    with pytest.raises(ValueError, match="kind must be"):
        noise("green", 5, 5000, 250.0, np.random.default_rng(1))
