"""Does fine-tuning the encoder help a person? Measured on simulated participants.

Run it as ``python -m mdjpt.evaluation.fine_tune_benchmark MODEL``; it prints a table.

Measured on a bundle (055ff3144d84) with the network, head and temperature of the demo bundle in
``assets`` and another abstention threshold, which nothing here depends on. Simulated participants
from 400000 on, balanced accuracy of the test (mean; gain of what was in use over the head alone,
with its standard error):

====== ============ ===== ===== ======= ================= ==============
trials participants alone tuned used in what was in use   seconds a core
====== ============ ===== ===== ======= ================= ==============
8      6            0.857 0.905 1 of 6  0.872, +1.6 (1.6) 19
24     6            0.868 0.862 1 of 6  0.859, -0.9 (0.9) 96
====== ============ ===== ===== ======= ================= ==============

With 8 trials the tuned encoder was better for four of six, but held-out trials of the calibration
confirmed it for one only; with 24 there was nothing to gain. So it stays off by default.

The seconds are those of the tuning alone, with a window each second. The command takes one each
half second and encodes the recording again: how long it takes stands in its help.
"""

from __future__ import annotations

import argparse
import sys
import time
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import torch

from mdjpt.bundle.bundle import load_bundle
from mdjpt.calibration.anchored import GeneralHead
from mdjpt.calibration.confidence import SMOOTHING_S, smoothed
from mdjpt.calibration.decoding import encode_session
from mdjpt.calibration.evidence import balanced_accuracy
from mdjpt.calibration.fine_tune import FineTuner
from mdjpt.calibration.fine_tune_inputs import tunable_inputs
from mdjpt.calibration.fine_tune_weights import tuned_bundle
from mdjpt.calibration.labelled import LabelledFeatures
from mdjpt.calibration.training import train_personal_decoder
from mdjpt.errors import MdjptError, ModelError
from mdjpt.evaluation.online.sessions import CONDITIONS, calibration_session, first_trials

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from mdjpt.bundle.bundle import Bundle
    from mdjpt.calibration.training import PersonalDecoder
    from mdjpt.evaluation.online.sessions import Session

    Float32 = NDArray[np.float32]

__all__ = ["Comparison", "compare", "main"]

FIRST_PARTICIPANT = 400_000
TRIAL_S, TEST_S, HOP_S = 15.0, 180.0, 1.0
TRIALS_A_CLASS, TRIALS_IN_ALL = 8, 8
_COLUMNS = (
    "participant  trials  head        held out: alone, tuned  used  test: alone  tuned  in use  "
    "head s  tuning s"
)


class Comparison(NamedTuple):
    """One calibration of one participant.

    Attributes
    ----------
    participant, n_trials : int
        Who, and how many trials of 15 s.
    head : str
        Which head was chosen.
    alone, tuned : float
        Balanced accuracy of the test's windows, other clips than in the calibration: with the head
        alone, and with the fine-tuned encoder whether it was used or not.
    used : bool
        Whether held-out trials of the calibration were for the fine-tuned encoder.
    right_alone, right_tuned : int
        Held-out trials of the calibration that were right.
    head_s, tuning_s : float
        Seconds of one core for the head, and for the tuning on top.
    """

    participant: int
    n_trials: int
    head: str
    alone: float
    tuned: float
    used: bool
    right_alone: int
    right_tuned: int
    head_s: float
    tuning_s: float

    @property
    def in_use(self) -> float:
        """Accuracy of what the profile would hold."""
        return self.tuned if self.used else self.alone


@dataclass(frozen=True, eq=False)
class _Course:
    """One participant's labelled windows: calibration, then test."""

    bundle: Bundle
    session: Session
    is_test: NDArray[np.bool_]

    def calibration(self, n_trials: int) -> tuple[Float32, LabelledFeatures]:
        """Return windows and features of the first trials."""
        session, known = self.session, ~self.is_test & (self.session.label >= 0)
        rows, trial, first = first_trials(session.segment, known, n_trials)
        windows, label = session.windows[rows], session.label[rows][first]
        features = encode_session(self.bundle, windows, hop_s=HOP_S)
        names = self.bundle.class_names
        return windows, LabelledFeatures(features, trial, label, names, HOP_S)

    def accuracy(self, decoder: PersonalDecoder) -> float:
        """Return the balanced accuracy of a decoder's smoothed answers to the test."""
        session, rows = self.session, self.is_test & (self.session.label >= 0)
        bundle = tuned_bundle(self.bundle, decoder.tuned)
        features = encode_session(bundle, session.windows[rows], hop_s=HOP_S)
        keep = float(np.exp(-HOP_S / SMOOTHING_S))
        shown = smoothed(decoder.probabilities(features), session.segment[rows], keep)
        return balanced_accuracy(shown.argmax(axis=1), session.label[rows])


