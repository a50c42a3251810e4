"""A recording sent as an LSL stream, as its device would have sent it, with faults on request.

The stream is unencrypted and reachable from the network, like every LSL stream.
"""

from __future__ import annotations

import hashlib
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from mdjpt.errors import MdjptError, RecordingError
from mdjpt.recordings import Recording, read_recording
from streaming.sources.fault_kinds import Faults
from streaming.sources.faults import FaultyDevice
from streaming.sources.lsl_link.streams import quieten
from streaming.stream import TRUTH_PREFIX

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

__all__ = ["Replayer"]

_CHUNK_S = 0.02
_FLUSH_S = 1.0
_SECOND_S = 3.0


class Replayer:
    """Sends a recording once or for ever. Its gaps stay gaps; its markers are a second stream.

    Parameters
    ----------
    recording : str, Path or Recording
        The file, or what was read from it.
    stream_name : str, optional
        Name of the stream; default: the file's name without suffix.
    speed : float
        Times real time; the stamps run on real time.
    start_s : float
        Seconds to leave out at the beginning.
    loop : bool
        Whether to start again at the end.
    montage : str, path or sequence of str, optional
        Electrode names for a file whose labels say nothing.
    faults : Faults
        What goes wrong on the way.
    wait_for_consumer_s : float
        Longest wait for somebody to connect before the first sample is sent.

    Raises
    ------
    MdjptError
        `speed` is not above 0 or `start_s` is negative.
    RecordingError
        The file cannot be read or ends before `start_s`.
    """

    def __init__(
        self,
        recording: str | Path | Recording,
        *,
        stream_name: str | None = None,
        speed: float = 1.0,
        start_s: float = 0.0,
        loop: bool = False,
        montage: str | Path | Sequence[str] | None = None,
        faults: Faults | None = None,
        wait_for_consumer_s: float = 0.0,
    ) -> None:
        if not 0 < speed < np.inf:
            raise MdjptError(f"speed must be above 0, got {speed}")
        if not 0 <= start_s < np.inf:
            raise MdjptError(f"start must be 0 s or later, got {start_s} s")
        if not isinstance(recording, Recording):
            recording = read_recording(recording, montage=montage)
        if start_s >= recording.duration_s:
            raise RecordingError(
                f"{recording.source or 'recording'}: nothing at {start_s:g} s, it is "
                f"{recording.duration_s:.1f} s long"
            )
        self._recording = recording
        self._speed = speed
        self._loop = loop
        self._faults = faults or Faults()
        self._wait_for_consumer_s = wait_for_consumer_s
        self._lay_out(start_s)
        self.stream_name = stream_name or Path(recording.source).stem or "recording"
        """Name of the EEG stream; that of the events ends in "-markers"."""
        self.n_sent = 0
        """Samples sent so far, all rounds together."""

    @property
    def duration_s(self) -> float:
        """Seconds of one round at the speed asked for."""
        return self._n_positions / self._rate

    def run(self, stopped: threading.Event | None = None) -> None:
        """Send until the end, or until `stopped` is set. Blocks.

        Parameters
        ----------
        stopped : threading.Event, optional
            Set by another thread or a signal handler to end early.
        """
        stopped = stopped or threading.Event()
        quieten()
        from mne_lsl.lsl import local_clock

        outlets = _Outlets(self._recording, self.stream_name, self._faults)
        try:
            outlets.wait_for_consumer(self._wait_for_consumer_s, stopped)
            begin, turn = local_clock(), 0
            while not stopped.is_set():
                self._send_round(outlets, begin + turn * self.duration_s, stopped)
                turn += 1
                if not self._loop:
                    break
            outlets.flush(stopped)
        finally:
            outlets.close()

    def _lay_out(self, start_s: float) -> None:
        """Give every sample and marker its place on the stream's time line."""
        r = self._recording
        skipped = round(start_s * r.sfreq)
        columns = r.columns[r.positions[r.columns] >= skipped]
        self._rate = r.sfreq * self._speed
        self._samples = np.ascontiguousarray(r.samples[:, columns].T, np.float32)
        self._positions = r.positions[columns] - skipped
        self._n_positions = r.n_positions - skipped
        self._markers = [
            (int(np.searchsorted(self._positions[:-1], time_s * r.sfreq - skipped)), label)
            for time_s, label in r.markers
            if time_s >= start_s
        ]

    def _send_round(self, outlets: _Outlets, begin: float, stopped: threading.Event) -> None:
        """Send all samples once, each chunk when its last sample is due: delays do not add up."""
        from mne_lsl.lsl import local_clock

        device = FaultyDevice(self._faults, self._samples.shape[1], self._recording.sfreq)
        n_chunk = self._faults.chunk or max(1, round(_CHUNK_S * self._rate))
        for start in range(0, len(self._positions), n_chunk):
            part = slice(start, start + n_chunk)
            stamps = begin + self._positions[part] / self._rate
            stopped.wait(max(0.0, stamps[-1] + self._stalled_s(stamps[-1] - begin) - local_clock()))
            if stopped.is_set():
                return
            sent = device.send(self._samples[part], self._positions[part], stamps)
            outlets.send(sent.samples, sent.stamps)
            self.n_sent += len(sent.stamps)
            for column, label in self._markers:
                if start <= column < start + n_chunk:
                    outlets.mark(label, begin + self._positions[column] / self._rate)

    def _stalled_s(self, time_s: float) -> float:
        """Return how long a chunk that is due is held back."""
        if not self._faults.stall_s:
            return 0.0
        since = time_s % (self._faults.every_s + self._faults.stall_s) - self._faults.every_s
        return max(0.0, self._faults.stall_s - since) if since >= 0 else 0.0


