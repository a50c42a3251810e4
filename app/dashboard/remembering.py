"""What the window looks like tomorrow: size, theme, spans, and how each source was looked at."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QByteArray

from app.source_choice import SourceChoice, source_identity
from app.widgets.theme import DARK, LIGHT, Palette

if TYPE_CHECKING:
    from PySide6.QtWidgets import QWidget

    from app.dashboard.history_view import HistoryView
    from app.dashboard.signals_view import SignalsView
    from app.settings import Settings

__all__ = ["Remembering"]

WINDOW = "window"


class Remembering:
    """Puts the looks of the window into its settings and takes them from there.

    Parameters
    ----------
    settings : Settings
        Where it is kept.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    @property
    def palette(self) -> Palette:
        """The theme of last time."""
        return DARK if self._settings.get(WINDOW, "dark", default=True) else LIGHT

    def keep_palette(self, palette: Palette) -> None:
        """Keep a theme."""
        self._settings.put(WINDOW, "dark", palette.dark)

    def restore_size(self, window: QWidget) -> bool:
        """Give the window its size and place of last time; False when there was none."""
        kept = self._settings.get(WINDOW, "geometry", "")
        return bool(kept) and window.restoreGeometry(QByteArray.fromBase64(kept.encode()))

    def keep_size(self, window: QWidget) -> None:
        """Keep size and place of the window."""
        geometry = bytes(window.saveGeometry().toBase64().data()).decode()
        self._settings.put(WINDOW, "geometry", geometry)

    def last_choice(self) -> SourceChoice | None:
        """Return the source and the model that were connected last, None before the first."""
        newest = self._settings.get("sources", "recent", [""])[:1]
        model = self._settings.get("sources", "model", "")
        return SourceChoice(newest[0], model) if newest and newest[0] else None

    def restore_view(self, choice: SourceChoice, signals: SignalsView) -> None:
        """Look at a source as the last time."""
        section = f"view of {source_identity(choice.source)}"
        now = signals.view
        signals.take_view({key: self._settings.get(section, key, now[key]) for key in now})

    def keep_view(self, choice: SourceChoice, signals: SignalsView) -> None:
        """Keep how a source is looked at."""
        for key, value in signals.view.items():
            self._settings.put(f"view of {source_identity(choice.source)}", key, value)

    def restore_history(self, history: HistoryView) -> None:
        """Show as much of the history as the last time, and keep what is chosen from now on."""
        kept_s = self._settings.get(WINDOW, "history_s", history.span_s)
        if kept_s in history.spans_s:
            history.span.choose(kept_s)
        history.span.chosen.connect(lambda span: self._settings.put(WINDOW, "history_s", span))
