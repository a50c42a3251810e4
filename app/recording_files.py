"""Where recordings go and what they are called."""

from __future__ import annotations

import datetime
from typing import TYPE_CHECKING

from platformdirs import user_data_path

from mdjpt.errors import MdjptError
from mdjpt.recordings.checksums import checksum_path

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["default_recordings", "new_recording"]


def default_recordings() -> Path:
    """Return the folder of recordings for which none was named; it may not exist yet."""
    return user_data_path("mdjpt-live", appauthor=False) / "recordings"


def new_recording(folder: Path, now: datetime.datetime | None = None) -> Path:
    """Name a file that is not there yet, ``mdjpt_YYYYmmdd-HHMMSS.xdf``, and make its folder.

    Parameters
    ----------
    folder : Path
        Made for its owner only when it is missing: EEG is sensitive.
    now : datetime, optional
        Local time; this moment by default.

    Raises
    ------
    MdjptError
        The folder cannot be made or is none.
    """
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except FileExistsError:
        raise MdjptError(f"{folder}: a file, not a folder; name another one") from None
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise MdjptError(
            f"{folder}: cannot record there: {reason[:1].lower()}{reason[1:]}; name another folder"
        ) from None
    stem = f"mdjpt_{now or datetime.datetime.now().astimezone():%Y%m%d-%H%M%S}"
    names = (stem, *(f"{stem}_{n}" for n in range(2, 100)))
    paths = [folder.absolute() / f"{name}.xdf" for name in names]
    return next((p for p in paths if not (p.exists() or checksum_path(p).exists())), paths[0])