class _Outlets:
    """The two LSL streams of a recording: its EEG and, when it has some, its events."""

    def __init__(self, recording: Recording, name: str, faults: Faults) -> None:
        from mne_lsl.lsl import StreamInfo, StreamOutlet

        identity = repr((name, recording.ch_names, recording.sfreq, recording.n_times))
        digest = hashlib.sha256(identity.encode()).hexdigest()[:12]
        counter = ["Counter"] if faults.counter else []
        n_columns = recording.n_channels + len(counter)
        identity = "" if faults.no_id else f"mdjpt-{digest}"
        info = StreamInfo(name, "EEG", n_columns, recording.sfreq, "float32", identity)
        info.set_channel_names([*recording.ch_names, *counter])
        info.set_channel_types(["eeg"] * recording.n_channels + ["misc"] * len(counter))
        info.set_channel_units("microvolts")
        truths = (label for _, label in recording.markers if label.startswith(TRUTH_PREFIX))
        if recording.simulated or any(truths):
            info.desc.append_child_value("simulated", "true")
        self._twin: Any = StreamOutlet(info) if faults.twin else None
        self._eeg: Any = StreamOutlet(info)
        self._events: Any = None
        if recording.markers:
            events = StreamInfo(
                f"{name}-markers", "Markers", 1, 0.0, "string", f"mdjpt-{digest}-markers"
            )
            self._events = StreamOutlet(events)

    def wait_for_consumer(self, timeout_s: float, stopped: threading.Event) -> None:
        """Wait until somebody listens, to the events too, which are connected to later."""
        deadline = time.monotonic() + timeout_s
        for outlet, longest_s in ((self._eeg, timeout_s), (self._events, _SECOND_S)):
            until = min(deadline, time.monotonic() + longest_s)
            while outlet is not None and not outlet.has_consumers and not stopped.is_set():
                if time.monotonic() >= until:
                    return
                outlet.wait_for_consumers(_CHUNK_S)

    def send(self, samples: NDArray[np.float32], stamps: NDArray[np.float64]) -> None:
        """Send samples, shape (n_times, n_channels), each with its own stamp."""
        if len(samples):
            self._eeg.push_chunk(np.ascontiguousarray(samples), stamps)

    def mark(self, label: str, stamp: float) -> None:
        """Send an event."""
        self._events.push_sample([label], stamp)

    def flush(self, stopped: threading.Event) -> None:
        """Leave whoever listens the time to take the last samples; LSL does not say when."""
        if self._eeg.has_consumers:
            stopped.wait(_FLUSH_S)

    def close(self) -> None:
        """Take the streams off the network."""
        self._eeg = self._events = self._twin = None
