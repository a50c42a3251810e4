"""The same question on a prepared dataset: sessions of its subjects, in the order they were shown.

A store's windows were scaled over their whole recording and filtered as a whole, which no live
system can do: what differs here is the alignment alone.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import numpy as np

from mdjpt.calibration.label_sets import map_label
from mdjpt.errors import DatasetError
from mdjpt.evaluation.kept_settings import keep_settings
from mdjpt.evaluation.online.courses import decode_session, read_courses, write_courses
from mdjpt.evaluation.online.report import write_tables
from mdjpt.evaluation.online.run import (
    SETTINGS_FILE,
    load_decoding_bundle,
    one_thread_bundle,
    run_parts,
)
from mdjpt.evaluation.online.sessions import Session
from mdjpt.evaluation.online.tables import Cell, gain_table, time_table
from mdjpt.evaluation.window_table import window_table
from mdjpt.guard.extras import check_training_extra
from mdjpt.signal.filters import N_TIMES, SFREQ, WINDOW_S
from mdjpt.store.store import open_store

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from mdjpt.evaluation.window_table import WindowTable
    from mdjpt.store.store import Store

__all__ = ["run_stored", "stored_session"]


def run_stored(
    model: Path,
    store: Path,
    out: Path,
    *,
    aligners: Sequence[str],
    hop_s: float = 2.0,
    n_jobs: int = 1,
    command: str = "",
    say: Callable[[str], None] = lambda _: None,
) -> list[Path]:
    """Decode every session of a store with every aligner and write the report.

    Labels are read as the head's classes where they can be. What is finished in `out` is kept;
    aligners that the bundle has no statistics for are left out. `n_jobs` sessions run at a time,
    one thread each; `say` takes a line when something is done.

    Raises MdjptError: the bundle or the store cannot be used, or `out` holds another evaluation.
    """
    check_training_extra("pandas")
    bundle, opened = load_decoding_bundle(model), open_store(store)
    table = window_table(opened, N_TIMES, round(hop_s * SFREQ))
    sessions = table.sessions()
    if (_labels(table, bundle.class_names) < 0).all():
        raise DatasetError(
            f"{store}: none of its labels ({', '.join(table.class_names)[:60]}) is one of the "
            f"head's: {', '.join(bundle.class_names)[:60]}"
        )
    settings = {"store": table.dataset, "n_windows": len(table), "aligners": list(aligners)}
    decided = settings | {"model": bundle.identity, "hop_s": hop_s}
    keep_settings(out / SETTINGS_FILE, decided)
    files = [out / "parts" / f"session-{k}.npz" for k in range(len(sessions))]
    todo = [
        (_stored_part, model, opened, hop_s, k, tuple(aligners), file)
        for k, file in enumerate(files)
        if not file.exists()
    ]
    run_parts(todo, n_jobs, say)
    # Subjects take the place of seeds: each session is one of them.
    cell: Cell = [{n: [c] for n, c in read_courses(file).items()} for file in files]
    cells: dict[tuple[str, ...], Cell] = {(table.dataset, "as shown"): cell}
    tables = {
        "gain-3-min": gain_table(cells, "first 3 min", bundle.temperature),
        "gain-all": gain_table(cells, "all", bundle.temperature),
        "time": time_table(cells, bundle.temperature),
    }
    return write_tables(out, f"Alignment on {table.dataset}", _about(table, command), tables, {})


def _about(table: WindowTable, command: str) -> list[str]:
    simulated = ["**Simulated EEG: it says nothing about people.**", ""] if table.simulated else []
    order = "as they were shown" if table.order_known else "in the order of the file"
    return [
        *simulated,
        f"`{command}`",
        "",
        f"{len(table.subjects)} subjects, {len(table)} windows, trials {order}; time counts trials "
        "only. Scaled over whole recordings. ± is the standard error over sessions; where a span "
        "lacks a class, the others count.",
        "",
    ]


def _stored_part(
    model: Path, store: Store, hop_s: float, which: int, aligners: tuple[str, ...], file: Path
) -> str:
    """Decode one session of a store, write it down; body of a worker."""
    bundle, began = one_thread_bundle(model), time.process_time()
    session = stored_session(store, which, bundle.class_names, hop_s)
    courses = decode_session(bundle, session, aligners)
    write_courses(file, courses, time.process_time() - began)
    return f"{file.stem}, {len(session.windows)} windows"


def stored_session(store: Store, which: int, classes: tuple[str, ...], hop_s: float) -> Session:
    """Read one session of a store as if it were live; `classes` are the head's."""
    table = window_table(store, N_TIMES, round(hop_s * SFREQ))
    own = table.select(table.sessions()[which])
    windows = np.empty((len(own), 60, N_TIMES), np.float32)
    for recording in np.unique(own.recording):
        here = own.recording == recording
        windows[here] = store.windows(int(recording), own.start[here])
    return Session(
        windows=windows,
        end_s=_ends(own, hop_s),
        label=_labels(own, classes),
        segment=np.cumsum(np.diff(own.trial, prepend=own.trial[0]) != 0),
        hop_s=hop_s,
    )


def _ends(table: WindowTable, hop_s: float) -> NDArray[np.float64]:
    """Return the seconds of signal since the session began at the end of each window."""
    first = np.diff(table.trial, prepend=-1) != 0
    ends: NDArray[np.float64] = np.cumsum(np.where(first, WINDOW_S, hop_s))
    return ends


def _labels(table: WindowTable, classes: tuple[str, ...]) -> NDArray[Any]:
    mapped = [map_label(name, classes) for name in table.class_names]
    numbers = [-1 if name is None else classes.index(name) for name in mapped]
    return np.array([*numbers, -1])[table.label]
