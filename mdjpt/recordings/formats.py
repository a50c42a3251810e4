"""The file formats that can be read, and the reader of each."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Protocol, cast

from mdjpt.errors import RecordingError

if TYPE_CHECKING:
    from pathlib import Path

    from mdjpt.recordings.recording import Recording

__all__ = ["FOLDER_SUFFIXES", "Reader", "reader_module", "reader_of"]

FOLDER_SUFFIXES = (".mff",)

_MNE = (
    ".edf", ".bdf", ".gdf", ".set", ".vhdr", ".ahdr", ".fif", ".fif.gz", ".cnt", ".mff", ".nxe",
    ".eeg", ".dat", ".dap", ".rs3", ".cdt", ".nedf", ".lay", ".ns3",
)  # fmt: skip

# Files that hold a part of a recording only, and the suffix of the file to name instead.
_PARTS = {".fdt": ".set", ".eeg": ".vhdr", ".vmrk": ".vhdr"}

# Suffix to the module of this package that reads it.
_READERS = {
    **dict.fromkeys(_MNE, "mne_file"),
    **dict.fromkeys((".xdf", ".xdfz", ".xdf.gz"), "xdf_file"),
    ".txt": "openbci_text",
    ".csv": "csv_text",
}


class Reader(Protocol):
    """A module's ``read`` function."""

    def __call__(
        self, path: Path, montage: tuple[str, ...] | None, stream: str | None
    ) -> Recording:
        """Read a file; any exception may come out of a damaged one."""
        ...


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


def reader_of(path: Path) -> Reader:
    """Import the reader of a file, and with it the one vendor library that it needs."""
    module = import_module(f"mdjpt.recordings.{reader_module(path)}")
    return cast("Reader", module.read)
