"""The screen's band-pass: any cut of the stream looks the same."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from app.dashboard.display_filter import DisplayFilter


@given(st.lists(st.integers(0, 40), max_size=30), st.sampled_from([None, 50.0, 60.0]))
@settings(deadline=None)
def test_any_cut_of_the_stream_looks_the_same_on_screen(lengths, notch):
    raw = np.random.default_rng(0).normal(4e4, 20, (2, sum(lengths) + 20))
    raw[1, 10:15] = np.nan
    whole = DisplayFilter(2, 250.0, notch=notch).process(raw)
    cut = DisplayFilter(2, 250.0, notch=notch)
    parts = np.split(raw, np.cumsum(lengths), axis=1) if lengths else [raw]
    np.testing.assert_array_equal(np.hstack([cut.process(part) for part in parts]), whole)
    assert np.isfinite(whole).all()


def test_the_display_starts_without_a_jump():
    raw = np.full((1, 50), 6e4)
    np.testing.assert_allclose(DisplayFilter(1, 250.0).process(raw), 0, atol=1e-3)


def test_the_display_notch_takes_the_mains_out():
    mains = np.sin(2 * np.pi * 50.0 * np.arange(2500) / 250.0)[None]
    shown = DisplayFilter(1, 250.0, notch=50.0).process(mains)
    assert np.abs(shown[:, 1250:]).max() < 1e-2
