"""The trials of a simulated dataset: what is shown when, and the EEG it makes.

A session is one continuous recording: rest, clip, rest, clip ... in presentation order, with the
drifts of vigilance, electrodes and muscles going on all the time; trials are cut out of it. All
of it is a function of (seed and name of the dataset, subject, session).
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from mdjpt.datasets.trials import DatasetCard, RecordingKey, Trial
from mdjpt.simulation.emotion import Stimulus
from mdjpt.simulation.participant import SimulatedParticipant
from mdjpt.simulation.schedule import FixedSchedule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from mdjpt.simulation.corpus import DatasetConfig

__all__ = ["PlannedTrial", "SimulatedDataset", "simulate_trials", "trial_table"]

_CLIP_STREAM, _ORDER_STREAM, _FELT_STREAM = 0xC11, 0x0D3, 0xFE1


@dataclass(frozen=True, slots=True)
class PlannedTrial:
    """What a session shows when."""

    label: int
    """Index into the dataset's classes."""
    stimulus: int
    """Number of the clip within the dataset."""
    felt: Stimulus
    """What the person feels, which is the label's class unless they disagree."""
    # Where the clip stands in the session's recording, seconds.
    start_s: float
    duration_s: float


def trial_table(dataset: DatasetConfig, subject: int, session: int = 0) -> list[PlannedTrial]:
    """Return the ``dataset.n_trials`` trials of a session in presentation order, without their EEG.

    Subject and session count from 0.

    Raises ValueError if there is no such subject or session.
    """
    if not (0 <= subject < dataset.n_subjects and 0 <= session < dataset.n_sessions):
        raise ValueError(f"{dataset.name}: no subject {subject}, session {session}")
    labels, durations = _clips(dataset)
    offset = session * dataset.n_trials if dataset.new_clips else 0
    whose = subject if dataset.order == "random" else 0
    order = _rng(dataset, _ORDER_STREAM, session, whose).permutation(dataset.n_trials)
    feelings = _rng(dataset, _FELT_STREAM, session, subject)
    table, now_s = [], 0.0
    for clip in (order + offset).tolist():
        state = dataset.classes[labels[clip]]
        disagrees, other = feelings.random() < dataset.disagreement, feelings.random()
        if disagrees:
            others = [name for name in dataset.classes if name != state]
            state = others[int(other * len(others))]
        felt = Stimulus(state, (dataset.key << 16) | clip, dataset.stimulus_strength)
        start_s = now_s + dataset.rest_s
        table.append(PlannedTrial(int(labels[clip]), clip, felt, start_s, float(durations[clip])))
        now_s = start_s + float(durations[clip])
    return table


def simulate_trials(dataset: DatasetConfig, subject: int, session: int = 0) -> Iterator[Trial]:
    """Yield the trials of one session in presentation order, each made when it is asked for.

    The arguments count from 0; a trial's subject, session and stimulus are named by their numbers,
    from 1. The label is the index into the dataset's classes.

    Raises ValueError if there is no such subject or session.
    """
    table = trial_table(dataset, subject, session)
    rest = Stimulus("rest", 0, strength=0.0)
    blocks = [
        block for row in table for block in ((rest, dataset.rest_s), (row.felt, row.duration_s))
    ]
    person = SimulatedParticipant(
        (dataset.key << 16) | subject,
        dataset.ch_names,
        dataset.sfreq,
        dataset.classes,
        FixedSchedule(blocks),
        session=session,
        difficulty=dataset.difficulty,
        reference=dataset.reference,
        gain=dataset.gain,
        noise_uv=dataset.noise_uv,
        artefacts=dataset.artefacts,
    )
    position = 0
    for order, row in enumerate(table):
        start = round(row.start_s * dataset.sfreq)
        stop = round((row.start_s + row.duration_s) * dataset.sfreq)
        person.generate(start - position)
        yield Trial(
            samples=person.generate(stop - start),
            sfreq=dataset.sfreq,
            ch_names=dataset.ch_names,
            subject=str(subject + 1),
            session=str(session + 1),
            trial=order,
            label=row.label,
            stimulus=f"{row.stimulus + 1:03d}",
            start_s=row.start_s,
            order=order,
        )
        position = stop


class SimulatedDataset:
    """The trials of a simulated experiment, named and numbered as a dataset's reader does."""

    simulated = True

    def __init__(self, config: DatasetConfig) -> None:
        self._config = config
        self.card = DatasetCard(
            name=config.name,
            title=f"{config.name}, simulated",
            class_names=config.classes,
            label_scheme="the simulated emotion that the clip is meant to evoke",
            sfreq=config.sfreq,
            n_subjects=config.n_subjects,
            n_sessions=config.n_sessions,
            licence="simulated, no licence needed",
            url="",
            layout=f"seed {config.seed}, difficulty {config.difficulty:g}",
        )

    def recordings(self, subject: str | None = None) -> list[RecordingKey]:
        """Return all recordings, or those of one subject; both are numbered from 1."""
        subjects = map(str, range(1, self._config.n_subjects + 1))
        return [
            RecordingKey(who, str(session), Path(f"{self._config.name}/{who}/{session}"))
            for who in subjects
            if subject in (None, who)
            for session in range(1, self._config.n_sessions + 1)
        ]

    def trials(self, key: RecordingKey) -> Iterator[Trial]:
        """Simulate the trials of a recording, one after the other."""
        yield from simulate_trials(self._config, int(key.subject) - 1, int(key.session) - 1)


def _clips(dataset: DatasetConfig) -> tuple[NDArray[np.intp], NDArray[np.float64]]:
    """Return label and duration of every clip of the dataset, session after session."""
    rng = _rng(dataset, _CLIP_STREAM)
    weights = np.array(dataset.class_weights or (1.0,) * len(dataset.classes))
    share = weights / weights.sum() * dataset.n_trials
    counts = np.floor(share).astype(int)
    # Largest remainder: the counts add up and are as close to the weights as can be.
    largest = np.argsort(counts - share, kind="stable")[: dataset.n_trials - counts.sum()]
    counts[largest] += 1
    once = np.repeat(np.arange(len(counts)), counts)
    n_sets = dataset.n_sessions if dataset.new_clips else 1
    labels = np.concatenate([rng.permutation(once) for _ in range(n_sets)])
    return labels, np.round(rng.uniform(*dataset.trial_s, labels.size))


def _rng(dataset: DatasetConfig, *stream: int) -> np.random.Generator:
    return np.random.default_rng([dataset.key, *stream])
