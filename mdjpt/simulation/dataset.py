"""A simulated experiment in the form of a dataset on disk, so that it is prepared like one."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from mdjpt.datasets.trials import DatasetCard, RecordingKey
from mdjpt.simulation.trials import simulate_trials

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mdjpt.datasets.trials import Trial
    from mdjpt.simulation.corpus import DatasetConfig

__all__ = ["SimulatedDataset"]


class SimulatedDataset:
    """The trials of a simulated experiment, named and numbered as a dataset's reader does.

    Parameters
    ----------
    config : DatasetConfig
        The experiment.

    Attributes
    ----------
    card : DatasetCard
        What is known of it.
    simulated : bool
        Always true.
    """

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
