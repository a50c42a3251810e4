"""What every reader of a dataset does: find the recordings, tell what is missing, refuse strays."""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mdjpt.datasets.trials import Trial
from mdjpt.errors import DatasetError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    import numpy as np
    from numpy.typing import NDArray

    from mdjpt.datasets.trials import DatasetCard, Label, RecordingKey

__all__ = ["DatasetReader", "natural_order"]


class DatasetReader(ABC):
    """Reads one dataset from a folder, complete or not.

    Parameters
    ----------
    root : path-like
        Folder of the dataset, or the folder of its recordings itself.

    Attributes
    ----------
    card : DatasetCard
        What is known of the dataset.
    ch_names : tuple of str
        Electrodes of every file, empty where files differ.
    root : Path
        The folder.

    Raises
    ------
    DatasetError
        When the folder is missing, holds no recording of this set, or holds a recording whose name
        does not fit the set's pattern.
    """

    card: DatasetCard
    ch_names: tuple[str, ...] = ()

    def __init__(self, root: str | Path) -> None:
        self.root = Path(root).expanduser()
        if not self.root.is_dir():
            raise DatasetError(f"{self.root}: no such folder; {self.card.title} needs {self._need}")
        self._recordings = sorted(self._find_recordings(), key=_recording_order)
        if not self._recordings:
            raise DatasetError(f"{self.root}: no recording of {self.card.title}; need {self._need}")

    @property
    def _need(self) -> str:
        return f"{self.card.layout} (see {self.card.url})" if self.card.url else self.card.layout

    def subjects(self) -> tuple[str, ...]:
        """Return the subjects whose recordings are there, in natural order."""
        return tuple(dict.fromkeys(key.subject for key in self._recordings))

    def recordings(self, subject: str | None = None) -> list[RecordingKey]:
        """Return the recordings that are there, of one subject or of all.

        Raises DatasetError when nothing of the subject is there.
        """
        if subject is None:
            return list(self._recordings)
        keys = [key for key in self._recordings if key.subject == subject]
        if not keys:
            raise DatasetError(
                f"{self.root}: no recording of subject {subject} of {self.card.title}, "
                f"there are {_listed(self.subjects())}"
            )
        return keys

    def missing(self) -> tuple[str, ...]:
        """Return one line for each part of the complete set that is not there."""
        found: dict[str, set[str]] = {}
        for key in self._recordings:
            found.setdefault(key.subject, set()).add(key.session)
        lines = []
        if self.card.n_subjects > len(found):
            n_absent = self.card.n_subjects - len(found)
            lines.append(
                f"{n_absent} of {self.card.n_subjects} subjects: there are {_listed(found)}"
            )
        for subject, sessions in found.items():
            if self.card.n_sessions > len(sessions):
                lines.append(
                    f"subject {subject}: {self.card.n_sessions - len(sessions)} of "
                    f"{self.card.n_sessions} sessions, there are {_listed(sessions)}"
                )
        return tuple(lines)

    @abstractmethod
    def trials(self, key: RecordingKey) -> Iterator[Trial]:
        """Yield the trials of one recording in the order of its file.

        Raises DatasetError when the file is damaged or lacks what the set's format asks for.
        """

    def _trial(
        self,
        key: RecordingKey,
        number: int,
        samples: NDArray[np.float32],
        label: Label,
        stimulus: str,
        **more: Any,
    ) -> Trial:
        """Return trial `number` of a recording; `more` are the fields that not every set has."""
        known = {"sfreq": self.card.sfreq, "ch_names": self.ch_names}
        whose = {"subject": key.subject, "session": key.session, "trial": number}
        fields: dict[str, Any] = known | whose | more
        return Trial(samples=samples, label=label, stimulus=stimulus, **fields)

    @abstractmethod
    def _find_recordings(self) -> Iterable[RecordingKey]:
        """Yield the recordings under `root`."""

    def _folder(self, *names: str) -> Path:
        """Return the first of the sub-folders that is there, else the root itself."""
        return next((self.root / name for name in names if (self.root / name).is_dir()), self.root)

    def _matching(
        self, folder: Path, suffix: str, pattern: str, ignore: Callable[[str], bool] | None = None
    ) -> Iterator[tuple[Path, re.Match[str]]]:
        """Yield the files of a folder whose name fits, and refuse those that should but do not.

        Hidden files (as macOS leaves on foreign disks) and `ignore`d names are passed over.
        """
        for path in sorted(folder.iterdir()):
            name = path.name
            if not name.lower().endswith(suffix) or name.startswith(".") or not path.is_file():
                continue
            if ignore is not None and ignore(name):
                continue
            match = re.fullmatch(pattern, name)
            if match is None:
                raise DatasetError(
                    f"{path}: no recording of {self.card.title} has such a name, need "
                    f"{self.card.layout}; rename the file or move it away"
                )
            yield path, match


def natural_order(text: str) -> tuple[tuple[int, int, str], ...]:
    """Return a sort key that puts "s2" before "s10"."""
    parts = re.findall(r"\d+|\D+", text)
    return tuple((0, int(part), "") if part.isdigit() else (1, 0, part.lower()) for part in parts)


def _recording_order(key: RecordingKey) -> tuple[object, ...]:
    return natural_order(key.subject), natural_order(key.session)


def _listed(names: Iterable[str], limit: int = 8) -> str:
    ordered = sorted(names, key=natural_order)
    shown = " ".join(ordered[:limit])
    return shown if len(ordered) <= limit else f"{shown} ... ({len(ordered)} in all)"
