"""Raw tables of BrainFlow and of the OpenBCI GUI: one column a row of the board, without names."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

import numpy as np

from mdjpt.errors import RecordingError
from mdjpt.recordings.counters import Counter, as_counter
from mdjpt.recordings.electrodes import select_electrodes
from mdjpt.recordings.placement import placed_recording
from mdjpt.recordings.text_table import damaged_lines, layout_of, number, read_columns

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from mdjpt.recordings.recording import Recording

__all__ = ["is_brainflow", "read"]

# Boards of the OpenBCI GUI, which writes such files, by their number of columns.
_BY_COLUMNS = {24: "cyton", 32: "cyton_daisy", 15: "ganglion"}
_UNIX = (1e9, 1e11)  # seconds
_MIN_COLUMNS = 7


def is_brainflow(path: Path, head: Sequence[str]) -> bool:
    """Tell a table of BrainFlow by its name or by its numbers between tabs, one of them Unix time.

    `head` holds its first lines.
    """
    cells = [number(cell) for cell in layout_of(head).cells(head[0])] if head else []
    if len(cells) < _MIN_COLUMNS or not np.isfinite(cells).all():
        return False
    in_unix_time = any(_UNIX[0] < cell < _UNIX[1] for cell in cells)
    return path.name.lower().startswith("brainflow") or ("\t" in head[0] and in_unix_time)


def read(
    path: Path, head: Sequence[str], montage: tuple[str, ...] | None, board: str | None
) -> Recording:
    """Read the EEG, stamps, counter and markers of a raw table, whose first lines are `head`.

    Without a montage the channels have the names that BrainFlow gives the board. That is called as
    BrainFlow does ("cyton"), or told by the number of columns.

    Raises RecordingError: the board is not known, or writes another number of columns.
    """
    layout = layout_of(head)
    n_columns = len(layout.cells(head[0]))
    name = board or _BY_COLUMNS.get(n_columns, "")
    if not name:
        raise RecordingError(
            f"a raw table of BrainFlow with {n_columns} columns: name its board with --board NAME"
        )
    rows = _described(name)
    if rows["num_rows"] != n_columns:
        raise RecordingError(
            f"{n_columns} columns, but BrainFlow's {name} has {rows['num_rows']}: "
            "name its board with --board NAME"
        )
    labels = (
        rows["eeg_names"].split(",") if rows.get("eeg_names") else [""] * len(rows["eeg_channels"])
    )
    electrodes = select_electrodes(labels, montage)
    eeg = [rows["eeg_channels"][i] for i in electrodes.columns]
    places = [rows[f"{what}_channel"] for what in ("timestamp", "package_num", "marker")]
    values, n_damaged = read_columns(path, [*places, *eeg], skip_lines=0, layout=layout)
    stamps, package, codes = values[:3]
    if not (np.isfinite(stamps).all() and (stamps > 0).all()):
        raise RecordingError(f"its time stamps are no times: is {name} its board? --board NAME")
    counter = as_counter(package)
    notes = [] if board else [f"board {name} told by its {n_columns} columns"]
    if montage is None:
        notes.append(f"electrodes as BrainFlow names those of {name}: --montage names others")
    return placed_recording(
        values[3:].astype(np.float32),
        float(rows["sampling_rate"]),
        electrodes.names,
        stamps=stamps,
        counter=None if counter is None else Counter(0, *counter),
        column_events=[(int(i), f"{codes[i]:g}") for i in np.flatnonzero(np.nan_to_num(codes))],
        notes=(*notes, *electrodes.notes, *damaged_lines(n_damaged)),
        source=str(path),
    )


def _described(name: str) -> dict[str, Any]:
    """Return BrainFlow's description of a board."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from brainflow.board_shim import BoardIds, BoardShim

    member = BoardIds.__members__.get(f"{name.strip().upper().removesuffix('_BOARD')}_BOARD")
    rows: dict[str, Any] = {} if member is None else BoardShim.get_board_descr(member.value)
    if not {"eeg_channels", "timestamp_channel", "package_num_channel"} <= rows.keys():
        raise RecordingError(
            f"BrainFlow has no board {name!r} with EEG; --board cyton, ganglion, muse_2, ..."
        )
    return {"marker_channel": rows["timestamp_channel"], **rows}
