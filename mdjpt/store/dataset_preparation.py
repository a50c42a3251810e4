"""Preparing a dataset into a store: recordings in parallel, taken up again where it stopped."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import joblib

from mdjpt.errors import DatasetError
from mdjpt.guard.extras import installed_version
from mdjpt.store.card import StoreCard
from mdjpt.store.preparation import PreparationSettings, prepare_recording
from mdjpt.store.quality_report import write_report
from mdjpt.store.store import Store, open_store
from mdjpt.store.writer import finish_store, recording_name, write_recording, written

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path

    from mdjpt.datasets.trials import DatasetCard, RecordingKey, Trial

__all__ = ["PreparedStep", "TrialSource", "prepare_dataset"]

REPORTS = "reports"


class TrialSource(Protocol):
    """Where trials come from: a :class:`mdjpt.datasets.DatasetReader`, or a simulation.

    It is sent to other processes.
    """

    @property
    def card(self) -> DatasetCard:
        """What is known of the dataset."""
        ...

    def recordings(self, subject: str | None = None) -> list[RecordingKey]:
        """Return the recordings that are there."""
        ...

    def trials(self, key: RecordingKey) -> Iterator[Trial]:
        """Yield the trials of one recording."""
        ...


@dataclass(frozen=True, slots=True)
class PreparedStep:
    """How far a preparation is."""

    # Recordings.
    done: int
    total: int
    text: str
    """What was done last."""


def prepare_dataset(
    source: TrialSource,
    out: Path,
    settings: PreparationSettings | None = None,
    *,
    subjects: Iterable[str] | None = None,
    n_jobs: int = 1,
    reports: bool = True,
    on_step: Callable[[PreparedStep], None] = lambda _: None,
) -> Store:
    """Prepare the recordings of a dataset that are not in the store yet, and finish the store.

    Parameters
    ----------
    source : TrialSource
        Where the trials come from.
    out : Path
        Folder of the store, made when missing.
    settings : PreparationSettings, optional
        What is done to each recording.
    subjects : iterable of str, optional
        Which ones; None: all that are there.
    n_jobs : int
        Recordings at a time, each in a process of its own; -1: one a core. joblib's back-end is
        used: ``joblib.parallel_config("dask")`` or ``"ray"`` spreads them over machines.
    reports : bool
        Whether a report of the quality (HTML) is written beside the recordings.
    on_step : callable
        Takes how far the preparation is.

    Returns
    -------
    Store
        The finished store.

    Raises
    ------
    DatasetError
        A recording cannot be read or prepared; those that were done are kept. The store holds
        recordings that were prepared with other settings. A subject is not there.
    MdjptError
        A package of the extra ``train`` is missing.
    """
    settings = settings or PreparationSettings()
    keys = _chosen(source, subjects)
    missing = [
        key for key in keys if not written(out, key.subject, key.session, settings.to_dict())
    ]
    done = len(keys) - len(missing)
    on_step(PreparedStep(done, len(keys), f"{done} of {len(keys)} recordings were there"))
    work = (joblib.delayed(_prepare_one)(source, key, out, settings, reports) for key in missing)
    # One recording is done in this process: nothing is started for it.
    pool = joblib.Parallel(n_jobs=min(n_jobs, len(missing)) or 1, return_as="generator_unordered")
    for text in pool(work):
        done += 1
        on_step(PreparedStep(done, len(keys), text))
    finish_store(out, _card(source, settings), [(key.subject, key.session) for key in keys])
    return open_store(out)


def _chosen(source: TrialSource, subjects: Iterable[str] | None) -> list[RecordingKey]:
    keys = source.recordings()
    if subjects is None:
        return keys
    wanted = set(subjects)
    if unknown := sorted(wanted - {key.subject for key in keys}):
        raise DatasetError(f"{source.card.title}: no subject {unknown[0]!r} is there")
    return [key for key in keys if key.subject in wanted]


def _prepare_one(
    source: TrialSource, key: RecordingKey, out: Path, settings: PreparationSettings, report: bool
) -> str:
    """Prepare one recording, in whatever process, and say what was found."""
    prepared, found = prepare_recording(source.trials(key), settings, str(key.path))
    if report:
        name = recording_name(key.subject, key.session)
        write_report(out / REPORTS / f"{name}.html", source.card.title, found)
    write_recording(out, prepared, settings.to_dict())
    share = prepared.quality["interpolated_share"]
    return (
        f"subject {key.subject}, session {key.session}: {len(prepared.trials)} trials, "
        f"{share:.1%} interpolated, {len(found.dropped)} components dropped"
    )


def _card(source: TrialSource, settings: PreparationSettings) -> StoreCard:
    card = source.card
    return StoreCard(
        name=card.name,
        title=card.title,
        ch_names=(),
        class_names=card.class_names,
        label_scheme=card.label_scheme,
        licence=card.licence,
        url=card.url,
        simulated=bool(getattr(source, "simulated", False)),
        preparation=settings.to_dict(),
        code_version=installed_version("mdjpt-live") or "unknown",
    )
