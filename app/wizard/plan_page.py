"""What will be shown: which emotions, how often, for how long, and what the label is."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt
from PySide6.QtWidgets import (
    QFileDialog,
    QLineEdit,
    QVBoxLayout,
    QWidget,
)

from app.calibration.plan import CalibrationPlan, planned_design
from app.widgets.controls import Card, Segments, label, paragraph, push_button
from app.widgets.layout import Stretch, fill, in_column, in_row
from app.widgets.stepper import Stepper
from app.wizard.class_editor import ClassEditor
from app.wizard.page import Page, Panel, caption
from mdjpt.errors import MdjptError

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["PlanPage", "minutes", "whole_session_s"]

FALLBACK = ("negative", "neutral", "positive")
RATING_S = 8.0  # what a rating takes most people; only for the duration on show


def minutes(seconds: float) -> str:
    """Say a duration as one would: ``"40 s"``, ``"6 min"``, ``"1 h 5 min"``."""
    if seconds < 60:
        return f"{seconds:.0f} s"
    whole = round(seconds / 60)
    return f"{whole} min" if whole < 60 else f"{whole // 60} h {whole % 60} min"


def whole_session_s(plan: CalibrationPlan) -> float:
    """Return about how many seconds a plan takes, the ratings counted, breaks not."""
    return plan.duration_s + RATING_S * plan.n_trials


class PlanPage(Page):
    """Fields on the left, what they come to on the right."""

    def __init__(self) -> None:
        super().__init__(
            "What should it learn?",
            "Choose emotions that you can really bring about, and that differ clearly.",
        )
        self.classes = ClassEditor()
        self.trials = Stepper(2, 50, 4, "Trials for each emotion")
        self.trial_s = Stepper(7, 120, 15, "Length of a trial", " s")
        self.baseline_s = Stepper(
            0, 300, 30, "Rest with eyes open, then closed", " s", buttons=False
        )
        self.rest_s = Stepper(0, 60, 4, "Rest after a trial", " s", buttons=False)
        self.break_every = Stepper(
            0, 50, 6, "Trials between breaks, 0 for none", " trials", buttons=False
        )
        self.seed = Stepper(0, 999_999, 0, "Seed of the order", buttons=False)
        self.material = Segments([("Memories", False), ("My media", True)], "Show")
        self.label_by = Segments(
            [("What was asked", "intended"), ("What I felt", "rated")], "Label"
        )
        self.folder = QLineEdit()
        self.folder.setPlaceholderText("a folder that holds one folder per emotion")
        self.folder.setAccessibleName("Media folder")
        self.browse = push_button("Browse…")
        self._files = QWidget()
        self.total = label("", "big")
        self.parts = paragraph("")
        self.warning = paragraph("", "value")
        self.warning.setProperty("tone", "warn")
        self._error = ""
        self._plan: CalibrationPlan | None = None
        self._build()
        self.show_classes(())

    @property
    def plan(self) -> CalibrationPlan | None:
        """The plan as filled in; None while it cannot be carried out."""
        return self._plan

    @property
    def missing(self) -> str:
        """Say what is wrong with the plan."""
        return self._error

    def first_focus(self) -> QWidget:
        """Begin at the number of trials: the emotions are those of the model already."""
        return self.trials

    def show_classes(self, names: Sequence[str]) -> None:
        """Start from the emotions of a model."""
        self.classes.set_names(names or FALLBACK)
        self._check()

    def _check(self) -> None:
        media = bool(self.material.value)
        self._files.setVisible(media)
        try:
            self._plan, self._error = self._made(media), ""
        except MdjptError as error:
            self._plan, self._error = None, str(error).removeprefix("calibration: ")
        self._sum_up()
        self.changed.emit()

    def _made(self, media: bool) -> CalibrationPlan:
        names = self.classes.names
        if not all(names):
            raise MdjptError("Give every emotion a name, or take it away")
        if media and not self.folder.text().strip():
            raise MdjptError("Choose the folder of your media")
        return CalibrationPlan(
            class_names=names,
            trials_per_class=self.trials.value,
            trial_s=float(self.trial_s.value),
            rest_s=float(self.rest_s.value),
            break_every=self.break_every.value,
            baseline_s=float(self.baseline_s.value),
            seed=self.seed.value,
            label_by=self.label_by.value,  # type: ignore[arg-type]
            media=Path(self.folder.text().strip()).expanduser() if media else None,
        )

    def _sum_up(self) -> None:
        plan = self._plan
        self.warning.setVisible(plan is not None and not planned_design(plan).can_tell)
        if plan is None:
            self.total.setText("…")
            self.parts.setText(self._error)
            return
        self.total.setText(f"about {minutes(whole_session_s(plan))}")
        design = planned_design(plan)
        at_best = f"p = {design.least_p:.2g}, if every trial is decoded right"
        self.warning.setText(
            f"So few trials cannot be told from luck, at best {at_best}: take at least "
            f"{design.blocks_needed} of each emotion."
        )
        parts = [
            f"{plan.n_trials} trials of {plan.trial_s:g} s, each with a countdown of "
            f"{plan.countdown_s:g} s, a rating and {plan.rest_s:g} s of rest",
            f"before that, rest for {plan.baseline_s:g} s with eyes open, then for "
            f"{plan.baseline_s:g} s with eyes closed"
            if plan.baseline_s
            else "no rest before the first trial",
            f"a break after every {plan.break_every} trials, as long as you like"
            if plan.break_every
            else "no breaks",
            f"evidence against luck: at best {at_best}",
        ]
        self.parts.setText("\n\n".join(part[:1].upper() + part[1:] + "." for part in parts))

    def _browse(self) -> None:
        folder = QFileDialog.getExistingDirectory(self, "Choose the media", self.folder.text())
        if folder:
            self.folder.setText(folder)

    def _build(self) -> None:
        for choice in (self.material, self.label_by):
            choice.setObjectName("segments")
        in_row((self.folder, 1), self.browse, within=self._files, margins=(0, 0, 0, 0))
        left = in_column(
            _panel("Emotions", self.classes),
            in_row(
                _panel("Trials per emotion", self.trials),
                _panel("Trial length", self.trial_s),
                Stretch(),
                spacing=28,
            ),
            in_row(
                _panel("Show", self.material),
                _panel("The label is", self.label_by),
                Stretch(),
                spacing=28,
            ),
            *(self._files, self._advanced(), Stretch()),
            spacing=11,
        )
        summary = self._summary()
        row = in_row((left, 3), (summary, 2), spacing=28)
        row.setAlignment(summary, Qt.AlignmentFlag.AlignTop)
        fill(self.body, (row, 1))
        self.classes.changed.connect(self._check)
        for box in (self.trials, self.trial_s, self.rest_s, self.break_every, self.baseline_s):
            box.changed.connect(self._check)
        self.seed.changed.connect(self._check)
        self.material.chosen.connect(self._check)
        self.label_by.chosen.connect(self._check)
        self.folder.textChanged.connect(self._check)
        self.browse.clicked.connect(self._browse)

    def _advanced(self) -> QVBoxLayout:
        self.advanced = push_button("▸ Advanced", "link")
        self.advanced.setCheckable(True)
        self._fold = QWidget()
        in_row(
            _panel("Eyes open, then closed", self.baseline_s),
            _panel("Rest after a trial", self.rest_s),
            _panel("Break after (0: never)", self.break_every),
            _panel("Seed of the order", self.seed),
            Stretch(),
            within=self._fold,
            spacing=18,
            margins=(0, 0, 0, 0),
        )
        # Its room is kept: nothing shall jump when it unfolds.
        kept = self._fold.sizePolicy()
        kept.setRetainSizeWhenHidden(True)
        self._fold.setSizePolicy(kept)
        self._fold.hide()
        self.advanced.toggled.connect(self._unfold)
        return in_column((self.advanced, Qt.AlignmentFlag.AlignLeft), self._fold, spacing=6)

    def _unfold(self, open_: bool) -> None:
        self.advanced.setText("▾ Advanced" if open_ else "▸ Advanced")
        self._fold.setVisible(open_)

    def _summary(self) -> Card:
        card = Card("In all")
        card.body.setContentsMargins(20, 16, 20, 18)
        card.body.setSpacing(10)
        card.setMinimumWidth(250)
        card.title.hide()
        fill(card.body, caption("In all"), self.total, self.parts, self.warning)
        return card


def _panel(heading: str, widget: QWidget) -> Panel:
    panel = Panel(heading)
    panel.body.addWidget(widget)
    return panel
