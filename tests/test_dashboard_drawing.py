"""The pictures: what is painted where, and that no painter is left open."""

from __future__ import annotations

import math
import os
from itertools import combinations

import numpy as np
import pytest
from PySide6.QtCore import QPointF
from PySide6.QtGui import QColor, QPixmap

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

from app.dashboard.channel_names import ChannelNames
from app.dashboard.display_filter import DisplayFilter, DisplaySignal
from app.dashboard.history_plot import HistoryPlot
from app.dashboard.probability_bars import ProbabilityBars
from app.dashboard.spectrum_plot import SpectrumPlot
from app.dashboard.sweep_canvas import SweepCanvas
from app.dashboard.timeline import Timeline
from app.widgets.painting import finite_runs, painting, polygon
from app.widgets.scalp_map import ScalpMap
from app.widgets.theme import DARK, LIGHT, class_colours, ink_on
from mdjpt.signal.montage import topographic_positions
from tests.test_dashboard_timeline import predicted

SFREQ = 100.0


def pixels(widget) -> np.ndarray:
    """Return the picture of a widget as an array of shape (height, width, 3)."""
    image = widget.grab().toImage().convertToFormat(widget.grab().toImage().Format.Format_RGB32)
    table = np.frombuffer(image.constBits(), np.uint8).reshape(image.height(), -1, 4)
    return table[:, : image.width(), 2::-1].copy()


def noise(n_channels: int, n_times: int) -> np.ndarray:
    return np.random.default_rng(3).normal(0, 10, (n_channels, n_times)).astype(np.float32)


@pytest.fixture
def sheet(qtbot):
    canvas = SweepCanvas()
    qtbot.addWidget(canvas)
    canvas.resize(500, 220)
    canvas.begin(4, SFREQ, 0)
    canvas.show()
    return canvas


def columns_with_ink(canvas: SweepCanvas) -> np.ndarray:
    """Return which columns hold some of a curve."""
    picture = pixels(canvas)[:190].astype(int)
    ink = np.zeros(picture.shape[:2], bool)
    for colour in (QColor(DARK.trace), QColor(DARK.trace_alt)):
        ink |= np.abs(picture - colour.getRgb()[:3]).sum(axis=2) < 60
    return ink.any(axis=0)


def test_a_painter_ends_when_painting_fails(qtbot):
    sheet = QPixmap(10, 10)
    with pytest.raises(ValueError, match="in the middle"), painting(sheet) as painter:
        raise ValueError("in the middle")
    assert not painter.isActive()


def test_a_polygon_holds_the_points_it_was_given():
    points = polygon(np.array([0.0, 1.5]), np.array([2.0, -3.0])).toList()
    assert [(p.x(), p.y()) for p in points] == [(0.0, 2.0), (1.5, -3.0)]
    assert polygon(np.empty(0), np.empty(0)).isEmpty()


def test_finite_runs_are_half_open_ranges():
    finite = np.array([True, True, False, True, False])
    assert finite_runs(finite) == [(0, 2), (3, 4)]
    assert finite_runs(np.zeros(3, bool)) == []


@pytest.mark.parametrize("sfreq", [SFREQ, 5 * SFREQ])
@pytest.mark.parametrize("n_chunk", [1, 7, 33, 250])
def test_drawing_in_pieces_gives_the_picture_of_drawing_at_once(sheet, n_chunk, sfreq):
    sheet.begin(4, sfreq, 0)
    n_times = round(7.5 * sfreq)
    values = noise(4, n_times)
    for first in range(0, n_times, n_chunk):
        sheet.append(values[:, first : first + n_chunk])
    piecewise = pixels(sheet).astype(int)
    sheet.redraw()
    differs = np.abs(piecewise - pixels(sheet)).max(axis=2) > 60
    assert differs.mean() < 0.002


