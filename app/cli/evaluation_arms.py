"""What all evaluations of the command line share: arms, their progress, the report."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import typer

from app.cli.progress import shown_progress
from mdjpt.errors import MdjptError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from mdjpt.evaluation.comparison_encoders import ComparisonEncoder
    from mdjpt.evaluation.models import EvaluatedModel
    from mdjpt.evaluation.outcome import Outcome
    from mdjpt.evaluation.postprocessing import Priors
    from mdjpt.evaluation.window_table import FeatureSet

__all__ = [
    "EncodedArm",
    "EncodingOptions",
    "Network",
    "Rows",
    "encoded_arms",
    "print_report",
    "report_arms",
]

Rows = Literal["auto", "rows", "window", "recording", "released"]
Network = Literal["released", "paper"]

LINE_EVERY_S = 30.0
ENTROPY = "DE"
SFREQ = 125.0


@dataclass(frozen=True)
class EncodingOptions:
    """How windows become features."""

    entropy: bool
    """Whether differential entropy is an arm, too."""
    # See :class:`mdjpt.evaluation.models.EvaluatedModel`.
    normalisation: Rows
    variant: Network | None
    step_s: float
    """Seconds from one window to the next."""
    shared: bool = False
    """Whether the entropy is of the channels that all datasets share."""
    compared: Sequence[str] = ()
    """Encoders of other authors, NAME=WEIGHTS."""


@dataclass(frozen=True, eq=False)
class EncodedArm:
    """An arm with its features of one store."""

    name: str
    """In the report."""
    features: FeatureSet
    """Of all windows."""
    model: EvaluatedModel | None = None
    """None for differential entropy and the encoders of other authors."""

    @property
    def simulated(self) -> bool:
        """Whether a model was trained on simulated data."""
        return self.model is not None and self.model.simulated

    @property
    def priors(self) -> Priors | None:
        """Statistics of the features in pre-training, where they apply."""
        return None if self.model is None else self.model.priors

    @property
    def pretrained_on(self) -> tuple[str, ...]:
        """Datasets of the pre-training, as far as the model says."""
        return () if self.model is None else self.model.datasets

    def remarked(self, outcome: Outcome) -> Outcome:
        """Return the outcome with a note when the model was pre-trained on what tests it."""
        if self.model is None or outcome.dataset not in self.model.datasets:
            return outcome
        note = f"{self.name} was pre-trained on {outcome.dataset}, without its labels."
        return replace(outcome, notes=(*outcome.notes, note))


def encoded_arms(
    store: Path, models: Sequence[Path], options: EncodingOptions
) -> Iterator[EncodedArm]:
    """Yield the arms one after the other, with a progress bar on stderr while each is encoded.

    Raises MdjptError: there is none, the store or a model cannot be used.
    """
    from mdjpt.evaluation.comparison_encoders import comparison_features
    from mdjpt.evaluation.differential_entropy import entropy_features
    from mdjpt.evaluation.models import load_models
    from mdjpt.store.store import open_store

    if not models and not options.entropy and not options.compared:
        raise MdjptError("nothing to evaluate: name a --model, --entropy or --compare")
    step = max(round(options.step_s * SFREQ), 1)
    loaded = load_models(models, variant=options.variant, normalisation=options.normalisation)
    compared = [_named_weights(text) for text in options.compared]
    opened = open_store(store)
    for model in loaded:
        with shown_progress(f"{opened.card.name}: {model.arm}", every_s=LINE_EVERY_S) as show:
            features = model.features(opened, step, show)
        yield EncodedArm(model.arm, features, model)
    for encoder, weights in compared:
        with shown_progress(f"{opened.card.name}: {encoder.name}", every_s=LINE_EVERY_S) as show:
            features = comparison_features(opened, encoder, weights, step, show)
        yield EncodedArm(encoder.name, features)
    if options.entropy:
        features = entropy_features(
            opened, step=step, channels="standard" if options.shared else "own"
        )
        yield EncodedArm(ENTROPY, features)


def _named_weights(text: str) -> tuple[ComparisonEncoder, Path]:
    """Read ``NAME=WEIGHTS``."""
    from mdjpt.evaluation.comparison_encoders import comparison_encoder

    name, found, path = text.partition("=")
    if not found or not path:
        raise MdjptError(f"--compare is NAME=WEIGHTS.safetensors, got {text!r}")
    return comparison_encoder(name), Path(path)


def report_arms(
    out: Path,
    arms: Iterable[EncodedArm],
    evaluate: Callable[[EncodedArm], Outcome],
    *,
    figures: bool,
) -> int:
    """Evaluate each arm by itself and report all of them; with figures, the first is drawn."""
    outcomes: list[Outcome] = []
    drawn: list[FeatureSet] = []
    for arm in arms:
        outcomes.append(arm.remarked(evaluate(arm)))
        drawn += [arm.features] if figures and not drawn else []
    return print_report(out, outcomes, drawn)


def print_report(
    out: Path,
    outcomes: Sequence[Outcome],
    drawn: Sequence[FeatureSet],
    figures: dict[str, bytes] | None = None,
) -> int:
    """Write the report of the arms to a folder, and its scores and the published ones to stdout.

    The features that are `drawn`, the first arm's, stand beside its confusion matrices; none: no
    figures but those (PNG by caption) that are there already.
    """
    from mdjpt.evaluation.report import published_table, report_of, write_report

    images = dict(figures or {})
    if drawn:
        from mdjpt.evaluation.figures import confusion_figure, embedding_figure

        first = outcomes[0]
        images[f"Confusion, {first.arm}"] = confusion_figure(first, first.levels)
        images[f"Features (t-SNE), {first.arm}"] = embedding_figure(drawn)
    report = report_of(outcomes, figures=images)
    for table in (report.tables[0], published_table(outcomes[0])):
        if table is not None:
            typer.echo(table.markdown())
    for path in write_report(out, report, outcomes):
        typer.echo(path)
    return 0
