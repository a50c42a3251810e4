"""Which columns of a recording are scalp electrodes, and what they are called."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from mdjpt.errors import RecordingError, printable
from mdjpt.signal.caps import (
    ONE_ELECTRODE,
    caps_with,
    common_reference,
    electrode_pair,
    known_cap,
    named_cap,
)
from mdjpt.signal.montage import canonical_name

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mdjpt.signal.caps import NamedCap

__all__ = ["UNCONNECTED", "Electrodes", "may_be_electrodes", "montage_names", "select_electrodes"]

ASSUMED = "electrode names assumed from --montage"
HINT = "name the electrodes with --montage NAMES or --montage FILE"
BIPOLAR = (
    "bipolar derivations{} have no common reference, so no electrode can be told from them; "
    "record or export them against one reference"
)
MAX_MONTAGE_BYTES = 65536

# Labels of what amplifiers record beside EEG.
_NOT_EEG = re.compile(
    r"EOG|ECG|EKG|EMG|GSR|EDA|PPG|AUX|ACC|GYR|MAG|RESP|TEMP|PLETH|SPO2|STI\b|STIM|STATUS|TRIG|"
    r"MARK|EVENT|ANNOT|COUNT|PACKET|INDEX|TIME|INTERP|BATT|QUALITY|^CQ_|DIGI|ANALOG|NOT ?USED|"
    r"OTHER|REFERENCE|GROUND",
    re.IGNORECASE,
)
_EEG_TYPES = ("", "eeg", "exg", "unknown", "none", "misc")
# Labels that count electrodes instead of naming them.
_NUMBERED = re.compile(r"(?:EEG|E|CH|CHAN|CHANNEL|EXG|EXG CHANNEL)?[\s._:-]*\d{1,3}", re.IGNORECASE)


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


UNCONNECTED = "-"
"""What stands in a montage for an input without an electrode."""


def montage_names(montage: str | Path | Sequence[str] | None) -> tuple[str, ...] | None:
    """Electrode names of a ``--montage`` argument.

    Parameters
    ----------
    montage : str, path or sequence of str
        Names separated by commas, the name of a montage that MNE-Python has built in
        ("biosemi128"), a text file of names (one a line or separated by commas, ``#`` begins a
        comment), or the names themselves; ``-`` for an input without an electrode.

    Returns
    -------
    tuple of str, or None
        The names in order, the one name of a built-in montage; None when `montage` is None.

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
        if path.exists() and not path.is_file():
            raise RecordingError(f"--montage {path}: not a regular file")
        with path.open("rb") as file:
            return file.read(MAX_MONTAGE_BYTES).decode("utf-8-sig")
    except UnicodeDecodeError:
        raise RecordingError(
            f"{path}: not a text file; a montage file holds one electrode name a line"
        ) from None
    except (OSError, ValueError):
        if isinstance(montage, str) and (_is_scalp(text) or named_cap(text)):
            return text
        raise RecordingError(
            f"--montage {text}: neither a file nor names nor a cap; write names as in "
            "Fp1,Fp2,C3,C4, or a montage of MNE-Python as biosemi64, GSN-HydroCel-128, easycap-M1"
        ) from None


def _split(text: str) -> tuple[str, ...]:
    """Cut a text of names at commas, semicolons and line ends."""
    lines = [line.split("#", 1)[0] for line in text.splitlines()]
    return tuple(
        name.strip() for line in lines for name in re.split("[,;\t]", line) if name.strip()
    )


def may_be_electrodes(
    labels: Sequence[str], types: Sequence[str], montage: Sequence[str] | None
) -> list[bool]:
    """Tell which columns of a stream may be electrodes: a name says more than a type.

    Parameters
    ----------
    labels, types : sequence of str
        Label and type of each column, "" where it has none.
    montage : sequence of str or None
        Names that the user gives.

    Returns
    -------
    list of bool
        All columns when the user names another number than the types and labels tell.
    """
    pairs = zip(labels, types, strict=True)
    told = [kind.lower() in _EEG_TYPES or _is_scalp(label) for label, kind in pairs]
    fits = montage is None or sum(told) == len(montage)
    return told if fits else [True] * len(labels)


def _is_scalp(label: str) -> bool:
    """Return whether a label names a position on the scalp."""
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
        chosen = _named_by_the_file(labels, candidates)
    else:
        chosen = _named_by_the_montage(labels, candidates, montage)
    if len({canonical_name(name) for name in chosen.names}) == 1:
        raise RecordingError(f"{ONE_ELECTRODE} ({chosen.names[0]} is alone)")
    return _each_once(chosen)


def _each_once(chosen: Electrodes) -> Electrodes:
    """Keep the first of channels that are one electrode, and say so."""
    firsts: dict[str | None, tuple[int, str]] = {}
    twice = []
    for column, name in zip(chosen.columns, chosen.names, strict=True):
        if firsts.setdefault(canonical_name(name), (column, name))[0] != column:
            twice.append(name)
    if not twice:
        return chosen
    columns, names = zip(*firsts.values(), strict=True)
    note = f"several channels are one electrode, the first of them is used{_listed(twice)}"
    return Electrodes(columns, names, (*chosen.notes, note))