def test_only_the_part_that_was_received_is_drawn(sheet):
    sheet.append(noise(4, 400))
    ink = columns_with_ink(sheet)
    assert ink[:195].all()
    assert not ink[210:].any()


def test_lost_samples_leave_a_hole(sheet):
    values = noise(4, 800)
    values[:, 300:500] = np.nan
    for first in range(0, 800, 20):
        sheet.append(values[:, first : first + 20])
    for _ in range(2):
        ink = columns_with_ink(sheet)
        assert not ink[153:247].any()
        assert ink[:148].all()
        assert ink[252:395].all()
        sheet.redraw()


def test_a_long_pause_of_the_window_shows_the_newest_samples(sheet):
    sheet.append(noise(4, 100))
    sheet.append(noise(4, 5000))
    assert sheet.stop_sample == 5100
    assert columns_with_ink(sheet).mean() > 0.9


def test_curves_of_bad_channels_stay_inside_their_rows(sheet):
    values = np.full((4, 300), 1e6, np.float32)
    values[:, ::2] *= -1
    sheet.set_bad([False, True, False, False])
    assert np.abs(sheet._heights(values)[1]).max() < sheet.row_height / 2
    assert np.abs(sheet._heights(values)[0]).max() <= 1.5 * sheet.row_height


def test_the_sheet_keeps_at_most_twenty_seconds(sheet):
    for _ in range(100):
        sheet.append(noise(4, 90))
    assert sheet.recent(1000).shape[1] <= 20 * SFREQ + 1
    assert sheet.recent(1.0).shape == (4, 100)


def test_markers_move_off_the_sheet_with_their_samples(sheet):
    ink = QColor("#ff00ff")

    def columns() -> list[int]:
        picture = pixels(sheet)[30:190].astype(int)
        magenta = np.abs(picture - ink.getRgb()[:3]).sum(axis=2) < 12
        return np.flatnonzero(magenta.any(axis=0)).tolist()

    sheet.append(np.zeros((4, 400), np.float32))
    sheet.mark(200, "door", ink)
    assert columns() == [100]
    sheet.append(np.zeros((4, 400), np.float32))
    sheet.append(np.zeros((4, 360), np.float32))
    assert columns() == [100]
    sheet.append(np.zeros((4, 60), np.float32))
    assert columns() == []


def test_a_stream_of_nothing_but_nan_paints(sheet):
    sheet.append(np.full((4, 300), np.nan, np.float32))
    sheet.redraw()
    assert not columns_with_ink(sheet).any()


@pytest.mark.parametrize("filtered", [False, True])
def test_the_display_signal_is_the_same_for_any_cut_but_for_the_offset(filtered):
    raw = noise(3, 900) + 4000
    signals = [DisplaySignal(3, SFREQ, DisplayFilter(3, SFREQ) if filtered else None) for _ in "ab"]
    whole, pieces = signals[0].process(raw), signals[1]
    cut = np.concatenate([pieces.process(raw[:, i : i + 30]) for i in range(0, 900, 30)], axis=1)
    assert np.abs(cut).max() < 60
    if filtered:
        np.testing.assert_allclose(cut, whole, atol=1e-3)


@pytest.mark.parametrize("filtered", [False, True])
def test_a_hole_stays_a_hole_and_silences_nothing_behind_it(filtered):
    raw = noise(2, 600)
    raw[:, 200:300] = np.nan
    raw[1, :100] = np.nan
    signal = DisplaySignal(2, SFREQ, DisplayFilter(2, SFREQ) if filtered else None)
    shown = np.concatenate([signal.process(raw[:, i : i + 50]) for i in range(0, 600, 50)], axis=1)
    np.testing.assert_array_equal(np.isnan(shown), np.isnan(raw))


