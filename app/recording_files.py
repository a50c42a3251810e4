"""Where recordings go and what they are called."""

from __future__ import annotations

import datetime
import secrets
from typing import TYPE_CHECKING

from platformdirs import user_data_path

from mdjpt.errors import MdjptError

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["default_recordings", "new_recording"]


def default_recordings() -> Path:
    """Return the folder of recordings for which none was named; it may not exist yet."""
    return user_data_path("mdjpt-live", appauthor=False) / "recordings"


def new_recording(folder: Path, now: datetime.datetime | None = None) -> Path:
    """Name a file that is not there yet, and make its folder.

    ``mdjpt_YYYYmmdd-HHMMSS_xxxxxx.xdf``, by local time: the last part is drawn, because two
    sessions that begin in the same second, on one computer or on two that share a disk, know
    nothing of each other. A new folder is its owner's only: EEG is sensitive.

    Raises MdjptError: the folder cannot be made or is none.
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
    began = f"{now or datetime.datetime.now().astimezone():%Y%m%d-%H%M%S}"
    return folder.absolute() / f"mdjpt_{began}_{secrets.token_hex(3)}.xdf"