def compare(
    bundle: Bundle, participant: int, sizes: Sequence[int], *, test_s: float = TEST_S
) -> Iterator[Comparison]:
    """Calibrate a simulated participant with and without fine-tuning.

    Parameters
    ----------
    bundle : Bundle
        The model, with a head.
    participant : int
        Seed.
    sizes : sequence of int
        Numbers of trials, at most 8 a class.
    test_s : float
        Seconds of the test.

    Yields
    ------
    Comparison
        One a size.

    Raises
    ------
    ModelError
        When the bundle has no head.
    """
    if bundle.head is None:
        raise ModelError("no emotion head: there are no classes to simulate")
    classes = bundle.class_names
    general = GeneralHead(bundle.head, np.eye(len(classes)), bundle.temperature)
    session, is_test = calibration_session(
        participant,
        classes,
        CONDITIONS["usual"],
        n_rounds=TRIALS_A_CLASS,
        trial_s=TRIAL_S,
        test_s=test_s,
        hop_s=HOP_S,
    )
    course = _Course(bundle, session, is_test)
    for n_trials in sizes:
        windows, data = course.calibration(n_trials)
        begin = time.process_time()
        alone = train_personal_decoder(data, general=general)
        head_s = time.process_time() - begin
        tuner = FineTuner(
            bundle,
            tunable_inputs(bundle, windows),
            partial(encode_session, windows=windows, hop_s=HOP_S),
            unconditional=True,
        )
        tuned = train_personal_decoder(data, general=general, tuner=tuner)
        yield Comparison(
            participant,
            n_trials,
            alone.kind,
            course.accuracy(alone),
            course.accuracy(tuned),
            _reached(tuned) > _reached(alone),
            alone.evidence.n_correct,
            tuned.evidence.n_correct,
            head_s,
            time.process_time() - begin - 2 * head_s,
        )


def _reached(decoder: PersonalDecoder) -> tuple[float, float]:
    return decoder.evidence.accuracy, decoder.evidence.window_accuracy


def _row(c: Comparison) -> str:
    used = "yes" if c.used else "no"
    return (
        f"{c.participant:11d}  {c.n_trials:6d}  {c.head:10s}  {c.right_alone:15d}  "
        f"{c.right_tuned:5d}  {used:>4s}  {c.alone:11.3f}  {c.tuned:5.3f}  {c.in_use:6.3f}  "
        f"{c.head_s:6.1f}  {c.tuning_s:8.1f}"
    )


def _summary(found: Sequence[Comparison]) -> str:
    """Return the means over the participants, with the spread of what is gained."""
    alone, tuned, in_use = (
        np.array([getattr(c, name) for c in found]) for name in ("alone", "tuned", "in_use")
    )
    error = (in_use - alone).std(ddof=1) / np.sqrt(len(found)) if len(found) > 1 else float("nan")
    return (
        f"mean of {len(found)}, {found[0].n_trials} trials: alone {alone.mean():.3f}, tuned "
        f"{tuned.mean():.3f}, used for {sum(c.used for c in found)}, in use {in_use.mean():.3f}: "
        f"{100 * (in_use - alone).mean():+.1f} points (standard error {100 * error:.1f}), "
        f"{np.mean([c.tuning_s for c in found]):.0f} s of tuning"
    )


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the table; return 0, or 3 when the model cannot be used."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("model", type=Path, help="bundle with a head")
    parser.add_argument("--participants", type=int, default=6)
    parser.add_argument("--first", type=int, default=FIRST_PARTICIPANT, help="seed of the first")
    parser.add_argument(
        "--trials", type=int, nargs="+", help="sizes; by default 8 in all, then 8 a class"
    )
    given = parser.parse_args(arguments)
    torch.set_num_threads(1)
    try:
        bundle = load_bundle(given.model)
        sizes = given.trials or (TRIALS_IN_ALL, TRIALS_A_CLASS * len(bundle.class_names))
        people = range(given.first, given.first + given.participants)
        sys.stdout.write(f"SIMULATED participants, balanced accuracy of the test\n{_COLUMNS}\n")
        found = []
        for person in people:
            for comparison in compare(bundle, person, sizes):
                found.append(comparison)
                sys.stdout.write(f"{_row(comparison)}\n")
                sys.stdout.flush()
    except MdjptError as error:
        sys.stderr.write(f"error: {error}\n")
        return 3
    for n_trials in sizes:
        own = [c for c in found if c.n_trials == n_trials]
        sys.stdout.write(f"{_summary(own)}\n" if own else "")
    return 0


if __name__ == "__main__":
    sys.exit(main())