def test_the_scalp_map_shows_as_many_discs_as_electrodes_have_places(qtbot):
    names = ["Fp1", "Cz", "Oz", "EOG"]
    scalp = ScalpMap()
    qtbot.addWidget(scalp)
    scalp.resize(260, 260)
    scalp.set_electrodes(names, topographic_positions(names))
    scalp.set_bad(frozenset({"Oz"}))
    assert scalp.n_placed == 3
    assert scalp.unplaced == ("EOG",)
    picture = pixels(scalp)
    bad = np.abs(picture.astype(int) - QColor(DARK.bad).getRgb()[:3]).sum(axis=2) < 60
    rows, columns = np.nonzero(bad)
    assert rows.min() > 170  # the back of the head is below
    assert abs(columns.mean() - 130) < 6


def test_electrodes_in_one_place_do_not_shrink_the_others(qtbot):
    scalp = ScalpMap()
    qtbot.addWidget(scalp)
    scalp.resize(260, 260)
    scalp.set_electrodes(["T7", "T3", "Cz"], topographic_positions(["T7", "T3", "Cz"]))
    assert scalp._dot > 10


def test_bars_glide_and_arrive(qtbot):
    bars = ProbabilityBars()
    qtbot.addWidget(bars)
    bars.set_classes(("calm", "joy"))
    bars.set_probabilities({"calm": 0.25, "joy": 0.75}, trusted=True)
    bars.advance(0.05)
    assert 0 < bars._shown["joy"] < 0.75
    for _ in range(60):
        bars.advance(0.05)
    assert bars._shown["joy"] == pytest.approx(0.75, abs=0.005)
    assert bars.accessibleDescription() == "calm 25%, joy 75%"


def a_minute() -> Timeline:
    timeline = Timeline()
    timeline.truth.observe(0, "calm")
    for k in range(12, 120):
        status = "gap" if 60 < k < 70 else "unsure" if 80 < k < 90 else "ok"
        timeline.add(predicted(k / 2, "joy" if status == "ok" else None, status))
    timeline.mark(30.0, "door")
    return timeline


@pytest.fixture
def history(qtbot):
    plot = HistoryPlot()
    qtbot.addWidget(plot)
    plot.resize(700, 160)
    plot.show()
    plot.show_timeline(a_minute(), ("calm", "joy"), 60.0)
    return plot


def test_the_history_paints_labels_truth_gaps_and_markers(history):
    calm, joy = (c.getRgb()[:3] for c in class_colours(("calm", "joy"), DARK).values())
    picture = pixels(history).astype(int)
    assert (np.abs(picture - calm).sum(axis=2) < 12).sum() > 1000
    assert (np.abs(picture - joy).sum(axis=2) < 12).sum() > 1000


def test_the_history_follows_the_newest_moment_until_it_is_moved(history):
    timeline = history._timeline
    history.show_timeline(timeline, ("calm", "joy"), 200.0)
    assert history._view.viewRange()[0] == pytest.approx([140.0, 200.0])
    history._view.setXRange(100.0, 130.0, padding=0)
    history._view.sigRangeChangedManually.emit([True, False])
    history.show_timeline(timeline, ("calm", "joy"), 210.0)
    assert not history.live
    assert history._view.viewRange()[0] == pytest.approx([100.0, 130.0])
    history.set_live(True)
    assert history._view.viewRange()[0] == pytest.approx([150.0, 210.0])


def test_the_history_shows_the_whole_session(history):
    history.set_span(math.inf)
    history.show_timeline(history._timeline, ("calm", "joy"), 7200.0)
    assert history._view.viewRange()[0] == pytest.approx([0.0, 7200.0])


def test_the_history_says_what_holds_under_the_pointer(history):
    history._point(history._view.mapViewToScene(QPointF(20.0, 0.5)))
    assert history._readout.text == "0:20  Joy\nJoy 70%\nCalm 30%\nTrue: Calm"
    history._pointer = None
    history._read()
    assert history._readout.text == ""


