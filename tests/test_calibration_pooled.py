import numpy as np
import pytest
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis

from mdjpt.calibration.blocks import block_folds
from mdjpt.calibration.calibration_windows import MAX_WINDOWS, CalibrationWindows
from mdjpt.calibration.confidence import softmax
from mdjpt.calibration.families import FAMILIES, OwnWindows
from mdjpt.calibration.families.band_power import BandPower
from mdjpt.calibration.families.encoded import Encoded
from mdjpt.calibration.families.tangent import FineTangent
from mdjpt.calibration.family_head import Familiar, Span, discriminant
from mdjpt.calibration.heads import GeneralHead
from mdjpt.calibration.novelty import NOISES, noise
from mdjpt.calibration.pool_weights import fit_pool_weights, pooled, smoothed_logits
from mdjpt.calibration.pooled_decoder import UNFAMILIAR, PooledDecoder
from mdjpt.calibration.pooled_training import cross_validate, train_pooled_decoder
from mdjpt.errors import ProfileError
from mdjpt.network.emotion_head import Head
from mdjpt.signal.filters import N_TIMES, SFREQ
from tests.support.people_with_states import HOP_S, N_ENCODED, own_windows, trials_of

MIXED = np.array([0, 1, 1, 0, 1, 0, 0, 1, 0, 1, 1, 0])


def calibration(label=MIXED, **changes):
    families = changes.pop("families", FAMILIES)
    general = changes.pop("general", None)
    trial = trials_of(label)
    windows = own_windows(label[trial], **changes)
    return CalibrationWindows(windows, trial, HOP_S, general, families)


# ------------------------------------------------------------------ standardised, and familiar


def test_what_lies_within_the_limit_is_trusted_and_what_lies_beyond_fades():
    familiar = Familiar(np.zeros(4), np.ones(4), limit=1.5)
    far = np.outer([0.0, 1.5, 3.0, 15.0], np.ones(4))
    np.testing.assert_allclose(familiar.trust(far), [1.0, 1.0, 0.25, 0.01])


@pytest.mark.parametrize("equal", [True, False])
def test_standardised_features_have_a_mean_square_of_one(equal):
    x = np.random.default_rng(0).normal(3.0, [0.1, 1.0, 10.0], (50, 3))
    weights = np.full(50, 0.02)
    z = Familiar.fit(x, weights, equal_variances=equal).standardised(x)
    assert np.mean(z**2) == pytest.approx(1.0)
    spread = z.std(axis=0)
    np.testing.assert_allclose(spread, 1.0) if equal else None
    assert equal or spread[2] > 50 * spread[0]


def test_a_head_grows_quiet_far_away_instead_of_loud():
    features = np.random.default_rng(0).normal(size=(30, 5))
    span = Span(features, np.full(30, 1 / 30), equal_variances=True)
    labels = (features[:, 0] > 0).astype(int)
    linear = span.discriminant(np.ones(30, bool), labels, np.ones(30), 2)
    head = span.head(*linear)
    near, _ = head.judge(features[:1])
    far, trust = head.judge(features[:1] * 1e6)
    assert np.abs(far).max() < 1e-3 * np.abs(near).max()
    assert trust[0] < 1e-9


def test_a_family_without_features_has_nothing_to_say():
    features = np.random.default_rng(0).normal(size=(30, 5))
    span = Span(features, np.full(30, 1 / 30), equal_variances=False)
    linear = span.discriminant(np.ones(30, bool), np.arange(30) % 2, np.ones(30), 2)
    logits, trust = span.head(*linear).judge(np.full((2, 5), np.nan))
    np.testing.assert_array_equal(logits, 0.0)
    assert np.isnan(trust).all()


def test_training_in_the_span_of_the_windows_is_training_on_the_features():
    rng = np.random.default_rng(0)
    features, labels = rng.normal(size=(20, 200)), np.arange(20) % 2
    features[5] = np.nan
    span = Span(features, np.full(20, 0.05), equal_variances=True)
    linear = span.discriminant(np.arange(20) < 14, labels, np.ones(20), 2)
    logits, _ = span.head(*linear).judge(features)
    np.testing.assert_allclose(span.logits(*linear), logits, atol=1e-4)


class _Shrunk:
    """A covariance estimator with a fixed share of the identity, as scikit-learn takes it."""

    def __init__(self, share):
        self._share = share

    def fit(self, x):
        sample = np.cov(x.T, bias=True)
        scale = np.trace(sample) / len(sample)
        self.covariance_ = (1 - self._share) * sample + self._share * scale * np.eye(len(sample))
        return self


