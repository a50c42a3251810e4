"""EEG of a simulated participant, delivered like a headset delivers it."""

from __future__ import annotations

import math
import threading
import time
from collections import deque
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from mdjpt.calibration.label_sets import plain_label
from mdjpt.errors import MdjptError, SourceError
from mdjpt.recordings.electrodes import UNCONNECTED
from mdjpt.simulation import SimulatedParticipant, cap, class_set
from mdjpt.simulation.emotion import EMOTIONS
from streaming.stream import Chunk, Marker, StreamInfo

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from streaming.sources.source_spec import SourceSpec

__all__ = ["SimulatedSource"]

# A headset sends packets, not single samples.
_PACKET_S = 0.02
_LONGEST_READ_S = 1.0


class SimulatedSource:
    """A :class:`streaming.stream.Source` with a known truth.

    Every transition of the emotional state comes as a "truth" marker with the samples it begins
    in, the first one at sample 0. A reader that falls behind gets everything later: nothing is
    ever lost.

    Parameters
    ----------
    participant : Callable[[], SimulatedParticipant]
        Makes the participant; called by every ``open``, which starts again from the beginning.
    source_id : str
        Identity of the stream.
    duration_s : float or None
        Seconds until the stream ends, None for never.
    speed : float
        Stream seconds a second of the clock; ``inf`` delivers as fast as it is read.
    clock : Callable[[], float]
        Seconds on a clock that never steps; a test passes its own.
    wait : Callable[[float], object] or None
        Waits that many seconds on the same clock; None: real time, cut short by ``close``.

    Raises
    ------
    MdjptError
        If duration or speed is not positive.
    """

    def __init__(
        self,
        participant: Callable[[], SimulatedParticipant],
        *,
        source_id: str = "simulated",
        duration_s: float | None = None,
        speed: float = 1.0,
        clock: Callable[[], float] = time.monotonic,
        wait: Callable[[float], object] | None = None,
    ) -> None:
        if not speed > 0:
            raise MdjptError(f"sim: speed must be positive, got {speed}")
        if duration_s is not None and not 0 < duration_s < math.inf:
            raise MdjptError(f"sim: duration must be positive, got {duration_s} s")
        self._make = participant
        self._source_id = source_id
        self._duration_s = duration_s
        self._speed = speed
        self._clock = clock
        self._closed = threading.Event()
        self._wait = self._closed.wait if wait is None else wait
        self._participant: SimulatedParticipant | None = None
        self._prompts: deque[str | None] = deque()
        self._position = 0
        self._stop: int | None = None
        self._opened_at = 0.0

    @classmethod
    def from_spec(
        cls,
        spec: SourceSpec,
        *,
        montage: Sequence[str] | None = None,
        speed: float = 1.0,
        clock: Callable[[], float] = time.monotonic,
        wait: Callable[[float], object] | None = None,
    ) -> SimulatedSource:
        """Return the source of ``sim:?seed=7&sfreq=250&n_channels=32&duration=60&classes=3``.

        It is not opened. What the command line leaves out has the values above, without an end; a
        montage takes the place of a cap of ``n_channels``. The other arguments are those of the
        class.

        Raises MdjptError if a setting has no valid value.
        """
        options = spec.options
        duration = options.get("duration")
        named = [name for name in montage or () if name != UNCONNECTED]
        if montage and not named:
            raise MdjptError(f"{spec}: --montage names no electrode")
        try:
            participant = partial(
                SimulatedParticipant,
                int(options.get("seed", 7)),
                tuple(named) if montage else cap(int(options.get("n_channels", 32))),
                float(options.get("sfreq", 250.0)),
                class_set(int(options.get("classes", 3))),
            )
            participant()
        except ValueError as error:
            raise MdjptError(f"{spec}: {error}") from None
        return cls(
            participant,
            source_id=f"simulated-{options.get('seed', 7)}",
            duration_s=None if duration is None else float(duration),
            speed=speed,
            clock=clock,
            wait=wait,
        )

    @property
    def ended(self) -> bool:
        """True once all samples of `duration_s` have been read."""
        return self._stop is not None and self._position >= self._stop

    def open(self) -> StreamInfo:
        """Begin the stream; its clock counts seconds from now on."""
        self._closed.clear()
        self._prompts.clear()
        self._participant = person = self._make()
        self._position = 0
        self._stop = None
        if self._duration_s is not None:
            self._stop = round(self._duration_s * person.sfreq)
        self._opened_at = self._clock()
        return StreamInfo(
            name="Simulated participant",
            ch_names=person.ch_names,
            sfreq=person.sfreq,
            source_id=self._source_id,
            clock="simulated",
            ch_units=("uV",) * len(person.ch_names),
            lossless=math.isinf(self._speed),
            simulated=True,
            notes=("simulated EEG: comes from no brain",),
        )

    def read(self, timeout_s: float) -> Chunk:
        """Return what is due by the clock, waiting at most `timeout_s` for the next packet.

        Raises SourceError if the source is not open.
        """
        person = self._participant
        if person is None:
            raise SourceError("simulated source: read before open, or after close")
        while self._prompts:
            person.prompt(self._prompts.popleft())
        due = self._due(person)
        if due <= self._position and not self.ended:
            self._wait(max(0.0, min(timeout_s, self._next_packet_in(person))))
            due = self._due(person)
        first, stop = self._position, max(self._position, due)
        self._position = stop
        return Chunk(
            samples=person.generate(stop - first),
            timestamps=np.arange(first, stop) / person.sfreq,
            first_sample=first,
            markers=tuple(
                Marker(change.sample / person.sfreq, change.state, "truth")
                for change in person.transitions(first, stop)
            ),
            sfreq_by_stamps=person.sfreq,
        )

    def prompt(self, state: str | None) -> None:
        """Ask the participant to feel `state`, or None: what they like; from any thread.

        They do so within a second and two of transition, and truth markers say when. Who does not
        know an emotion rests.
        """
        known = None if state is None else plain_label(state)
        self._prompts.append(known if known is None or known in EMOTIONS else "rest")

    def close(self) -> None:
        """End the stream; safe to call twice and before ``open``."""
        self._closed.set()
        self._participant = None

    def _due(self, person: SimulatedParticipant) -> int:
        """Return the position up to which samples may be delivered now."""
        packet = max(1, round(_PACKET_S * person.sfreq))
        longest = max(packet, int(_LONGEST_READ_S * person.sfreq))
        due = self._position + longest
        if math.isfinite(self._speed):
            elapsed_s = (self._clock() - self._opened_at) * self._speed
            # A wait may end a rounding error before the sample it was for.
            elapsed = int(elapsed_s * person.sfreq + 1e-6)
            all_due = self._stop is not None and elapsed >= self._stop
            due = min(due, elapsed if all_due else elapsed // packet * packet)
        return due if self._stop is None else min(due, self._stop)

    def _next_packet_in(self, person: SimulatedParticipant) -> float:
        """Return the seconds of the clock until the next packet is complete."""
        packet = max(1, round(_PACKET_S * person.sfreq))
        target = (self._position // packet + 1) * packet
        if self._stop is not None:
            target = min(target, self._stop)
        return target / person.sfreq / self._speed - (self._clock() - self._opened_at)
