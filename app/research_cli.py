"""The researchers' half of the command line: data, pre-training, evaluation.

Names, options and help only; the work is done in :mod:`app.cli`.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

__all__ = ["data_cli", "evaluate_cli", "pretrain_command"]

data_cli = typer.Typer(help="List, prepare and check datasets.", no_args_is_help=True)
evaluate_cli = typer.Typer(help="Evaluate models on prepared datasets.", no_args_is_help=True)

Store = Annotated[Path, typer.Argument(help="Prepared dataset.")]
Models = Annotated[
    list[Path] | None, typer.Option("--model", help="Model bundle; may be given several times.")
]
Out = Annotated[Path, typer.Option(help="Folder of the report.")]
Entropy = Annotated[bool, typer.Option("--entropy", help="Add the differential-entropy baseline.")]
Compare = Annotated[
    list[str] | None,
    typer.Option(
        "--compare", help="labram, biot, eegpt or cbramod and its weights: NAME=FILE.safetensors."
    ),
]
Normalisation = Annotated[str, typer.Option(help="auto, rows, window, recording or released.")]
Variant = Annotated[str | None, typer.Option(help="released or paper; the bundle's own if none.")]
Step = Annotated[float, typer.Option("--step", help="Seconds from window to window.")]
Figures = Annotated[bool, typer.Option("--figures", help="Draw confusion matrices and t-SNE.")]
Seed = Annotated[int, typer.Option(help="Of splits and heads.")]
Epochs = Annotated[int, typer.Option("--epochs", help="Passes of the head over its windows.")]
Jobs = Annotated[int, typer.Option(help="How many at a time; -1: one a core.")]


@data_cli.command("list")
def data_list(
    json: Annotated[bool, typer.Option("--json", help="Machine-readable.")] = False,
) -> int:
    """List the datasets that can be read, and where they come from."""
    from app.cli.data import list_data

    return list_data(json)


@data_cli.command("prepare")
def data_prepare(
    name: Annotated[str, typer.Argument(help="As data list prints it.")],
    raw: Annotated[Path, typer.Option(help="Folder of the owner's files.")],
    out: Annotated[Path, typer.Option(help="Folder of the store.")],
    ica: Annotated[bool, typer.Option("--ica/--no-ica", help="Drop eyes and muscles.")] = True,
    jobs: Jobs = 1,
    reports: Annotated[
        bool, typer.Option("--reports/--no-reports", help="A page of quality a recording.")
    ] = True,
    subject: Annotated[list[str] | None, typer.Option(help="Only this subject.")] = None,
    option: Annotated[list[str] | None, typer.Option(help="KEY=VALUE of the reader.")] = None,
) -> int:
    """Prepare a dataset into a store; an interrupted preparation goes on."""
    from app.cli.data import prepare_data

    return prepare_data(
        name,
        raw,
        out,
        ica=ica,
        jobs=jobs,
        reports=reports,
        subjects=subject or (),
        options=option or (),
    )


@data_cli.command("check")
def data_check(store: Store) -> int:
    """Check a store: files, shapes, table of trials."""
    from app.cli.data import check_data

    return check_data(store)


def pretrain_command(
    config: Annotated[Path, typer.Argument(help="Settings (.toml).")],
    out: Annotated[
        Path | None, typer.Option(help="Folder of the run; runs/NAME by default.")
    ] = None,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on from the newest checkpoint.")
    ] = False,
) -> int:
    """Pre-train the encoder jointly on prepared datasets."""
    from app.cli.pretrain import pretrain

    return pretrain(config, out, resume)


@evaluate_cli.command("few-shot")
def few_shot_command(
    store: Store,
    out: Out,
    model: Models = None,
    entropy: Entropy = False,
    compare: Compare = None,
    protocol: Annotated[str, typer.Option(help="honest or released.")] = "honest",
    selection: Annotated[
        str | None, typer.Option(help="Epoch chosen on: training, none, or released.")
    ] = None,
    clips: Annotated[
        str, typer.Option(help="any, or unseen: train and test share no clip.")
    ] = "any",
    folds: Annotated[int, typer.Option(help="Random splits.")] = 6,
    train_share: Annotated[float, typer.Option(help="Share of subjects with labels.")] = 0.25,
    epochs: Epochs = 8,
    seed: Seed = 0,
    normalisation: Normalisation = "auto",
    variant: Variant = None,
    step: Step = 2.0,
    figures: Figures = False,
) -> int:
    """Train a head on a few subjects' labels, test on all others."""
    from app.cli.evaluate import evaluate_few_shot

    return evaluate_few_shot(
        store,
        model or [],
        out,
        entropy=entropy,
        compared=compare or [],
        protocol=protocol,
        selection=selection,
        clips=clips,
        n_folds=folds,
        train_share=train_share,
        n_epochs=epochs,
        seed=seed,
        normalisation=normalisation,
        variant=variant,
        step_s=step,
        figures=figures,
    )


