"""``mdjpt features``: the features of a whole recording."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from app.files import read_montage, save_features
from app.session import default_bundle
from mdjpt.errors import MdjptError

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["store_features"]


def store_features(
    path: Path, out: Path, *, model: Path | None, hop_s: float, scale: str, montage: str | None
) -> int:
    """Write features [n, 512] and start_s [n] of the recording at `path` to `out`.

    Raises
    ------
    MdjptError
        Recording, model or output file cannot be used.
    """
    if scale not in ("causal", "recording"):
        raise MdjptError(f"--scale is causal or recording, got {scale!r}")
    from mdjpt.bundle.bundle import load_bundle
    from mdjpt.features import extract_features
    from mdjpt.recordings import read_recording

    bundle = load_bundle(model or default_bundle())
    recording = read_recording(path, montage=read_montage(montage) or None)
    for note in recording.notes:
        sys.stderr.write(f"note: {note}\n")
    table = extract_features(
        recording, bundle, hop_s=hop_s, scale="causal" if scale == "causal" else "recording"
    )
    save_features(out, table.features, table.start_s)
    normalisation = "window" if bundle.row_stats is None else "row statistics"
    sys.stdout.write(
        f"{out}: {len(table.start_s)} windows of 5 s every {hop_s:g} s, {scale} scale, "
        f"normalised by {normalisation}\n"
    )
    return 0
