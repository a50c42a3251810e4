import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mdjpt.calibration.families import FAMILIES, OwnWindows, family_named
from mdjpt.calibration.families.covariances import CovarianceReference, completed
from mdjpt.calibration.families.spectra import (
    BROAD_BANDS,
    FINE_BANDS,
    Band,
    band_covariances,
    tapered_spectra,
)
from mdjpt.calibration.families.tangent import FineTangent, shrunk_log, whitener
from mdjpt.signal.filters import N_TIMES, SFREQ
from tests.support.people_with_states import own_windows

RNG = np.random.default_rng(0)


def uniform(windows):
    return np.full(len(windows), 1.0 / len(windows))


def some_windows(n=12, n_electrodes=6, seed=0):
    return own_windows(np.arange(n) % 2, n_electrodes=n_electrodes, seed=seed)


def remixed(windows, matrix):
    samples = np.einsum("ij,njt->nit", matrix, windows.samples.astype(np.float64))
    return OwnWindows(samples.astype(np.float32), windows.good, windows.encoded)


def spd(n, seed=0):
    a = np.random.default_rng(seed).normal(size=(n, 3 * n))
    return a @ a.T / (3 * n)


# ------------------------------------------------------------------ one suite over all families


@pytest.fixture(params=FAMILIES, ids=lambda family: family.name)
def kind(request):
    return request.param


def test_a_family_describes_each_window_on_its_own(kind):
    windows = some_windows()
    fitted = kind.fit(windows, uniform(windows))
    together = fitted.transform(windows)
    alone = np.concatenate([fitted.transform(windows[k : k + 1]) for k in range(len(windows))])
    np.testing.assert_allclose(together, alone, rtol=1e-9, atol=1e-9)
    assert np.isfinite(together).all()


def test_a_family_is_the_same_after_storing(kind):
    windows = some_windows()
    fitted = kind.fit(windows, uniform(windows))
    again = kind.from_arrays(fitted.arrays)
    np.testing.assert_array_equal(fitted.transform(windows), again.transform(windows))
    assert {a.dtype.kind for a in fitted.arrays.values()} <= {"f", "i"}


def test_what_a_bad_electrode_holds_changes_nothing(kind):
    windows = some_windows()
    fitted = kind.fit(windows, uniform(windows))
    good = windows.good.copy()
    good[:, 2] = False
    samples = windows.samples.copy()
    samples[:, 2] = np.nan
    broken = OwnWindows(samples, good, windows.encoded)
    expected = fitted.transform(OwnWindows(windows.samples, good, windows.encoded))
    np.testing.assert_array_equal(fitted.transform(broken), expected)
    assert np.isfinite(expected).all()


def test_a_family_works_with_two_electrodes(kind):
    windows = some_windows(n_electrodes=2)
    fitted = kind.fit(windows, uniform(windows))
    assert np.isfinite(fitted.transform(windows)).all()


def test_a_window_takes_at_most_ten_milliseconds(kind):
    windows = some_windows(4, n_electrodes=64)
    fitted = kind.fit(windows, uniform(windows))
    best = np.inf
    for k in range(20):
        window = windows[k % 4 : k % 4 + 1]
        begin = time.perf_counter()
        fitted.transform(window)
        best = min(best, time.perf_counter() - begin)
    assert best < 0.010


def test_every_family_is_found_by_its_own_name(kind):
    assert family_named(kind.name) is kind
    assert len({family.name for family in FAMILIES}) == len(FAMILIES)


def test_an_unknown_family_is_refused():
    with pytest.raises(ValueError, match="unknown feature family 'psychic'"):
        family_named("psychic")


def test_arrays_of_another_size_are_refused(kind):
    windows = some_windows()
    fitted = kind.fit(windows, uniform(windows))
    if "mean" not in fitted.arrays:
        other = OwnWindows(windows.samples, windows.good, windows.encoded[:, :3])
        with pytest.raises(ValueError, match="features wanted"):
            fitted.transform(other)
        return
    with pytest.raises(ValueError, match="bands wanted"):
        kind.from_arrays(fitted.arrays | {"mean": fitted.arrays["mean"][:2]})
    with pytest.raises(ValueError, match="electrodes wanted"):
        fitted.transform(some_windows(n_electrodes=5))


# ------------------------------------------------------------------ windows