def test_redrawing_a_plot_makes_no_new_items(history):
    timeline = history._timeline
    for k in range(120, 160):
        timeline.add(predicted(k / 2))
        history.show_timeline(timeline, ("calm", "joy"), k / 2)
    before = len(history.plot.scene().items())
    for k in range(160, 600):
        timeline.add(predicted(k / 2))
        history.show_timeline(timeline, ("calm", "joy"), k / 2)
    assert len(history.plot.scene().items()) == before


def test_the_bold_spectrum_is_the_mean_of_the_good_channels(qtbot):
    plot = SpectrumPlot()
    qtbot.addWidget(plot)
    levels = np.full((4, 3), np.nan, np.float32)
    levels[:3] = [[0, 10, 20], [4, 14, 24], [70, 70, 70]]
    plot.show_levels(np.array([2.0, 10.0, 40.0]), levels, np.array([False, False, True, False]))
    assert plot._mean == pytest.approx([2, 12, 22])
    plot.resize(330, 300)
    plot._point(plot._view.mapViewToScene(QPointF(1.0, 0.0)))
    assert plot._readout.text == "10.0 Hz  Alpha\nMean 12.0 dB"
    plot.clear()
    assert not plot._mean.size


def test_dense_sheets_put_names_into_columns_in_turn(qtbot):
    names = ChannelNames()
    qtbot.addWidget(names)
    names.resize(50, 800)
    names.set_names(["Fp1"] * 8)
    assert names._n_columns == 1
    names.set_names(["Fp1"] * 110)
    assert names._n_columns == 2


@pytest.mark.parametrize("palette", [DARK, LIGHT])
def test_text_reads_on_every_surface(palette):
    for ink in (palette.text, palette.muted, palette.good, palette.warn, palette.bad):
        for ground in (palette.card, palette.window):
            assert contrast(ink, ground) >= 4.5
    assert contrast(palette.on_accent, palette.accent) >= 4.5
    for colour in palette.classes:
        assert contrast(ink_on(QColor(colour)).name(), colour) >= 4.5


# Machado, Oliveira & Fernandes 2009, severity 1, linear RGB.
DICHROMACIES = {
    "protan": [
        [0.152286, 1.052583, -0.204868],
        [0.114503, 0.786281, 0.099216],
        [-0.003882, -0.048116, 1.051998],
    ],
    "deutan": [
        [0.367322, 0.860646, -0.227968],
        [0.280085, 0.672501, 0.047413],
        [-0.011820, 0.042940, 0.968881],
    ],
    "tritan": [
        [1.255528, -0.076749, -0.178779],
        [-0.078411, 0.930809, 0.147602],
        [0.004733, 0.691367, 0.303900],
    ],
}


@pytest.mark.parametrize("palette", [DARK, LIGHT])
@pytest.mark.parametrize("kind", DICHROMACIES)
def test_the_three_valences_stay_apart_for_colour_blind_eyes(palette, kind):
    seen = [
        lab(np.clip(np.array(DICHROMACIES[kind]) @ linear(colour), 0, 1))
        for colour in palette.classes[:3]
    ]
    for a, b in combinations(seen, 2):
        assert np.linalg.norm(a - b) > 20  # CIE 1976; 2.3 is just noticeable


def linear(colour: str) -> np.ndarray:
    share = np.array(QColor(colour).getRgbF()[:3])
    return np.where(share <= 0.04045, share / 12.92, ((share + 0.055) / 1.055) ** 2.4)


def contrast(a: str, b: str) -> float:
    """Return the contrast of WCAG 2."""
    light = sorted(float(linear(c) @ [0.2126, 0.7152, 0.0722]) + 0.05 for c in (a, b))
    return light[1] / light[0]


def lab(rgb: np.ndarray) -> np.ndarray:
    """Return CIELAB (D65) of linear RGB."""
    to_xyz = [[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]]
    xyz = np.array(to_xyz) @ rgb / [0.9505, 1.0, 1.089]
    f = np.where(xyz > 0.008856, np.cbrt(xyz), 7.787 * xyz + 16 / 116)
    return np.array([116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])])
