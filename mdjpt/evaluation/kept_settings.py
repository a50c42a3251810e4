"""What a long evaluation was begun with: it is taken up with the same settings or not at all."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from mdjpt.errors import MdjptError
from mdjpt.guard.atomic_file import write_file

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["keep_settings"]


def keep_settings(path: Path, settings: dict[str, Any]) -> None:
    """Write what is run to a JSON file, or check that it is what was begun here.

    `settings` is everything that decides the result: JSON types, tuples for lists.

    Raises MdjptError: the folder holds another evaluation, or the file cannot be read or written.
    """
    text = json.dumps(settings, indent=1)
    if not path.exists():
        write_file(path, text.encode())
        return
    try:
        begun = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise MdjptError(f"{path}: cannot be read: {error}") from None
    if begun != json.loads(text):
        raise MdjptError(f"{path.parent}: holds another evaluation: choose another folder")
