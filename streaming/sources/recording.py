"""A file as a source, at its own pace, at any other or as fast as it is read."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from mdjpt.errors import MdjptError, RecordingError, SourceError
from mdjpt.recordings import Recording, read_recording
from streaming.stream import TRUTH_PREFIX, Chunk, Marker, StreamInfo

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

__all__ = ["RecordingSource"]

_BLOCK_S = 0.5
_SHORTEST_S = 0.02
_LONGEST_S = 1.0


class RecordingSource:
    """Plays a recording. Lossless: it waits for whoever reads.

    Parameters
    ----------
    recording : str, Path or Recording
        The file, read when the source is opened, or what was read.
    speed : float or "max"
        Times real time; "max" hands out samples as fast as they are asked for.
    montage : str, path or sequence of str, optional
        Electrode names for a file whose labels say nothing.
    stream : str, optional
        Which stream of EEG, for files with several.
    sfreq, board : optional
        Of a table that tells neither, as for `mdjpt.read_recording`.
    start_s : float
        Seconds to leave out at the beginning.
    clock : callable
        Monotonic clock, seconds.
    wait : callable
        Sleeps for the seconds given; by the same clock.

    Raises
    ------
    MdjptError
        `speed` is not above 0 or `start_s` is negative.
    """

    def __init__(
        self,
        recording: str | Path | Recording,
        *,
        speed: float | Literal["max"] = 1.0,
        montage: str | Path | Sequence[str] | None = None,
        stream: str | None = None,
        sfreq: float | None = None,
        board: str | None = None,
        start_s: float = 0.0,
        clock: Callable[[], float] = time.monotonic,
        wait: Callable[[float], None] = time.sleep,
    ) -> None:
        if speed != "max" and not 0 < speed < np.inf:
            raise MdjptError(f'speed must be above 0 or "max", got {speed}')
        if not 0 <= start_s < np.inf:
            raise MdjptError(f"start must be 0 s or later, got {start_s} s")
        self._recording = recording
        self._speed = np.inf if speed == "max" else float(speed)
        self._montage = montage
        self._choice: dict[str, Any] = {"stream": stream, "sfreq": sfreq, "board": board}
        self._start_s = start_s
        self._clock = clock
        self._wait = wait
        self._is_open = False
        self._column = 0
        self._n_times = -1
        self._started: float | None = None

    @property
    def ended(self) -> bool:
        """True once the last sample was handed out."""
        return self._column == self._n_times

    def open(self) -> StreamInfo:
        """Read the file; raises RecordingError when it cannot be read or ends before `start_s`."""
        recording = self._recording
        if not isinstance(recording, Recording):
            recording = read_recording(recording, montage=self._montage, **self._choice)
        if self._start_s >= recording.duration_s:
            raise RecordingError(
                f"{recording.source or 'recording'}: nothing at {self._start_s:g} s, it is "
                f"{recording.duration_s:.1f} s long"
            )
        self._lay_out(recording)
        return StreamInfo(
            name=Path(recording.source).name or "recording",
            ch_names=recording.ch_names,
            sfreq=recording.sfreq,
            source_id=recording.source,
            clock="recording",
            ch_units=("uV",) * recording.n_channels,
            lossless=True,
            simulated=recording.simulated
            or any(label.startswith(TRUTH_PREFIX) for _, label in recording.markers),
            notes=recording.notes,
        )

    def read(self, timeout_s: float) -> Chunk:
        """Return what is due, waiting at most `timeout_s` for it.

        Raises SourceError: the source is not open.
        """
        if not self._is_open:
            raise SourceError("recording: read before open, or after close")
        start, stop = self._column, self._due(timeout_s)
        self._column = stop
        return Chunk(
            samples=np.ascontiguousarray(self._samples[:, start:stop]),
            timestamps=self._times[start:stop].copy(),
            first_sample=self._position_of(start),
            markers=self._markers_until(stop) if stop > start else (),
            sfreq_by_stamps=self._sfreq,
        )

    def close(self) -> None:
        """Let go of the samples; what was not read is not read any more."""
        self._is_open = False
        self._n_times = self._column
        self._samples = np.empty((0, 0), np.float32)

    def _lay_out(self, recording: Recording) -> None:
        """Give every sample its position and time, every marker its sample."""
        self._sfreq = sfreq = recording.sfreq
        skipped = round(self._start_s * sfreq)
        columns = recording.columns
        columns = columns[recording.positions[columns] >= skipped]
        whole = len(columns) == recording.n_times
        self._samples = recording.samples if whole else recording.samples[:, columns]
        positions = recording.positions[columns]
        self._times, self._positions = positions / sfreq, positions - skipped
        self._column, self._n_times = 0, len(columns)
        self._runs = np.append(np.flatnonzero(np.diff(positions) != 1) + 1, len(columns))
        self._markers = [
            Marker.of_label(time_s, label)
            for time_s, label in sorted(recording.markers)
            if time_s >= self._start_s
        ]
        self._started = None
        self._is_open = True

    def _position_of(self, column: int) -> int:
        if column < self._n_times:
            return int(self._positions[column])
        return int(self._positions[column - 1]) + 1 if column else 0

    def _due(self, timeout_s: float) -> int:
        """Return the column up to which samples are due, after waiting for some to be."""
        column = self._column
        if self.ended:
            return column
        run_end = int(self._runs[np.searchsorted(self._runs, column, side="right")])
        if self._speed == np.inf:
            return min(run_end, column + max(1, round(_BLOCK_S * self._sfreq)))
        now = self._clock()
        if self._started is None:
            self._started = now
        rate = self._speed * self._sfreq
        enough = min(run_end, column + max(1, round(_SHORTEST_S * rate)))
        wait_s = (int(self._positions[enough - 1]) + 1) / rate - (now - self._started)
        if wait_s > 0 and timeout_s > 0:
            self._wait(min(wait_s, timeout_s))
        # Rounding must not hold back a sample whose time has come.
        position = int((self._clock() - self._started) * rate + 1e-6)
        longest = column + max(1, round(_LONGEST_S * self._sfreq))
        return max(column, min(run_end, longest, int(np.searchsorted(self._positions, position))))

    def _markers_until(self, stop: int) -> tuple[Marker, ...]:
        """Take out the markers before a column, at the end all that are left."""
        until = np.inf if stop >= self._n_times else self._times[stop]
        n_due = next(
            (i for i, marker in enumerate(self._markers) if marker.timestamp >= until),
            len(self._markers),
        )
        due, self._markers = self._markers[:n_due], self._markers[n_due:]
        return tuple(due)
