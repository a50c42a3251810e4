"""What a calibration can prove: better than chance, not better, or not to be told.

A decoder is tested against chance with the classes of whole blocks permuted, see
:mod:`mdjpt.calibration.blocks`. What is exchangeable by chance is a block: a signal that drifts
makes the trials in it alike, whatever was felt (Winkler et al. 2015, "Multi-level block
permutation", DOI 10.1016/j.neuroimage.2015.05.092). Where there are too few blocks, no decoder can
be told from drift, and that is said, before the session where there is a plan.
"""

from __future__ import annotations

import itertools
import math
from typing import TYPE_CHECKING, Literal

import numpy as np
from pydantic.dataclasses import dataclass

from mdjpt.calibration.blocks import blocks_of, unmixed_pairs
from mdjpt.guard.schema import STRICT

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    Float64 = NDArray[np.float64]
    Labels = NDArray[np.intp]

__all__ = [
    "LEAST_BLOCKS",
    "MAX_ORDERS",
    "SIGNIFICANT",
    "Design",
    "Verdict",
    "permutation_p",
]

Verdict = Literal["better", "not better", "cannot be told"]

SIGNIFICANT = 0.05
LEAST_BLOCKS = 3
"""Separate blocks of each class, below which drift tells the classes apart as well as a decoder."""
MAX_ORDERS = 2000
"""Orders of the blocks that are all tried; of more, as many are drawn."""


@dataclass(frozen=True, slots=True, config=STRICT)
class Design:
    """An order of trials, and what it can show at best."""

    n_blocks: tuple[int, ...]
    """Separate blocks of each class."""
    unmixed: tuple[tuple[int, int], ...] = ()
    """Classes that were not shown by turns, see :func:`~mdjpt.calibration.blocks.unmixed_pairs`."""

    @classmethod
    def of(cls, label: Labels, block: Labels | None = None) -> Design:
        """Return the design of a sequence of trials, planned or recorded, in the order of time.

        Labels and blocks, by default those of :func:`~mdjpt.calibration.blocks.blocks_of`, have
        shape (n_trials,).
        """
        counts = np.bincount(_of_blocks(label, block)[0])
        return cls(tuple(counts.tolist()), unmixed_pairs(label))

    @property
    def n_orders(self) -> int:
        """In how many different orders the blocks could have been shown."""
        same = math.prod(math.factorial(n) for n in self.n_blocks)
        return math.factorial(sum(self.n_blocks)) // same

    @property
    def least_p(self) -> float:
        """The p value of a decoder that is right in every trial."""
        return 1 / min(self.n_orders, MAX_ORDERS + 1)

    @property
    def can_tell(self) -> bool:
        """Whether a good decoder can be told from luck and from drift."""
        enough = min(self.n_blocks) >= LEAST_BLOCKS and self.least_p < SIGNIFICANT
        return enough and not self.unmixed

    @property
    def blocks_needed(self) -> int:
        """How many separate blocks of each class would suffice, mixed."""
        n_classes = len(self.n_blocks)
        return next(n for n in itertools.count(LEAST_BLOCKS) if Design((n,) * n_classes).can_tell)

    def lacks(self, class_names: Sequence[str]) -> str:
        """Say why nothing can be told and what to do, in two sentences; empty where it can be."""
        if self.can_tell:
            return ""
        turns = " ".join([*class_names, *class_names, "..."])
        return (
            f"{self._fault(class_names)}. Show each class in at least {self.blocks_needed} "
            f"separate blocks, mixed: {turns}"
        )

    def at_best(self, class_names: Sequence[str]) -> str:
        """Say in one line what a session in this order can show."""
        if not self.can_tell:
            return f"this order can show nothing: {self.lacks(class_names)}"
        return (
            f"at best p = {self.least_p:.2g}, if every trial is decoded right ("
            f"{_several(min(self.n_blocks), 'separate block')} a class)"
        )

    def _fault(self, class_names: Sequence[str]) -> str:
        fewest = int(np.argmin(self.n_blocks))
        if self.n_blocks[fewest] < LEAST_BLOCKS:
            blocks = _several(self.n_blocks[fewest], "separate block")
            return f"{class_names[fewest]} in {blocks} cannot be told from a drift of the signal"
        if self.unmixed:
            first, second = (class_names[k] for k in self.unmixed[0])
            return (
                f"{first} and {second} one after the other, not by turns, cannot be told from a "
                "drift of the signal"
            )
        blocks = " + ".join(map(str, self.n_blocks))
        return (
            f"{blocks} separate blocks have {self.n_orders} orders, so p is {self.least_p:.2g} "
            f"even if every trial is right, and it has to be below {SIGNIFICANT:g}"
        )