def _named_by_the_file(labels: Sequence[str], candidates: Sequence[int]) -> Electrodes:
    """Keep the columns whose own label is a scalp position, the labels judged as a whole."""
    own = [labels[i] for i in candidates]
    cap = known_cap(own)
    if cap is not None:
        return _named_by_a_cap(labels, candidates, cap)
    columns = tuple(i for i in candidates if _is_scalp(labels[i]))
    pairs = [label for label in own if electrode_pair(label)]
    reference = common_reference(own)
    if reference is not None and len(pairs) > len(columns):
        return _against(labels, candidates, reference)
    if pairs and len(pairs) >= len(columns):
        raise RecordingError(BIPOLAR.format(_listed(pairs)[1:]))
    numbered = [label for label in own if _NUMBERED.fullmatch(label) and not _is_scalp(label)]
    if not columns:
        if not candidates:
            raise RecordingError(
                "no EEG channel in it"
                + _listed(labels)
                + "; if these are electrodes, name them with --montage"
            )
        raise RecordingError(
            f"no channel has a known electrode name{_listed(labels)}; {HINT}{_advice(numbered)}"
        )
    if len(numbered) > len(columns):
        raise RecordingError(
            f"{len(columns)} of {len(columns) + len(numbered)} EEG channels have the name of an "
            f"electrode, the others only a number{_listed(numbered)}; name them all, in order: "
            f"--montage NAMES or --montage FILE{_advice(numbered)}"
        )
    return Electrodes(columns, tuple(labels[i] for i in columns), _left_out(labels, columns))


def _advice(labels: Sequence[str]) -> str:
    """Name the built-in montages that numbered labels may belong to."""
    caps = caps_with(labels)[:2]
    return f", or the cap: --montage {' or '.join(caps)}" if caps else ""


def _against(labels: Sequence[str], candidates: Sequence[int], reference: str) -> Electrodes:
    """Keep derivations that have one electrode in common: that is their reference."""
    columns, pairs = zip(
        *((i, pair) for i in candidates if (pair := electrode_pair(labels[i]))), strict=True
    )
    names = tuple(first for first, _ in pairs)
    note = f"recorded against {reference}: each channel is called by its first electrode"
    return Electrodes(columns, names, (note, *_left_out(labels, columns)))


def _named_by_a_cap(labels: Sequence[str], candidates: Sequence[int], cap: NamedCap) -> Electrodes:
    """Give the columns that a cap knows the places it gives them."""
    if not cap.places:
        known = [labels[i] for i in candidates]
        raise RecordingError(
            f"labels of BioSemi{_listed(known)}: C1 is another place there than in the 10-20 "
            "system; name the cap with --montage biosemi16, 32, 64, 128, 160 or 256, or every "
            "electrode with --montage NAMES"
        )
    columns = tuple(i for i in candidates if cap.place(labels[i]))
    names = tuple(str(cap.place(labels[i])) for i in columns)
    first, last = (f"{labels[i]} is {cap.place(labels[i])}" for i in (columns[0], columns[-1]))
    note = f"electrodes named by their place in {cap.name}: {first}, ... {last}"
    return Electrodes(columns, names, (note, *_left_out(labels, columns)))


def _named_by_the_montage(
    labels: Sequence[str], candidates: Sequence[int], montage: Sequence[str]
) -> Electrodes:
    """Give the EEG columns the names of the montage, in order; a cap's by label where it can."""
    pairs = [labels[i] for i in candidates if electrode_pair(labels[i])]
    if pairs and 2 * len(pairs) >= len(candidates) and common_reference(pairs) is None:
        raise RecordingError(BIPOLAR.format(_listed(pairs)[1:]))
    cap = named_cap(montage[0]) if len(montage) == 1 else None
    if cap is not None:
        if 2 * sum(cap.place(labels[i]) is not None for i in candidates) > len(candidates):
            return _named_by_a_cap(labels, candidates, cap)
        # Of two names for an electrode the montage's own come first.
        montage = [place or "-" for place in dict(cap.places).values()][: cap.size]
    columns = _columns_meant(labels, candidates, montage)
    if columns is None:
        raise RecordingError(
            f"--montage names {len(montage)} electrodes, the recording has {len(candidates)} EEG "
            f"channels{_listed([labels[i] for i in candidates])}; give one name per channel"
        )
    named = [(i, name) for i, name in zip(columns, montage, strict=True) if _is_scalp(name)]
    if not named:
        raise RecordingError(f"--montage holds no known electrode name{_listed(montage)}")
    left_out = [name for name in montage if not _is_scalp(name)]
    kept, names = zip(*named, strict=True)
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


def _left_out(labels: Sequence[str], columns: Sequence[int]) -> tuple[str, ...]:
    """Say which columns are not among those that were kept."""
    return _dropped([label for i, label in enumerate(labels) if i not in columns])


def _dropped(labels: Sequence[str]) -> tuple[str, ...]:
    """Say which columns were left out."""
    others = [label for label in labels if label != UNCONNECTED]
    free = len(labels) - len(others)
    notes = [f"left out, no scalp EEG{_listed(others)}"] if any(others) else []
    if free:
        notes.append(f"left out, {free} input{'s' * (free > 1)} without an electrode")
    return tuple(notes)


def _listed(labels: Sequence[str], at_most: int = 8) -> str:
    """List labels for a message, ": A, B and 3 more", "" when they say nothing."""
    named = [printable(label, 40) for label in labels if label]
    if not named:
        return ""
    rest = len(named) - at_most
    return ": " + ", ".join(named[:at_most]) + (f" and {rest} more" if rest > 0 else "")
