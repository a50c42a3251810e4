"""Records until it is killed; prints how many samples it gave away and how many are in the file."""

from __future__ import annotations

import sys
import threading
from pathlib import Path

import numpy as np

from streaming.recorder import Recorder
from streaming.stream import Chunk, StreamInfo

SFREQ = 250.0
N_CHANNELS = 32
N_CHUNK = 5
PACE_S = 0.004
"""Five times as fast as the signal: a chunk holds 20 ms."""


def counted(first: int, n_times: int) -> np.ndarray:
    """Return samples that hold their own position in every channel."""
    return np.tile(np.arange(first, first + n_times, dtype=np.float32), (N_CHANNELS, 1))


def main() -> None:
    """Record without an end."""
    recorder = Recorder(Path(sys.argv[1]))
    recorder.open(StreamInfo("kill", tuple(f"E{i}" for i in range(N_CHANNELS)), SFREQ))
    never = threading.Event()
    first = 0
    while not never.wait(PACE_S):
        stamps = np.arange(first, first + N_CHUNK) / SFREQ
        recorder.write(Chunk(counted(first, N_CHUNK), stamps, first))
        first += N_CHUNK
        written = round(recorder.recorded_s * SFREQ)
        sys.stdout.write(f"{first} {written}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