@pytest.mark.parametrize(
    ("samples", "good", "encoded"),
    [
        ((3, 2, 624), (3, 2), (3, 4)),
        ((3, 2, N_TIMES), (3, 3), (3, 4)),
        ((3, 2, N_TIMES), (3, 2), (2, 4)),
    ],
)
def test_windows_that_do_not_fit_each_other_are_refused(samples, good, encoded):
    with pytest.raises(ValueError, match="must"):
        OwnWindows(np.zeros(samples, "f4"), np.zeros(good, bool), np.zeros(encoded, "f4"))


# ------------------------------------------------------------------ spectra


def test_a_taper_by_shifted_frequencies_is_the_taper_in_time():
    x = RNG.normal(size=(1, N_TIMES))
    spectra, hz = tapered_spectra(x)
    times = np.arange(N_TIMES) + 0.5
    for k in range(9):
        taper = np.sqrt(2.0 / N_TIMES) * np.sin(np.pi * (k + 1) * times / N_TIMES)
        tapered = np.fft.rfft((x - x.mean()) * taper)[0]
        bins = np.round(hz * N_TIMES / SFREQ).astype(int)
        np.testing.assert_allclose(spectra[0, k], tapered[bins], atol=1e-10)


@given(hz=st.floats(8.0, 44.0), amplitude=st.floats(0.1, 100.0))
@settings(max_examples=25, deadline=None)
def test_a_rhythm_is_found_in_its_band_and_hardly_elsewhere(hz, amplitude):
    x = amplitude * np.sin(2 * np.pi * hz * np.arange(N_TIMES) / SFREQ)[None, None]
    inside = Band(max(1.0, hz - 2.0), min(45.0, hz + 1.0))
    far = Band(1.0, hz - 5.0) if hz > 20.0 else Band(hz + 5.0, 45.0)
    powers = band_covariances(x, (inside, far))[0, :, 0, 0]
    assert powers[0] > 1e3 * powers[1]


def test_the_bands_of_white_noise_have_equal_power():
    x = np.random.default_rng(1).normal(size=(40, 3, N_TIMES))
    powers = np.diagonal(band_covariances(x, BROAD_BANDS).mean(axis=0), axis1=1, axis2=2)
    np.testing.assert_allclose(powers, 1.0, rtol=0.15)


def test_bands_do_not_overlap_and_stay_below_the_mains():
    for bands in (FINE_BANDS, BROAD_BANDS):
        edges = np.array(bands)
        np.testing.assert_array_equal(edges[1:, 0], edges[:-1, 1])
        assert edges[0, 0] >= 1.0
        assert edges[-1, 1] <= 45.0


def test_covariances_are_symmetric_and_follow_any_mixing():
    windows, matrix = some_windows(3, 4), RNG.normal(size=(4, 4))
    plain = band_covariances(windows.samples.astype(np.float64), FINE_BANDS)
    mixed = band_covariances(np.einsum("ij,njt->nit", matrix, windows.samples), FINE_BANDS)
    np.testing.assert_allclose(plain, np.swapaxes(plain, -1, -2), rtol=1e-12)
    np.testing.assert_allclose(mixed, matrix @ plain @ matrix.T, rtol=1e-6, atol=1e-6)


# ------------------------------------------------------------------ faulty electrodes


def test_a_window_as_usual_is_completed_to_the_usual_covariance():
    usual = np.stack([spd(5, 1), spd(5, 2)])
    good = np.array([[True, False, True, True, False]])
    found = usual[None].copy()
    found[:, :, ~good[0]] = 0.0
    found[..., ~good[0]] = 0.0
    np.testing.assert_allclose(completed(found, good, usual)[0], usual, rtol=1e-9)


def test_completing_leaves_good_electrodes_alone_and_stays_positive_definite():
    usual, found = spd(6, 3)[None], spd(6, 4)[None, None]
    good = np.array([[True, True, False, True, False, True]])
    whole = completed(found, good, usual)
    inside = np.ix_(good[0], good[0])
    np.testing.assert_array_equal(whole[0, 0][inside], found[0, 0][inside])
    assert np.linalg.eigvalsh(whole[0, 0])[0] > 0
    np.testing.assert_allclose(whole, np.swapaxes(whole, -1, -2), rtol=1e-9)


def test_windows_without_faults_are_not_changed():
    found = spd(4)[None, None]
    np.testing.assert_array_equal(completed(found, np.ones((1, 4), bool), spd(4, 1)[None]), found)


