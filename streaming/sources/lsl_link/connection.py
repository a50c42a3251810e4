"""One connection to an LSL stream of numbers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pylsl
from pylsl.util import LostError
from pylsl.util import TimeoutError as NoAnswer

from mdjpt.errors import SourceLost
from streaming.sources.lsl_link.streams import describe

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["LSLConnection"]

_BUFFER_S = 360
_UNKNOWN_HZ = 1000.0


class LSLConnection:
    """An open inlet of a numeric stream, without LSL's own silent recovery.

    LSL would resume a stream that returned with another shape, or hang on it, without a word. Here
    the end of a stream is an error, and whoever holds the connection makes a new one. `timeout_s`
    is the longest wait for each of the three answers of the sender that the resolver found.

    Raises SourceLost: the stream does not answer any more.
    """

    def __init__(self, info: Any, timeout_s: float) -> None:
        self._inlet = pylsl.StreamInlet(info, max_buflen=_BUFFER_S, recover=False, as_numpy=True)
        try:
            self.description = describe(self._inlet.info(timeout=timeout_s))
            self._inlet.open_stream(timeout=timeout_s)
            # Constant for a connection: a correction that moves would look like lost samples.
            self._correction = self._inlet.time_correction(timeout=timeout_s)
        except (LostError, NoAnswer):
            raise SourceLost(f"LSL stream {info.name()!r} does not answer") from None
        n_rows = int(np.ceil(info.nominal_srate() or _UNKNOWN_HZ)) + 1
        self._room = np.empty((n_rows, info.channel_count()), self._inlet.np_dtype)

    @property
    def max_samples(self) -> int:
        """Most samples of one pull, about a second."""
        return len(self._room)

    def empty(self) -> tuple[NDArray[Any], NDArray[np.float64]]:
        """Return what :meth:`pull` returns when nothing has come."""
        return self._room[:0], np.empty(0)

    def pull(self, timeout_s: float, at_least: int = 1) -> tuple[NDArray[Any], NDArray[np.float64]]:
        """Return the samples that have come, waiting for `at_least` of them.

        Returns
        -------
        samples : ndarray, shape (n_times, n_channels)
            A view that the next pull overwrites; the stream's own format and units.
        timestamps : ndarray of float64, shape (n_times,)
            On this machine's LSL clock, not de-jittered.

        Raises
        ------
        SourceLost
            The sender has gone.
        """
        at_least = min(at_least, self.max_samples)
        try:
            samples, stamps = self._inlet.pull_chunk(
                timeout_s, self.max_samples, dest_obj=self._room, min_samples=at_least
            )
        except LostError:
            raise SourceLost(f"LSL stream {self.description.name!r} has gone") from None
        return samples, stamps + self._correction

    def close(self) -> None:
        """Disconnect."""
        self._inlet.close_stream()
