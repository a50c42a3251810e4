"""``mdjpt evaluate``: what a model's features are worth on prepared datasets."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, get_args

import typer

from app.cli.evaluate_online import evaluate_online
from app.cli.evaluate_person import evaluate_person
from app.cli.evaluation_arms import (
    EncodedArm,
    EncodingOptions,
    Network,
    Rows,
    encoded_arms,
    print_report,
    report_arms,
)
from app.cli.options import Device, Jobs, Quick, at_least, between, output_folder, positive
from app.cli.thread_count import compute_on
from mdjpt.errors import MdjptError

if TYPE_CHECKING:
    from mdjpt.evaluation.outcome import Outcome

__all__ = [
    "evaluate_benchmark",
    "evaluate_cli",
    "evaluate_few_shot",
    "evaluate_scaling",
    "evaluate_transfer",
    "evaluate_zero_shot",
]

evaluate_cli = typer.Typer(help="Evaluate models on prepared datasets.", no_args_is_help=True)
evaluate_cli.command("online")(evaluate_online)
evaluate_cli.command("person")(evaluate_person)

Store = Annotated[Path, typer.Argument(help="Prepared dataset.")]
Models = Annotated[
    list[Path] | None, typer.Option("--model", help="Model bundle; may be given several times.")
]
Out = Annotated[Path, typer.Option(help="Folder of the report.", callback=output_folder)]
Entropy = Annotated[bool, typer.Option("--entropy", help="Add the differential-entropy baseline.")]
Compare = Annotated[
    list[str] | None,
    typer.Option(
        "--compare", help="labram, biot, eegpt or cbramod and its weights: NAME=FILE.safetensors."
    ),
]
Normalisation = Annotated[Rows, typer.Option(help="Of the network's rows.")]
Variant = Annotated[Network | None, typer.Option(help="Of the network; the bundle's own if none.")]
Step = Annotated[
    float,
    typer.Option("--step", help="Seconds from one window to the next.", callback=positive),
]
Figures = Annotated[bool, typer.Option("--figures", help="Draw confusion matrices and t-SNE.")]
Seed = Annotated[int, typer.Option(help="Of splits and heads.")]
Epochs = Annotated[
    int, typer.Option("--epochs", help="Passes of the head over its windows.", callback=at_least(1))
]
Folds = Annotated[int, typer.Option("--folds", help="Random splits.", callback=at_least(1))]
TrainShare = Annotated[
    float,
    typer.Option("--train-share", help="Share of subjects with labels.", callback=between(0, 1)),
]


@evaluate_cli.command("few-shot")
def evaluate_few_shot(
    store: Store,
    *,
    out: Out,
    models: Models = None,
    entropy: Entropy = False,
    compared: Compare = None,
    protocol: Annotated[
        Literal["honest", "released"], typer.Option(help="Splits, priors and choice of the epoch.")
    ] = "honest",
    selection: Annotated[
        Literal["training", "none", "released"] | None,
        typer.Option(help="What the epoch is chosen on; as the protocol has it if none."),
    ] = None,
    clips: Annotated[
        Literal["any", "unseen"], typer.Option(help="unseen: train and test share no clip.")
    ] = "any",
    n_folds: Folds = 6,
    train_share: TrainShare = 0.25,
    n_epochs: Epochs = 8,
    seed: Seed = 0,
    normalisation: Normalisation = "auto",
    variant: Variant = None,
    step_s: Step = 2.0,
    figures: Figures = False,
    device: Device = "auto",
) -> int:
    """Train a head on a few subjects' labels, test on all others."""
    compute_on(device)
    from mdjpt.evaluation.few_shot import FewShotSettings, few_shot

    settings = FewShotSettings(protocol, n_folds, train_share, seed, selection, clips, n_epochs)
    if settings.released and normalisation == "auto":
        normalisation = "released"
    options = EncodingOptions(entropy, normalisation, variant, step_s, compared=compared or ())

    def evaluate(arm: EncodedArm) -> Outcome:
        return few_shot(arm.features, settings, arm=arm.name, simulated=arm.simulated)

    return report_arms(out, encoded_arms(store, models or (), options), evaluate, figures=figures)


