"""The process that trains: torch lives here, and the window goes on drawing.

This module imports no torch at its head, because a spawned process imports it before the thread
variables are in force.
"""

from __future__ import annotations

import signal
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from mdjpt.errors import MdjptError, one_line

if TYPE_CHECKING:
    from multiprocessing.connection import Connection
    from pathlib import Path

    from mdjpt.calibration.profile import Profile

__all__ = [
    "CalibrationSummary",
    "Outcome",
    "Stage",
    "TrainingRequest",
    "run_training",
    "summary_of",
]


@dataclass(frozen=True, slots=True)
class TrainingRequest:
    """What is to be trained; picklable. See :class:`app.calibration.training.TrainingJob`."""

    recording: Path
    labels: Path | None
    profile: Path
    bundle: Path
    participant: str | None = None
    montage: tuple[str, ...] = ()
    alignment: str = "moments"


@dataclass(frozen=True, slots=True)
class CalibrationSummary:
    """What a calibration has brought.

    Attributes
    ----------
    participant : str
        Pseudonym.
    simulated : bool
        True when participant or model were simulated.
    version, n_versions : int
        Number of the new version, from 1, and how many the profile holds.
    class_names : tuple of str
        Classes.
    kind : str
        Which head was chosen.
    before : float or None
        Share of the trials that the model without calibration had right; None where it has other
        classes.
    accuracy : float
        Share of the held-out trials decoded right.
    low, high : float
        95 % interval of `accuracy`.
    chance, p_value : float
        Accuracy by chance, and the test against it.
    n_trials, n_correct : int
        Held-out trials, and those decoded right.
    window_accuracy : float
        Balanced accuracy of held-out windows.
    calibration_error : float
        Expected calibration error of the confidence.
    abstain_below : float
        Confidence below which the answer is "unsure".
    affect : tuple of (str, float)
        Valence and arousal where they can be told, each with its concordance.
    notes : tuple of str
        One-line remarks for the user.
    text : str
        Before, after, interval and chance in one line.
    candidate : Path
        The profile with the new version, not yet in its place.
    """

    participant: str
    simulated: bool
    version: int
    n_versions: int
    class_names: tuple[str, ...]
    kind: str
    before: float | None
    accuracy: float
    low: float
    high: float
    chance: float
    p_value: float
    n_trials: int
    n_correct: int
    window_accuracy: float
    calibration_error: float
    abstain_below: float
    affect: tuple[tuple[str, float], ...]
    notes: tuple[str, ...]
    text: str
    candidate: Path


@dataclass(frozen=True, slots=True)
class Stage:
    """From the process: what it does now, one line."""

    text: str


@dataclass(frozen=True, slots=True)
class Outcome:
    """From the process: how it ended."""

    status: Literal["refused", "failed", "done"]
    text: str = ""
    summary: CalibrationSummary | None = None


def run_training(request: TrainingRequest, candidate: Path, connection: Connection) -> None:
    """Body of the process: the same function as ``mdjpt calibrate``.

    Parameters
    ----------
    request : TrainingRequest
        What to train from.
    candidate : Path
        Where to write the profile.
    connection : Connection
        Gives `Stage`, then one `Outcome`.
    """
    # Ctrl-C reaches the whole group; whoever started us decides.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    from app.calibration.from_recording import NotBetterError, train_profile
    from mdjpt.calibration.profile import save_profile

    try:
        profile = train_profile(request, lambda text: connection.send(Stage(text)))
        save_profile(candidate, profile)
        outcome = Outcome("done", summary=summary_of(profile, candidate))
    except NotBetterError as error:
        outcome = Outcome("refused", str(error))
    except MdjptError as error:
        outcome = Outcome("failed", str(error))
    except Exception as error:  # the window shows it; a traceback helps nobody there
        outcome = Outcome("failed", f"unexpected {type(error).__name__}: {one_line(error)}")
    connection.send(outcome)
    connection.close()


def summary_of(profile: Profile, path: Path) -> CalibrationSummary:
    """Return what the version in use of a profile has brought.

    Parameters
    ----------
    profile : Profile
        The profile.
    path : Path
        Where it is.
    """
    decoder = profile.current
    evidence, affect = decoder.evidence, decoder.affect
    told = () if affect is None else zip(affect.names, affect.agreement, strict=True)
    return CalibrationSummary(
        participant=profile.participant,
        simulated=profile.simulated,
        version=profile.active + 1,
        n_versions=len(profile.versions),
        class_names=decoder.class_names,
        kind=decoder.kind,
        before=evidence.before,
        accuracy=evidence.accuracy,
        low=evidence.low,
        high=evidence.high,
        chance=evidence.chance,
        p_value=evidence.p_value,
        n_trials=evidence.n_trials,
        n_correct=evidence.n_correct,
        window_accuracy=evidence.window_accuracy,
        calibration_error=evidence.calibration_error,
        abstain_below=decoder.abstain_below,
        affect=tuple(told),
        notes=decoder.notes,
        text=evidence.summary(),
        candidate=path,
    )