def test_the_usual_covariance_is_found_through_faults():
    windows = some_windows(60)
    weights = uniform(windows)
    whole = CovarianceReference.fit(windows, weights, BROAD_BANDS).mean
    good = np.random.default_rng(3).random(windows.good.shape) > 0.2
    faulty = OwnWindows(windows.samples, good, windows.encoded)
    found = CovarianceReference.fit(faulty, weights, BROAD_BANDS).mean
    scale = np.sqrt(np.einsum("bii,bjj->bij", whole, whole))
    assert np.abs((found - whole) / scale).max() < 0.2


def test_an_electrode_that_rarely_works_is_left_out():
    windows = some_windows()
    good = windows.good.copy()
    good[: len(good) // 2 + 1, 1] = False
    faulty = OwnWindows(windows.samples, good, windows.encoded)
    reference = CovarianceReference.fit(faulty, uniform(windows), BROAD_BANDS)
    assert reference.works.tolist() == [True, False, True, True, True, True]
    assert reference.mean.shape == (len(BROAD_BANDS), 5, 5)


def test_nothing_is_said_of_a_window_with_most_electrodes_bad():
    windows = some_windows()
    fitted = FineTangent.fit(windows, uniform(windows))
    good = windows.good.copy()
    good[0, :4] = False
    described = fitted.transform(OwnWindows(windows.samples, good, windows.encoded))
    assert np.isnan(described[0]).all()
    assert np.isfinite(described[1:]).all()


def test_a_cap_without_a_working_electrode_is_refused():
    windows = some_windows()
    dead = OwnWindows(windows.samples, np.zeros_like(windows.good), windows.encoded)
    with pytest.raises(ValueError, match="no electrode is good"):
        CovarianceReference.fit(dead, uniform(windows), BROAD_BANDS)


# ------------------------------------------------------------------ tangent space


def test_the_tangent_vectors_are_those_of_pyriemann(monkeypatch):
    from pyriemann.geometry.tangentspace import tangent_space

    usual = spd(5, 5)
    covariances = np.stack([spd(5, k) for k in range(8)])
    white = whitener(usual)
    # Shrinkage is switched off by a window that is long beyond measure.
    monkeypatch.setattr("mdjpt.calibration.families.tangent.N_TIMES", 10**12)
    ours = shrunk_log(white @ covariances @ white.T)
    theirs = tangent_space(covariances, usual)
    # The same up to a rotation: lengths and angles between the vectors agree.
    gram = np.einsum("nij,mij->nm", ours, ours)
    np.testing.assert_allclose(gram, theirs @ theirs.T, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("what", ["gain", "reference", "mixing"])
def test_distances_in_the_tangent_space_do_not_depend_on_the_amplifier(what):
    windows = some_windows(10, 5)
    matrix = {
        "gain": np.diag([1.0, 24.0, 0.5, 3.0, 2.0]),
        "reference": np.eye(5) - np.outer(np.ones(5), [0, 0, 0.9, 0, 0]),
        "mixing": np.eye(5) + 0.3 * np.random.default_rng(2).normal(size=(5, 5)),
    }[what]
    other = remixed(windows, matrix)
    grams = []
    for w in (windows, other):
        vectors = FineTangent.fit(w, uniform(w)).transform(w)
        grams.append(vectors @ vectors.T)
    np.testing.assert_allclose(grams[0], grams[1], rtol=1e-3, atol=1e-2)


def test_an_average_reference_leaves_a_direction_out():
    assert whitener(spd(6)).shape == (6, 6)
    average = np.eye(6) - 1.0 / 6.0
    assert whitener(average @ spd(6) @ average).shape == (5, 6)


def test_large_caps_are_reduced_to_their_strongest_directions():
    usual = np.diag(np.arange(1.0, 65.0))
    white = whitener(usual)
    assert white.shape == (24, 64)
    np.testing.assert_allclose(white @ usual @ white.T, np.eye(24), atol=1e-12)
    assert (np.flatnonzero(np.abs(white).sum(axis=0)) >= 40).all()


def test_the_logarithm_of_a_multiple_of_the_identity_is_its_logarithm():
    out = shrunk_log(np.stack([np.eye(4), 7.0 * np.eye(4)]))
    np.testing.assert_allclose(out[0], 0.0, atol=1e-12)
    np.testing.assert_allclose(out[1], np.log(7.0) * np.eye(4), atol=1e-12)


def test_shrinkage_is_that_of_the_aligners():
    from mdjpt.alignment.spd import oas

    matrix = spd(6, 9)
    values, vectors = np.linalg.eigh(oas(matrix, N_TIMES))
    expected = (vectors * np.log(values)) @ vectors.T
    np.testing.assert_allclose(shrunk_log(matrix[None])[0], expected, rtol=1e-9, atol=1e-12)
