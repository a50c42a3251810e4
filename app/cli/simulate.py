"""``mdjpt simulate``: a recording of a simulated participant with its truth."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING

from mdjpt.errors import MdjptError
from mdjpt.recordings.export import write_recording_edf
from mdjpt.simulation import SimulatedParticipant
from streaming.stream import TRUTH_PREFIX

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["simulate"]


def simulate(out: Path, duration_s: float, seed: int, sfreq: float) -> int:
    """Write `out` (EDF+) and `out`.truth.json.

    Parameters
    ----------
    out : Path
        Recording to write; each change of the emotional state is an annotation.
    duration_s : float
        Seconds of signal.
    seed : int
        The person.
    sfreq : float
        Sampling rate in Hz.

    Raises
    ------
    MdjptError
        When an option is out of range or the file cannot be written.
    """
    if out.suffix.lower() != ".edf":
        raise MdjptError(f"--out {out}: simulate writes EDF+, name it .edf")
    try:
        participant = SimulatedParticipant(seed, sfreq=sfreq)
    except ValueError as error:
        raise MdjptError(f"simulate: {error}") from None
    n_times = round(duration_s * sfreq)
    samples = participant.generate(n_times)
    states = [(t.sample / sfreq, t.state) for t in participant.transitions(0, n_times)]
    markers = [(onset_s, TRUTH_PREFIX + state) for onset_s, state in states]
    write_recording_edf(out, samples, sfreq, participant.ch_names, markers)
    truth = {
        "simulated": True,
        "seed": seed,
        "sfreq": sfreq,
        "classes": list(participant.classes),
        "states": [{"onset_s": onset_s, "state": state} for onset_s, state in states],
    }
    truth_path = out.with_suffix(".truth.json")
    try:
        truth_path.write_text(json.dumps(truth, indent=2) + "\n", encoding="utf-8")
    except OSError as error:
        raise MdjptError(f"cannot write {truth_path}: {error.strerror}") from None
    sys.stdout.write(f"{out}: {duration_s:g} s of simulated EEG, truth in {truth_path.name}\n")
    return 0
