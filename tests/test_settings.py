"""What the window remembers: it comes back as it was, and no file stops the program."""

from __future__ import annotations

import math
import os

import pytest
from PySide6.QtWidgets import (
    QAbstractButton,
    QAbstractSpinBox,
    QComboBox,
    QLineEdit,
    QListWidget,
    QMenu,
    QScrollBar,
)

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

from app.dashboard.source_dialog import SourceDialog
from app.dashboard.window import Dashboard
from app.settings import Settings
from app.source_choice import SourceChoice
from app.widgets.background import Background
from tests.support.fake_session import FakeSession
from tests.test_dashboard import close, show, wait


def test_what_is_put_comes_back_tomorrow(tmp_path):
    path = tmp_path / "new" / "window.toml"
    kept = Settings(path)
    kept.put("view", "span", 120.0)
    kept.put("electrode names", 'lsl:Cap "é" 😀:dev\n1', "Fp1, Fp2")
    kept.put("window", "dark", value=False)
    kept.push("sources", "recent", "sim:", at_most=2)
    kept.push("sources", "recent", "lsl:a", at_most=2)
    kept.push("sources", "recent", "sim:", at_most=2)
    again = Settings(path)
    assert again.get("view", "span", 60.0) == 120.0
    assert again.get("electrode names", 'lsl:Cap "é" 😀:dev\n1', "") == "Fp1, Fp2"
    assert again.get("window", "dark", default=True) is False
    assert again.get("sources", "recent", [""]) == ["sim:", "lsl:a"]


@pytest.mark.parametrize("content", ["[view\nspan =", 'view = "x"', "[view]\nspan = 'long'", "\0"])
def test_a_file_that_somebody_spoiled_is_begun_anew(tmp_path, content):
    path = tmp_path / "window.toml"
    path.write_text(content)
    kept = Settings(path)
    assert kept.get("view", "span", 60.0) == 60.0
    kept.put("view", "span", 90.0)
    assert Settings(path).get("view", "span", 60.0) == 90.0


def test_where_nothing_can_be_written_it_is_remembered_until_the_end(tmp_path):
    (tmp_path / "file").touch()
    kept = Settings(tmp_path / "file" / "window.toml")
    kept.put("view", "span", 90.0)
    assert kept.get("view", "span", 60.0) == 90.0


def test_the_window_comes_back_as_it_was_left(qtbot, tmp_path):
    kept = tmp_path / "window.toml"
    first = open_window(qtbot, kept)
    assert first.signals.view["span_s"] == 10.0
    first.toggle_palette()
    first.history.span.choose(math.inf)
    first.signals.span.choose(20.0)
    first.signals.step_scale(2)
    first.signals._notch.choose(60.0)
    view = first.signals.view
    first.resize(720, 610)
    close(qtbot, first)
    again = open_window(qtbot, kept)
    assert not again._palette.dark
    assert again.history.span_s == math.inf
    assert again.signals.view == view
    assert (again.width(), again.height()) == (720, 610)
    again.disconnect_source()
    wait(qtbot, lambda: again.connection.state == "idle")
    again.connect_source(SourceChoice("lsl:another"))
    wait(qtbot, lambda: again._info is not None)
    assert again.signals.view["scale_uv"] == 0.0, "the gain of one source is not that of another"


def open_window(qtbot, path) -> Dashboard:
    window = Dashboard(
        lambda _choice: FakeSession(head_start_s=30), SourceChoice("sim:"), settings=Settings(path)
    )
    show(qtbot, window)
    wait(qtbot, lambda: window._info is not None)
    return window


@pytest.mark.parametrize("dark", [True, False])
def test_whatever_can_be_pressed_or_filled_in_has_a_name(qtbot, dark):
    window = Dashboard(lambda _choice: FakeSession(head_start_s=30), SourceChoice("sim:"))
    show(qtbot, window)
    wait(qtbot, lambda: window._info is not None)
    if not dark:
        window.toggle_palette()
    dialog = SourceDialog(list, Background(window), parent=window)
    dialog.show()
    for kind in (QAbstractButton, QLineEdit, QListWidget, QComboBox, QAbstractSpinBox):
        for widget in window.findChildren(kind):
            hidden = not widget.isVisibleTo(window)
            inner = hidden or isinstance(widget.parent(), (QComboBox, QAbstractSpinBox, QMenu))
            if not inner and not isinstance(widget.parent(), QScrollBar):
                assert widget.accessibleName() or widget.text(), (widget, widget.parent())
    dialog.close()
