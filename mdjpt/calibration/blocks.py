"""Blocks of trials: what a slow drift of the signal cannot tell apart has to be shown by turns.

A block is a run of trials of one class with no trial of another class between them. Within a block
the signal drifts little, so its trials are no independent evidence: cross-validation holds a block
out as a whole, and a test against chance permutes the classes of blocks, not of trials. A pause
ends no block, however long it is: the drift goes on through it, and two blocks of calm with
nothing but an hour between them tell calm from what came later no better than one.
"""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

import numpy as np

from mdjpt.errors import ProfileError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Labels = NDArray[np.intp]

__all__ = ["MAX_FOLDS", "block_folds", "blocks_of", "unmixed_pairs"]

MAX_FOLDS = 6
"""Folds of a cross-validation, where there are blocks enough; more cost time and tell little."""
_MIXED_BLOCKS = 4
"""Of two classes that are shown by turns at least twice: A, B, A, B."""


def blocks_of(label: Labels) -> Labels:
    """Return the block of each trial of a sequence, from 0, rising.

    Labels are classes as they were shown, in the order of time; both have shape (n_trials,).

    Examples
    --------
    >>> blocks_of(np.array([0, 0, 1, 0, 1, 1]))
    array([0, 0, 1, 2, 3, 3])
    """
    return np.concatenate([[0], np.cumsum(np.diff(label) != 0)])[: len(label)].astype(np.intp)


def unmixed_pairs(label: Labels) -> tuple[tuple[int, int], ...]:
    """Find the classes that were not shown by turns, though other classes may lie between them.

    Blocks of calm with neutral ones between them are separate from neutral, not from a happiness
    that was shown after all of them. Two classes are mixed when each comes again after the other.
    Labels, shape (n_trials,), are in the order of time; the smaller number of a pair comes first.

    Examples
    --------
    >>> unmixed_pairs(np.array([0, 2, 0, 2, 1, 2, 1, 2]))
    ((0, 1),)
    """
    pairs = []
    for first, second in itertools.combinations(np.unique(label).tolist(), 2):
        both = label[(label == first) | (label == second)]
        if blocks_of(both)[-1] < _MIXED_BLOCKS - 1:
            pairs.append((first, second))
    return tuple(pairs)


def block_folds(label: Labels, block: Labels | None = None, max_folds: int = MAX_FOLDS) -> Labels:
    """Divide trials into folds of neighbours, for cross-validation that a drift cannot fool.

    A fold is a stretch of time that divides no block, and every class has trials outside of it to
    be learned from. A class with a single block is the exception: its block is cut in half, since
    nothing could be learned of it otherwise.

    Parameters
    ----------
    label : ndarray of int, shape (n_trials,)
        Class of each trial, in the order of time.
    block : ndarray of int, shape (n_trials,), optional
        Block of each, where trials between them are left out; as :func:`blocks_of` by default.
    max_folds : int
        Folds to make where the blocks allow it; a fold that would hold all of a class is cut, so
        there may be more.

    Returns
    -------
    ndarray of int, shape (n_trials,)
        Fold of each trial, from 0, rising.

    Raises
    ------
    ProfileError
        When a class has a single trial: without it, nothing would be left to learn it from.

    Examples
    --------
    >>> block_folds(np.array([0, 1, 0, 1, 0, 1]))
    array([0, 0, 1, 1, 2, 2])
    >>> block_folds(np.array([0, 0, 1, 1]))
    array([0, 1, 2, 3])
    """
    counts = np.bincount(label)
    if counts.min() < 2:
        raise ProfileError(
            "each class needs at least 2 trials to tell whether its decoding works, "
            f"the smallest has {counts.min()}: record more trials"
        )
    piece = _pieces(label, blocks_of(label) if block is None else block)
    begin = np.flatnonzero(np.diff(piece, prepend=-1))
    end = np.append(begin[1:], len(label))
    n_folds = min(max_folds, int(np.bincount(label[begin]).max()))
    fold_of_piece = (begin + end) * n_folds // (2 * len(label))
    return _cut_where_needed(fold_of_piece, label[begin])[piece]


def _pieces(label: Labels, block: Labels) -> Labels:
    """Return the blocks, those of a class that has but one cut in half."""
    cut = np.diff(block, prepend=-1) != 0
    for k in np.unique(label):
        own = np.flatnonzero(label == k)
        if block[own[0]] == block[own[-1]]:
            cut[own[(len(own) + 1) // 2]] = True
    return np.cumsum(cut) - 1


def _cut_where_needed(fold: Labels, label: Labels) -> Labels:
    """Cut folds of pieces until none holds all pieces of a class; number them from 0."""
    cut = np.diff(fold, prepend=-1) != 0
    for k in np.unique(label):
        own = np.flatnonzero(label == k)
        if not cut[own[0] + 1 : own[-1] + 1].any():
            cut[own[-1]] = True
    return np.cumsum(cut) - 1
