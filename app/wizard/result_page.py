"""What the calibration has brought, in honest words."""

from __future__ import annotations

from typing import TYPE_CHECKING

from app.widgets.controls import Card, paragraph
from app.widgets.layout import Stretch, fill
from app.wizard.accuracy_plot import AccuracyPlot
from app.wizard.page import Page

if TYPE_CHECKING:
    from app.calibration.training import CalibrationSummary

__all__ = ["ResultPage", "result_words"]

WIDE = 0.3
POORLY_CALIBRATED = 0.1


class ResultPage(Page):
    """Before and after against guessing, and how far that can be trusted."""

    def __init__(self) -> None:
        super().__init__("", forward="Use it")
        self.plot = AccuracyPlot()
        card = Card("Accuracy on trials that were left out of the training")
        card.body.setContentsMargins(20, 16, 20, 12)
        card.body.addWidget(self.plot)
        self.words = paragraph("", "body")
        self.notes = paragraph("")
        parts = (self.heading, self.lead, 4, card, self.words, self.notes, Stretch())
        fill(self.body, *parts)

    def show_summary(self, summary: CalibrationSummary) -> None:
        """Show what was learned."""
        self.forward = "Use it all the same" if summary.decoder.unproven else "Use it"
        heading, lead, words = result_words(summary)
        self.say(heading, lead)
        self.words.setText(words)
        self.notes.setText("\n".join(summary.decoder.notes))
        self.notes.setVisible(bool(summary.decoder.notes))
        self.plot.show_evidence(summary.decoder.evidence)
        self.setAccessibleName(heading)


def result_words(summary: CalibrationSummary) -> tuple[str, str, str]:
    """Return heading, sentence and paragraph for a decoder that was not refused."""
    found = summary.decoder.evidence
    before = found.before
    if summary.decoder.unproven:
        heading = "Not to be told from guessing"
    elif before is None:
        heading = "Better than guessing"
    elif found.low > before:
        heading = "Clearly better than before"
    elif found.accuracy > before:
        heading = "More trials right than before"
    else:
        heading = "As many trials right as before"
    simulated = " Simulated: nothing was learned about a person." if summary.simulated else ""
    lead = (
        f"{found.n_correct} of {found.n_trials} trials right, each decoded by a decoder that "
        f"had not seen it.{simulated}"
    )
    words = [
        f"With {found.n_trials} trials the true share lies between {found.low:.0%} and "
        f"{found.high:.0%} (95% interval)."
    ]
    if found.high - found.low > WIDE:
        words.append("That is wide: more trials would tell more.")
    if before is not None and found.accuracy <= before:
        words.append("Nothing was gained on these trials: you may as well discard it.")
    if before is not None and found.low <= before < found.accuracy:
        words.append("The gain over the model without calibration may be luck.")
    covered = summary.decoder.coverage.coverage
    words.append(f"It labels {covered:.0%} of the time, and says unsure for the rest.")
    if found.calibration_error > POORLY_CALIBRATED:
        words.append(
            f"Its percentages are off by {100 * found.calibration_error:.0f} points on average."
        )
    return heading, lead, " ".join(words)
