"""EEG streams with known faults, sent over LSL from a process of their own."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["EegStream", "eeg_sent_elsewhere"]

TICK_S = 0.02
NAMES = ("Fp1", "Fp2", "C3", "C4", "P3", "P4", "O1", "O2")


@dataclass(frozen=True)
class EegStream:
    """EEG-like noise and mains.

    Attributes
    ----------
    name, source_id, unit : str
        As LSL announces them.
    labels : tuple of str
        One a channel.
    sfreq, real_sfreq : float
        Rate that is declared and that is sent; 0 sends nothing.
    line_hz, line_rms : float
        Mains, and its RMS in microvolts.
    scale : float
        Of the numbers that are sent: 1e-6 for volts.
    """

    name: str
    source_id: str = "eeg-1"
    labels: tuple[str, ...] = NAMES
    unit: str = "microvolts"
    sfreq: float = 250.0
    real_sfreq: float = 250.0
    line_hz: float = 50.0
    line_rms: float = 0.0
    scale: float = 1.0


@contextlib.contextmanager
def eeg_sent_elsewhere(*streams: EegStream) -> Iterator[None]:
    """Send streams from another process until the block ends."""
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=_send, args=(streams, theirs), daemon=True)
    process.start()
    theirs.close()
    assert ours.poll(60.0)
    ours.recv()
    try:
        yield
    finally:
        ours.send("end")
        process.join(10.0)


def _send(streams: tuple[EegStream, ...], connection: Any) -> None:
    import pylsl

    pylsl.set_config_filename(os.environ["LSLAPICFG"])
    outlets = []
    for stream in streams:
        n = len(stream.labels)
        info = pylsl.StreamInfo(stream.name, "EEG", n, stream.sfreq, "float32", stream.source_id)
        info.set_channel_labels(list(stream.labels))
        info.set_channel_units(stream.unit)
        outlets.append(pylsl.StreamOutlet(info))
    rng = np.random.default_rng(3)
    connection.send("ready")
    began, sent = pylsl.local_clock(), [0] * len(streams)
    while not connection.poll(TICK_S):
        now = pylsl.local_clock()
        for which, stream in enumerate(streams):
            n_due = int((now - began) * stream.real_sfreq) - sent[which]
            if n_due <= 0:
                continue
            numbers = sent[which] + np.arange(n_due)
            times = numbers / stream.real_sfreq
            line = np.sqrt(2) * stream.line_rms * np.sin(2 * np.pi * stream.line_hz * times)
            values = rng.normal(0, 15, (n_due, len(stream.labels))) + line[:, None]
            block = (values * stream.scale).astype(np.float32)
            outlets[which].push_chunk(block, began + times[-1])
            sent[which] += n_due
