"""The menu behind "I felt…": what was felt, for how long, and the way back."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from PySide6.QtWidgets import QMenu

from app.dashboard.learning import LEAST_S
from app.widgets.words import titled

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from PySide6.QtWidgets import QWidget

__all__ = ["felt_menu"]


def felt_menu(
    parent: QWidget,
    class_names: Sequence[str],
    stretch_s: float,
    *,
    recorded: bool,
    felt: Callable[[str], object],
    record: Callable[[], object],
    go_back: Callable[[], object] | None,
) -> QMenu:
    """Return a menu of what can be said at this moment.

    The classes are those of the decoder in use, none where none answers; the answer is about the
    last `stretch_s`. What is not recorded cannot be learned from. `go_back` leads back to the
    decoder from before the session; None where it is in use.
    """
    menu = QMenu(parent)
    if not class_names:
        _say(menu, "No emotions are decoded: there is nothing to correct")
    elif not recorded:
        _say(menu, "What you felt is learned from a recording, and none is running")
        menu.addAction("&Record from now on", record)
    elif stretch_s < LEAST_S:
        _say(menu, f"Say it again in {LEAST_S - stretch_s:.0f} s: too little is new to learn from")
    else:
        _say(menu, f"Whatever was shown, for the last {stretch_s:.0f} s I felt…")
        for number, name in enumerate(class_names, 1):
            text = titled(name).replace("&", "&&")
            menu.addAction(f"&{number}  {text}", partial(felt, name))
    if go_back is not None:
        menu.addSeparator()
        menu.addAction("&Back to the decoder from before this session", go_back)
    return menu


def _say(menu: QMenu, text: str) -> None:
    menu.addAction(text).setEnabled(False)
