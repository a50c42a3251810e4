"""A folder of pictures, videos and sounds that are to evoke emotions: one folder a class."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from mdjpt.errors import MdjptError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

__all__ = ["Kind", "media_files"]

Kind = Literal["picture", "video", "sound"]
_SUFFIXES: dict[str, Kind] = {
    **dict.fromkeys((".png", ".jpg", ".jpeg", ".bmp", ".webp", ".gif"), "picture"),
    **dict.fromkeys((".mp4", ".m4v", ".mkv", ".webm", ".mov", ".avi"), "video"),
    **dict.fromkeys((".wav", ".mp3", ".ogg", ".flac", ".m4a", ".opus"), "sound"),
}


def media_files(folder: Path, class_names: Sequence[str]) -> dict[str, list[tuple[Path, Kind]]]:
    """Return the files of each class, by name, and what they are; the suffix says it.

    The folder holds one for each class; upper and lower case are the same.

    Raises MdjptError: the folder cannot be read, or a class has no folder or no usable file in it.
    """
    folders = {path.name.lower(): path for path in _entries(folder) if path.is_dir()}
    missing = [name for name in class_names if name.lower() not in folders]
    if missing:
        raise MdjptError(
            f"{folder}: no folder {missing[0]!r}; one folder a class, which holds pictures, "
            "videos or sounds"
        )
    found = {name: _files(folders[name.lower()]) for name in class_names}
    empty = [name for name in class_names if not found[name]]
    if empty:
        raise MdjptError(
            f"{folders[empty[0].lower()]}: no picture, video or sound in it; known are "
            f"{' '.join(_SUFFIXES)}"
        )
    return found


def _files(folder: Path) -> list[tuple[Path, Kind]]:
    return [
        (path, _SUFFIXES[path.suffix.lower()])
        for path in _entries(folder)
        if path.suffix.lower() in _SUFFIXES and path.is_file() and not path.name.startswith(".")
    ]


def _entries(folder: Path) -> Iterable[Path]:
    try:
        return sorted(folder.iterdir())
    except OSError as error:
        raise MdjptError(
            f"{folder}: cannot be read: {error.strerror}; name a folder with one folder a class"
        ) from None
