"""The decoded emotion of this moment, or the honest reason why there is none."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Qt
from PySide6.QtGui import QColor, QPaintEvent
from PySide6.QtWidgets import QFrame, QWidget

from app.dashboard.answer import age_text, answer
from app.dashboard.probability_bars import TRUTH_MARK, ProbabilityBars
from app.widgets.controls import (
    Card,
    ElidedLabel,
    label,
    paragraph,
    plain_tip,
    push_button,
    set_property,
)
from app.widgets.layout import Stretch, fill, in_column, in_row
from app.widgets.painting import painting
from app.widgets.theme import Palette, Themed, class_colours
from app.widgets.words import NOTHING, titled

if TYPE_CHECKING:
    from app.dashboard.timeline import Agreement
    from streaming.prediction import Prediction
    from streaming.snapshot import Snapshot

__all__ = ["EmotionView"]


class EmotionView(Themed, Card):
    """Headline, reason, bars, and beside them the simulated truth where the source knows it.

    Attributes
    ----------
    can_calibrate : bool
        Whether the button that offers a calibration leads anywhere.
    """

    def __init__(self) -> None:
        super().__init__("Decoded emotion")
        self.can_calibrate = False
        self._classes: tuple[str, ...] = ()
        self.headline = ElidedLabel("", "headline")
        self.headline.setFixedHeight(46)  # the same for both sizes, so that nothing jumps
        self.detail = paragraph("")
        # Room for two lines, so that nothing jumps when a reason takes the place of a label.
        self.detail.setMinimumHeight(2 * self.detail.fontMetrics().lineSpacing() + 2)
        self.detail.setAlignment(Qt.AlignmentFlag.AlignTop)
        self.calibrate = push_button("Calibrate…", tip="Fit the decoder to one person (C)")
        self.age = label("", "caption")
        self.age.setAccessibleName("Age of the answer")
        fill(self.head, Stretch(), self.age)
        self.swatch = _Swatch()
        self.bars = ProbabilityBars()
        self.truth = ElidedLabel("", "value")
        self.agreement = ElidedLabel("", "value")
        self.counts = ElidedLabel("", "caption")
        self._truth_panel = self._make_truth_panel()
        fill(
            self.body,
            in_row(self.swatch, (self.headline, 1), spacing=10),
            *(self.detail, in_row(self.calibrate, Stretch()), 2, self.bars),
            *(self._truth_panel, Stretch()),
        )
        self.show_state(None, None)

    def show_state(self, snapshot: Snapshot | None, newest: Prediction | None) -> None:
        """Say what holds now.

        Parameters
        ----------
        snapshot : Snapshot or None
            None when nothing is connected.
        newest : Prediction or None
            The last prediction since connecting.
        """
        said = answer(snapshot, newest)
        self.age.setText(age_text(snapshot, newest))
        model = snapshot.model if snapshot is not None else None
        self._classes = model.class_names if model is not None else ()
        set_property(self.headline, "calm", "false" if said.tone == "label" else "true")
        self.headline.set_whole(said.headline)
        self.detail.setText(said.detail)
        self.detail.setToolTip(plain_tip(said.detail))
        self.calibrate.setVisible(self.can_calibrate and said.calibrate)
        self.swatch.show_tone(self._colour(said.tone, newest))
        self.bars.set_classes(self._classes)
        shown = newest.probabilities if newest is not None and said.decoded else {}
        self.bars.set_probabilities(shown, trusted=said.tone == "label")
        self.bars.set_answer(newest.label if newest is not None and said.tone == "label" else None)
        self._show_truth(snapshot.truth if snapshot is not None else None)
        self.setAccessibleDescription(f"{said.headline}. {said.detail}")

    def show_agreement(self, agreement: Agreement) -> None:
        """Show how often the labels were the simulated truth."""
        if agreement.share is None:
            self.agreement.set_whole(NOTHING)
            self.counts.set_whole("")
            return
        self.agreement.set_whole(f"{agreement.share:.0%}")
        agreeing, labelled = agreement.n_agreeing, agreement.n_labelled
        abstained = agreement.n_windows - labelled
        windows = "1 window" if abstained == 1 else f"{abstained} windows"
        self.counts.set_whole(f"{agreeing} of {labelled} labels; {windows} unlabelled")

    def set_palette(self, palette: Palette) -> None:
        """Take the colours of a theme."""
        self._palette = palette
        self.bars.set_palette(palette)

    def _show_truth(self, truth: str | None) -> None:
        self._truth_panel.setVisible(truth is not None)
        self.bars.set_truth(truth)
        if truth is not None:
            self.truth.set_whole(titled(truth))

    def _colour(self, tone: str, newest: Prediction | None) -> QColor:
        palette = self._palette
        if tone == "label" and newest is not None and newest.label in self._classes:
            return class_colours(self._classes, palette)[newest.label]
        return QColor({"warn": palette.warn, "bad": palette.bad}.get(tone, palette.faint))

    def _make_truth_panel(self) -> QWidget:
        panel = QWidget()
        rule = QFrame()
        rule.setObjectName("rule")
        rule.setFixedHeight(1)
        for value in (self.truth, self.agreement):
            value.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        in_column(
            rule,
            in_row(label(f"{TRUTH_MARK} True state", "caption"), (self.truth, 1)),
            in_row(label("Agreement with the simulated truth", "caption"), (self.agreement, 1)),
            self.counts,
            within=panel,
            spacing=3,
            margins=(0, 4, 0, 0),
        )
        self.truth.setAccessibleName("True state of the simulated participant")
        return panel


class _Swatch(QWidget):
    """A disc in the colour of the headline."""

    def __init__(self) -> None:
        super().__init__()
        self.setFixedSize(18, 44)
        self._colour = QColor()

    def show_tone(self, colour: QColor) -> None:
        if colour != self._colour:
            self._colour = colour
            self.update()

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: ARG002 - Qt's signature
        with painting(self) as painter:
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(self._colour)
            painter.drawEllipse(1, self.height() // 2 - 7, 16, 16)