@evaluate_cli.command("zero-shot")
def evaluate_zero_shot(
    store: Store,
    *,
    out: Out,
    models: Models = None,
    entropy: Entropy = False,
    compared: Compare = None,
    exclude: Annotated[
        list[str] | None,
        typer.Option(
            help="Neighbours left out: subject (default), trial, stimulus or none; several times."
        ),
    ] = None,
    normalisation: Normalisation = "auto",
    variant: Variant = None,
    step_s: Step = 2.0,
    figures: Figures = False,
    device: Device = "auto",
) -> int:
    """Label each window like its nearest neighbour in the same dataset (the paper's zero-shot)."""
    compute_on(device)
    from mdjpt.evaluation.zero_shot import Excluded, ZeroShotSettings, zero_shot

    named = dict.fromkeys(exclude or ("subject",))
    if unknown := set(named) - {"none", *get_args(Excluded)}:
        raise MdjptError(f"--exclude takes subject, trial, stimulus or none, got {unknown.pop()!r}")
    settings = ZeroShotSettings(tuple(name for name in get_args(Excluded) if name in named))
    options = EncodingOptions(entropy, normalisation, variant, step_s, compared=compared or ())

    def evaluate(arm: EncodedArm) -> Outcome:
        return zero_shot(
            arm.features, settings, arm=arm.name, priors=arm.priors, simulated=arm.simulated
        )

    return report_arms(out, encoded_arms(store, models or (), options), evaluate, figures=figures)


@evaluate_cli.command("transfer")
def evaluate_transfer(
    target: Store,
    *,
    sources: Annotated[
        list[Path], typer.Option("--source", help="Store to learn from; several times.")
    ],
    out: Out,
    models: Models = None,
    entropy: Entropy = False,
    classes: Annotated[
        Literal["auto", "emotion", "valence"], typer.Option(help="Which the datasets share.")
    ] = "auto",
    selection: Annotated[
        Literal["training", "none"], typer.Option(help="What the epoch is chosen on.")
    ] = "training",
    n_epochs: Epochs = 8,
    seed: Seed = 0,
    normalisation: Normalisation = "auto",
    variant: Variant = None,
    step_s: Step = 2.0,
    figures: Figures = False,
    device: Device = "auto",
) -> int:
    """Train a head on other datasets' labels, test on a dataset never seen."""
    compute_on(device)
    from mdjpt.evaluation.transfer import TransferSettings, transfer

    settings = TransferSettings(classes=classes, selection=selection, n_epochs=n_epochs, seed=seed)
    options = EncodingOptions(entropy, normalisation, variant, step_s, shared=True)
    by_arm: dict[str, list[EncodedArm]] = {}
    for path in (*sources, target):
        for arm in encoded_arms(path, models or (), options):
            by_arm.setdefault(arm.name, []).append(arm)
    outcomes = []
    for name, parts in by_arm.items():
        *learned, tested = [part.features for part in parts]
        outcome = transfer(learned, tested, settings, arm=name, simulated=parts[-1].simulated)
        outcomes.append(parts[-1].remarked(outcome))
    first = next(iter(by_arm.values()))
    return print_report(out, outcomes, [part.features for part in first] if figures else [])


@evaluate_cli.command("scaling")
def evaluate_scaling(
    store: Store,
    *,
    out: Out,
    models: Models = None,
    n_folds: Folds = 6,
    train_share: TrainShare = 0.25,
    n_epochs: Epochs = 8,
    seed: Seed = 0,
    normalisation: Normalisation = "auto",
    step_s: Step = 2.0,
    device: Device = "auto",
) -> int:
    """Compare models that were pre-trained on more and more datasets, which each must name."""
    compute_on(device)
    from mdjpt.evaluation.few_shot import FewShotSettings, few_shot
    from mdjpt.evaluation.figures import scaling_figure

    settings = FewShotSettings(
        n_folds=n_folds, train_share=train_share, seed=seed, n_epochs=n_epochs
    )
    found: list[tuple[int, Outcome]] = []
    options = EncodingOptions(False, normalisation, None, step_s)
    for arm in encoded_arms(store, models or (), options):
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


@evaluate_cli.command("benchmark")
def evaluate_benchmark(
    *,
    out: Out,
    seed: Seed = 0,
    quick: Quick = False,
    extra: Annotated[bool, typer.Option("--extra", help="More ablations.")] = False,
    jobs: Jobs = 1,
) -> int:
    """Ask on simulated datasets whether joint pre-training is worth it, for one seed."""
    from mdjpt.evaluation.benchmark import run_benchmark
    from mdjpt.evaluation.benchmark_settings import QUICK, REDUCED

    settings = QUICK if quick else REDUCED
    for path in run_benchmark(seed, out, settings, extra=extra, n_jobs=jobs):
        typer.echo(path)
    return 0
