"""The file formats that can be read, and the reader of each."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from mdjpt.errors import RecordingError

if TYPE_CHECKING:
    from pathlib import Path

    from mdjpt.recordings.recording import Recording

__all__ = ["FOLDER_SUFFIXES", "read_file", "reader_module"]

FOLDER_SUFFIXES = (".mff",)

_MNE = (
    ".edf", ".bdf", ".gdf", ".set", ".vhdr", ".ahdr", ".fif", ".fif.gz", ".cnt", ".mff", ".nxe",
    ".eeg", ".dat", ".dap", ".rs3", ".cdt", ".nedf", ".lay", ".ns3",
)  # fmt: skip

# Files that hold a part of a recording only, and the suffix of the file to name instead.
_PARTS = {".fdt": ".set", ".eeg": ".vhdr", ".vmrk": ".vhdr"}

_WITH_STREAMS = "xdf_file"

# Suffix to the module of this package that reads it.
_READERS = {
    **dict.fromkeys(_MNE, "mne_file"),
    **dict.fromkeys((".xdf", ".xdfz", ".xdf.gz"), _WITH_STREAMS),
    ".txt": "openbci_text",
    ".csv": "csv_text",
}


def reader_module(path: Path) -> str:
    """Name of the module that reads files with this suffix.

    Raises
    ------
    RecordingError
        Unknown suffix.
    """
    whole = path.with_suffix(_PARTS.get(path.suffix.lower(), path.suffix))
    if whole != path and (whole.exists() or path.suffix.lower() != ".eeg"):
        raise RecordingError(f"{path}: only a part of a recording; name {whole.name} instead")
    name = path.name.lower()
    for suffix in sorted(_READERS, key=len, reverse=True):
        if name.endswith(suffix):
            return _READERS[suffix]
    raise RecordingError(
        f"{path}: unknown kind of file {path.suffix or '(no suffix)'}; readable are edf, bdf, gdf, "
        "set, vhdr, fif, cnt, mff, nxe, xdf, OpenBCI txt and csv"
    )


def read_file(path: Path, montage: tuple[str, ...] | None, stream: str | None) -> Recording:
    """Read a file by the reader of its format, importing the one vendor library that it needs.

    Parameters
    ----------
    path : Path
        The file.
    montage : tuple of str or None
        Names for the EEG channels.
    stream : str or None
        Name of the stream, for a format that holds several.

    Raises
    ------
    RecordingError
        Unknown suffix, or a stream is named and the format holds one. Any other exception may come
        out of a damaged file.
    """
    name = reader_module(path)
    module: Any = import_module(f"mdjpt.recordings.{name}")
    choice = (stream,) if name == _WITH_STREAMS else ()
    if stream is not None and not choice:
        raise RecordingError(f"holds one stream, none to choose by stream={stream}")
    recording: Recording = module.read(path, montage, *choice)
    return recording
