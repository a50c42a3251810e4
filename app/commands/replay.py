"""``mdjpt replay``: a recording as an LSL stream."""

from __future__ import annotations

import signal
import sys
import threading
from typing import TYPE_CHECKING

from app.files import read_montage
from mdjpt.recordings import read_recording
from streaming.replay import Faults, Replayer

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

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
    parsed = Faults.parse(faults)
    recording = read_recording(file, montage=read_montage(montage) or None)
    replayer = Replayer(
        recording,
        speed=speed,
        start_s=start_s,
        loop=loop,
        stream_name=stream_name,
        faults=parsed,
    )
    for note in recording.notes:
        sys.stderr.write(f"note: {note}\n")
    sys.stderr.write(_introduction(replayer, recording.n_channels, recording.sfreq))
    _stop_on_signal(replayer)
    progress = _Progress(replayer.duration_s, loop=loop)
    replayer.run(progress.show)
    progress.finish()
    return 0


def _introduction(replayer: Replayer, n_channels: int, sfreq: float) -> str:
    name = replayer.stream_name
    events = f", events as {name}-markers" if replayer.has_markers else ""
    return (
        f"sending {n_channels} channels, {sfreq:g} Hz, {replayer.duration_s:.1f} s as lsl:{name}"
        f"{events}; Ctrl-C ends\n"
        f"decode it from another terminal: mdjpt run 'lsl:{name}'\n"
        "LSL listens on all network interfaces: others in the network can read this stream\n"
    )


def _stop_on_signal(replayer: Replayer) -> None:
    if threading.current_thread() is threading.main_thread():
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda *_: replayer.stop())


class _Progress:
    """A line that counts the seconds, in a terminal only; at the end what was sent.

    Parameters
    ----------
    duration_s : float
        Seconds of one pass.
    loop : bool
        Whether there are further passes.
    """

    def __init__(self, duration_s: float, *, loop: bool) -> None:
        self._of = "" if loop else f" of {duration_s:.0f}"
        self._in_terminal = sys.stderr.isatty()
        self._shown = -1
        self._sent_s = 0.0

    def show(self, sent_s: float) -> None:
        """Take how much has been sent; redraws once a second of signal."""
        self._sent_s = sent_s
        if self._in_terminal and int(sent_s) != self._shown:
            self._shown = int(sent_s)
            sys.stderr.write(f"\rsent {self._shown}{self._of} s ")
            sys.stderr.flush()

    def finish(self) -> None:
        """Say how much was sent."""
        sys.stderr.write(f"{chr(13) if self._in_terminal else ''}sent {self._sent_s:.1f} s\n")
