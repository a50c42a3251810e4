"""A device on LSL whose samples count themselves, and which can fail in every way that matters."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Self

import numpy as np
import pylsl

if TYPE_CHECKING:
    from collections.abc import Sequence

NAMES = ("Fp1", "Fp2", "C3", "C4", "P3", "P4", "O1", "O2")


class LslSender:
    """Sends samples whose value is their number, from a thread, until it is left.

    Parameters
    ----------
    name, stream_type, source_id : str
        As the stream announces them.
    ch_names : sequence of str
        Labels; an empty sequence describes no channel at all.
    n_channels : int, optional
        Columns, when they are not labelled.
    unit : str
        Of all channels, "" for none.
    sfreq : float
        What it declares, Hz.
    real_sfreq : float, optional
        What it sends, Hz.
    chunk_s : float
        Seconds of signal a push.
    dtype : str
        LSL's channel format.
    scale : float
        Value of sample number 1.
    first : int
        Number of the first sample.
    clock_shift_s : float
        What its clock is ahead of LSL's.
    """

    def __init__(
        self,
        name: str,
        *,
        stream_type: str = "EEG",
        source_id: str = "sender-1",
        ch_names: Sequence[str] = NAMES,
        n_channels: int | None = None,
        unit: str = "microvolts",
        sfreq: float = 250.0,
        real_sfreq: float | None = None,
        chunk_s: float = 0.02,
        dtype: str = "float32",
        scale: float = 1.0,
        first: int = 0,
        clock_shift_s: float = 0.0,
    ) -> None:
        self.n_channels = n_channels or len(ch_names)
        info = pylsl.StreamInfo(name, stream_type, self.n_channels, sfreq, dtype, source_id)
        if ch_names:
            info.set_channel_labels(list(ch_names))
        if unit:
            info.set_channel_units(unit)
        self._info = info
        self._outlet: pylsl.StreamOutlet | None = pylsl.StreamOutlet(info)
        self._sfreq = real_sfreq or sfreq
        self._n_chunk = max(1, round(chunk_s * sfreq))
        self._dtype = np.dtype({"double64": "float64"}.get(dtype, dtype))
        self._scale = scale
        self._clock_shift_s = clock_shift_s
        self.number = first
        """Number of the next sample."""
        self.flat_s = 0.0
        """Seconds of signal that are 0 before samples begin to differ."""
        self._to_drop = 0
        self._paused = threading.Event()
        self._left = threading.Event()
        self._thread = threading.Thread(target=self._send, name="lsl-sender")

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._left.set()
        self._thread.join()
        self._outlet = None

    def drop(self, n_times: int) -> None:
        """Lose the next samples on the way."""
        self._to_drop = n_times

    def pause(self) -> None:
        """Send nothing more, stay on the network."""
        self._paused.set()

    def resume(self) -> None:
        """Send again."""
        self._paused.clear()

    def _send(self) -> None:
        """Push each chunk when its last sample is due, stamped by number: no jitter."""
        began, first = pylsl.local_clock(), self.number
        while not self._left.is_set():
            stop = self.number + self._n_chunk
            due = began + (stop - 1 - first) / self._sfreq
            self._left.wait(max(0.0, due - pylsl.local_clock()))
            if not self._paused.is_set() and self._outlet is not None:
                values = np.arange(self.number, stop) * self._scale
                if self.flat_s > 0:
                    values, self.flat_s = 0.0 * values, self.flat_s - len(values) / self._sfreq
                block = np.repeat(values[:, np.newaxis], self.n_channels, axis=1)
                self._outlet.push_chunk(block.astype(self._dtype), due + self._clock_shift_s)
            dropped, self._to_drop = self._to_drop, 0
            self.number = stop + dropped
