"""Caps whose labels mean something as a whole only: BioSemi's A1 .. D32, numbers, pairs.

A single label can mislead: C1 is an electrode over the motor cortex, and another one of a BioSemi
cap. So labels are looked at together, before any of them is taken for a place.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

from mdjpt.signal.montage import canonical_name
from mdjpt.tables import load_table

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = [
    "ONE_ELECTRODE",
    "NamedCap",
    "caps_with",
    "common_reference",
    "electrode_pair",
    "known_cap",
    "named_cap",
]

ONE_ELECTRODE = "one electrode has no reference to compare with: record at least two"

_BLOCKS = "ABCDEFGH"  # BioSemi's bundles of 32 electrodes
_BLOCK_SIZE = 32
_FEW = 8
_MOST_MISSING = 0.2  # share of a cap: electrodes that were left out of the file

# Brunner et al., BCI Competition 2008, data set A: 22 electrodes, five of which have their name.
_BCI_IV_2A = (
    *(("EEG-Fz", "Fz"), ("EEG-0", "FC3"), ("EEG-1", "FC1"), ("EEG-2", "FCz"), ("EEG-3", "FC2")),
    *(("EEG-4", "FC4"), ("EEG-5", "C5"), ("EEG-C3", "C3"), ("EEG-6", "C1"), ("EEG-Cz", "Cz")),
    *(("EEG-7", "C2"), ("EEG-C4", "C4"), ("EEG-8", "C6"), ("EEG-9", "CP3"), ("EEG-10", "CP1")),
    *(("EEG-11", "CPz"), ("EEG-12", "CP2"), ("EEG-13", "CP4"), ("EEG-14", "P1"), ("EEG-Pz", "Pz")),
    *(("EEG-15", "P2"), ("EEG-16", "POz")),
)

_LETTERED = re.compile(r"(?:EEG[\s._:-]+)?([A-H])0?(\d{1,2})", re.IGNORECASE)
_PAIR = re.compile(r"(?:EEG[\s._:-]+)?(.+?)\s*[-/]\s*(.+?)(?:-\d+)?", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class NamedCap:
    """The places of a cap's electrodes."""

    name: str
    """As MNE-Python calls its montage ("biosemi128"), or of the data set that has it."""
    places: Mapping[str, str]
    """Label, in lower case, to the 10-05 name of its place; "" for an electrode below the cap."""
    size: int = 0
    """Number of electrodes: the first of `places`, in order."""

    def place(self, label: str) -> str | None:
        """Return the place of a label, None when the cap has no such label."""
        return self.places.get(label.strip().lower(), self.places.get(_plain(label)))


@cache
def _table() -> Mapping[str, tuple[list[str], list[str]]]:
    return {name: tuple(rows.tolist()) for name, rows in load_table("caps").items()}


def _plain(label: str) -> str:
    """Return a label without decoration, in lower case; "A01" is "a1"."""
    label = label.strip()
    found = _LETTERED.fullmatch(label)
    return (f"{found[1]}{found[2]}" if found else label).lower()


@cache
def named_cap(name: str) -> NamedCap | None:
    """Return the montage of that name among those that MNE-Python has built in, else None.

    "biosemi128", "GSN-HydroCel-64_1.0", "standard_1020", in any case.
    """
    known = {known.lower(): known for known in _table()}.get(name.strip().lower())
    if known is None:
        return None
    labels, places = _table()[known]
    by_label = {_plain(label): place for label, place in zip(labels, places, strict=True)}
    if known in ("biosemi16", "biosemi32", "biosemi64"):
        # MNE-Python has the 10-20 names of these, in the order of BioSemi's own.
        by_label |= {f"{_BLOCKS[i // 32]}{i % 32 + 1}".lower(): p for i, p in enumerate(places)}
    return NamedCap(known, by_label, len(labels))


def caps_with(labels: Sequence[str]) -> list[str]:
    """Return the built-in montages that have all of these labels, the smallest first."""
    wanted = {_plain(label) for label in labels}
    sizes = {
        name: len(rows[0])
        for name, rows in _table().items()
        if wanted and wanted <= {_plain(label) for label in rows[0]}
    }
    return sorted(sizes, key=lambda name: sizes[name])


def known_cap(labels: Sequence[str]) -> NamedCap | None:
    """Return the cap that labels belong to as a whole, None when they are not such.

    The labels are of the columns that may be EEG. The cap is without places, and with an empty
    name, when they are BioSemi's and fit no cap of it.
    """
    plain = {label.strip().lower() for label in labels}
    if {label.lower() for label, _ in _BCI_IV_2A} <= plain:
        places = {label.lower(): place for label, place in _BCI_IV_2A}
        return NamedCap("BCI Competition IV 2a", places)
    lettered = [found for label in labels if (found := _LETTERED.fullmatch(label.strip()))]
    numbers = {(m[1].upper(), int(m[2])) for m in lettered if 0 < int(m[2]) <= _BLOCK_SIZE}
    # The 10-05 system has no B, and of A only the two ears.
    if sum(letter in "AB" for letter, _ in numbers) < _FEW:
        return None
    return _biosemi_cap(numbers) or NamedCap("", {})


def _biosemi_cap(numbers: set[tuple[str, int]]) -> NamedCap | None:
    """Return the BioSemi cap of which these are at least four fifths, else None."""
    for size in (16, 32, 64, 128, 160, 256):
        of_cap = {(_BLOCKS[i // _BLOCK_SIZE], i % _BLOCK_SIZE + 1) for i in range(size)}
        if numbers <= of_cap and len(numbers) >= (1 - _MOST_MISSING) * size:
            return named_cap(f"biosemi{size}")
    return None


def electrode_pair(label: str) -> tuple[str, str] | None:
    """Return the two electrodes whose difference a label names, None when it names none.

    "FP1-F7" is such a pair; "FP1-A2" and "Fp1-REF" are an electrode with its reference.
    """
    found = _PAIR.fullmatch(label.strip())
    if found is None or canonical_name(label) is not None:
        return None
    first, second = canonical_name(found[1]), canonical_name(found[2])
    return None if first is None or second is None else (first, second)


def common_reference(labels: Sequence[str]) -> str | None:
    """Return the electrode against which all pairs among the labels were recorded.

    "CZ" of "Fp1-Cz", "C3-Cz", ...; None when there are fewer than two pairs, or they have several
    second electrodes.
    """
    pairs = [pair for label in labels if (pair := electrode_pair(label))]
    seconds = {second for _, second in pairs}
    return seconds.pop() if len(pairs) > 1 and len(seconds) == 1 else None
