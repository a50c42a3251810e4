"""Text files of EEG: which program wrote one is told by its first lines, not by its suffix."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mdjpt.recordings import brainflow_text, csv_text, openbci_text
from mdjpt.recordings.text_table import head_of

if TYPE_CHECKING:
    from pathlib import Path

    from mdjpt.recordings.recording import Recording

__all__ = ["read"]


def read(
    path: Path,
    montage: tuple[str, ...] | None,
    sfreq: float | None = None,
    board: str | None = None,
) -> Recording:
    """Read a text file of the OpenBCI GUI, of BrainFlow, or with a line of channel names.

    `sfreq`, Hz, is for a table that does not tell its rate, BrainFlow's name of the board for one
    without names.

    Raises RecordingError: neither of these, or not enough is known of it.
    """
    head = head_of(path)
    if head and head[0].startswith("%"):
        return openbci_text.read(path, head, montage)
    if board is not None or brainflow_text.is_brainflow(path, head):
        return brainflow_text.read(path, head, montage, board)
    return csv_text.read(path, head, montage, sfreq)
