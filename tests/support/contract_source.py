"""Every source, ready to be opened: what the contract suite runs over."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from functools import partial

import numpy as np

from mdjpt.recordings import Recording
from mdjpt.simulation import SimulatedParticipant
from streaming.sources.brainflow import BrainFlowSource
from streaming.sources.brainflow_board import BrainFlowBoard
from streaming.sources.lsl import LSLSource
from streaming.sources.recording import RecordingSource
from streaming.sources.simulated import SimulatedSource
from streaming.stream import Source, StreamInfo
from tests.support.fakes import NAMES, ScriptedSource, cut, eeg_like
from tests.support.lsl_sender import LslSender

Opener = Callable[[], AbstractContextManager[Source]]
"""Yields a source that is not open, with its device at work."""


@contextmanager
def lsl() -> Iterator[Source]:
    with LslSender("contract", source_id="contract"):
        source = LSLSource("contract")
        yield source
        source.close()


@contextmanager
def brainflow() -> Iterator[Source]:
    source = BrainFlowSource(BrainFlowBoard("synthetic"))
    yield source
    source.close()


def recording_with_a_gap() -> Recording:
    """Return 3 s at 250 Hz with 100 samples lost after 1 s."""
    positions = np.r_[:250, 350:850]
    return Recording(
        eeg_like(8, 750), 250.0, NAMES, positions=positions, markers=((0.5, "go"), (2.0, "stop"))
    )


@contextmanager
def recording() -> Iterator[Source]:
    yield RecordingSource(recording_with_a_gap(), speed="max")


@contextmanager
def paced_recording() -> Iterator[Source]:
    yield RecordingSource(recording_with_a_gap(), speed=8.0)


@contextmanager
def simulated() -> Iterator[Source]:
    yield SimulatedSource(
        partial(SimulatedParticipant, 7, NAMES, 250.0), duration_s=3.0, speed=float("inf")
    )


@contextmanager
def scripted() -> Iterator[Source]:
    info = StreamInfo("scripted", NAMES, 250.0)
    yield ScriptedSource(cut(eeg_like(8, 500), [100, 100, 300], 250.0), info)


SOURCES: dict[type, tuple[Opener, ...]] = {
    LSLSource: (lsl,),
    BrainFlowSource: (brainflow,),
    RecordingSource: (recording, paced_recording),
    SimulatedSource: (simulated,),
    ScriptedSource: (scripted,),
}
"""The openers of each class; a source that is not in it fails the completeness test."""
