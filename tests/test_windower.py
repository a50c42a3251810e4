"""Windows are cut by sample index and never drift."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mdjpt.signal.windower import Windower, window_starts

rates = st.sampled_from([100.0, 125.0, 128.0, 160.0, 250.0, 256.0, 500.0, 999.7, 1000.0])
hops = st.sampled_from([0.1, 0.25, 0.3, 0.5, 1.0, 2.0])


@given(rates, hops, st.integers(0, 200_000))
def test_a_window_starts_at_its_rounded_multiple_of_the_hop(
    sfreq: float, hop_s: float, k: int
) -> None:
    window = Windower(sfreq, hop_s).window(k)
    assert window.first == round(k * hop_s * sfreq)
    assert window.stop - window.first == round(5 * sfreq)


@given(rates, hops, st.integers(0, 10_000_000))
def test_the_newest_window_is_complete_and_the_next_one_is_not(
    sfreq: float, hop_s: float, written: int
) -> None:
    windower = Windower(sfreq, hop_s)
    newest = windower.newest(written)
    if newest >= 0:
        assert windower.window(newest).stop <= written
    assert windower.window(newest + 1).stop > written


@given(rates, hops, st.integers(0, 1_000_000))
def test_the_first_window_from_a_sample_on_does_not_begin_before_it(
    sfreq: float, hop_s: float, sample: int
) -> None:
    windower = Windower(sfreq, hop_s)
    k = windower.first_from(sample)
    assert windower.window(k).first >= sample
    assert k == 0 or windower.window(k - 1).first < sample


@given(rates, hops, st.integers(0, 100_000), st.integers(0, 20_000))
def test_the_windows_within_a_stretch_are_all_that_fit(
    sfreq: float, hop_s: float, first: int, n_times: int
) -> None:
    windower, stop = Windower(sfreq, hop_s), first + n_times
    found = [window.index for window in windower.within(first, stop)]
    last = round(stop / (hop_s * sfreq)) + 1
    fitting = map(windower.window, range(last + 1))
    assert found == [w.index for w in fitting if first <= w.first and w.stop <= stop]


def test_the_windows_of_a_trial_begin_with_it() -> None:
    assert window_starts(1000, 2100, 625, 250).tolist() == [1000, 1250]
    assert window_starts(1000, 2100, 1100, 250).tolist() == [1000]
    assert window_starts(1000, 2100, 1101, 250).tolist() == []


def test_a_hop_shorter_than_a_sample_is_refused() -> None:
    with pytest.raises(ValueError, match="at least one sample"):
        Windower(100.0, 0.001)
