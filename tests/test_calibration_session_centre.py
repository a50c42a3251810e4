import numpy as np
import pytest

from mdjpt.calibration.confidence import softmax
from mdjpt.calibration.session_centre import UNLIKE, PooledStream, SessionCentre

CENTRE = np.array([0.2, -0.2])
MEANS = np.array([[2.2, -2.2], [-1.8, 1.8]])


def session(n, shift, seed=0, labels=None):
    """Return logits of a session whose classes alternate every 20 windows, and the labels."""
    rng = np.random.default_rng(seed)
    labels = np.arange(n) // 20 % 2 if labels is None else labels
    noise = rng.normal(0.0, 0.7, (n, 1)) * [1.0, -1.0]
    return MEANS[labels] + noise + shift, labels


def decoded(logits, **settings):
    stream = PooledStream(CENTRE, hop_s=0.5, smoothing_s=settings.pop("smoothing_s", 1.0))
    return np.stack([stream.step(z, 1.0) for z in logits]), stream


def test_a_shift_of_the_session_is_found_and_taken_back():
    shift = np.array([3.0, -3.0])
    logits, labels = session(600, shift)
    plain = (logits.argmax(axis=1) == labels)[300:].mean()
    probabilities, stream = decoded(logits)
    assert plain < 0.8
    assert (probabilities.argmax(axis=1) == labels)[300:].mean() > plain + 0.1
    assert stream.centre.offset[0] > 1.0


def test_a_session_like_the_calibration_is_left_alone():
    logits, labels = session(600, 0.0)
    probabilities, stream = decoded(logits)
    assert np.abs(stream.centre.offset).max() < 0.5
    assert (probabilities.argmax(axis=1) == labels).mean() > 0.9


def test_ten_minutes_of_one_state_do_not_turn_it_into_the_other():
    labels = np.zeros(1200, int)
    logits, _ = session(1200, 0.0, labels=labels)
    probabilities, _ = decoded(logits)
    assert (probabilities.argmax(axis=1)[-100:] == 0).all()


def test_before_the_first_window_nothing_is_subtracted():
    np.testing.assert_array_equal(SessionCentre(CENTRE).offset, 0.0)


def test_a_window_is_answered_before_it_teaches_anything():
    logits = np.array([5.0, -5.0])
    stream = PooledStream(CENTRE, 0.5, 0.0)
    np.testing.assert_allclose(stream.step(logits, 1.0), softmax(logits))
    assert np.abs(stream.centre.offset).max() > 0


def test_windows_that_are_no_numbers_teach_nothing():
    centre = SessionCentre(CENTRE)
    centre.partial_fit(np.array([np.nan, 1.0]), 0.5, np.array([0.5, 0.5]))
    np.testing.assert_array_equal(centre.offset, 0.0)


def test_a_stream_goes_on_where_another_stopped():
    logits, _ = session(80, np.array([1.0, -1.0]))
    _, stream = decoded(logits[:40])
    stream.step(logits[40], 0.2)
    other = PooledStream(CENTRE, 0.5, 1.0)
    other.load_state_dict(stream.state_dict())
    np.testing.assert_allclose(other.centre.offset, stream.centre.offset)
    assert other.familiarity == stream.familiarity < 1.0
    other.centre.reset()
    np.testing.assert_array_equal(other.centre.offset, 0.0)


def test_a_session_that_is_unlike_the_calibration_is_less_sure_of_every_answer():
    logits, labels = session(600, 0.0)
    like, unlike = PooledStream(CENTRE, 0.5, 1.0), PooledStream(CENTRE, 0.5, 1.0)
    sure = np.stack([like.step(z, 1.0) for z in logits])
    unsure = np.stack([unlike.step(z, 0.3) for z in logits])
    assert like.familiarity == 1.0
    assert 0.3 < unlike.familiarity < UNLIKE
    right = [(p.argmax(axis=1) == labels).mean() for p in (sure, unsure)]
    assert right[1] > right[0] - 0.02
    assert unsure[-100:].max(axis=1).mean() < sure[-100:].max(axis=1).mean() - 0.1


def test_one_bad_moment_does_not_make_a_session_unlike_the_calibration():
    stream = PooledStream(CENTRE, 0.5, 1.0)
    for trust in [1.0] * 240 + [0.1] * 40:
        stream.step(CENTRE, trust)
    assert stream.familiarity > UNLIKE


def test_a_state_of_other_classes_is_refused():
    state = PooledStream(np.zeros(3), 0.5, 1.0).state_dict()
    with pytest.raises(ValueError, match="state needs"):
        PooledStream(CENTRE, 0.5, 1.0).load_state_dict(state)


def test_skipped_hops_make_the_past_fade_as_if_they_had_been_decoded():
    logits = np.array([4.0, -4.0])
    twice, once = PooledStream(CENTRE, 0.5, 1.0), PooledStream(CENTRE, 0.5, 1.0)
    for stream in (twice, once):
        stream.step(logits, 1.0)
        stream.centre.reset()
    far = -logits
    first = once.step(far, 1.0, n_hops=2)
    keep = np.exp(-1.0)
    np.testing.assert_allclose(first, softmax(keep * logits + (1 - keep) * far))
    assert twice.step(far, 1.0)[0] > first[0]


def test_forgetting_begins_the_smoothing_anew_and_keeps_the_centre():
    logits, _ = session(40, np.array([1.0, -1.0]))
    _, stream = decoded(logits)
    offset = stream.centre.offset
    stream.forget()
    np.testing.assert_allclose(stream.step(np.zeros(2), 1.0), softmax(-offset))


def test_a_prior_of_nothing_is_refused():
    with pytest.raises(ValueError, match="prior must be positive"):
        SessionCentre(CENTRE, prior_s=0.0)
