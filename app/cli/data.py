"""``mdjpt data`` and simulated corpora: which datasets there are, preparing and checking stores."""

from __future__ import annotations

import json
import sys
from contextlib import contextmanager
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from mdjpt.errors import DatasetError, MdjptError
from mdjpt.guard.extras import check_training_extra

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from mdjpt.store.dataset_preparation import PreparedStep, TrialSource
    from mdjpt.store.preparation import PreparationSettings

__all__ = ["check_data", "list_data", "prepare_data", "simulate_data"]


def list_data(as_json: bool) -> int:
    """Print the datasets that can be prepared.

    Parameters
    ----------
    as_json : bool
        One JSON list instead of a table.
    """
    from mdjpt.datasets import list_datasets

    cards = list_datasets()
    if as_json:
        sys.stdout.write(json.dumps([asdict(card) for card in cards]) + "\n")
        return 0
    for card in cards:
        sys.stdout.write(f"{card.name:<12} {card.title}\n")
        for what, text in (
            ("classes", ", ".join(card.class_names) or card.label_scheme),
            ("files", card.layout),
            ("licence", f"{card.licence} {card.url}".strip()),
        ):
            sys.stdout.write(f"{'':<12} {what}: {text}\n")
    return 0


def prepare_data(
    name: str,
    raw: Path,
    out: Path,
    *,
    ica: bool = True,
    jobs: int = 1,
    reports: bool = True,
    subjects: Sequence[str] = (),
    options: Sequence[str] = (),
) -> int:
    """Prepare a dataset on disk into a store, or finish a preparation.

    Parameters
    ----------
    name : str
        Of the dataset, as ``mdjpt data list`` prints it.
    raw : Path
        Folder of its files.
    out : Path
        Folder of the store.
    ica : bool
        Whether eye and muscle components are dropped.
    jobs : int
        Recordings at a time; -1: one a core.
    reports : bool
        Whether a page on the quality of each recording is written.
    subjects : sequence of str
        Which ones; empty: all.
    options : sequence of str
        ``KEY=VALUE`` of the dataset's reader; lists have commas.

    Raises
    ------
    DatasetError
        The dataset cannot be read or prepared.
    MdjptError
        An option is unknown, or the extra ``train`` is not installed.
    """
    check_training_extra("pyarrow")
    from mdjpt.datasets import open_dataset
    from mdjpt.store.preparation import PreparationSettings

    try:
        reader = open_dataset(name, raw, **_options(options))
    except (TypeError, ValueError) as error:
        raise MdjptError(f"{name}: {error}: see --option") from None
    for line in reader.missing():
        sys.stderr.write(f"not there: {line}\n")
    return _prepare(reader, out, PreparationSettings(ica=ica), jobs, reports, subjects)


def check_data(store: Path) -> int:
    """Read a whole store, compare it with its checksums and print what it holds.

    Raises
    ------
    DatasetError
        When it is not sound.
    """
    check_training_extra("pyarrow")
    from mdjpt.store.store import open_store
    from mdjpt.store.writer import check_store

    remarks = check_store(store)
    opened = open_store(store)
    card, trials = opened.card, opened.trials
    minutes = sum(recording.facts.n_times for recording in opened.recordings) / card.sfreq / 60
    sys.stdout.write(
        f"{store}: sound; {card.title}{' (SIMULATED)' if card.simulated else ''}\n"
        f"{len(opened.subjects)} subjects, {len(opened)} recordings, {len(trials)} trials, "
        f"{minutes:.0f} min; {len(card.ch_names)} electrodes\n"
    )
    for label, class_name in enumerate(card.class_names):
        n = sum(trial.label == label for trial in trials)
        sys.stdout.write(f"  {class_name}: {n} trials\n")
    for remark in remarks:
        sys.stdout.write(f"note: {remark}\n")
    return 0


def simulate_data(
    out: Path,
    presets: Sequence[str],
    *,
    seed: int = 0,
    difficulty: float = 0.5,
    n_subjects: int | None = None,
    ica: bool = False,
    jobs: int = 1,
) -> int:
    """Simulate a corpus and prepare each of its datasets into a store below `out`.

    Parameters
    ----------
    out : Path
        Folder of the stores, which are named as the presets.
    presets : sequence of str
        Keys of :data:`mdjpt.simulation.PRESETS`; empty: the usual five.
    seed : int
        Of all subjects and clips.
    difficulty : float
        0 (easiest) to 1 (emotions leave no trace).
    n_subjects : int or None
        Of each dataset; None: as preset.
    ica : bool
        Whether eye and muscle components are dropped, which takes a minute a recording.
    jobs : int
        Recordings at a time; -1: one a core.

    Raises
    ------
    MdjptError
        A preset is unknown, a number out of range, or the extra ``train`` is not installed.
    """
    check_training_extra("pyarrow")
    from mdjpt.simulation import preset_corpus
    from mdjpt.simulation.dataset import SimulatedDataset
    from mdjpt.store.preparation import PreparationSettings

    try:
        corpus = preset_corpus(*presets, seed=seed, difficulty=difficulty, n_subjects=n_subjects)
    except ValueError as error:
        raise MdjptError(f"simulate: {error}") from None
    settings = PreparationSettings(ica=ica)
    for config in corpus.datasets:
        _prepare(SimulatedDataset(config), out / config.name, settings, jobs, reports=False)
    return 0


def _prepare(
    source: TrialSource,
    out: Path,
    settings: PreparationSettings,
    jobs: int,
    reports: bool,
    subjects: Sequence[str] = (),
) -> int:
    from mdjpt.store.dataset_preparation import prepare_dataset

    with _shown(source.card.title) as on_step:
        store = prepare_dataset(
            source,
            out,
            settings,
            subjects=subjects or None,
            n_jobs=jobs,
            reports=reports,
            on_step=on_step,
        )
    sys.stdout.write(
        f"{out}: {len(store.subjects)} subjects, {len(store)} recordings, "
        f"{len(store.trials)} trials of {source.card.title}\n"
    )
    return 0


@contextmanager
def _shown(title: str) -> Iterator[Callable[[PreparedStep], None]]:
    """Yield what shows each recording: a bar in a terminal, else a line."""
    if not sys.stderr.isatty():
        yield _print_step
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

    columns = (
        TextColumn(title),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.description}"),
    )
    with Progress(*columns, console=Console(stderr=True)) as progress:
        task = progress.add_task("", total=None)
        yield lambda step: progress.update(
            task, total=step.total, completed=step.done, description=step.text
        )


def _print_step(step: PreparedStep) -> None:
    sys.stderr.write(f"{step.done} of {step.total}: {step.text}\n")
    sys.stderr.flush()


def _options(options: Sequence[str]) -> dict[str, Any]:
    """Return the options of a reader: true and false, lists by commas, else texts."""
    parsed: dict[str, Any] = {}
    for option in options:
        key, equals, value = option.partition("=")
        if not equals or not key.isidentifier():
            raise DatasetError(f"--option takes KEY=VALUE, got {option!r}")
        plain = {"true": True, "false": False}.get(value.lower(), value)
        parsed[key] = tuple(value.split(",")) if "," in value else plain
    return parsed