def test_the_discriminant_is_scikit_learns():
    rng = np.random.default_rng(1)
    x, labels = rng.normal(size=(42, 6)), np.arange(42) % 3
    x[:, 0] += labels
    weight, bias = discriminant(x, labels, np.full(42, 1 / 42), 3, shrinkage=0.3)
    theirs = LinearDiscriminantAnalysis(
        solver="lsqr", covariance_estimator=_Shrunk(0.3), priors=[1 / 3] * 3
    )
    ours, expected = x @ weight + bias, theirs.fit(x, labels).decision_function(x)
    for scores in (ours, expected):
        scores -= scores.mean(axis=1, keepdims=True)
    np.testing.assert_allclose(ours, expected, rtol=1e-6, atol=1e-9)


def test_nothing_speaks_for_or_against_a_class_that_was_not_shown():
    x = np.random.default_rng(0).normal(size=(20, 3))
    labels = np.where(x[:, 0] > 0, 2, 0)
    weight, bias = discriminant(x, labels, np.ones(20), 3)
    logits = x @ weight + bias
    assert np.isfinite(logits).all()
    ranks = logits.argsort(axis=1).argsort(axis=1)[:, 1]
    assert (ranks[np.abs(x[:, 0]) > 1.0] == 1).all()


# ------------------------------------------------------------------ weights of the pool


def held_out(n=40, right=1.0, size=1.0, seed=0):
    """Logits of a family that is right in a share of the windows, and the labels."""
    rng = np.random.default_rng(seed)
    labels = np.arange(n) % 2
    says = np.where(rng.permutation(n) < right * n, labels, 1 - labels)
    return size * np.where(np.eye(2)[says] > 0, 1.0, -1.0), labels


def test_a_family_that_is_right_gets_more_than_its_prior_and_one_that_guesses_nothing():
    good, labels = held_out()
    bad, _ = held_out(right=0.5)
    weights = fit_pool_weights(np.stack([good, bad]), labels, np.ones(40), np.array([0.5, 0.5]))
    assert weights[0] > 0.5
    assert weights[1] < 0.25


def test_a_family_that_is_always_wrong_is_never_turned_round():
    wrong, labels = held_out(right=0.0)
    assert fit_pool_weights(wrong[None], labels, np.ones(40), np.array([0.5]))[0] == 0.0


def test_the_size_of_a_familys_logits_does_not_matter():
    good, labels = held_out(right=0.8)
    small = fit_pool_weights(good[None], labels, np.ones(40), np.array([0.5]))
    large = fit_pool_weights(1000 * good[None], labels, np.ones(40), np.array([0.5]))
    np.testing.assert_allclose(small, 1000 * large, rtol=1e-4)


def test_more_trials_make_a_decoder_surer():
    sure = []
    for n in (4, 16, 64):
        good, labels = held_out(n)
        weights = fit_pool_weights(good[None], labels, np.ones(n), np.array([0.5]))
        sure.append(softmax(pooled(good[None], weights)).max())
    assert sure == sorted(sure)
    assert sure[0] > 0.8
    assert sure[-1] < 1.0


def test_confidence_is_about_the_accuracy():
    logits, labels = held_out(400, right=0.75)
    weights = fit_pool_weights(logits[None], labels, np.ones(400), np.array([0.5]))
    assert softmax(pooled(logits[None], weights)).max() == pytest.approx(0.75, abs=0.01)


def test_a_family_without_an_opinion_gets_no_weight():
    good, labels = held_out()
    both = np.stack([np.zeros_like(good), good])
    assert fit_pool_weights(both, labels, np.ones(40), np.ones(2))[0] == 0.0
    assert (fit_pool_weights(both[:1], labels, np.ones(40), np.ones(1)) == 0.0).all()


def test_smoothing_begins_anew_with_each_trial_and_adds_up_log_odds():
    logits = np.array([[4.0, -4.0], [0.0, 0.0], [0.0, 0.0]])
    out = smoothed_logits(logits, np.array([0, 0, 1]), keep=0.5)
    np.testing.assert_allclose(out, [[4.0, -4.0], [2.0, -2.0], [0.0, 0.0]])


