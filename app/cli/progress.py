"""How far long work is, on standard error: a bar in a terminal, else lines."""

from __future__ import annotations

import sys
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["Progress", "shown_progress"]


class Progress(Protocol):
    """Takes how far the work is."""

    def __call__(self, done: int, total: int, text: str = "") -> None:
        """Show that `done` of `total` steps are done, and what there is to say of the newest."""
        ...


@contextmanager
def shown_progress(title: str, *, every_s: float = 0.0) -> Iterator[Progress]:
    """Yield what shows each step, behind a title.

    Where no bar is drawn there is a line every so many seconds; the first and the last step are
    always written.
    """
    if not sys.stderr.isatty():
        yield _Lines(title, every_s)
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
    from rich.progress import Progress as Bar

    columns = (
        TextColumn(title, markup=False),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.description}", markup=False),
    )
    with Bar(*columns, console=Console(stderr=True)) as bar:
        task = bar.add_task("", total=None)

        def show(done: int, total: int, text: str = "") -> None:
            bar.update(task, total=total, completed=done, description=text)

        yield show


class _Lines:
    def __init__(self, title: str, every_s: float) -> None:
        self._title, self._every_s = title, every_s
        self._next_s = 0.0

    def __call__(self, done: int, total: int, text: str = "") -> None:
        now_s = time.monotonic()
        if now_s < self._next_s and done < total:
            return
        self._next_s = now_s + self._every_s
        said = f": {text}" if text else ""
        sys.stderr.write(f"{self._title} {done} of {total}{said}\n")
        sys.stderr.flush()
