"""Which columns of a recording are scalp electrodes, and what they are called."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from mdjpt.errors import RecordingError

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["Electrodes", "montage_names", "select_electrodes"]

ASSUMED = "electrode names assumed from --montage"
HINT = "name the electrodes with --montage NAMES or --montage FILE"
MAX_MONTAGE_BYTES = 65536

# Labels of what amplifiers record beside EEG.
_NOT_EEG = re.compile(
    r"EOG|ECG|EKG|EMG|GSR|EDA|PPG|AUX|ACC|GYR|MAG|RESP|TEMP|PLETH|SPO2|STI\b|STIM|STATUS|TRIG|"
    r"MARK|EVENT|ANNOT|COUNT|PACKET|INDEX|TIME|INTERP|BATT|QUALITY|^CQ_|DIGI|ANALOG|NOT ?USED|"
    r"OTHER|REFERENCE|GROUND",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Electrodes:
    """The columns to keep of a table of signals.

    Attributes
    ----------
    columns : tuple of int
        Positions of the scalp electrodes among the labels.
    names : tuple of str
        Their names, one a column.
    notes : tuple of str
        One-line remarks for the user.
    """

    columns: tuple[int, ...]
    names: tuple[str, ...]
    notes: tuple[str, ...] = ()


def montage_names(montage: str | Path | Sequence[str] | None) -> tuple[str, ...] | None:
    """Electrode names of a ``--montage`` argument.

    Parameters
    ----------
    montage : str, path or sequence of str
        Names separated by commas, a text file of names (one a line or separated by commas, ``#``
        begins a comment), or the names themselves.

    Returns
    -------
    tuple of str, or None
        The names in order; None when `montage` is None.

    Raises
    ------
    RecordingError
        No such file, or no name in it.
    """
    if montage is None:
        return None
    if isinstance(montage, str | Path):
        montage = _split(_montage_text(montage))
    names = tuple(str(name).strip() for name in montage)
    if not names or not all(names):
        raise RecordingError("--montage holds no or an empty name: give one name per electrode")
    return names


def _montage_text(montage: str | Path) -> str:
    """Return the text of names: the argument itself or the content of the file it names."""
    text = str(montage)
    if isinstance(montage, str) and "," in text:
        return text
    path = Path(montage)
    try:
        with path.open("rb") as file:
            return file.read(MAX_MONTAGE_BYTES).decode("utf-8-sig")
    except UnicodeDecodeError:
        raise RecordingError(
            f"{path}: not a text file; a montage file holds one electrode name a line"
        ) from None
    except (OSError, ValueError):
        if isinstance(montage, str) and _is_scalp(text):
            return text
        raise RecordingError(
            f"--montage {text}: neither a file nor names; write names as in Fp1,Fp2,C3,C4"
        ) from None


def _split(text: str) -> tuple[str, ...]:
    """Cut a text of names at commas, semicolons and line ends."""
    lines = [line.split("#", 1)[0] for line in text.splitlines()]
    return tuple(
        name.strip() for line in lines for name in re.split("[,;\t]", line) if name.strip()
    )


def _is_scalp(label: str) -> bool:
    """Return whether a label names a position on the scalp."""
    from mdjpt.signal.montage import canonical_name

    return canonical_name(label) is not None


def _may_be_eeg(label: str) -> bool:
    """Return whether a label leaves room for EEG; that of a known electrode always does."""
    return _is_scalp(label) or not _NOT_EEG.search(label)


def select_electrodes(
    labels: Sequence[str],
    montage: Sequence[str] | None = None,
    *,
    is_eeg: Sequence[bool] | None = None,
) -> Electrodes:
    """Choose the scalp electrodes among the columns of a recording or stream.

    Parameters
    ----------
    labels : sequence of str
        Label of each column, "" when it has none.
    montage : sequence of str, optional
        Names for the EEG columns in order, or for all columns when those that are no EEG get a name
        without a scalp position ("counter"). Such a name (EOG) drops its column.
    is_eeg : sequence of bool, optional
        What the file itself says: False for columns that are certainly no EEG.

    Returns
    -------
    Electrodes
        Never empty.

    Raises
    ------
    RecordingError
        No column is a scalp electrode, or the montage has another length than the EEG columns.
        The message does not name the file: the caller does.
    """
    typed = [True] * len(labels) if is_eeg is None else list(is_eeg)
    candidates = [i for i, eeg in enumerate(typed) if eeg and _may_be_eeg(labels[i])]
    if montage is None:
        return _named_by_the_file(labels, candidates)
    return _named_by_the_montage(labels, candidates, montage)


def _named_by_the_file(labels: Sequence[str], candidates: Sequence[int]) -> Electrodes:
    """Keep the columns whose own label is a scalp position."""
    columns = tuple(i for i in candidates if _is_scalp(labels[i]))
    if not columns:
        if not candidates:
            raise RecordingError(
                "no EEG channel in it"
                + _listed(labels)
                + "; if these are electrodes, name them with --montage"
            )
        raise RecordingError(f"no channel has a known electrode name{_listed(labels)}; {HINT}")
    kept = set(columns)
    left_out = [label for i, label in enumerate(labels) if i not in kept]
    return Electrodes(columns, tuple(labels[i] for i in columns), _dropped(left_out))


def _named_by_the_montage(
    labels: Sequence[str], candidates: Sequence[int], montage: Sequence[str]
) -> Electrodes:
    """Give the EEG columns the names of the montage, in order."""
    columns = _columns_meant(labels, candidates, montage)
    if columns is None:
        raise RecordingError(
            f"--montage names {len(montage)} electrodes, the recording has {len(candidates)} EEG "
            f"channels{_listed([labels[i] for i in candidates])}; give one name per channel"
        )
    pairs = [(i, name) for i, name in zip(columns, montage, strict=True) if _is_scalp(name)]
    if not pairs:
        raise RecordingError(f"--montage holds no known electrode name{_listed(montage)}")
    left_out = [name for name in montage if not _is_scalp(name)]
    kept, names = zip(*pairs, strict=True)
    return Electrodes(kept, names, (ASSUMED, *_dropped(left_out)))


def _columns_meant(
    labels: Sequence[str], candidates: Sequence[int], montage: Sequence[str]
) -> Sequence[int] | None:
    """Return the columns that a montage names; None when the number of names fits none."""
    if len(candidates) == len(montage):
        return candidates
    scalp = [i for i in candidates if _is_scalp(labels[i])]
    if len(scalp) == len(montage):
        return scalp
    others = set(range(len(labels))) - set(candidates)
    if len(labels) == len(montage) and not any(_is_scalp(montage[i]) for i in others):
        return range(len(labels))
    return None


def _dropped(labels: Sequence[str]) -> tuple[str, ...]:
    """Say which columns were left out."""
    if not any(labels):
        return ()
    return (f"left out, no scalp EEG{_listed(labels)}",)


def _listed(labels: Sequence[str], at_most: int = 8) -> str:
    """List labels for a message, ": A, B and 3 more", "" when they say nothing."""
    named = [label[:40] for label in labels if label]
    if not named:
        return ""
    rest = len(named) - at_most
    return ": " + ", ".join(named[:at_most]) + (f" and {rest} more" if rest > 0 else "")