def test_smoothing_of_a_pool_is_the_pool_of_the_smoothed():
    logits = np.random.default_rng(0).normal(size=(3, 12, 2))
    trial, weights = trials_of(np.arange(4), 3), np.array([0.3, 1.0, 2.0])
    together = smoothed_logits(pooled(logits, weights), trial, 0.6)
    np.testing.assert_allclose(together, pooled(smoothed_logits(logits, trial, 0.6), weights))


# ------------------------------------------------------------------ training


def test_states_that_differ_in_rhythm_are_told_apart_in_later_windows():
    decoder, found = train_pooled_decoder(calibration(), MIXED)
    labels = np.arange(40) % 2
    judged = decoder.judge(own_windows(labels, seed=9))
    assert (judged.logits.argmax(axis=1) == labels).mean() > 0.95
    assert (found.answers == MIXED).all()
    assert judged.trust.min() > UNFAMILIAR


def test_two_electrodes_are_enough():
    decoder, _ = train_pooled_decoder(calibration(n_electrodes=2, strength=2.0), MIXED)
    labels = np.arange(40) % 2
    judged = decoder.judge(own_windows(labels, n_electrodes=2, strength=2.0, seed=9))
    assert (judged.logits.argmax(axis=1) == labels).mean() > 0.9


def test_a_decoder_of_nothing_is_unsure_and_one_of_something_is_sure():
    decoder, nothing = train_pooled_decoder(calibration(strength=0.0), MIXED)
    something = train_pooled_decoder(calibration(), MIXED)[1]
    assert nothing.probabilities.max(axis=1).mean() < 0.7
    assert something.probabilities.max(axis=1).mean() > 0.9
    labels = np.arange(40) % 2
    unseen = softmax(decoder.judge(own_windows(labels, strength=0.0, seed=9)).logits)
    assert unseen.max(axis=1).mean() < 0.7


def test_the_claim_is_no_better_than_chance_where_labels_are_drawn():
    rng, windows = np.random.default_rng(0), calibration()
    right = []
    for _ in range(12):
        label = rng.permutation(MIXED)
        right.append((cross_validate(windows, label, block_folds(label)).answers == label).mean())
    assert np.mean(right) < 0.62


def test_no_label_has_a_part_in_the_description_of_the_windows():
    windows = calibration()
    before = [span.standardised.copy() for span in windows.spans]
    cross_validate(windows, MIXED, block_folds(MIXED))
    cross_validate(windows, 1 - MIXED, block_folds(1 - MIXED))
    for span, same in zip(windows.spans, before, strict=True):
        np.testing.assert_array_equal(span.standardised, same)


def test_the_same_calibration_gives_the_same_decoder():
    one, other = (train_pooled_decoder(calibration(), MIXED)[0] for _ in range(2))
    np.testing.assert_array_equal(one.weights, other.weights)
    assert one.coverage == other.coverage


def test_swapping_the_classes_swaps_the_answers():
    windows = calibration()
    one, other = (train_pooled_decoder(windows, label)[1] for label in (MIXED, 1 - MIXED))
    np.testing.assert_allclose(one.shares, other.shares[:, ::-1], atol=1e-3)


def test_a_single_trial_of_a_class_is_refused():
    label = np.array([0, 0, 0, 1])
    with pytest.raises(ProfileError, match="at least 2 trials"):
        train_pooled_decoder(calibration(label), label)


def test_a_class_of_two_trials_can_be_trained():
    label = np.array([0, 1, 2, 0, 1, 2])
    decoder, found = train_pooled_decoder(calibration(label), label)
    assert np.isfinite(found.probabilities).all()
    assert decoder.centre.shape == (3,)


def test_long_calibrations_are_thinned_evenly():
    trial = trials_of(np.arange(10), 71)
    windows = own_windows(np.zeros(len(trial), int), n_electrodes=2)
    thinned = CalibrationWindows(windows, trial, HOP_S, families=(Encoded,))
    assert len(thinned.trial) <= MAX_WINDOWS
    assert thinned.hop_s == 3 * HOP_S
    assert np.unique(thinned.trial).tolist() == list(range(10))
    np.testing.assert_array_equal(thinned.trial, trial[thinned.rows])


def test_a_cap_without_a_good_electrode_leaves_the_encoder():
    trial, windows = trials_of(MIXED), own_windows(MIXED[trials_of(MIXED)])
    bad = OwnWindows(windows.samples, np.zeros_like(windows.good), windows.encoded)
    assert [f.name for f in CalibrationWindows(bad, trial, HOP_S).families] == ["encoder"]
    with pytest.raises(ValueError, match="no feature family"):
        CalibrationWindows(bad, trial, HOP_S, families=(BandPower, FineTangent))


