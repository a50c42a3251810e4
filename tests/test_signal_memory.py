"""Looking back at the signals of a session: what is kept of them, and how it is shown."""

from __future__ import annotations

import os

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

from app.dashboard.signal_memory import POINTS_HZ, SignalMemory
from app.dashboard.window import Dashboard
from app.source_choice import SourceChoice
from tests.support.fake_session import FakeSession, ManualClock
from tests.test_dashboard import Live, show, wait


@settings(deadline=None)
@given(
    st.lists(st.integers(0, 90), min_size=1, max_size=12), st.sampled_from([100.0, 128.0, 256.0])
)
def test_any_cut_of_the_stream_is_remembered_the_same(cuts, sfreq):
    values = np.random.default_rng(0).normal(0, 20, (2, sum(cuts))).astype(np.float32)
    memory, stop = SignalMemory(2, sfreq), 0
    for n_times in cuts:
        # Some samples come again, as after a change of the filter.
        begin = max(0, stop - 7)
        memory.append(begin, values[:, begin : stop + n_times])
        stop += n_times
    kept = memory.read(0.0, 10.0).reshape(2, -1, 2)
    bins = (np.arange(values.shape[1]) * 10 / sfreq).astype(int)
    for number in range(100):
        inside = values[:, bins == number]
        if inside.size:
            expected = np.stack([inside.min(axis=1), inside.max(axis=1)], axis=1)
            np.testing.assert_allclose(kept[:, number], expected, rtol=2e-3, atol=1e-3)
        else:
            assert np.isnan(kept[:, number]).all()


def test_lost_samples_hide_no_others_and_a_hole_stays_one():
    memory = SignalMemory(1, 100.0)
    values = np.ones((1, 40), np.float32)
    values[:, 3] = values[:, 10:20] = np.nan
    memory.append(0, values)
    memory.append(100, np.full((1, 10), 1e9, np.float32))
    kept = memory.read(0.0, 1.2).reshape(-1, 2)
    assert kept[:4, 0].tolist() == pytest.approx([1, np.nan, 1, 1], nan_ok=True)
    assert np.isnan(kept[4:10]).all()
    assert np.isfinite(kept[10]).all()


def test_a_day_of_64_channels_is_small():
    memory = SignalMemory(64, 250.0)
    memory.append(8 * 3600 * 250 - 1, np.ones((64, 1), np.float32))
    assert sum(block.nbytes for block in memory._blocks) < 80e6


@pytest.fixture
def live(qtbot):
    clock = ManualClock()
    session = FakeSession(clock=clock)
    window = Dashboard(lambda _choice: session, SourceChoice("sim:"))
    show(qtbot, window)
    wait(qtbot, lambda: window.history.plot is not None and window._info is not None)
    window._timer.stop()
    live = Live(window, session, clock)
    live.pass_time(35)
    return live


def test_looking_back_goes_to_the_begin_with_history_and_returns(live):
    signals, past = live.window.signals, live.window.history.plot._past
    live.window.history.back.click()
    assert "looking back: 0:20 to 0:30" in signals.canvas.accessibleDescription()
    assert past.isVisible()
    assert past.getRegion() == (20.0, 30.0)
    for _ in range(5):
        live.window.history.back.click()
    assert "0:00 to 0:10" in signals.canvas.accessibleDescription()
    assert np.isfinite(signals.canvas.recent(5.0)).all()
    for _ in range(3):
        live.window.history.forward.click()
    assert signals.canvas.accessibleDescription() == ""
    assert not past.isVisible()
    live.pass_time(0.2)
    assert signals.canvas.stop_sample > 35 * 250


def test_what_comes_meanwhile_is_remembered(live):
    signals = live.window.signals
    signals.look_back(-1)
    live.pass_time(30)
    assert "0:20 to 0:30" in signals.canvas.accessibleDescription()
    signals.look_back(2)
    assert "0:40 to 0:50" in signals.canvas.accessibleDescription()
    assert np.isfinite(signals.canvas.recent(9.0)).all()


def test_the_curves_of_before_are_those_that_were_seen(live):
    signals = live.window.signals
    live.pass_time(5)
    seen = signals.canvas.recent(8.0)
    live.pass_time(10)
    signals.look_back(-1)
    shown = signals.canvas.recent(8.0)
    assert signals.canvas._sfreq == POINTS_HZ
    assert "0:30 to 0:40" in signals.canvas.accessibleDescription()
    np.testing.assert_allclose(np.nanmax(shown, axis=1), seen.max(axis=1), rtol=0.02, atol=0.5)


def test_marks_of_before_stand_at_their_time(live):
    live.window.signals.mark(22 * 250, "door", None)
    live.window.signals.look_back(-1)
    marks = [(sample, text) for sample, text, _ in live.window.signals.canvas._markers]
    assert (round(22 * POINTS_HZ), "door") in marks


def test_another_session_has_nothing_to_look_back_at(live, qtbot):
    live.window.signals.look_back(-1)
    live.window.disconnect_source()
    wait(qtbot, lambda: live.window.connection.state == "idle")
    live.window.signals.look_back(-1)
    assert "0:10 to 0:20" in live.window.signals.canvas.accessibleDescription()
    live.window.connect_source(SourceChoice("sim:"))
    assert live.window.signals.canvas.accessibleDescription() == ""
    assert not live.window.history.plot._past.isVisible()
