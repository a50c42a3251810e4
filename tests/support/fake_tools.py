"""Participants and trainings without a file or a model, for tests and pictures."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from scipy.stats import binomtest

from app.calibration.profiles import ProfileEntry
from app.calibration.training import CalibrationSummary, TrainingState
from app.wizard.tools import CalibrationTools, TrainingWish
from mdjpt.calibration.coverage import Coverage
from mdjpt.calibration.evidence import Evidence
from mdjpt.calibration.personal_decoder import VersionAbout
from mdjpt.calibration.verdict import Design
from mdjpt.errors import ProfileError

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["FakeJob", "FakeStore", "fake_tools", "made_summary", "made_version"]

CLASSES = ("negative", "neutral", "positive")
CHANCE = 1 / 3


def made_version(
    n_correct: int, n_trials: int, created: str = "", before: float | None = 0.5
) -> VersionAbout:
    """Return a version of a made-up calibration."""
    low, high = binomtest(n_correct, n_trials).proportion_ci()
    return VersionAbout(
        class_names=CLASSES,
        ch_names=("Fp1", "Fp2", "C3", "C4"),
        families=("encoded", "band-power"),
        coverage=Coverage(threshold=0.5, coverage=0.93, accuracy=0.8, at_least=0.6),
        smoothing_s=1.0,
        evidence=Evidence(
            n_trials=n_trials,
            n_correct=n_correct,
            low=low,
            high=high,
            chance=CHANCE,
            p_value=0.001,
            window_accuracy=0.7,
            calibration_error=0.06,
            design=Design((4, 4, 4)),
            before=before,
        ),
        created=created,
    )


def made_summary(
    n_correct: int = 10, n_trials: int = 12, before: float | None = 7 / 12
) -> CalibrationSummary:
    """Return the summary of a made-up calibration."""
    return CalibrationSummary(
        participant="P-3f9a1c07",
        simulated=True,
        version=1,
        n_versions=1,
        decoder=made_version(n_correct, n_trials, before=before),
        candidate=Path("candidate.safetensors"),
    )


class FakeStore:
    """Participants in memory, as :class:`app.calibration.profiles.ProfileStore`.

    Parameters
    ----------
    folder : Path
        Where the recordings would be; made when asked for.
    entries : sequence of ProfileEntry
        Who is there.
    """

    def __init__(self, folder: Path, entries: Sequence[ProfileEntry] = ()) -> None:
        self.folder = folder
        self._entries = {entry.pseudonym: entry for entry in entries}

    @classmethod
    def with_people(cls, folder: Path) -> FakeStore:
        """Return a store in which two people are known."""
        versions = (
            made_version(8, 12, "2026-03-09"),
            made_version(11, 18, "2026-03-10"),
            made_version(15, 18, "2026-03-11"),
        )
        first, second = "P-07c4e2b1", "P-b81d53aa"
        path = folder / first / "profile.safetensors"
        known = ProfileEntry(
            first,
            path,
            versions,
            2,
            simulated=True,
            bundle_sha256=64 * "0",
            participant=first,
        )
        fresh = ProfileEntry(second, folder / second / "profile.safetensors")
        return cls(folder, (known, fresh))

    def list(self) -> tuple[ProfileEntry, ...]:
        """Return everybody."""
        return tuple(self._entries.values())

    def rename(self, pseudonym: str, folder: str) -> None:
        """Give a participant's folder another name, as somebody may do by hand."""
        entry = self._entries.pop(pseudonym)
        self._entries[folder] = replace(entry, pseudonym=folder, path=self.path_of(folder))

    def create(self, pseudonym: str | None = None) -> str:
        """Make a participant."""
        name = pseudonym or "P-00000000"
        if name in self._entries:
            raise ProfileError(f"{name}: there is a profile of that name")
        self._entries[name] = ProfileEntry(name, self.path_of(name))
        return name

    def path_of(self, pseudonym: str) -> Path:
        """Return where a profile would be."""
        return self.folder / pseudonym / "profile.safetensors"

    def recordings_of(self, pseudonym: str) -> Path:
        """Return where the recordings would be."""
        return self.folder / pseudonym / "calibrations"

    def activate(self, path: Path, number: int) -> None:
        """Put a version into use."""
        for name, entry in self._entries.items():
            if entry.path == path:
                self._entries[name] = replace(entry, in_use=number)

    def delete(self, pseudonym: str) -> None:
        """Forget a participant."""
        if self._entries.pop(pseudonym, None) is None:
            raise ProfileError(f"{pseudonym}: no such profile")


class FakeJob:
    """A training that ends when it is told how.

    Parameters
    ----------
    wish : TrainingWish
        What is asked for.
    """

    def __init__(self, wish: TrainingWish) -> None:
        self.wish = wish
        self.started = self.accepted = self.cancelled = False
        self.state = TrainingState("running", "comparing decoders on held-out trials")

    def start(self) -> None:
        """Begin."""
        self.started = True

    def poll(self) -> TrainingState:
        """Return what was set."""
        return self.state

    def accept(self) -> Path:
        """Return the profile's path."""
        self.accepted = True
        return self.wish.profile

    def cancel(self) -> None:
        """Note that it was thrown away."""
        self.cancelled = True


def fake_tools(store: FakeStore) -> tuple[CalibrationTools, list[FakeJob]]:
    """Return tools, and the list to which every job that is asked for is added."""
    jobs: list[FakeJob] = []

    def train(wish: TrainingWish) -> FakeJob:
        jobs.append(FakeJob(wish))
        return jobs[-1]

    return CalibrationTools(lambda: store, train), jobs