def test_windows_without_trials_are_refused():
    with pytest.raises(ValueError, match="as many trial numbers"):
        CalibrationWindows(own_windows(np.array([0, 1])), np.array([0]), HOP_S)


# ------------------------------------------------------------------ the model's own head


def general_head():
    first = np.zeros((2, N_ENCODED), np.float32)
    first[[0, 1], [0, 1]] = 1.0
    same, none = np.eye(2, dtype=np.float32), np.zeros(2, np.float32)
    weights = {"fc1.weight": first, "fc2.weight": same, "fc3.weight": 2.0 * same}
    biases = {"fc1.bias": none, "fc2.bias": none, "fc3.bias": none}
    return GeneralHead(Head(weights | biases), np.eye(2), 1.0)


def test_the_encoders_head_begins_as_the_models_own_where_it_has_the_classes():
    label = np.array([0, 1, 0, 1])
    with_general = calibration(label, general=general_head(), families=(Encoded,), strength=0.5)
    without = calibration(label, families=(Encoded,), strength=0.5)
    labels = np.arange(200) % 2
    later = own_windows(labels, strength=0.5, seed=9)
    right = [
        (train_pooled_decoder(c, label)[0].judge(later).logits.argmax(axis=1) == labels).mean()
        for c in (with_general, without)
    ]
    assert right[0] > right[1]
    assert with_general.prior[0] > without.prior[0]


# ------------------------------------------------------------------ what is unlike a calibration


@pytest.mark.parametrize("kind", NOISES)
@pytest.mark.parametrize("n_electrodes", [2, 6])
def test_noise_is_nothing_that_was_seen(kind, n_electrodes):
    decoder, _ = train_pooled_decoder(calibration(n_electrodes=n_electrodes), MIXED)
    x = noise(kind, n_electrodes, 4 * N_TIMES, SFREQ, np.random.default_rng(0))
    samples = x.reshape(n_electrodes, 4, N_TIMES).transpose(1, 0, 2)
    windows = OwnWindows(
        samples, np.ones((4, n_electrodes), bool), np.zeros((4, N_ENCODED), np.float32)
    )
    if kind != "pink":  # the simulated person is pink noise too
        assert (decoder.judge(windows).trust < UNFAMILIAR).all()


def test_one_broken_feature_of_the_encoder_does_not_silence_the_others():
    decoder, _ = train_pooled_decoder(calibration(), MIXED)
    labels = np.arange(20) % 2
    windows = own_windows(labels, seed=9)
    exploded = OwnWindows(windows.samples, windows.good, windows.encoded * np.float32(1e6))
    judged = decoder.judge(exploded)
    assert (judged.trust > UNFAMILIAR).all()
    assert (judged.logits.argmax(axis=1) == labels).mean() > 0.9


# ------------------------------------------------------------------ storing


@pytest.mark.parametrize("general", [False, True])
def test_a_decoder_is_the_same_after_storing(general):
    windows = calibration(general=general_head() if general else None)
    decoder, _ = train_pooled_decoder(windows, MIXED)
    names = [family.name for family in decoder.families]
    again = PooledDecoder.from_arrays(decoder.arrays, names, decoder.coverage)
    later = own_windows(np.arange(6) % 2, seed=3)
    np.testing.assert_array_equal(decoder.judge(later).logits, again.judge(later).logits)
    assert {str(a.dtype) for a in decoder.arrays.values()} <= {"float32", "float64", "int64"}


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("pool.weights", np.ones(1), "do not match"),
        ("pool.centre", np.full(2, np.nan), "NaN"),
        ("band-power.familiar.mean", np.ones(1), "usual features are not"),
        ("band-power.familiar.scale", None, "lacks the array"),
        ("fine-covariances.family.mean", None, "lacks the array"),
    ],
)
def test_a_decoder_that_does_not_fit_together_is_refused(name, value, message):
    decoder, _ = train_pooled_decoder(calibration(), MIXED)
    arrays = decoder.arrays
    if value is None:
        del arrays[name]
    else:
        arrays[name] = value
    names = [family.name for family in decoder.families]
    with pytest.raises(ValueError, match=message):
        PooledDecoder.from_arrays(arrays, names, decoder.coverage)
