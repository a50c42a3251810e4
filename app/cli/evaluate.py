"""``mdjpt evaluate``: what a model's features are worth on prepared datasets."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Literal

from app.cli.evaluation_arms import (
    EncodedArm,
    EncodingOptions,
    encoded_arms,
    one_of,
    positive,
    print_report,
    share_of,
)
from mdjpt.errors import MdjptError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from mdjpt.evaluation.feature_set import FeatureSet
    from mdjpt.evaluation.outcome import Outcome

__all__ = [
    "evaluate_benchmark",
    "evaluate_few_shot",
    "evaluate_scaling",
    "evaluate_transfer",
    "evaluate_zero_shot",
]


def evaluate_few_shot(
    store: Path,
    models: Sequence[Path],
    out: Path,
    *,
    entropy: bool = False,
    compared: Sequence[str] = (),
    protocol: str = "honest",
    selection: str | None = None,
    clips: str = "any",
    n_folds: int = 6,
    train_share: float = 0.25,
    n_epochs: int = 8,
    seed: int = 0,
    normalisation: str = "auto",
    variant: str | None = None,
    step_s: float = 2.0,
    figures: bool = False,
) -> int:
    """Train a head on a few subjects of a store and test it on all others.

    Parameters
    ----------
    store : Path
        Prepared dataset.
    models : sequence of Path
        Bundles, one an arm; none with `entropy` alone.
    out : Path
        Folder of the report.
    entropy : bool
        Whether differential entropy is an arm, too.
    compared : sequence of str
        Encoders of other authors, NAME=WEIGHTS, see :mod:`mdjpt.evaluation.comparison_encoders`.
    protocol, selection, clips, n_folds, train_share, n_epochs, seed
        See :class:`mdjpt.evaluation.few_shot.FewShotSettings`.
    normalisation, variant
        See :class:`mdjpt.evaluation.models.EvaluatedModel`; the protocol ``released`` takes the
        released normalisation by default.
    step_s : float
        Seconds from one window to the next.
    figures : bool
        Whether confusion matrices and features (t-SNE) are drawn.

    Raises
    ------
    MdjptError
        An option, the store or a model cannot be used.
    """
    from mdjpt.evaluation.few_shot import FewShotSettings, few_shot
    from mdjpt.evaluation.head_training import Selection

    settings = FewShotSettings(
        protocol=one_of("--protocol", protocol, Literal["honest", "released"]),
        selection=None if selection is None else one_of("--selection", selection, Selection),
        clips=one_of("--clips", clips, Literal["any", "unseen"]),
        n_folds=positive("--folds", n_folds),
        train_share=share_of("--train-share", train_share),
        seed=seed,
        n_epochs=n_epochs,
    )
    if settings.released and normalisation == "auto":
        normalisation = "released"
    options = EncodingOptions(entropy, normalisation, variant, step_s, compared=tuple(compared))
    outcomes: list[Outcome] = []
    drawn: list[FeatureSet] = []
    for arm in encoded_arms(store, models, options):
        outcome = few_shot(arm.features, settings, arm=arm.name, simulated=arm.simulated)
        outcomes.append(arm.remarked(outcome))
        drawn += [arm.features] if figures and not drawn else []
    return print_report(out, outcomes, drawn)


def evaluate_zero_shot(
    store: Path,
    models: Sequence[Path],
    out: Path,
    *,
    entropy: bool = False,
    compared: Sequence[str] = (),
    exclude: Sequence[str] = ("subject",),
    normalisation: str = "auto",
    variant: str | None = None,
    step_s: float = 2.0,
    figures: bool = False,
) -> int:
    """Give every window the label of its nearest neighbour in the same store.

    Parameters
    ----------
    store, models, out, entropy, compared, normalisation, variant, step_s, figures
        As for :func:`evaluate_few_shot`.
    exclude : sequence of {"trial", "subject", "stimulus"}
        Neighbours of the same one do not count.

    Raises
    ------
    MdjptError
        As for :func:`evaluate_few_shot`.
    """
    from mdjpt.evaluation.zero_shot import Excluded, ZeroShotSettings, zero_shot

    settings = ZeroShotSettings(
        tuple(one_of("--exclude", name, Excluded) for name in dict.fromkeys(exclude))
    )
    options = EncodingOptions(entropy, normalisation, variant, step_s, compared=tuple(compared))
    outcomes: list[Outcome] = []
    drawn: list[FeatureSet] = []
    for arm in encoded_arms(store, models, options):
        outcome = zero_shot(
            arm.features, settings, arm=arm.name, priors=arm.priors, simulated=arm.simulated
        )
        outcomes.append(arm.remarked(outcome))
        drawn += [arm.features] if figures and not drawn else []
    return print_report(out, outcomes, drawn)


def evaluate_transfer(
    sources: Sequence[Path],
    target: Path,
    models: Sequence[Path],
    out: Path,
    *,
    entropy: bool = False,
    classes: str = "auto",
    selection: str = "training",
    n_epochs: int = 8,
    seed: int = 0,
    normalisation: str = "auto",
    variant: str | None = None,
    step_s: float = 2.0,
    figures: bool = False,
) -> int:
    """Train a head on the labels of some stores and test it on another one.

    Parameters
    ----------
    sources : sequence of Path
        Prepared datasets to learn from.
    target : Path
        Prepared dataset to be tested on; its labels are used for nothing else.
    models, out, entropy, normalisation, variant, step_s, figures
        As for :func:`evaluate_few_shot`.
    classes, selection, n_epochs, seed
        See :class:`mdjpt.evaluation.transfer.TransferSettings`.

    Raises
    ------
    MdjptError
        As for :func:`evaluate_few_shot`; the datasets share fewer than two classes.
    """
    from mdjpt.evaluation.shared_classes import Scheme
    from mdjpt.evaluation.transfer import TransferSettings, transfer

    settings = TransferSettings(
        classes=one_of("--classes", classes, Scheme),
        selection=one_of("--selection", selection, Literal["training", "none"]),
        n_epochs=positive("--epochs", n_epochs),
        seed=seed,
    )
    options = EncodingOptions(entropy, normalisation, variant, step_s, shared=True)
    by_arm: dict[str, list[EncodedArm]] = {}
    for path in (*sources, target):
        for arm in encoded_arms(path, models, options):
            by_arm.setdefault(arm.name, []).append(arm)
    outcomes = []
    for name, parts in by_arm.items():
        *learned, tested = [part.features for part in parts]
        outcome = transfer(learned, tested, settings, arm=name, simulated=parts[-1].simulated)
        outcomes.append(parts[-1].remarked(outcome))
    first = next(iter(by_arm.values()))
    return print_report(out, outcomes, [part.features for part in first] if figures else [])


def evaluate_scaling(
    store: Path,
    models: Sequence[Path],
    out: Path,
    *,
    n_folds: int = 6,
    train_share: float = 0.25,
    seed: int = 0,
    n_epochs: int = 8,
    normalisation: str = "auto",
    step_s: float = 2.0,
) -> int:
    """Compare models that were pre-trained on more and more datasets, few-shot.

    Parameters
    ----------
    store, models, out, n_folds, train_share, seed, n_epochs, normalisation, step_s
        As for :func:`evaluate_few_shot`; each model says what it was pre-trained on.

    Raises
    ------
    MdjptError
        As for :func:`evaluate_few_shot`; a model does not say what it was pre-trained on.
    """
    from mdjpt.evaluation.few_shot import FewShotSettings, few_shot
    from mdjpt.evaluation.figures import scaling_figure

    settings = FewShotSettings(
        n_folds=positive("--folds", n_folds),
        train_share=share_of("--train-share", train_share),
        seed=seed,
        n_epochs=n_epochs,
    )
    found: list[tuple[int, Outcome]] = []
    for arm in encoded_arms(store, models, EncodingOptions(False, normalisation, None, step_s)):
        n = len(arm.pretrained_on)
        if not n:
            raise MdjptError(f"{arm.name}: does not say which datasets it was pre-trained on")
        outcome = few_shot(arm.features, settings, arm=f"{n}: {arm.name}", simulated=arm.simulated)
        found.append((n, arm.remarked(outcome)))
    found.sort(key=lambda item: item[0])
    counts, outcomes = [n for n, _ in found], [outcome for _, outcome in found]
    drawn = {
        f"Accuracy by number of datasets, {level}": scaling_figure(counts, outcomes, level)
        for level in outcomes[0].levels
    }
    return print_report(out, outcomes, [], drawn)


def evaluate_benchmark(
    seed: int, out: Path, *, quick: bool = False, extra: bool = False, n_jobs: int = 1
) -> int:
    """Run the simulated benchmark for one seed.

    Parameters
    ----------
    seed, out, extra, n_jobs
        See :func:`mdjpt.evaluation.benchmark.run_benchmark`.
    quick : bool
        Seconds instead of minutes, which shows only that it runs.

    Raises
    ------
    MdjptError
        `out` holds another benchmark, or cannot be written.
    """
    from mdjpt.evaluation.benchmark import run_benchmark
    from mdjpt.evaluation.benchmark_settings import QUICK, REDUCED

    settings = QUICK if quick else REDUCED
    n_jobs = positive("--jobs", n_jobs)
    for path in run_benchmark(seed, out, settings, extra=extra, n_jobs=n_jobs):
        sys.stdout.write(f"{path}\n")
    return 0
