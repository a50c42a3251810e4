"""
A source of your own
====================

Whatever has ``open``, ``read``, ``close`` and ``ended`` is a source: a device that no driver
knows, a socket, a simulator. It gives microvolts, time stamps and the position of its first
sample; a jump of the position is a gap. This one loses half a second at 20 s, and no window that
touches the gap is decoded.
"""

import matplotlib.pyplot as plt
import numpy as np

import mdjpt
from app.session import default_bundle
from mdjpt.simulation import SimulatedParticipant
from streaming.pipeline import Pipeline
from streaming.stream import Chunk, StreamInfo


class LossySource:
    """A simulated person behind a cable that was bumped."""

    def __init__(self, sfreq=125.0, duration_s=40.0, lost=(20.0, 20.5)):
        self.ended = False
        self._person = SimulatedParticipant(seed=11, sfreq=sfreq)
        self._stop = round(duration_s * sfreq)
        self._lost = [round(s * sfreq) for s in lost]
        self._next = 0

    def open(self):
        """Say what the stream is."""
        return StreamInfo(
            "bumped cable",
            self._person.ch_names,
            self._person.sfreq,
            clock="simulated",
            lossless=True,
            simulated=True,
        )

    def read(self, timeout_s):
        """Return the next quarter of a second; behind the end, nothing."""
        first, n_times = self._next, 0 if self.ended else round(self._person.sfreq / 4)
        samples = self._person.generate(n_times)
        kept = np.array(
            [not self._lost[0] <= first + k < self._lost[1] for k in range(n_times)], bool
        )
        self._next += n_times
        self.ended = self._next >= self._stop
        positions = first + np.flatnonzero(kept)
        at = int(positions[0]) if len(positions) else self._next
        return Chunk(samples[:, kept], positions / self._person.sfreq, at)

    def close(self):
        """Let go of the device; nothing here."""


decoder = mdjpt.EmotionDecoder(mdjpt.load_bundle(default_bundle()), hop_s=0.5)
predictions = [answer.prediction for answer in Pipeline(LossySource(), decoder).run()]
print(next(p.reason for p in predictions if p.status == "gap"))

# %%
# What became of each window.

figure, axes = plt.subplots(layout="constrained")
kinds = ["ok", "unsure", "gap", "bad_signal", "warming_up"]
axes.plot(
    [p.end_s for p in predictions], [kinds.index(p.status) for p in predictions], "s", markersize=4
)
axes.axvspan(20.0, 20.5, color="tab:red", alpha=0.3, label="lost")
axes.set(xlabel="end of the window, s", yticks=range(len(kinds)), yticklabels=kinds)
axes.legend()
