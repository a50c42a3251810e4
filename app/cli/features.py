"""``mdjpt features``: the features of a whole recording."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from app.cli.options import Board, Device, Hop, Model, Montage, Sfreq, Stream, output_file
from app.cli.thread_count import compute_on, one_thread
from mdjpt.errors import MdjptError
from mdjpt.guard.atomic_file import atomic_file

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = ["NORMALISED_BY", "features", "save_features"]

N_FEATURES = 512
NORMALISED_BY = {
    "row statistics": "the model's row statistics",
    "stream": "the stream's own past, the model has no statistics: mdjpt model adapt measures some",
    "window": "each window's own, the model has no statistics: mdjpt model adapt measures some",
}


def features(
    file: Annotated[Path, typer.Argument(help="Recording to read.")],
    *,
    out: Annotated[Path, typer.Option(help="File to write (.npz).", callback=output_file)],
    model: Model = None,
    hop: Hop = 2.0,
    scale: Annotated[
        Literal["causal", "recording"],
        typer.Option(help="causal: as live; recording: one scale for the whole file."),
    ] = "causal",
    montage: Montage = None,
    stream: Stream = None,
    sfreq: Sfreq = None,
    board: Board = None,
    device: Device = "auto",
) -> int:
    """Extract the features of a whole recording: features (n_windows, 512), start_s."""
    one_thread()
    from app.session import default_bundle
    from mdjpt.bundle.bundle import load_bundle
    from mdjpt.features import extract_features
    from mdjpt.recordings import read_recording

    compute_on(device)
    bundle = load_bundle(model or default_bundle())
    recording = read_recording(file, montage=montage, stream=stream, sfreq=sfreq, board=board)
    for note in recording.notes:
        typer.echo(f"note: {note}", err=True)
    table = extract_features(recording, bundle, hop_s=hop, scale=scale)
    save_features(out, table.features, table.start_s)
    normalisation = "window" if bundle.row_stats is None else "row statistics"
    typer.echo(
        f"{out}: {len(table.start_s)} windows of 5 s every {hop:g} s, {scale} scale, "
        f"normalised by {NORMALISED_BY[normalisation]}"
    )
    return 0


def save_features(path: Path, features: NDArray[np.float32], start_s: NDArray[np.float64]) -> None:
    """Write the arrays ``features``, shape (n_windows, 512), and ``start_s`` as .npz.

    Raises MdjptError when the file cannot be written.
    """
    import numpy as np

    rows = features.reshape(len(start_s), N_FEATURES).astype(np.float32)
    try:
        with atomic_file(path) as file:
            np.savez_compressed(file, features=rows, start_s=np.asarray(start_s, dtype=np.float64))
    except OSError as error:
        raise MdjptError(f"cannot write {path}: {error.strerror}; choose another file") from None
