"""``mdjpt replay``: a recording as an LSL stream."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from app.files import read_montage
from app.interruption import stopped_by_signal
from mdjpt.recordings import read_recording
from streaming.sources.replay import Replayer, parse_faults

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from mdjpt.recordings import Recording

__all__ = ["replay"]


def replay(
    file: Path,
    *,
    speed: float,
    start_s: float,
    loop: bool,
    stream_name: str | None,
    faults: Sequence[str],
    montage: str | None,
) -> int:
    """Send a recording until its end, Ctrl-C or SIGTERM.

    Parameters
    ----------
    file : Path
        Recording of any format that is read.
    speed : float
        Times real time.
    start_s : float
        Second of the recording to start at.
    loop : bool
        Whether to start again at the end.
    stream_name : str or None
        Name of the LSL stream; that of the file when None.
    faults : sequence of str
        ``drop=N``, ``jitter_ms=X``, ``stall_s=X``.
    montage : str or None
        Electrode names, or a file that holds them.

    Returns
    -------
    int
        0; errors are raised.

    Raises
    ------
    MdjptError
        The file or an option cannot be used.
    """
    recording = read_recording(file, montage=read_montage(montage) or None)
    replayer = Replayer(
        recording,
        speed=speed,
        start_s=start_s,
        loop=loop,
        stream_name=stream_name,
        faults=parse_faults(faults),
    )
    for note in recording.notes:
        sys.stderr.write(f"note: {note}\n")
    sys.stderr.write(_introduction(replayer, recording))
    with stopped_by_signal() as stopped:
        replayer.run(stopped)
    sys.stderr.write(f"sent {replayer.n_sent / recording.sfreq:.1f} s\n")
    return 0


def _introduction(replayer: Replayer, recording: Recording) -> str:
    name = replayer.stream_name
    events = f", events as {name}-markers" if recording.markers else ""
    return (
        f"sending {recording.n_channels} channels, {recording.sfreq:g} Hz, "
        f"{replayer.duration_s:.1f} s as lsl:{name}{events}; Ctrl-C ends\n"
        f"decode it from another terminal: mdjpt run 'lsl:{name}'\n"
        "LSL listens on all network interfaces: others in the network can read this stream\n"
    )
