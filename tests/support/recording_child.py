"""Records until it is killed; prints how many samples it gave away and how many are in the file.

With a number of bytes that a file may have it ends at them, gives no chunk away before the one in
front of it was taken or refused, and prints last what the recorder told.
"""

from __future__ import annotations

import resource
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
    """Record without an end, or to the end of what a file may hold."""
    max_bytes = int(sys.argv[2]) if len(sys.argv) > 2 else 0
    if max_bytes:
        resource.setrlimit(resource.RLIMIT_FSIZE, (max_bytes, max_bytes))
    recorder = Recorder(Path(sys.argv[1]))
    recorder.open(StreamInfo("kill", tuple(f"E{i}" for i in range(N_CHANNELS)), SFREQ))
    never = threading.Event()
    first = 0
    while not recorder.failed:
        stamps = np.arange(first, first + N_CHUNK) / SFREQ
        recorder.write(Chunk(counted(first, N_CHUNK), stamps, first))
        first += N_CHUNK
        while max_bytes and not recorder.failed and recorder.recorded_s * SFREQ < first - 0.5:
            never.wait(PACE_S)
        sys.stdout.write(f"{first} {round(recorder.recorded_s * SFREQ)}\n")
        sys.stdout.flush()
        never.wait(PACE_S)
    recorder.close()
    print(recorder.error)  # noqa: T201


if __name__ == "__main__":
    main()
