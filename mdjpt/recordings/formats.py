"""The file formats that can be read, and the reader of each."""

from __future__ import annotations

from dataclasses import replace
from importlib import import_module
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from mdjpt.errors import RecordingError
from mdjpt.recordings.packed import is_packed, unpacked

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mdjpt.recordings.recording import Recording

__all__ = ["FOLDER_SUFFIXES", "read_file", "reader_module"]

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
    **dict.fromkeys((".txt", ".csv", ".tsv"), "text_file"),
}
# What must be said of some files, and which option says it.
_CHOICES = {
    "xdf_file": {"stream": "holds one stream, none to choose by stream={}"},
    "text_file": {
        "sfreq": "tells its rate itself: --sfreq is for tables of text",
        "board": "no raw table of BrainFlow: --board {} says nothing",
    },
}


def reader_module(path: Path) -> str:
    """Name of the module that reads files with this suffix.

    Raises RecordingError: unknown suffix.
    """
    whole = path.with_suffix(_PARTS.get(path.suffix.lower(), path.suffix))
    if whole != path and (whole.exists() or path.suffix.lower() != ".eeg"):
        raise RecordingError(f"{path}: only a part of a recording; name {whole.name} instead")
    name = path.name.lower()
    for suffix in sorted(_READERS, key=len, reverse=True):
        if name.endswith(suffix) or (is_packed(path) and name.removesuffix(".gz").endswith(suffix)):
            return _READERS[suffix]
    raise RecordingError(
        f"{path}: unknown kind of file {path.suffix or '(no suffix)'}; readable are edf, bdf, gdf, "
        "set, vhdr, fif, cnt, mff, nxe, xdf, OpenBCI txt, csv and tsv"
    )


def read_file(path: Path, montage: tuple[str, ...] | None, choice: Mapping[str, Any]) -> Recording:
    """Read a file by the reader of its format, importing the one vendor library that it needs.

    The choice is of ``stream``, ``sfreq`` and ``board``, as far as they are given: for formats in
    which a file leaves them open.

    Raises RecordingError: unknown suffix, or something is chosen that this format has not. Any
    other exception may come out of a damaged file.
    """
    name = reader_module(path)
    known = _CHOICES.get(name, {})
    for option, value in choice.items():
        if option not in known:
            said = next(texts[option] for texts in _CHOICES.values() if option in texts)
            raise RecordingError(said.format(value))
    module: Any = import_module(f"mdjpt.recordings.{name}")
    if not is_packed(path):
        recording: Recording = module.read(path, montage, **choice)
        return recording
    with TemporaryDirectory(prefix="mdjpt-unpack-") as folder:
        plain = Path(folder, path.name[: -len(".gz")])
        plain.write_bytes(unpacked(path.read_bytes()))
        recording = module.read(plain, montage, **choice)
    return replace(recording, source=str(path))
