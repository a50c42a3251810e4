"""Painting without traps: painters that always end, and polylines straight from arrays."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import shiboken6
from PySide6.QtGui import QPaintDevice, QPainter, QPolygonF

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

__all__ = ["finite_runs", "painting", "polygon"]


@contextmanager
def painting(device: QPaintDevice, *, smooth: bool = True) -> Iterator[QPainter]:
    """Yield a painter that ends whatever happens: one left open crashes the process at exit.

    The device is a widget (inside its ``paintEvent``) or a pixmap; smooth lines are antialiased.
    """
    painter = QPainter(device)
    try:
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, smooth)
        yield painter
    finally:
        painter.end()


def polygon(x: NDArray[np.float64], y: NDArray[np.float64]) -> QPolygonF:
    """Return points, shape (n_points,), logical pixels, as a polygon, copied in one piece."""
    points = QPolygonF()
    points.resize(x.size)
    if x.size:
        # The stubs of shiboken6 and PySide6 know neither the size argument nor the buffer.
        memory: Any = cast("Any", shiboken6.VoidPtr)(points.data(), x.size * 16, True)
        table = np.frombuffer(memory, dtype=np.float64).reshape(-1, 2)
        table[:, 0] = x
        table[:, 1] = y
    return points


def finite_runs(finite: NDArray[np.bool_]) -> list[tuple[int, int]]:
    """Return the half-open ranges in which `finite`, shape (n_times,), is true."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], finite, [False]]).astype(np.int8)))
    return [(int(a), int(b)) for a, b in zip(edges[::2], edges[1::2], strict=True)]
