"""The tables of an online evaluation: accuracy over time, gain by alignment, calibration."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from mdjpt.calibration.confidence import expected_calibration_error, fit_confidence
from mdjpt.evaluation.online.courses import Course, accuracy_between, shown_and_true
from mdjpt.evaluation.report import Table

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

__all__ = [
    "SPANS_S",
    "Cell",
    "Gain",
    "confidence_rows",
    "crowd_rows",
    "gain",
    "gain_table",
    "table",
    "time_table",
]

SPANS_S = {
    "first 1 min": (0.0, 60.0),
    "first 2 min": (0.0, 120.0),
    "first 3 min": (0.0, 180.0),
    "first 5 min": (0.0, 300.0),
    "after 3 min": (180.0, math.inf),
    "all": (0.0, math.inf),
}
"""Spans of time since connecting, by the end of the window."""

_N_DRAWS = 1000

Cell = list[dict[str, list[Course]]]
"""Sessions of one kind: for each seed, by aligner, one course a participant."""


@dataclass(frozen=True, slots=True)
class Gain:
    """What an aligner gains over none."""

    # Over the seeds: mean, its standard error (NaN for one seed), smallest; fractions of 1.
    mean: float
    error: float
    worst: float


def _accuracies(
    cell: Cell, aligner: str, span_s: tuple[float, float], temperature: float
) -> NDArray[np.float64]:
    """Return the balanced accuracy of each seed's participants together."""
    return np.array([accuracy_between(seed[aligner], *span_s, temperature) for seed in cell])


def gain(cell: Cell, aligner: str, span: str, temperature: float, than: str = "none") -> Gain:
    """Return what an aligner gains over another one in a span of time, a key of :data:`SPANS_S`."""
    found = [_accuracies(cell, name, SPANS_S[span], temperature) for name in (aligner, than)]
    differences = found[0] - found[1]
    n = len(differences)
    error = float(differences.std(ddof=1) / math.sqrt(n)) if n > 1 else math.nan
    return Gain(float(differences.mean()), error, float(differences.min()))


def time_table(cells: Mapping[tuple[str, ...], Cell], temperature: float) -> Table:
    """Return the balanced accuracy since connecting, mean over seeds, percent.

    The cells are sessions by condition and order of labels.
    """
    rows = [
        {"condition": place[0], "labels": place[1], "aligner": aligner}
        | {
            name: float(np.mean(_accuracies(cell, aligner, span, temperature)))
            for name, span in SPANS_S.items()
        }
        for place, cell in cells.items()
        for aligner in cell[0]
    ]
    return table("Balanced accuracy since connecting, percent", rows, percent=True)


def gain_table(cells: Mapping[tuple[str, ...], Cell], span: str, temperature: float) -> Table:
    """Return what each aligner gains over none in a span, points, mean ± standard error."""
    rows = []
    for place, cell in cells.items():
        plain = float(np.mean(_accuracies(cell, "none", SPANS_S[span], temperature)))
        row = {"condition": place[0], "labels": place[1], "none, percent": plain}
        names = [name for name in cell[0] if name != "none"]
        rows.append(row | {n: _points(gain(cell, n, span, temperature)) for n in names})
    return table(f"Gain over no alignment, {span}, points", rows, percent=True)


def confidence_rows(
    cells: Mapping[tuple[str, ...], Cell], aligner: str, temperature: float
) -> list[dict[str, Any]]:
    """Return the expected calibration error of what is shown, of each kind of session and of all.

    ``refitted`` takes the temperature that fits the other seeds' participants best: what the error
    would be for a bundle whose confidence had been fitted to this way of decoding.
    """
    places = {", ".join(place): [cell] for place, cell in cells.items()}
    places["all"] = list(cells.values())
    return [
        {
            "sessions": name,
            "aligner": aligner,
            "error": _calibration_error(chosen, aligner, temperature),
            "refitted": _refitted_error(chosen, aligner),
        }
        for name, chosen in places.items()
    ]


def crowd_rows(
    people: Mapping[str, Sequence[Course]], temperature: float, seed: int = 0
) -> list[dict[str, Any]]:
    """Return the calibration error over many people with its 95 % interval, a row an aligner.

    Each person has one session. The seed is of the bootstrap, which draws people, not windows.
    """
    rng, rows = np.random.default_rng(seed), []
    for name, courses in people.items():
        own = [shown_and_true([course], temperature) for course in courses]
        drawn = [rng.integers(len(own), size=len(own)) for _ in range(_N_DRAWS)]
        errors = [_error_of([own[k] for k in picks]) for picks in drawn]
        low, high = np.quantile(errors, [0.025, 0.975])
        shown, truth = (np.concatenate(part) for part in zip(*own, strict=True))
        rows.append(
            {
                "aligner": name,
                "people": len(own),
                "error": expected_calibration_error(shown, truth),
                "low": float(low),
                "high": float(high),
                "confidence": float(shown.max(axis=1).mean()),
                "accuracy": float((shown.argmax(axis=1) == truth).mean()),
            }
        )
    return rows


def _error_of(people: Sequence[tuple[NDArray[np.float64], NDArray[np.intp]]]) -> float:
    shown, truth = (np.concatenate(part) for part in zip(*people, strict=True))
    return expected_calibration_error(shown, truth)


def _of_seed(cells: Sequence[Cell], aligner: str, seed: int) -> list[Course]:
    return [course for cell in cells for course in cell[seed][aligner]]


def _calibration_error(cells: Sequence[Cell], aligner: str, temperature: float) -> float:
    courses = [c for seed in range(len(cells[0])) for c in _of_seed(cells, aligner, seed)]
    return expected_calibration_error(*shown_and_true(courses, temperature))


def _refitted_error(cells: Sequence[Cell], aligner: str) -> float:
    """Return the error with each seed's temperature fitted to the other seeds; NaN for one seed."""
    n_seeds = len(cells[0])
    if n_seeds < 2:
        return math.nan
    shown, labels = [], []
    for seed in range(n_seeds):
        others = [c for s in range(n_seeds) if s != seed for c in _of_seed(cells, aligner, s)]
        fit = fit_confidence(
            [c.logits for c in others], [c.label for c in others], hop_s=others[0].hop_s
        )
        probabilities, truth = shown_and_true(_of_seed(cells, aligner, seed), fit.temperature)
        shown.append(probabilities)
        labels.append(truth)
    return expected_calibration_error(np.concatenate(shown), np.concatenate(labels))


def table(title: str, rows: Sequence[Mapping[str, Any]], *, percent: bool = False) -> Table:
    """Return rows of values as a table of texts, their keys as its header.

    Fractions get three decimals, or one as `percent`; texts and whole numbers stay; None and
    missing keys are left empty, NaN is a dash.
    """
    header = tuple(dict.fromkeys(key for row in rows for key in row))
    cells = (tuple(_text(row.get(key), percent=percent) for key in header) for row in rows)
    return Table(title, header, tuple(cells))


def _text(value: object, *, percent: bool) -> str:
    if not isinstance(value, float):
        return "" if value is None else str(value)
    if math.isnan(value):
        return "-"
    return f"{100 * value:.1f}" if percent else f"{value:.3f}"


def _points(found: Gain) -> str:
    if math.isnan(found.mean):
        return "-"
    error = "" if math.isnan(found.error) else f" ± {100 * found.error:.1f}"
    return f"{100 * found.mean:+.1f}{error}"