def permutation_p(
    shares: Float64, label: Labels, block: Labels | None = None, seed: int = 0
) -> float:
    """Test held-out answers against chance.

    The statistic is the mean probability that the decoder gave to the true class, each class with
    the same weight: probabilities tell more of few trials than right and wrong do. It is compared
    with what it is when the classes of the blocks are permuted. Where the blocks have few orders,
    all are tried and p is exact; else p is (b + 1) / (m + 1) of m orders drawn (Phipson and Smyth
    2010, DOI 10.2202/1544-6115.1585).

    Held-out answers were learned from the other trials' labels, which is not repeated for each
    order. Labels without a meaning are called significant at 5 % on real recordings in 1 to 2 % of
    mixed orders and in 6 to 7 % of those that show each class once a round; where trials are
    independent, as simulated ones are, in up to 10 %. Training again for each order did no better
    on real recordings and lost effects.

    Parameters
    ----------
    shares : ndarray of float64, shape (n_trials, n_classes)
        Mean held-out probabilities of each trial.
    label : ndarray of int, shape (n_trials,)
        True classes, in the order of time.
    block : ndarray of int, shape (n_trials,), optional
        Block of each trial; as :func:`~mdjpt.calibration.blocks.blocks_of` by default.
    seed : int
        Of the orders that are drawn.

    Returns
    -------
    float
        Never 0.
    """
    own, trial_block = _of_blocks(label, block)
    orders, exact = _orders(own, np.random.default_rng(seed))
    by_chance = _true_shares(shares, orders[:, trial_block])
    at_least = int((by_chance >= _true_shares(shares, label[None]) - 1e-9).sum())
    return at_least / len(orders) if exact else (at_least + 1) / (len(orders) + 1)


def _true_shares(shares: Float64, labels: Labels) -> Float64:
    """Return the mean probability of the true class, shape (n_orders,)."""
    of_class = [
        (labels == k) @ shares[:, k] / (labels == k).sum(axis=1) for k in range(shares.shape[1])
    ]
    mean: Float64 = np.mean(of_class, axis=0)
    return mean


def _of_blocks(label: Labels, block: Labels | None) -> tuple[Labels, Labels]:
    """Return the class of each block, shape (n_blocks,), and the block of each trial, from 0."""
    named = blocks_of(label) if block is None else block
    _, first, number = np.unique(named, return_index=True, return_inverse=True)
    return label[first], number


def _orders(own: Labels, rng: np.random.Generator) -> tuple[Labels, bool]:
    """Return orders of the classes of blocks, shape (n_orders, n_blocks), and whether all."""
    counts = np.bincount(own)
    if Design(tuple(counts.tolist())).n_orders <= MAX_ORDERS:
        return np.array(list(_all_orders(tuple(counts.tolist())))), True
    return np.stack([rng.permutation(own) for _ in range(MAX_ORDERS)]), False


def _all_orders(counts: tuple[int, ...]) -> Iterator[list[int]]:
    """Yield every order of so many blocks of each class."""
    *others, last = counts
    if not others:
        yield [0] * last
        return
    n_blocks = sum(counts)
    for places in itertools.combinations(range(n_blocks), last):
        taken = set(places)
        for rest in _all_orders(tuple(others)):
            left = iter(rest)
            yield [len(others) if k in taken else next(left) for k in range(n_blocks)]


def _several(number: int, noun: str) -> str:
    return f"{number} {noun}" + ("" if number == 1 else "s")
