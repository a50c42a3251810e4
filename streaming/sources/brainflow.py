"""EEG from a board that BrainFlow drives."""

from __future__ import annotations

import time
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import wait as wait_for
from typing import TYPE_CHECKING, Self

import numpy as np

from mdjpt.errors import RecordingError, SourceError, SourceLost
from mdjpt.recordings import montage_names
from mdjpt.recordings.electrodes import select_electrodes
from streaming.sources.brainflow_board import BrainFlowBoard
from streaming.sources.cutter import ChunkCutter
from streaming.stream import Chunk, Column, Marker, StreamInfo

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from streaming.sources.boards import Board, BoardRows
    from streaming.sources.source_spec import SourceSpec

__all__ = ["BrainFlowSource"]

SILENT_S = 2.0
"""After this long without a sample the board is connected anew."""
_RETRY_S = 1.0
_BATCH_S = 0.008
_POLL_S = 0.004
_SIMULATED = ("synthetic",)


class BrainFlowSource:
    """A board of EEG; one that falls silent is connected anew until it comes back.

    Parameters
    ----------
    board : Board
        The board, not started.
    montage : str, path or sequence of str, optional
        Electrode names, one for each of the board's EEG inputs, instead of BrainFlow's.
    lost_after_s : float
        A board that stays silent for this long is lost for good.
    clock : callable
        Monotonic clock, seconds.
    wait : callable
        Sleeps for the seconds given; by the same clock.
    """

    def __init__(
        self,
        board: Board,
        *,
        montage: str | Path | Sequence[str] | None = None,
        lost_after_s: float = 300.0,
        clock: Callable[[], float] = time.monotonic,
        wait: Callable[[float], None] = time.sleep,
    ) -> None:
        self._board = board
        self._montage = montage
        self._lost_after_s = lost_after_s
        self._clock = clock
        self._wait = wait
        self._worker: ThreadPoolExecutor | None = None
        self._restart: Future[None] | None = None
        self._ended = False
        self._cutter: ChunkCutter

    @classmethod
    def from_spec(
        cls, spec: SourceSpec, *, montage: str | Path | Sequence[str] | None = None
    ) -> Self:
        """Return the source of ``brainflow:cyton?serial_port=/dev/ttyUSB0``, not opened."""
        return cls(BrainFlowBoard(spec.name, spec.options), montage=montage)

    @property
    def ended(self) -> bool:
        """True once a board that plays a file has come to its end; others may always come back."""
        return self._ended

    def open(self) -> StreamInfo:
        """Connect to the board; blocks for as long as its driver does.

        Raises
        ------
        MdjptError
            No such board, or the montage has another length than its inputs.
        SourceError
            It has no EEG, does not say where its electrodes are, or is already open.
        SourceNotFound
            It cannot be reached.
        """
        rows = self._board.rows()
        names, notes = self._electrodes(rows)
        self._board.start()
        self._rows = rows
        self._ended = False
        self._cutter = ChunkCutter(len(names), rows.sfreq, counter_modulus=rows.counter_modulus)
        self._last_sample = self._tried = self._clock()
        self._worker = ThreadPoolExecutor(1, "brainflow-connect")
        return StreamInfo(
            name=self._board.name,
            ch_names=names,
            sfreq=rows.sfreq,
            source_id=f"brainflow:{self._board.name}",
            clock="unix",
            ch_units=("uV",) * len(names),
            simulated=self._board.model in _SIMULATED,
            notes=notes,
            others=tuple(column for _, column in self._others),
        )

    def read(self, timeout_s: float) -> Chunk:
        """Return what has arrived, waiting at most `timeout_s`.

        Raises
        ------
        SourceLost
            The board has been silent for `lost_after_s`.
        SourceError
            The source is not open.
        """
        if self._worker is None:
            raise SourceError(f"brainflow:{self._board.name}: read before open, or after close")
        deadline = self._clock() + timeout_s
        while not self._cutter and self._is_connected(deadline - self._clock()):
            n_waiting = self._n_waiting(deadline - self._clock())
            if not n_waiting:
                self._connect_anew_when_silent()
                break
            self._take(n_waiting)
        return self._cutter.next()

    def close(self) -> None:
        """Disconnect; waits for a connection that is being made."""
        if self._worker is not None:
            self._worker.shutdown(wait=True, cancel_futures=True)
        self._worker = self._restart = None
        self._board.stop()

    def _electrodes(self, rows: BoardRows) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """Choose the electrodes; return their names and remarks for the user."""
        montage = montage_names(self._montage)
        try:
            chosen = select_electrodes(rows.labels, montage)
        except RecordingError as error:
            raise SourceError(f"brainflow:{self._board.name}: {error}") from None
        self._columns = [rows.eeg[column] for column in chosen.columns]
        unused = [
            (row, Column(label or f"input_{n}", "uV", "EEG"))
            for n, (row, label) in enumerate(zip(rows.eeg, rows.labels, strict=True), start=1)
            if row not in self._columns
        ]
        self._others = (*unused, *rows.others)
        if montage is not None:
            return chosen.names, chosen.notes
        standard = "electrode names are BrainFlow's for this board; --montage gives others"
        return chosen.names, (*chosen.notes, standard)

    def _n_waiting(self, timeout_s: float) -> int:
        """Wait for a batch of samples; return how many there are, at most a second's."""
        deadline = self._clock() + timeout_s
        at_least = max(1, round(_BATCH_S * self._rows.sfreq))
        n_waiting = self._board.n_waiting()
        while n_waiting < at_least and self._clock() < deadline:
            self._wait(min(_POLL_S, max(0.0, deadline - self._clock())))
            n_waiting = self._board.n_waiting()
        return min(n_waiting, round(self._rows.sfreq))

    def _take(self, n_times: int) -> None:
        """Cut a block into chunks that are ready to be read."""
        rows, block = self._rows, self._board.take(n_times)
        self._last_sample = self._clock()
        self._cutter.take(
            block[self._columns].astype(np.float32),
            block[rows.timestamp],
            self._last_sample,
            others=block[[row for row, _ in self._others]] if self._others else None,
            counter=None if rows.counter is None else block[rows.counter].astype(np.int64),
            markers=self._markers(block),
        )

    def _markers(self, block: NDArray[np.float64]) -> tuple[Marker, ...]:
        """Return the markers that were inserted into the board's stream."""
        if self._rows.marker is None:
            return ()
        values, stamps = block[self._rows.marker], block[self._rows.timestamp]
        return tuple(Marker(float(stamps[i]), f"{values[i]:g}") for i in np.flatnonzero(values))

    def _connect_anew_when_silent(self) -> None:
        """Have the worker stop and start a silent board; drivers do not tell of a lost one."""
        now = self._clock()
        silent_s = now - self._last_sample
        if self._board.ends:
            self._ended = silent_s > SILENT_S
            return
        if silent_s > self._lost_after_s:
            raise SourceLost(f"brainflow:{self._board.name}: silent for {silent_s:.0f} s")
        if silent_s > SILENT_S and now - self._tried > _RETRY_S and self._worker is not None:
            self._restart = self._worker.submit(self._start_anew)

    def _start_anew(self) -> None:
        self._board.stop()
        self._board.start()

    def _is_connected(self, timeout_s: float) -> bool:
        """Return whether no new connection is being made, after waiting for one."""
        if self._restart is None:
            return True
        wait_for([self._restart], max(0.0, timeout_s))
        if not self._restart.done():
            return False
        failed = isinstance(self._restart.exception(), SourceError)
        if not failed:
            self._restart.result()
            self._cutter.resume()
        self._restart, self._tried = None, self._clock()
        return not failed