@evaluate_cli.command("zero-shot")
def zero_shot_command(
    store: Store,
    out: Out,
    model: Models = None,
    entropy: Entropy = False,
    compare: Compare = None,
    exclude: Annotated[
        list[str] | None,
        typer.Option(help="Neighbours left out: subject, trial, stimulus or none."),
    ] = None,
    normalisation: Normalisation = "auto",
    variant: Variant = None,
    step: Step = 2.0,
    figures: Figures = False,
) -> int:
    """Label each window like its nearest neighbour in the same dataset (the paper's zero-shot)."""
    from app.cli.evaluate import evaluate_zero_shot

    chosen = exclude or ["subject"]
    return evaluate_zero_shot(
        store,
        model or [],
        out,
        entropy=entropy,
        compared=compare or [],
        exclude=() if chosen == ["none"] else chosen,
        normalisation=normalisation,
        variant=variant,
        step_s=step,
        figures=figures,
    )


@evaluate_cli.command("transfer")
def transfer_command(
    target: Store,
    source: Annotated[list[Path], typer.Option(help="Store to learn from; several times.")],
    out: Out,
    model: Models = None,
    entropy: Entropy = False,
    classes: Annotated[
        str, typer.Option(help="Shared classes: auto, emotion or valence.")
    ] = "auto",
    selection: Annotated[str, typer.Option(help="Epoch chosen on: training or none.")] = "training",
    epochs: Epochs = 8,
    seed: Seed = 0,
    normalisation: Normalisation = "auto",
    variant: Variant = None,
    step: Step = 2.0,
    figures: Figures = False,
) -> int:
    """Train a head on other datasets' labels, test on a dataset never seen."""
    from app.cli.evaluate import evaluate_transfer

    return evaluate_transfer(
        source,
        target,
        model or [],
        out,
        entropy=entropy,
        classes=classes,
        selection=selection,
        n_epochs=epochs,
        seed=seed,
        normalisation=normalisation,
        variant=variant,
        step_s=step,
        figures=figures,
    )


@evaluate_cli.command("scaling")
def scaling_command(
    store: Store,
    out: Out,
    model: Models = None,
    folds: Annotated[int, typer.Option(help="Random splits.")] = 6,
    epochs: Epochs = 8,
    seed: Seed = 0,
    normalisation: Normalisation = "auto",
    step: Step = 2.0,
) -> int:
    """Compare models that were pre-trained on more and more datasets."""
    from app.cli.evaluate import evaluate_scaling

    return evaluate_scaling(
        store,
        model or [],
        out,
        n_folds=folds,
        n_epochs=epochs,
        seed=seed,
        normalisation=normalisation,
        step_s=step,
    )


@evaluate_cli.command("benchmark")
def benchmark_command(
    out: Out,
    seed: Seed = 0,
    quick: Annotated[bool, typer.Option("--quick", help="Shows only that it runs.")] = False,
    extra: Annotated[bool, typer.Option("--extra", help="More ablations.")] = False,
    jobs: Jobs = 1,
) -> int:
    """Ask on simulated datasets whether joint pre-training is worth it, for one seed."""
    from app.cli.evaluate import evaluate_benchmark

    return evaluate_benchmark(seed, out, quick=quick, extra=extra, n_jobs=jobs)


@evaluate_cli.command("online")
def online_command(
    out: Out,
    model: Annotated[
        Path | None, typer.Option(help="Bundle with a head; the demo bundle by default.")
    ] = None,
    store: Annotated[
        Path | None, typer.Option(help="A prepared dataset in place of simulated participants.")
    ] = None,
    seeds: Annotated[int, typer.Option(help="Groups of simulated participants.")] = 5,
    first_seed: Annotated[
        int, typer.Option(help="First group; 100 and above are for choosing settings.")
    ] = 0,
    aligners: Annotated[
        str | None, typer.Option(help="Aligners to compare, separated by semicolons.")
    ] = None,
    calibrations: Annotated[
        bool, typer.Option("--calibrations/--no-calibrations", help="Calibrate, too.")
    ] = True,
    jobs: Jobs = 1,
    quick: Annotated[bool, typer.Option("--quick", help="Shows only that it runs.")] = False,
) -> int:
    """Ask what alignment and calibration bring while somebody is connected."""
    from app.cli.evaluate_online import evaluate_online

    return evaluate_online(
        out,
        model,
        store,
        n_seeds=seeds,
        first_seed=first_seed,
        aligners=aligners,
        calibrations=calibrations,
        n_jobs=jobs,
        quick=quick,
    )
