"""What all evaluations of the command line share: arms, their progress, options, the report."""

from __future__ import annotations

import sys
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, get_args

from mdjpt.errors import MdjptError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from mdjpt.evaluation.comparison_encoders import ComparisonEncoder
    from mdjpt.evaluation.encoding import OnEncoded
    from mdjpt.evaluation.feature_set import FeatureSet
    from mdjpt.evaluation.models import EvaluatedModel
    from mdjpt.evaluation.outcome import Outcome
    from mdjpt.evaluation.postprocessing import Priors

__all__ = [
    "EncodedArm",
    "EncodingOptions",
    "encoded_arms",
    "one_of",
    "positive",
    "print_report",
    "share_of",
]

ENTROPY = "DE"
SFREQ = 125.0


@dataclass(frozen=True)
class EncodingOptions:
    """How windows become features; the options of a command, not yet checked.

    Attributes
    ----------
    entropy : bool
        Whether differential entropy is an arm, too.
    normalisation : str
        Of the network's rows.
    variant : str or None
        Of the network; None: its own.
    step_s : float
        Seconds from one window to the next.
    shared : bool
        Whether the entropy is of the channels that all datasets share.
    compared : tuple of str
        Encoders of other authors, NAME=WEIGHTS.
    """

    entropy: bool
    normalisation: str
    variant: str | None
    step_s: float
    shared: bool = False
    compared: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class EncodedArm:
    """An arm with its features of one store.

    Attributes
    ----------
    name : str
        In the report.
    features : FeatureSet
        Of all windows.
    model : EvaluatedModel or None
        None for differential entropy and the encoders of other authors.
    """

    name: str
    features: FeatureSet
    model: EvaluatedModel | None = None

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

    Raises
    ------
    MdjptError
        There is none, an option is out of range, the store or a model cannot be used.
    """
    from mdjpt.evaluation.comparison_features import comparison_features
    from mdjpt.evaluation.encoding import RowNormalisation
    from mdjpt.evaluation.models import entropy_baseline, load_models
    from mdjpt.network.model import Variant
    from mdjpt.store.store import open_store

    if not models and not options.entropy and not options.compared:
        raise MdjptError("nothing to evaluate: name a --model, --entropy or --compare")
    step = max(round(positive("--step", options.step_s) * SFREQ), 1)
    loaded = load_models(
        models,
        variant=None if options.variant is None else one_of("--variant", options.variant, Variant),
        normalisation=one_of("--normalisation", options.normalisation, RowNormalisation),
    )
    compared = [_named_weights(text) for text in options.compared]
    opened = open_store(store)
    for model in loaded:
        with _progress(f"{opened.card.name}: {model.arm}") as show:
            features = model.features(opened, step, show)
        yield EncodedArm(model.arm, features, model)
    for encoder, weights in compared:
        with _progress(f"{opened.card.name}: {encoder.name}") as show:
            features = comparison_features(opened, encoder, weights, step, show)
        yield EncodedArm(encoder.name, features)
    if options.entropy:
        yield EncodedArm(ENTROPY, entropy_baseline(opened, step, shared=options.shared))


def _named_weights(text: str) -> tuple[ComparisonEncoder, Path]:
    """Read ``NAME=WEIGHTS``."""
    from pathlib import Path

    from mdjpt.evaluation.comparison_encoders import comparison_encoder

    name, found, path = text.partition("=")
    if not found or not path:
        raise MdjptError(f"--compare is NAME=WEIGHTS.safetensors, got {text!r}")
    return comparison_encoder(name), Path(path)


@contextmanager
def _progress(title: str) -> Iterator[OnEncoded]:
    """Show a bar on stderr and give what moves it."""
    from rich.console import Console
    from rich.progress import Progress

    with Progress(console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task(title)
        yield lambda done, total: progress.update(task, completed=done, total=total)


def print_report(
    out: Path,
    outcomes: Sequence[Outcome],
    drawn: Sequence[FeatureSet],
    figures: dict[str, bytes] | None = None,
) -> int:
    """Write the report to a folder, and its scores and the published ones to stdout.

    Parameters
    ----------
    out : Path
        The folder.
    outcomes : sequence of Outcome
        One an arm.
    drawn : sequence of FeatureSet
        Features of the first arm that are drawn beside its confusion matrices; none: no figures.
    figures : dict of str to bytes, optional
        PNG images that are there already.
    """
    from mdjpt.evaluation.report import report_of, write_report
    from mdjpt.evaluation.report_tables import published_table

    images = dict(figures or {})
    if drawn:
        from mdjpt.evaluation.figures import confusion_figure, embedding_figure

        first = outcomes[0]
        images[f"Confusion, {first.arm}"] = confusion_figure(first, first.levels)
        images[f"Features (t-SNE), {first.arm}"] = embedding_figure(drawn)
    report = report_of(outcomes, figures=images)
    for table in (report.tables[0], published_table(outcomes[0])):
        sys.stdout.write("" if table is None else table.markdown() + "\n")
    for path in write_report(out, report, outcomes):
        sys.stdout.write(f"{path}\n")
    return 0


def one_of(option: str, value: str, kind: Any) -> Any:
    """Return the value of an option that is one of a literal type's, or say which there are."""
    if value not in get_args(kind):
        raise MdjptError(f"{option} is one of {', '.join(get_args(kind))}, got {value!r}")
    return value


def positive(option: str, value: Any) -> Any:
    """Return the value of an option that must be positive."""
    if not value > 0:
        raise MdjptError(f"{option} must be positive, got {value:g}")
    return value


def share_of(option: str, value: float) -> float:
    """Return the value of an option that must be between 0 and 1."""
    if not 0 < value < 1:
        raise MdjptError(f"{option} must be between 0 and 1, got {value:g}")
    return value
