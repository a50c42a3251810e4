"""The keyboard: what each key does, in one table."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt
from PySide6.QtGui import QKeySequence, QShortcut
from PySide6.QtWidgets import QDialog, QGridLayout, QPushButton, QWidget

from app.widgets.controls import label

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

__all__ = ["KEYS", "ShortcutsDialog", "add_shortcuts"]

KEYS: dict[str, tuple[tuple[str, ...], str]] = {
    "connect": (("Ctrl+K",), "Choose a source"),
    "disconnect": (("Ctrl+D",), "End the session"),
    "calibrate": (("C",), "Fit the decoder to one person"),
    "felt": (("W",), "Say what you felt: that was wrong"),
    "mark": (("M",), "Set an event at this moment"),
    **{f"mark_{n}": ((str(n),), f"Set mark {n}, by the name that it has") for n in range(1, 10)},
    "record": (("R",), "Begin or end a recording"),
    "panel": (("Shift+R",), "Recording, names of marks, notes"),
    "back": (("PgUp",), "Look back at the signals of before"),
    "forward": (("PgDown",), "Look at those after, up to the newest"),
    "freeze": (("P",), "Hold the picture of the signals"),
    "filter": (("F",), "Switch the display filter"),
    "fit": (("A",), "Choose the scale from the signal"),
    "larger": (("+", "="), "Larger curves"),
    "smaller": (("-",), "Smaller curves"),
    "window_5": (("Ctrl+1",), "Show 5 s"),
    "window_10": (("Ctrl+2",), "Show 10 s"),
    "window_20": (("Ctrl+3",), "Show 20 s"),
    "theme": (("T",), "Light or dark"),
    "dismiss": (("Esc",), "Put the message away"),
    "full_screen": (("F11",), "Full screen"),
    "help": (("F1",), "This list"),
    "quit": (("Ctrl+Q",), "Close the window"),
}


def add_shortcuts(
    window: QWidget,
    actions: Mapping[str, Callable[[], object]],
    press: Callable[[str, Callable[[], object]], object],
) -> list[tuple[str, QShortcut]]:
    """Bind every row of :data:`KEYS` to its action; a missing or unknown one is an error.

    Parameters
    ----------
    window : QWidget
        Where the keys work.
    actions : mapping of str to callable
        By the names of :data:`KEYS`.
    press : callable
        Takes the name and the action when the key is pressed.
    """
    if set(actions) != set(KEYS):
        raise ValueError(f"actions and keys differ: {sorted(set(actions) ^ set(KEYS))}")
    made = []
    for name, action in actions.items():
        for key in KEYS[name][0]:
            shortcut = QShortcut(QKeySequence(key), window)
            shortcut.activated.connect(partial(press, name, action))
            made.append((name, shortcut))
    return made


class ShortcutsDialog(QDialog):
    """The table for the user."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle("Keyboard shortcuts")
        grid = QGridLayout(self)
        grid.setContentsMargins(22, 18, 22, 18)
        grid.setHorizontalSpacing(28)
        grid.setVerticalSpacing(7)
        listed = [row for name, row in KEYS.items() if not name.startswith("mark_")]
        listed.insert(5, (("1 … 9",), "Set the mark of that number, see Shift+R for its name"))
        for row, (keys, meaning) in enumerate(listed):
            grid.addWidget(label("  or  ".join(keys), "value"), row, 0)
            grid.addWidget(label(meaning, "muted"), row, 1)
        close = QPushButton("Close")
        close.clicked.connect(self.accept)
        grid.addWidget(close, len(KEYS), 1, Qt.AlignmentFlag.AlignRight)
