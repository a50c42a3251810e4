"""What the project set out to reach online, and whether it did."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mdjpt.evaluation.online.tables import gain

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from mdjpt.evaluation.online.tables import Cell

__all__ = ["targets"]

CHANGED = ("other montage", "EPOC montage")
LEAST_GAIN, MOST_LOSS, LEAST_CALIBRATION_GAIN, MOST_ERROR = 0.05, 0.01, 0.10, 0.05


def targets(
    cells: Mapping[tuple[str, ...], Cell],
    default: str,
    temperature: float,
    errors: Sequence[Mapping[str, Any]],
    by_condition: Sequence[Mapping[str, Any]],
    calibrated: Sequence[Mapping[str, Any]],
) -> list[str]:
    """Return one line a target: what was wanted, what was measured, reached or not.

    `errors` come from :func:`~mdjpt.evaluation.online.tables.crowd_rows`, `by_condition` from
    :func:`~mdjpt.evaluation.online.tables.confidence_rows`; `calibrated` are the mean rows of the
    calibrations, empty when they were left out.
    """
    lines = []
    for condition in CHANGED:
        if (condition, "balanced") in cells:
            found = gain(cells[condition, "balanced"], default, "first 3 min", temperature).mean
            lines.append(
                f"{_verdict(found >= LEAST_GAIN)}: +5 points over no alignment within 3 min on a "
                f"changed montage ({condition}): {100 * found:+.1f}"
            )
    for condition, labels in cells:
        if labels == "blocked":
            found = gain(cells[condition, labels], default, "all", temperature).mean
            lines.append(
                f"{_verdict(found >= -MOST_LOSS)}: within 1 point of no alignment when labels are "
                f"blocked ({condition}, whole session): {100 * found:+.1f}"
            )
    lines += _calibration(calibrated)
    for row in errors:
        if row["aligner"] == default:
            lines.append(
                f"{_verdict(row['error'] <= MOST_ERROR)}: calibration error of what is shown at "
                f"most 0.05 ({default}, {row['people']} people): {row['error']:.3f} "
                f"({row['low']:.3f} to {row['high']:.3f})"
            )
    for row in by_condition:
        if row["aligner"] == default and row["sessions"] == "all":
            lines.append(
                f"{_verdict(row['error'] <= MOST_ERROR)}: the same of the seeds' participants, who "
                f"are fewer, each in every kind of session: {row['error']:.3f}"
            )
    return lines


def _calibration(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """Say what 8 trials bring, in all and a class."""
    if not rows:
        return []
    lines, before = [], rows[0]["zero-shot"]
    for row in rows:
        if row["trials"] in ("8 in all", "8 a class") and row.get("in use") is not None:
            found = row["in use"] - before
            against = ""
            if rows[0].get("aligned") is not None:
                against = f"; {100 * (row['in use'] - rows[0]['aligned']):+.1f} over aligned"
            lines.append(
                f"{_verdict(found >= LEAST_CALIBRATION_GAIN)}: +10 points over zero-shot from "
                f"trials of 15 s ({row['trials']}): {100 * found:+.1f}{against}"
            )
    return lines


def _verdict(reached: bool) -> str:
    return "reached" if reached else "NOT reached"
